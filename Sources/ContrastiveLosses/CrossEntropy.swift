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
  require(
    logits.rank == 2 && logits.shape[0] == labels.count && !labels.isEmpty,
    "crossEntropy: \(labels.count) labels do not fit logits of shape \(logits.shape)")
  require(smoothing >= 0 && smoothing < 1, "crossEntropy: smoothing \(smoothing) is not in [0, 1)")
  let (batch, classes) = (logits.shape[0], logits.shape[1])
  require(
    labels.allSatisfy { $0 >= 0 && $0 < classes },
    "crossEntropy: a label is outside 0..<\(classes): \(labels.first { $0 < 0 || $0 >= classes } ?? 0)")
  let logProbabilities = withoutGradient { logits.detached().logSoftmax() }
  var total = 0.0
  for (row, label) in labels.enumerated() {
    let values = logProbabilities.pointer + row * classes
    total -= Double(1 - smoothing) * Double(values[label])
    if smoothing > 0 { total -= Double(smoothing / Float(classes)) * Double(ck_sum(classes, values)) }
  }
  return Tensor.record(Tensor(Float(total / Double(batch))), from: [logits]) { upstream in
    let factor = upstream.item() / Float(batch)
    let gradient = logProbabilities.exp() * factor - factor * smoothing / Float(classes)
    for (row, label) in labels.enumerated() {
      gradient.pointer[row * classes + label] -= factor * (1 - smoothing)
    }
    return [gradient]
  }
}
