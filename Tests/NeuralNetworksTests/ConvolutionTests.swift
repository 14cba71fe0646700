import Basics
import Tensors
import TestSupport
import Testing

@testable import NeuralNetworks

@Suite struct ConvolutionTests {
  typealias Case = ConvolutionAlgorithmTests.Case

  static let cases = [
    Case(), Case(stride: 2), Case(kernel: 1, padding: 0), Case(kernel: 1, stride: 2, padding: 0),
    Case(kernel: 2, stride: 2, padding: 0), Case(kernel: 5, padding: 2),
    Case(kernel: 5, stride: 3, padding: 4),
    Case(kernel: 3, padding: 0), Case(batch: 1, height: 3, width: 3, padding: 0),
    Case(height: 5, width: 8, channels: 16, outputs: 32), Case(batch: 3, channels: 9, outputs: 17, stride: 2),
    Case(batch: 4, height: 4, width: 4, channels: 32, outputs: 16),
  ]

  static let algorithms: [any ConvolutionAlgorithm] = [
    DirectConvolution(), TiledConvolution(), WinogradConvolution(),
  ]

  private struct Values {
    let x: Tensor
    let weight: Tensor
    let bias: Tensor
    let upstream: Tensor

    init(_ one: Case, seed: UInt64 = 100) {
      x = leaf(one.geometry.inputShape, seed: seed)
      weight = leaf([one.outputs, one.channels, one.kernel, one.kernel], seed: seed + 1)
      bias = leaf([one.outputs], seed: seed + 2)
      upstream = leaf(one.geometry.outputShape, seed: seed + 3).detached()
    }

    func reference(_ one: Case) -> ConvolutionReference {
      ConvolutionReference(
        x, weight: weight, bias: bias, upstream: upstream, stride: one.stride, padding: one.padding)
    }
  }

  @Test(arguments: cases) func agreesWithTheDefinitionInDoublePrecision(_ one: Case) {
    let values = Values(one)
    let reference = values.reference(one)
    let output = Tensor.conv2d(
      values.x, weight: values.weight, bias: values.bias, stride: one.stride, padding: one.padding)
    #expect(output.shape == one.geometry.outputShape)
    (output * values.upstream).sum().backward()
    #expect(relativeError(output, reference.output) < 5e-6)
    #expect(relativeError(values.x.gradient!, reference.inputGradient) < 5e-6)
    #expect(relativeError(values.weight.gradient!, reference.weightGradient) < 1e-5)
    #expect(relativeError(values.bias.gradient!, reference.biasGradient) < 1e-5)
  }

  @Test(arguments: cases) func everyAlgorithmAgreesWithTheDefinition(_ one: Case) {
    let values = Values(one, seed: 110)
    let reference = values.reference(one)
    let weights = PackedWeights(values.weight, one.geometry)
    for algorithm in Self.algorithms {
      let isWinograd = algorithm is WinogradConvolution
      if isWinograd && !WinogradConvolution.fits(one.geometry) { continue }
      let tolerance = isWinograd ? 5e-6 : 2e-6
      let output = algorithm.forward(values.x, weights, bias: values.bias)
      #expect(relativeError(output, reference.output) < tolerance, "\(algorithm)")
      let inputGradient = algorithm.inputGradient(values.upstream, weights)
      #expect(relativeError(inputGradient, reference.inputGradient) < tolerance, "\(algorithm)")
      let weightGradient = PackedWeights.unpacked(
        algorithm.weightGradient(values.upstream, input: values.x, one.geometry), one.geometry)
      #expect(relativeError(weightGradient, reference.weightGradient) < 2 * tolerance, "\(algorithm)")
    }
  }

