import Foundation
import NeuralNetworks
import Tensors
import TestSupport
import Testing

@Suite("Cross entropy")
struct CrossEntropyTests {
  /// From the definition, in double precision.
  private func reference(_ logits: [[Double]], _ labels: [Int], _ smoothing: Double) -> (Double, [[Double]]) {
    var total = 0.0
    let count = Double(labels.count)
    let gradients = zip(logits, labels).map { row, label -> [Double] in
      let normaliser = log(row.reduce(0) { $0 + exp($1) })
      let target = row.indices.map { ($0 == label ? 1 - smoothing : 0) + smoothing / Double(row.count) }
      total -= zip(row, target).reduce(0) { $0 + $1.1 * ($1.0 - normaliser) }
      return zip(row, target).map { (exp($0 - normaliser) - $1) / count }
    }
    return (total / count, gradients)
  }

  @Test("value and gradient agree with the definition", arguments: [0, 0.1, 0.7] as [Float])
  func definition(_ smoothing: Float) {
    var generator = RandomGenerator(seed: 2)
    let logits = Tensor.normal([7, 5], deviation: 3, using: &generator)
    logits.requiresGradient = true
    let labels = (0..<7).map { _ in generator.below(5) }
    let rows = (0..<7).map { i in (0..<5).map { Double(logits[i, $0]) } }
    let expected = reference(rows, labels, Double(smoothing))
    let loss = crossEntropy(logits, labels: labels, smoothing: smoothing)
    loss.backward()
    #expect(abs(Double(loss.item()) - expected.0) <= 1e-6 * abs(expected.0))
    let gradient = expected.1.flatMap { $0.map { Float($0) } }
    expectClose(logits.gradient!, Tensor(gradient, shape: [7, 5]))
  }

  @Test(
    "each point's own: its mean is the mean, and weights reach its gradient", arguments: [0, 0.2] as [Float])
  func perExample(_ smoothing: Float) {
    var generator = RandomGenerator(seed: 3)
    let logits = leaf([6, 4], deviation: 2, seed: 3)
    let labels = (0..<6).map { _ in generator.below(4) }
    let weights = Tensor([0, 1, 0.5, 2, 0, 3])
    let mean = crossEntropy(logits, labels: labels, smoothing: smoothing)
    let each = crossEntropies(logits, labels: labels, smoothing: smoothing)
    #expect(each.shape == [6])
    #expect(abs(mean.item() - each.mean().item()) <= 1e-6 * mean.item())
    (each * weights).sum().backward()
    for row in [0, 4] { #expect((0..<4).allSatisfy { logits.gradient![row, $0] == 0 }) }
    expectGradients(of: [("logits", logits)]) {
      crossEntropies(logits, labels: labels, smoothing: smoothing) * weights
    }
  }

  @Test("far logits stay finite")
  func farLogits() {
    let logits = Tensor([1000, -1000, 0, -1000, 1000, 0], shape: [2, 3])
    logits.requiresGradient = true
    let loss = crossEntropy(logits, labels: [0, 0])
    loss.backward()
    #expect(loss.item() == 1000)
    #expect(logits.gradient!.isFinite)
  }
}
