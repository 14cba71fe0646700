import CKernels

typealias BinaryKernel = (Int, UnsafePointer<Float>, UnsafePointer<Float>, UnsafeMutablePointer<Float>) ->
  Void

// MARK: - Element by element, two operands

extension Tensor {
  /// The sum, with broadcasting. Complexity of all arithmetic: one pass over the result.
  public static func + (a: Tensor, b: Tensor) -> Tensor {
    let (shapeA, shapeB) = (a.shape, b.shape)
    return record(combined(a, b, "+", ck_add), from: [a, b]) {
      [$0.summed(to: shapeA), $0.summed(to: shapeB)]
    }
  }

  /// The difference, with broadcasting.
  public static func - (a: Tensor, b: Tensor) -> Tensor {
    let (shapeA, shapeB) = (a.shape, b.shape)
    return record(combined(a, b, "-", ck_subtract), from: [a, b]) {
      [$0.summed(to: shapeA), (-$0).summed(to: shapeB)]
    }
  }

  /// The product element by element, with broadcasting.
  public static func * (a: Tensor, b: Tensor) -> Tensor {
    let (savedA, savedB) = (a.detached(), b.detached())
    let (needsA, needsB) = (a.requiresGradient, b.requiresGradient)
    return record(combined(a, b, "*", ck_multiply), from: [a, b]) {
      [
        needsA ? ($0 * savedB).summed(to: savedA.shape) : nil,
        needsB ? ($0 * savedA).summed(to: savedB.shape) : nil,
      ]
    }
  }

  /// The quotient, with broadcasting; IEEE rules where the divisor is 0.
  public static func / (a: Tensor, b: Tensor) -> Tensor {
    let (savedA, savedB) = (a.detached(), b.detached())
    let (needsA, needsB) = (a.requiresGradient, b.requiresGradient)
    return record(combined(a, b, "/", ck_divide), from: [a, b]) { upstream in
      let quotient = upstream / savedB
      return [
        needsA ? quotient.summed(to: savedA.shape) : nil,
        needsB ? (-(quotient * savedA) / savedB).summed(to: savedB.shape) : nil,
      ]
    }
  }

  /// The larger of two elements, with broadcasting; where they are equal the gradient goes to `a`.
  public static func maximum(_ a: Tensor, _ b: Tensor) -> Tensor {
    let (savedA, savedB) = (a.detached(), b.detached())
    return record(combined(a, b, "maximum", ck_maximum), from: [a, b]) { upstream in
      let fromA = combined(savedA, savedB, "maximum") { count, a, b, result in
        for i in 0..<count { result[i] = a[i] >= b[i] ? 1 : 0 }
      }
      return [(upstream * fromA).summed(to: savedA.shape), (upstream * (1 - fromA)).summed(to: savedB.shape)]
    }
  }

  static func combined(_ a: Tensor, _ b: Tensor, _ name: String, _ kernel: BinaryKernel) -> Tensor {
    if a.shape == b.shape {
      let result = Tensor.uninitialised(a.shape)
      Parallel.forEach(result.count, grain: elementwiseGrain) { range in
        let start = range.lowerBound
        kernel(range.count, a.pointer + start, b.pointer + start, result.pointer + start)
      }
      return result
    }
    let broadcast = Broadcast(a.shape, b.shape, operation: name)
    let result = Tensor.uninitialised(broadcast.shape)
    let inner = broadcast.lengths.count - 1
    let (stepA, stepB) = (broadcast.stepsA[inner], broadcast.stepsB[inner])
    withScratch(Swift.max(1, broadcast.lengths[inner])) { repeated in
      broadcast.forEachRun { startA, startB, start, count in
        let (sourceA, sourceB) = (a.pointer + startA, b.pointer + startB)
        if stepA == 0 { repeated.update(repeating: sourceA[0], count: count) }
        if stepB == 0 { repeated.update(repeating: sourceB[0], count: count) }
        kernel(
          count, stepA == 0 ? repeated : sourceA, stepB == 0 ? repeated : sourceB, result.pointer + start)
      }
    }
    return result
  }
}

// MARK: - With a number

extension Tensor {
  /// Each element with the other sign.
  public static prefix func - (x: Tensor) -> Tensor { x.scaled(by: -1, shift: 0) }

  /// `number` added to each element; as all of these but the quotients, one pass, and one for the gradient.
  public static func + (x: Tensor, number: Float) -> Tensor { x.scaled(by: 1, shift: number) }
  /// The same as `x + number`.
  public static func + (number: Float, x: Tensor) -> Tensor { x.scaled(by: 1, shift: number) }
  /// `number` taken from each element.
  public static func - (x: Tensor, number: Float) -> Tensor { x.scaled(by: 1, shift: -number) }
  /// Each element taken from `number`; the gradient changes its sign.
  public static func - (number: Float, x: Tensor) -> Tensor { x.scaled(by: -1, shift: number) }
  /// Each element times `number`, and so the gradient.
  public static func * (x: Tensor, number: Float) -> Tensor { x.scaled(by: number, shift: 0) }
  /// The same as `x * number`.
  public static func * (number: Float, x: Tensor) -> Tensor { x.scaled(by: number, shift: 0) }
  /// Each element divided (not multiplied by the reciprocal); IEEE rules where `number` is 0.
  public static func / (x: Tensor, number: Float) -> Tensor { x / Tensor(number) }
  /// `number` divided by each element; IEEE rules where one is 0.
  public static func / (number: Float, x: Tensor) -> Tensor { Tensor(number) / x }

  /// `scale * x + shift`, in one pass.
  public func scaled(by scale: Float, shift: Float = 0) -> Tensor {
    Tensor.record(mapped { ck_scale_shift($0, $1, scale, shift, $2) }, from: [self]) {
      [$0.scaled(by: scale)]
    }
  }

  /// A new tensor of this shape, written by `kernel` (count, input, output) in ranges over the cores.
  func mapped(_ kernel: (Int, UnsafePointer<Float>, UnsafeMutablePointer<Float>) -> Void) -> Tensor {
    let result = Tensor.uninitialised(shape)
    Parallel.forEach(count, grain: elementwiseGrain) { range in
      kernel(range.count, pointer + range.lowerBound, result.pointer + range.lowerBound)
    }
    return result
  }
}
