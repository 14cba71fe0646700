import Basics

/// How two shapes combine element by element: aligned at the last axis, an axis of length 1 (or absent)
/// repeats.
struct Broadcast {
  let shape: [Int]
  // Merged axes, outermost first, with the step of each operand along them (0 where it repeats).
  private(set) var lengths: [Int] = []
  private(set) var stepsA: [Int] = []
  private(set) var stepsB: [Int] = []

  init(_ a: [Int], _ b: [Int], operation: String) {
    let rank = max(a.count, b.count)
    let paddedA = [Int](repeating: 1, count: rank - a.count) + a
    let paddedB = [Int](repeating: 1, count: rank - b.count) + b
    shape = zip(paddedA, paddedB).map { lengthA, lengthB in
      require(
        lengthA == lengthB || lengthA == 1 || lengthB == 1,
        "\(operation): the shapes \(a) and \(b) do not combine")
      return lengthA == 1 ? lengthB : lengthA
    }
    let strideA = rowMajorStrides(paddedA)
    let strideB = rowMajorStrides(paddedB)
    for axis in 0..<rank where shape[axis] != 1 {
      append(
        length: shape[axis], stepA: paddedA[axis] == 1 ? 0 : strideA[axis],
        stepB: paddedB[axis] == 1 ? 0 : strideB[axis])
    }
    if lengths.isEmpty { append(length: 1, stepA: 1, stepB: 1) }
  }

  /// Adds an inner axis, merged with the one outside it where both operands run on without a gap.
  private mutating func append(length: Int, stepA: Int, stepB: Int) {
    if let last = lengths.indices.last, stepsA[last] == length * stepA, stepsB[last] == length * stepB {
      lengths[last] *= length
      stepsA[last] = stepA
      stepsB[last] = stepB
    } else {
      lengths.append(length)
      stepsA.append(stepA)
      stepsB.append(stepB)
    }
  }

  /// Calls `body` for every innermost run with its start in a, b and the result, and its length.
  func forEachRun(_ body: (_ a: Int, _ b: Int, _ result: Int, _ count: Int) -> Void) {
    let inner = lengths.count - 1
    let count = lengths[inner]
    guard count > 0 else { return }
    let runs = lengths[..<inner].reduce(1, *)
    var index = [Int](repeating: 0, count: inner)
    var a = 0
    var b = 0
    for run in 0..<runs {
      body(a, b, run * count, count)
      for axis in stride(from: inner - 1, through: 0, by: -1) {
        index[axis] += 1
        a += stepsA[axis]
        b += stepsB[axis]
        if index[axis] < lengths[axis] { break }
        a -= stepsA[axis] * lengths[axis]
        b -= stepsB[axis] * lengths[axis]
        index[axis] = 0
      }
    }
  }
}

func rowMajorStrides(_ shape: [Int]) -> [Int] {
  var strides = [Int](repeating: 1, count: shape.count)
  for axis in stride(from: shape.count - 2, through: 0, by: -1) {
    strides[axis] = strides[axis + 1] * shape[axis + 1]
  }
  return strides
}

extension Tensor {
  /// The gradient of a broadcast: summed over the axes along which `shape` was repeated.
  func summed(to shape: [Int]) -> Tensor {
    if self.shape == shape { return self }
    let lead = rank - shape.count
    var result = self
    for axis in 0..<rank {
      let repeated = axis < lead || (shape[axis - lead] == 1 && self.shape[axis] != 1)
      if repeated { result = result.sum(axis: axis, keepingAxis: true) }
    }
    return result.reshaped(shape)
  }
}
