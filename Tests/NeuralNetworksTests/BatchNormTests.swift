import Basics
import Tensors
import TestSupport
import Testing

@testable import NeuralNetworks

@Suite struct BatchNormTests {
  /// A normalisation whose parameters and running statistics are all special.
  private func layer(_ channels: Int, seed: UInt64) -> BatchNorm2d {
    let layer = BatchNorm2d(channels)
    randomise(layer.parameters(), seed: seed)
    randomise([("mean", layer.runningMean)], seed: seed + 1)
    for tensor in [layer.weight, layer.runningVariance] {
      tensor.withUnsafeMutableData { data in for i in data.indices { data[i] = 0.8 + abs(data[i] - 1) / 4 } }
    }
    return layer
  }

  private func pass(training: Bool) -> Pass {
    training ? .training(RandomGenerator(seed: 1)) : .evaluation
  }

  /// Value and running statistics in double precision, by the definition.
  private func reference(_ x: Tensor, _ layer: BatchNorm2d, training: Bool) -> (
    value: [Double], mean: [Double], variance: [Double]
  ) {
    let channels = layer.weight.count
    let (values, rows) = (x.doubles, Double(x.count / layer.weight.count))
    var (mean, variance) = (layer.runningMean.doubles, layer.runningVariance.doubles)
    var (newMean, newVariance) = (mean, variance)
    if training {
      for c in 0..<channels {
        let column = stride(from: c, to: values.count, by: channels).map { values[$0] }
        mean[c] = column.reduce(0, +) / rows
        let squares = column.reduce(0) { $0 + ($1 - mean[c]) * ($1 - mean[c]) }
        variance[c] = squares / rows
        newMean[c] = 0.9 * newMean[c] + 0.1 * mean[c]
        newVariance[c] = 0.9 * newVariance[c] + 0.1 * squares / (rows - 1)
      }
    }
    let (scale, shift) = (layer.weight.doubles, layer.bias.doubles)
    let value = values.enumerated().map { index, x in
      let c = index % channels
      return (x - mean[c]) / (variance[c] + 1e-5).squareRoot() * scale[c] + shift[c]
    }
    return (value, newMean, newVariance)
  }

  /// Channel counts around the kernels' vectors; enough rows for several blocks of sums; a mean that is far
  /// from 0 costs no accuracy beyond what its float32 values have.
  @Test(arguments: [(3, 1), (8, 1), (33, 1), (70, 1), (5, 40)], [true, false])
  func agreesWithTheDefinition(_ sizes: (channels: Int, mean: Int), _ training: Bool) {
    let layer = layer(sizes.channels, seed: 200)
    let x = leaf([4, 19, 21, sizes.channels], mean: Float(sizes.mean), deviation: 2, seed: 201).detached()
    let expected = reference(x, layer, training: training)
    var pass = pass(training: training)
    let value = layer(x, &pass)
    #expect(relativeError(value, expected.value) < (sizes.mean > 1 ? 4e-6 : 2e-6))
    #expect(relativeError(layer.runningMean, expected.mean) < 1e-6)
    #expect(relativeError(layer.runningVariance, expected.variance) < 1e-6)
  }

