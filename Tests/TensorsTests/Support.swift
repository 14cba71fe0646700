import Foundation
import Testing

@testable import Tensors

/// The largest difference, as a share of 1 + the expected value's size; infinite where a nan or a shape
/// differs.
func difference(_ found: Tensor, _ expected: Tensor) -> Float {
  guard found.shape == expected.shape else { return .infinity }
  return zip(found.scalars(), expected.scalars()).reduce(0) { worst, pair in
    let share = abs(pair.0 - pair.1) / (1 + abs(pair.1))
    return share.isNaN ? .infinity : max(worst, share)
  }
}

func expectClose(
  _ found: Tensor, _ expected: Tensor, _ tolerance: Float = 2e-6, _ what: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(found.shape == expected.shape, "\(what)", sourceLocation: sourceLocation)
  #expect(difference(found, expected) <= tolerance, "\(what)", sourceLocation: sourceLocation)
}

/// Compares the gradients of `sum(function(inputs) * upstream)` with central differences, element by element.
///
/// The differences are summed in double precision over outputs of single precision: with inputs around 1 and
/// this step they are good to about 1e-3.
func expectFiniteDifferences(
  _ what: String, _ inputs: [Tensor], upstream: Tensor, step: Float = 0x1p-7, tolerance: Double = 4e-3,
  _ function: ([Tensor]) -> Tensor
) {
  let leaves = inputs.map { $0.copy() }
  for leaf in leaves { leaf.requiresGradient = true }
  (function(leaves) * upstream).sum().backward()
  let weights = upstream.scalars().map(Double.init)
  func projection(_ values: [Tensor]) -> Double {
    withoutGradient { zip(function(values).scalars(), weights).reduce(0) { $0 + Double($1.0) * $1.1 } }
  }
  let scale = weights.reduce(1) { max($0, abs($1)) }
  for (i, leaf) in leaves.enumerated() {
    guard let gradient = leaf.gradient else {
      Issue.record("\(what): input \(i) has no gradient")
      continue
    }
    for k in 0..<leaf.count {
      func moved(_ by: Float) -> Double {
        let other = inputs.map { $0.copy() }
        other[i].withUnsafeMutableData { $0[k] += by }
        return projection(other)
      }
      let expected = (moved(step) - moved(-step)) / Double(2 * step)
      let found = Double(gradient.withUnsafeData { $0[k] })
      #expect(
        abs(found - expected) <= tolerance * (scale + abs(expected)),
        "\(what): element \(k) of input \(i) has the gradient \(found), and differences give \(expected)")
    }
  }
}