  @Test(arguments: ["3x3", "strided", "pointwise", "wide"]) func agreesWithPyTorch(_ name: String) throws {
    let fixture = try networkFixture("layers").under("convolution.\(name).")
    func tensor(_ key: String) throws -> Tensor { try #require(fixture[key]) }
    let settings = try tensor("settings").scalars().map { Int($0) }
    let (x, weight, bias) = (try tensor("x"), try tensor("weight"), try tensor("bias"))
    for input in [x, weight, bias] { input.requiresGradient = true }
    let output = Tensor.conv2d(x, weight: weight, bias: bias, stride: settings[0], padding: settings[1])
    expectClose(output, try tensor("value"), tolerance: 2e-6)
    (output * (try tensor("upstream"))).sum().backward()
    for (key, input) in [("x", x), ("weight", weight), ("bias", bias)] {
      expectClose(try #require(input.gradient), try tensor("gradient.\(key)"), tolerance: 4e-6, key)
    }
  }

  @Test(arguments: [
    Case(), Case(stride: 2), Case(kernel: 1, stride: 2, padding: 0), Case(kernel: 2, padding: 2),
  ])
  func gradientsAreDifferences(_ one: Case) {
    let values = Values(one, seed: 120)
    expectGradients(of: [("x", values.x), ("weight", values.weight), ("bias", values.bias)]) {
      Tensor.conv2d(
        values.x, weight: values.weight, bias: values.bias, stride: one.stride, padding: one.padding
      ).tanh()
    }
  }

  /// Only what asks for a gradient gets one, and it is the same one.
  @Test func gradientsThatNobodyWantsAreNotMade() {
    // The bits are those of one number of threads, which other tests change.
    withThreadCount(2, comparesGradients)
  }

  private func comparesGradients() {
    let one = Case()
    let values = Values(one, seed: 130)
    func run(_ x: Tensor, _ weight: Tensor, _ bias: Tensor?) {
      (Tensor.conv2d(x, weight: weight, bias: bias, padding: 1) * values.upstream).sum().backward()
    }
    run(values.x, values.weight, values.bias)
    let reference = values.reference(one)
    let weight = values.weight.copy()
    weight.requiresGradient = true
    let image = values.x.copy()
    run(image, weight, nil)
    #expect(image.gradient == nil)
    #expect(weight.gradient!.scalars() == values.weight.gradient!.scalars())
    let x = values.x.copy()
    x.requiresGradient = true
    let fixed = values.weight.copy()
    run(x, fixed, values.bias.copy())
    #expect(fixed.gradient == nil)
    #expect(relativeError(x.gradient!, reference.inputGradient) < 2e-6)
  }

  @Test func aKernelOfSideOneIsALinearMapOfThePixels() {
    let (x, weight) = (leaf([2, 3, 4, 6], seed: 140), leaf([5, 6, 1, 1], seed: 141))
    let bias = leaf([5], seed: 142)
    let linear = Tensor.linear(x, weight: weight.reshaped([5, 6]), bias: bias)
    expectClose(Tensor.conv2d(x, weight: weight, bias: bias), linear, tolerance: 1e-6)
  }

  /// A kernel with one weight of 1 shifts the image, and zeros come in from beyond its border.
  @Test func theBorderIsZero() {
    let x = Tensor((1...6).map(Float.init), shape: [1, 2, 3, 1])
    let weight = Tensor([1, 0, 0, 0, 0, 0, 0, 0, 0], shape: [1, 1, 3, 3])
    let shifted = Tensor.conv2d(x, weight: weight, padding: 1)
    #expect(shifted.scalars() == [0, 0, 0, 0, 1, 2])
    let far = Tensor.conv2d(x, weight: weight, padding: 2)
    #expect(far.shape == [1, 4, 5, 1])
    #expect(far.scalars() == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 0, 0, 4, 5, 6])
  }

  @Test func permutingABatchPermutesTheImages() {
    let (x, weight) = (leaf([5, 6, 7, 8], seed: 150).detached(), leaf([20, 8, 3, 3], seed: 151).detached())
    let order = [3, 0, 4, 1, 2]
    for stride in 1...2 {
      let output = Tensor.conv2d(x, weight: weight, stride: stride, padding: 1)
      expectClose(
        Tensor.conv2d(x.gathered(order), weight: weight, stride: stride, padding: 1), output.gathered(order),
        tolerance: 1e-6)
    }
  }

  @Test(arguments: cases) func bitsRepeatAndThreadsChangeOnlyRounding(_ one: Case) {
    func run(_ threads: Int) -> [Tensor] {
      withThreadCount(threads) {
        let values = Values(one, seed: 160)
        let output = Tensor.conv2d(
          values.x, weight: values.weight, bias: values.bias, stride: one.stride, padding: one.padding)
        (output * values.upstream).sum().backward()
        return [output, values.x.gradient!, values.weight.gradient!, values.bias.gradient!]
      }
    }
    let (alone, shared, again) = (run(1), run(2), run(2))
    for (name, index) in [("output", 0), ("x", 1), ("weight", 2), ("bias", 3)] {
      #expect(shared[index].scalars() == again[index].scalars(), "\(name)")
      expectClose(shared[index], alone[index], tolerance: 4e-6, name)
    }
  }

  @Test func aNewLayerHasHesDeviationByFanOut() {
    var generator = RandomGenerator(seed: 170)
    let layer = Conv2d(40, 80, kernel: 3, stride: 2, padding: 1, using: &generator)
    #expect(layer.members.count == 2 && layer.bias!.scalars() == [Float](repeating: 0, count: 80))
    let weights = layer.weight.doubles
    let deviation = (weights.reduce(0) { $0 + $1 * $1 } / Double(weights.count)).squareRoot()
    #expect(abs(deviation / (2.0 / (9 * 80)).squareRoot() - 1) < 0.02)
    #expect(abs(weights.reduce(0, +) / Double(weights.count)) < 0.001)
    var pass = Pass.evaluation
    #expect(layer(.zeros([2, 7, 8, 40]), &pass).shape == [2, 4, 4, 80])
    let plain = Conv2d(3, 4, kernel: 3, bias: false, using: &generator)
    #expect(plain.parameters().map(\.name) == ["weight"])
  }
}
