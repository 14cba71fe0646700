import Basics
import CKernels
import Tensors

/// The mean cross entropy of logits against labels, with label smoothing, as one node.
///
/// The target of a point is `1 - smoothing + smoothing / K` for its class and `smoothing / K` for the others,
/// as PyTorch has it.
///
/// - Parameters:
///   - logits: `[B, K]`
///   - labels: B classes in `0..<K`
///   - smoothing: in [0, 1)
/// - Returns: a scalar
/// - Complexity: two passes over the logits; the gradient, one.
/// - Source: Szegedy et al. 2016, section 7.
public func crossEntropy(_ logits: Tensor, labels: [Int], smoothing: Float = 0) -> Tensor {
  let terms = CrossEntropyTerms(logits, labels: labels, smoothing: smoothing)
  let count = Double(labels.count)
  return Tensor.record(Tensor(Float(terms.values.reduce(0, +) / count)), from: [logits]) { upstream in
    let factor = upstream.item() / Float(count)
    return [terms.gradient { _ in factor }]
  }
}

/// The cross entropy of each point by itself, as one node: what is weighted, or compared between points.
///
/// - Parameters: as of `crossEntropy`
/// - Returns: `[B]`
public func crossEntropies(_ logits: Tensor, labels: [Int], smoothing: Float = 0) -> Tensor {
  let terms = CrossEntropyTerms(logits, labels: labels, smoothing: smoothing)
  return Tensor.record(Tensor(terms.values.map { Float($0) }), from: [logits]) { upstream in
    let factors = upstream.scalars()
    return [terms.gradient { factors[$0] }]
  }
}

/// What value and gradient of a batch are made of.
private struct CrossEntropyTerms {
  private let logProbabilities: Tensor
  private let labels: [Int]
  private let smoothing: Float
  private let classes: Int
  /// One a point.
  let values: [Double]

  init(_ logits: Tensor, labels: [Int], smoothing: Float) {
    require(
      logits.rank == 2 && logits.shape[0] == labels.count && !labels.isEmpty,
      "crossEntropy: \(labels.count) labels do not fit logits of shape \(logits.shape)")
    require(smoothing >= 0 && smoothing < 1, "crossEntropy: smoothing \(smoothing) is not in [0, 1)")
    let classes = logits.shape[1]
    require(
      labels.allSatisfy { $0 >= 0 && $0 < classes },
      "crossEntropy: a label is outside 0..<\(classes): \(labels.first { $0 < 0 || $0 >= classes } ?? 0)")
    let logProbabilities = withoutGradient { logits.detached().logSoftmax() }
    values = labels.enumerated().map { row, label in
      let row = logProbabilities.pointer + row * classes
      var value = -Double(1 - smoothing) * Double(row[label])
      if smoothing > 0 { value -= Double(smoothing / Float(classes)) * Double(ck_sum(classes, row)) }
      return value
    }
    (self.logProbabilities, self.labels) = (logProbabilities, labels)
    (self.smoothing, self.classes) = (smoothing, classes)
  }

  /// With respect to the logits, each point's row times its factor.
  func gradient(_ factor: (Int) -> Float) -> Tensor {
    let gradient = logProbabilities.exp()
    for (row, label) in labels.enumerated() {
      let (values, factor) = (gradient.pointer + row * classes, factor(row))
      let rest = factor * smoothing / Float(classes)
      for place in 0..<classes { values[place] = values[place] * factor - rest }
      values[label] -= factor * (1 - smoothing)
    }
    return gradient
  }
}