  @Test(arguments: ["training", "evaluation", "fused"]) func agreesWithPyTorch(_ name: String) throws {
    let fixture = try networkFixture("layers").under("normalisation.\(name).")
    func tensor(_ key: String) throws -> Tensor { try #require(fixture[key]) }
    let layer = BatchNorm2d(5, momentum: 0.3, epsilon: 1e-3)
    try layer.load([
      "weight": tensor("weight"), "bias": tensor("bias"), "running_mean": tensor("before.running_mean"),
      "running_var": tensor("before.running_var"), "num_batches_tracked": Tensor(0),
    ])
    let x = try tensor("x")
    x.requiresGradient = true
    let residual = fixture["residual"]
    residual?.requiresGradient = true
    #expect((residual != nil) == (name == "fused"))
    var pass = pass(training: name != "evaluation")
    let value = layer(x, adding: residual, relu: name == "fused", &pass)
    expectClose(value, try tensor("value"), tolerance: 2e-6, "value")
    (value * (try tensor("upstream"))).sum().backward()
    let inputs =
      [("x", x), ("weight", layer.weight), ("bias", layer.bias)] + (residual.map { [("residual", $0)] } ?? [])
    for (key, input) in inputs {
      expectClose(try #require(input.gradient), try tensor("gradient.\(key)"), tolerance: 4e-6, key)
    }
    expectClose(layer.runningMean, try tensor("after.running_mean"), tolerance: 1e-6, "running mean")
    expectClose(layer.runningVariance, try tensor("after.running_var"), tolerance: 1e-6, "running variance")
  }

  @Test(arguments: [true, false], [true, false])
  func gradientsAreDifferences(_ training: Bool, _ withResidual: Bool) {
    let layer = layer(5, seed: 210)
    let (x, residual) = (leaf([3, 2, 4, 5], mean: 0.5, seed: 211), leaf([3, 2, 4, 5], seed: 212))
    let leaves = [("x", x)] + layer.parameters() + (withResidual ? [("residual", residual)] : [])
    expectGradients(of: leaves) {
      var pass = pass(training: training)
      return layer(x, adding: withResidual ? residual : nil, relu: false, &pass).tanh()
    }
  }

  /// Values far enough from the ReLU's kink that no difference reaches it, on both of its sides.
  @Test(arguments: [true, false], [true, false])
  func gradientsBehindTheReLUAreDifferences(_ training: Bool, _ withResidual: Bool) {
    let layer = BatchNorm2d(5)
    randomise([("bias", layer.bias)], deviation: 0.05, seed: 220)
    let (x, residual) = (
      leaf([3, 2, 4, 5], deviation: 0.2, seed: 221), leaf([3, 2, 4, 5], deviation: 0.05, seed: 222)
    )
    x.withUnsafeMutableData { data in for i in data.indices { data[i] += i / 5 % 2 == 0 ? 2 : -2 } }
    let leaves = [("x", x)] + layer.parameters() + (withResidual ? [("residual", residual)] : [])
    func output(relu: Bool) -> Tensor {
      var pass = pass(training: training)
      return layer(x, adding: withResidual ? residual : nil, relu: relu, &pass)
    }
    let before = output(relu: false).scalars()
    #expect(before.allSatisfy { abs($0) > 0.2 } && before.contains { $0 > 0 } && before.contains { $0 < 0 })
    expectGradients(of: leaves) { output(relu: true) }
  }

  /// The fused node is what the three operations are, one after the other.
  @Test(arguments: [true, false]) func theFusedNodeIsItsParts(_ training: Bool) {
    let (x, residual) = (leaf([4, 3, 5, 19], seed: 230), leaf([4, 3, 5, 19], seed: 231))
    let slope = leaf(x.shape, seed: 232).detached()
    func run(fused: Bool) -> [Tensor] {
      let layer = layer(19, seed: 233)
      (x.gradient, residual.gradient) = (nil, nil)
      var pass = pass(training: training)
      let value =
        fused ? layer(x, adding: residual, relu: true, &pass) : (layer(x, &pass) + residual).relu()
      (value * slope).sum().backward()
      return [value, x.gradient!, residual.gradient!, layer.weight.gradient!, layer.bias.gradient!]
    }
    for (fused, parts) in zip(run(fused: true), run(fused: false)) {
      expectClose(fused, parts, tolerance: 2e-6)
    }
  }

  @Test func runningStatisticsMoveInTrainingOnlyAndServeInEvaluation() {
    let layer = BatchNorm2d(4, momentum: 0.25)
    let x = leaf([6, 5, 5, 4], mean: 3, deviation: 2, seed: 240).detached()
    var (training, evaluation) = (pass(training: true), pass(training: false))
    expectClose(layer(x, &evaluation), x * (1 / (1 + 1e-5 as Float).squareRoot()), tolerance: 1e-6)
    #expect(layer.runningMean.scalars() == [0, 0, 0, 0] && layer.runningVariance.scalars() == [1, 1, 1, 1])
    let standardised = layer(x, &training)
    #expect(layer.runningMean.scalars().allSatisfy { abs($0 - 0.75) < 0.2 })
    for _ in 0..<60 { _ = layer(x, &training) }
    // After many steps on one batch only the variance's unbiased form is left between the two modes.
    let unbiased = (149.0 / 150).squareRoot()
    expectClose(layer(x, &evaluation), standardised * Float(unbiased), tolerance: 1e-5)
  }

  @Test func permutingABatchPermutesTheResult() {
    let layer = layer(6, seed: 250)
    let x = leaf([5, 3, 4, 6], seed: 251).detached()
    let order = [4, 1, 0, 3, 2]
    for training in [true, false] {
      var pass = pass(training: training)
      let value = layer(x, &pass)
      expectClose(layer(x.gathered(order), &pass), value.gathered(order), tolerance: 2e-6)
    }
  }

  /// Blocks of sums do not depend on the threads: nor does a bit of the result.
  @Test func everyThreadCountGivesTheSameBits() {
    func run(_ threads: Int) -> [[Float]] {
      withThreadCount(threads) {
        let layer = layer(40, seed: 260)
        let x = leaf([8, 20, 20, 40], seed: 261)
        var pass = pass(training: true)
        let value = layer(x, relu: true, &pass)
        (value * value).sum().backward()
        return [value, x.gradient!, layer.weight.gradient!, layer.bias.gradient!, layer.runningVariance].map {
          $0.scalars()
        }
      }
    }
    let alone = run(1)
    for threads in 2...3 { #expect(run(threads) == alone, "\(threads) threads") }
    #expect(run(1) == alone)
  }
}
