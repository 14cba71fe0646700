import Basics
import Tensors
import TestSupport
import Testing

@testable import NeuralNetworks

@Suite struct PoolingTests {
  @Test(arguments: ["maximum", "average"], ["plain", "overlapping", "dense"])
  func agreesWithPyTorch(_ kind: String, _ name: String) throws {
    let fixture = try networkFixture("layers").under("\(kind).\(name).")
    func tensor(_ key: String) throws -> Tensor { try #require(fixture[key]) }
    let settings = try tensor("settings").scalars().map { Int($0) }
    let (size, stride, padding) = (settings[0], settings[1], settings[2])
    let layer: any Layer =
      kind == "maximum"
      ? MaxPool2d(size, stride: stride, padding: padding)
      : AveragePool2d(size, stride: stride, padding: padding)
    let x = try tensor("x")
    x.requiresGradient = true
    var pass = Pass.evaluation
    let value = layer(x, &pass)
    expectClose(value, try tensor("value"), tolerance: 1e-6)
    (value * (try tensor("upstream"))).sum().backward()
    expectClose(x.gradient!, try tensor("gradient.x"), tolerance: 1e-6)
  }

  /// Distinct values, so far apart that no difference changes which one is the largest.
  @Test func gradientsOfTheMaximumAreDifferences() {
    var generator = RandomGenerator(seed: 300)
    let values = generator.permutation(2 * 5 * 6 * 3).map { Float($0) / 5 }
    let x = Tensor(values, shape: [2, 5, 6, 3])
    x.requiresGradient = true
    for (size, stride, padding) in [(2, 2, 0), (3, 2, 1), (3, 1, 1)] {
      expectGradients(of: [("x", x)]) { x.maxPooled(size, stride: stride, padding: padding) }
    }
  }

  @Test func gradientsOfMeansAreDifferences() {
    let x = leaf([2, 5, 6, 3], seed: 301)
    for (size, stride, padding) in [(2, 2, 0), (3, 2, 1), (3, 1, 1)] {
      expectGradients(of: [("x", x)]) { x.averagePooled(size, stride: stride, padding: padding).tanh() }
    }
    expectGradients(of: [("x", x)]) { x.globalAveragePooled().tanh() }
  }

  /// Padding never wins, not even over negative values; the first of equal values gets the gradient; a value
  /// that is not a number is not passed over.
  @Test func theMaximumsEdges() {
    let x = Tensor([-3, -1, -1, -2, -7, -5, -4, -4, -6], shape: [1, 3, 3, 1])
    x.requiresGradient = true
    let value = x.maxPooled(2, stride: 2, padding: 1)
    #expect(value.shape == [1, 2, 2, 1])
    #expect(value.scalars() == [-3, -1, -2, -4])
    (value * Tensor([1, 10, 100, 1000], shape: [1, 2, 2, 1])).sum().backward()
    #expect(x.gradient!.scalars() == [1, 10, 0, 100, 0, 0, 0, 1000, 0])
    let broken = Tensor([1, .nan, 3, 4], shape: [1, 2, 2, 1]).maxPooled(2, stride: 2)
    #expect(broken.item().isNaN)
  }

  @Test func aMeanCountsItsPadding() {
    let ones = Tensor.ones([1, 2, 2, 1])
    #expect(ones.averagePooled(2, stride: 2, padding: 1).scalars() == [0.25, 0.25, 0.25, 0.25])
    #expect(ones.averagePooled(2, stride: 2).item() == 1)
  }

  @Test func theMeanOverAnImage() {
    let x = leaf([3, 4, 5, 37], seed: 302)
    let mean = x.globalAveragePooled()
    #expect(mean.shape == [3, 37])
    let values = x.doubles
    var expected = [Double](repeating: 0, count: 3 * 37)
    for (index, value) in values.enumerated() {
      let (pixel, channel) = (index / 37, index % 37)
      expected[pixel / 20 * 37 + channel] += value / 20
    }
    #expect(relativeError(mean, expected) < 1e-6)
  }

  @Test func permutingABatchPermutesTheResult() {
    let x = leaf([4, 6, 6, 9], seed: 303).detached()
    let order = [2, 3, 1, 0]
    let pools: [(Tensor) -> Tensor] = [
      { $0.maxPooled(3, stride: 2, padding: 1) }, { $0.averagePooled(3, stride: 2, padding: 1) },
      { $0.globalAveragePooled() },
    ]
    for pool in pools {
      #expect(pool(x.gathered(order)).scalars() == pool(x).gathered(order).scalars())
    }
  }

  /// An image is one core's, so that the threads change no bit.
  @Test func everyThreadCountGivesTheSameBits() {
    func run(_ threads: Int) -> [[Float]] {
      withThreadCount(threads) {
        let x = leaf([7, 8, 8, 12], seed: 304)
        let values = [
          x.maxPooled(3, stride: 2, padding: 1), x.averagePooled(3, stride: 2, padding: 1),
          x.globalAveragePooled(),
        ]
        for value in values { (value * value).sum().backward() }
        return values.map { $0.scalars() } + [x.gradient!.scalars()]
      }
    }
    #expect(run(2) == run(1))
    #expect(run(3) == run(1))
  }
}
