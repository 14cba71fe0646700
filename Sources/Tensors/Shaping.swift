import Basics
import CKernels

extension Tensor {
  /// The same elements in another shape, without a copy. One length may be -1: what is left.
  public func reshaped(_ newShape: [Int]) -> Tensor {
    var resolved = newShape
    if let unknown = newShape.firstIndex(of: -1) {
      resolved[unknown] = 1
      let known = elementCount(resolved)
      require(
        known > 0 && count % known == 0,
        "the shape \(shape) cannot become \(newShape): \(count) elements do not divide")
      resolved[unknown] = count / known
    }
    require(
      elementCount(resolved) == count, "the shape \(shape), \(count) elements, cannot become \(newShape)")
    let shape = self.shape
    return Tensor.record(Tensor(storage: storage, offset: offset, shape: resolved), from: [self]) {
      [$0.reshaped(shape)]
    }
  }

  /// The last two axes exchanged.
  public func transposed() -> Tensor {
    require(rank >= 2, "transposed() needs at least two axes, and the shape is \(shape)")
    var order = Array(0..<rank)
    order.swapAt(rank - 1, rank - 2)
    return transposed(order)
  }

  /// The axes in another order: axis `i` of the result is axis `order[i]` of this tensor. A copy.
  public func transposed(_ order: [Int]) -> Tensor {
    require(
      order.sorted() == Array(0..<rank), "\(order) is not an order of the \(rank) axes of the shape \(shape)")
    let strides = rowMajorStrides(shape)
    let steps = order.map { strides[$0] }
    let result = Tensor.uninitialised(order.map { shape[$0] })
    result.fill(from: pointer, steps: steps)
    var inverse = order
    for (i, axis) in order.enumerated() { inverse[axis] = i }
    return Tensor.record(result, from: [self]) { [$0.transposed(inverse)] }
  }

  /// Writes every element from `source`, whose step along axis `i` is `steps[i]`.
  private func fill(from source: UnsafePointer<Float>, steps: [Int]) {
    guard rank > 0, count > 0 else {
      if count > 0 { pointer[0] = source[0] }
      return
    }
    let inner = shape[rank - 1]
    let innerStep = steps[rank - 1]
    Parallel.forEach(count / inner, grain: Swift.max(1, elementwiseGrain / inner)) { rows in
      for row in rows {
        var rest = row
        var start = 0
        for axis in stride(from: rank - 2, through: 0, by: -1) {
          start += rest % shape[axis] * steps[axis]
          rest /= shape[axis]
        }
        let target = pointer + row * inner
        if innerStep == 1 {
          target.update(from: source + start, count: inner)
        } else {
          for i in 0..<inner { target[i] = source[start + i * innerStep] }
        }
      }
    }
  }

  /// The elements whose index along `axis` is in `range`. Along the first axis without a copy.
  public func sliced(axis: Int = 0, _ range: Range<Int>) -> Tensor {
    let (axis, outer, length, inner) = split(at: axis)
    require(
      range.lowerBound >= 0 && range.upperBound <= length,
      "slice \(range) is outside axis \(axis) of the shape \(shape)")
    let newShape = replacing(axis, with: range.count)
    let result: Tensor
    if outer == 1 {
      result = Tensor(storage: storage, offset: offset + range.lowerBound * inner, shape: newShape)
    } else {
      result = Tensor.uninitialised(newShape)
      let run = range.count * inner
      for o in 0..<outer {
        (result.pointer + o * run).update(from: pointer + (o * length + range.lowerBound) * inner, count: run)
      }
    }
    let shape = self.shape
    return Tensor.record(result, from: [self]) { upstream in
      let gradient = Tensor.zeros(shape)
      let run = range.count * inner
      for o in 0..<outer {
        (gradient.pointer + (o * length + range.lowerBound) * inner).update(
          from: upstream.pointer + o * run, count: run)
      }
      return [gradient]
    }
  }

  /// Tensors one after another along `axis`; their other axes must agree.
  public static func concatenated(_ parts: [Tensor], axis: Int = 0) -> Tensor {
    require(!parts.isEmpty, "concatenated() needs at least one tensor")
    let first = parts[0]
    let (axis, outer, _, inner) = first.split(at: axis)
    for part in parts {
      require(
        part.rank == first.rank && part.removing(axis) == first.removing(axis),
        "the shapes \(first.shape) and \(part.shape) cannot be joined along axis \(axis)")
    }
    let lengths = parts.map { $0.shape[axis] }
    let length = lengths.reduce(0, +)
    let result = Tensor.uninitialised(first.replacing(axis, with: length))
    var start = 0
    for (part, partLength) in zip(parts, lengths) {
      for o in 0..<outer {
        (result.pointer + (o * length + start) * inner).update(
          from: part.pointer + o * partLength * inner, count: partLength * inner)
      }
      start += partLength
    }
    return record(result, from: parts) { upstream in
      var start = 0
      return lengths.map { partLength in
        defer { start += partLength }
        return upstream.sliced(axis: axis, start..<(start + partLength))
      }
    }
  }

  /// The rows (elements of the first axis) with the given indices, in order; a row may occur more than once.
  public func gathered(_ indices: [Int]) -> Tensor {
    require(rank >= 1, "gathered() needs at least one axis")
    let rows = shape[0]
    let inner = shape[1...].reduce(1, *)
    let result = Tensor.uninitialised([indices.count] + shape[1...])
    for (i, index) in indices.enumerated() {
      require(
        index >= 0 && index < rows, "index \(index) is outside the first axis of the shape \(shape)")
      (result.pointer + i * inner).update(from: pointer + index * inner, count: inner)
    }
    let shape = self.shape
    return Tensor.record(result, from: [self]) { upstream in
      let gradient = Tensor.zeros(shape)
      for (i, index) in indices.enumerated() {
        ck_accumulate(inner, 1, upstream.pointer + i * inner, gradient.pointer + index * inner)
      }
      return [gradient]
    }
  }
}
