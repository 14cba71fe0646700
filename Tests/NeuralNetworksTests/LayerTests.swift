import Foundation
import Tensors
import TestSupport
import Testing

@testable import NeuralNetworks

@Suite struct LayerTests {
  @Test func linearIsAnAffineMap() {
    var generator = RandomGenerator(seed: 1)
    var pass = Pass.evaluation
    let layer = Linear(3, 2, using: &generator)
    layer.weight.withUnsafeMutableData { _ = $0.update(fromContentsOf: [1, 2, 3, 4, 5, 6]) }
    layer.bias!.withUnsafeMutableData { _ = $0.update(fromContentsOf: [10, 20]) }
    let x = Tensor([1, 0, 0, 0, 1, -1], shape: [1, 2, 3])
    #expect(layer(x, &pass).scalars() == [11, 24, 9, 19])
    #expect(layer(x, &pass).shape == [1, 2, 2])
  }

  @Test func linearGradients() {
    var generator = RandomGenerator(seed: 2)
    let layer = Linear(5, 4, using: &generator)
    randomise(layer.parameters(), seed: 3)
    let x = leaf([2, 3, 5], seed: 4)
    expectGradients(of: layer.parameters() + [("x", x)]) {
      var pass = Pass.evaluation
      return layer(x, &pass).tanh()
    }
  }

  @Test func initialLinearWeightsAreACutNormal() {
    var generator = RandomGenerator(seed: 5)
    let weights = Linear(200, 300, using: &generator).weight.scalars().map(Double.init)
    let deviation = (weights.reduce(0) { $0 + $1 * $1 } / 60_000).squareRoot()
    // A standard normal cut at two deviations has the deviation 0.8796.
    #expect(abs(deviation / 0.02 - 0.8796) < 0.01)
    #expect(weights.allSatisfy { abs($0) <= 0.04 })
    #expect(abs(weights.reduce(0, +) / 60_000) < 0.0004)
  }

  /// Against its parts, which have tests of their own: hidden, normalisation, positive part, output.
  @Test func aProjectionHeadIsItsPartsInOrder() {
    var generator = RandomGenerator(seed: 20)
    let head = ProjectionHead(5, hiddenWidth: 7, outputs: 3, using: &generator)
    #expect(
      head.state().map(\.name) == [
        "hidden.weight", "norm.weight", "norm.bias", "norm.running_mean", "norm.running_var", "output.weight",
        "output.bias",
      ])
    randomise(head.parameters(), seed: 21)
    let x = leaf([6, 5], seed: 22)
    var (whole, parts) = (Pass.training(RandomGenerator(seed: 1)), Pass.training(RandomGenerator(seed: 1)))
    let output = head(x, &whole)
    #expect(output.shape == [6, 3])
    let hidden = head.norm(head.hidden(x, &parts), &parts).scalars().map { max(0, $0) }
    #expect(hidden.contains(0) && hidden.contains { $0 > 0 })
    expectClose(output, head.output(Tensor(hidden, shape: [6, 7]), &parts))
  }

  @Test(arguments: [true, false]) func gradientsOfAProjectionHead(_ training: Bool) {
    var generator = RandomGenerator(seed: 23)
    let head = ProjectionHead(5, hiddenWidth: 6, outputs: 3, using: &generator)
    randomise(head.parameters(), seed: 24)
    // What is normalised stays on one side of the kink.
    head.norm.bias.withUnsafeMutableData { data in for i in data.indices { data[i] = i % 3 == 2 ? -6 : 6 } }
    head.norm.weight.withUnsafeMutableData { data in for i in data.indices { data[i] = 0.7 + 0.1 * Float(i) }
    }
    let x = leaf([6, 5], seed: 25)
    expectGradients(of: head.parameters() + [("x", x)]) {
      var pass: Pass = training ? .training(RandomGenerator(seed: 1)) : .evaluation
      return head(x, &pass)
    }
  }

  @Test func layerNormStandardisesRows() {
    let layer = LayerNorm(64)
    var pass = Pass.evaluation
    let y = layer(leaf([3, 64], mean: 5, deviation: 3, seed: 6), &pass)
    for row in 0..<3 {
      let values = y.scalars()[(row * 64)..<(row * 64 + 64)].map(Double.init)
      let mean = values.reduce(0, +) / 64
      #expect(abs(mean) < 1e-5)
      #expect(abs(values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 64 - 1) < 1e-4)
    }
  }

  @Test func layerNormGradients() {
    let layer = LayerNorm(7)
    randomise(layer.parameters(), seed: 7)
    let x = leaf([4, 7], seed: 8)
    expectGradients(of: layer.parameters() + [("x", x)]) {
      var pass = Pass.evaluation
      return layer(x, &pass)
    }
  }

  @Test(arguments: [Float(0.05), 0.3, 0.8]) func dropoutKeepsTheMean(_ probability: Float) {
    var pass = Pass.training(RandomGenerator(seed: 9))
    let count = 100_000
    let x = Tensor.full(2, [count])
    x.requiresGradient = true
    let y = Dropout(probability)(x, &pass)
    let kept = y.scalars().filter { $0 != 0 }
    let p = Double(1 - probability)
    let expected = p * Double(count)
    #expect(abs(Double(kept.count) - expected) < 5 * (expected * Double(probability)).squareRoot())
    #expect(kept.allSatisfy { abs($0 - 2 / (1 - probability)) < 1e-5 })
    // Drops are not bunched: of neighbouring pairs, a share p^2 is kept whole.
    let values = y.scalars()
    let pairs = stride(from: 0, to: count, by: 2).filter { values[$0] != 0 && values[$0 + 1] != 0 }.count
    #expect(abs(Double(pairs) / Double(count / 2) - p * p) < 0.012)
    y.sum().backward()
    expectClose(x.gradient! * 2, y, "the gradient has the same mask")
  }

  @Test func dropoutDrawsAnewAndOnlyInTraining() {
    var pass = Pass.training(RandomGenerator(seed: 10))
    let x = Tensor.ones([1000])
    let layer = Dropout(0.5)
    #expect(layer(x, &pass).scalars() != layer(x, &pass).scalars())
    var (again, repeated) = (
      Pass.training(RandomGenerator(seed: 11)), Pass.training(RandomGenerator(seed: 11))
    )
    #expect(layer(x, &again).scalars() == layer(x, &repeated).scalars())
    var evaluation = Pass.evaluation
    #expect(layer(x, &evaluation).scalars() == x.scalars())
    #expect(Dropout(0)(x, &pass).scalars() == x.scalars())
    #expect(evaluation.generator == Pass.evaluation.generator, "evaluation draws nothing")
  }

  @Test func dropPathDropsWholeSamples() {
    var pass = Pass.training(RandomGenerator(seed: 12))
    let y = DropPath(0.25)(Tensor.ones([4000, 2, 3]), &pass).scalars()
    let samples = (0..<4000).map { Set(y[($0 * 6)..<($0 * 6 + 6)]) }
    #expect(samples.allSatisfy { $0.count == 1 })
    let dropped = samples.filter { $0 == [0] }.count
    #expect(abs(dropped - 1000) < 5 * 28)
    #expect(samples.allSatisfy { $0 == [0] || abs($0.first! - 4 / 3) < 1e-6 })
    var evaluation = Pass.evaluation
    #expect(DropPath(0.25)(Tensor.ones([4, 2]), &evaluation).scalars() == [Float](repeating: 1, count: 8))
  }
}
