import Basics
import CKernels

extension Tensor {
  /// The sum of all elements, a scalar.
  public func sum() -> Tensor {
    let shape = self.shape
    return Tensor.record(Tensor(total()), from: [self]) { [Tensor.full($0.item(), shape)] }
  }

  /// The mean of all elements, a scalar.
  public func mean() -> Tensor {
    require(count > 0, "mean() of an empty tensor of shape \(shape)")
    return sum() * (1 / Float(count))
  }

  /// The sum along one axis (negative: from the last), which is dropped, or kept with length 1.
  public func sum(axis: Int, keepingAxis: Bool = false) -> Tensor {
    let (axis, outer, length, inner) = split(at: axis)
    let result = Tensor.zeros(keepingAxis ? replacing(axis, with: 1) : removing(axis))
    Parallel.forEach(outer, grain: Swift.max(1, elementwiseGrain / Swift.max(1, length * inner))) { range in
      for o in range {
        let source = pointer + o * length * inner
        if inner == 1 {
          result.pointer[o] = ck_sum(length, source)
        } else {
          ck_accumulate_rows(length, inner, source, result.pointer + o * inner)
        }
      }
    }
    let shape = self.shape
    return Tensor.record(result, from: [self]) { upstream in
      [upstream.repeated(outer: outer, length: length, inner: inner).reshaped(shape)]
    }
  }

  /// The mean along one axis.
  public func mean(axis: Int, keepingAxis: Bool = false) -> Tensor {
    let length = shape[split(at: axis).axis]
    require(length > 0, "mean(axis: \(axis)) along an axis of length 0, shape \(shape)")
    return sum(axis: axis, keepingAxis: keepingAxis) * (1 / Float(length))
  }

  /// The largest element along one axis; the gradient goes to the first of equal ones.
  public func max(axis: Int, keepingAxis: Bool = false) -> Tensor {
    let (axis, outer, length, inner) = split(at: axis)
    require(length > 0, "max(axis: \(axis)) along an axis of length 0, shape \(shape)")
    let result = Tensor.uninitialised(keepingAxis ? replacing(axis, with: 1) : removing(axis))
    let places = positionsOfMaximum(outer: outer, length: length, inner: inner)
    for i in 0..<places.count { result.pointer[i] = pointer[places[i]] }
    let shape = self.shape
    return Tensor.record(result, from: [self]) { upstream in
      let gradient = Tensor.zeros(shape)
      for i in 0..<places.count { gradient.pointer[places[i]] = upstream.pointer[i] }
      return [gradient]
    }
  }

  /// For each row (the last axis) the index of its largest element, the first of equal ones. Not
  /// differentiable.
  public func argmax() -> [Int] {
    let (_, outer, length, inner) = split(at: -1)
    require(length > 0, "argmax() along an axis of length 0, shape \(shape)")
    return positionsOfMaximum(outer: outer, length: length, inner: inner).enumerated().map {
      $1 - $0 * length
    }
  }

  /// Whether no element is infinite or nan.
  public var isFinite: Bool { withUnsafeData { ck_all_finite($0.count, $0.baseAddress!) != 0 } }

  /// The first entry of the first axis with an element that is infinite or nan; nil where there is none.
  package var firstRowNotFinite: Int? {
    isFinite ? nil : (0..<shape[0]).first { !sliced($0..<($0 + 1)).isFinite }
  }

  /// In fixed blocks, so that the result does not depend on the thread count.
  private func total() -> Float {
    let block = 1 << 16
    let blocks = (count + block - 1) / block
    var partial = [Float](repeating: 0, count: blocks)
    partial.withUnsafeMutableBufferPointer { partial in
      Parallel.forEach(blocks) { range in
        for b in range { partial[b] = ck_sum(min(block, count - b * block), pointer + b * block) }
      }
    }
    return ck_sum(blocks, partial)
  }

  private func positionsOfMaximum(outer: Int, length: Int, inner: Int) -> [Int] {
    var places = [Int](repeating: 0, count: outer * inner)
    for o in 0..<outer {
      for i in 0..<inner {
        var best = o * length * inner + i
        for k in 1..<Swift.max(1, length) {
          let place = (o * length + k) * inner + i
          if pointer[place] > pointer[best] { best = place }
        }
        places[o * inner + i] = best
      }
    }
    return places
  }

  /// Each run of `inner` elements `length` times over.
  private func repeated(outer: Int, length: Int, inner: Int) -> Tensor {
    let result = Tensor.uninitialised([outer, length, inner])
    Parallel.forEach(outer, grain: Swift.max(1, elementwiseGrain / Swift.max(1, length * inner))) { range in
      for o in range {
        let target = result.pointer + o * length * inner
        if inner == 1 {
          target.update(repeating: pointer[o], count: length)
        } else {
          for k in 0..<length { (target + k * inner).update(from: pointer + o * inner, count: inner) }
        }
      }
    }
    return result
  }
}

extension Tensor {
  /// The axis counted from the front, and the numbers of elements before, along and after it.
  package func split(at axis: Int) -> (axis: Int, outer: Int, length: Int, inner: Int) {
    let resolved = axis < 0 ? axis + rank : axis
    require(resolved >= 0 && resolved < rank, "axis \(axis) is not an axis of the shape \(shape)")
    return (
      resolved, shape[..<resolved].reduce(1, *), shape[resolved], shape[(resolved + 1)...].reduce(1, *)
    )
  }

  func replacing(_ axis: Int, with length: Int) -> [Int] {
    var shape = self.shape
    shape[axis] = length
    return shape
  }

  func removing(_ axis: Int) -> [Int] {
    var shape = self.shape
    shape.remove(at: axis)
    return shape
  }
}
