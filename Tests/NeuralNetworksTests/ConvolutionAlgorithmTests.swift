import CKernels
import Tensors
import TestSupport
import Testing

@testable import NeuralNetworks

/// Two independent ways to compute a convolution agree: products of patches, and tiles in registers.
@Suite struct ConvolutionAlgorithmTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var batch = 2
    var height = 7
    var width = 6
    var channels = 3
    var outputs = 5
    var kernel = 3
    var stride = 1
    var padding = 1

    var geometry: ConvolutionGeometry {
      ConvolutionGeometry(
        input: [batch, height, width, channels], outputs: outputs, kernel: kernel, stride: stride,
        padding: padding)
    }

    var testDescription: String {
      "\(batch) x \(height) x \(width) x \(channels) -> \(outputs), kernel \(kernel), stride \(stride), "
        + "padding \(padding)"
    }
  }

  static let cases: [Case] = {
    var cases: [Case] = []
    for kernel in 1...5 {
      for stride in 1...3 {
        for padding in 0...3 {
          var one = Case(kernel: kernel, stride: stride, padding: padding)
          one.channels = 1 + (kernel + stride) % 4
          one.outputs = [1, 7, 16, 17, 33][(kernel + 2 * stride + padding) % 5]
          cases.append(one)
        }
      }
    }
    cases.append(Case(batch: 3, height: 28, width: 28, channels: 1, outputs: 16))
    cases.append(Case(batch: 5, height: 9, width: 11, channels: 24, outputs: 40, stride: 2))
    cases.append(Case(batch: 3, height: 4, width: 4, channels: 64, outputs: 64))
    cases.append(Case(batch: 33, height: 2, width: 2, channels: 8, outputs: 96))
    cases.append(
      Case(batch: 1, height: 1, width: 1, channels: 5, outputs: 6, kernel: 7, stride: 4, padding: 3))
    cases.append(
      Case(batch: 1, height: 40, width: 150, channels: 4, outputs: 8, kernel: 2, stride: 3, padding: 0))
    return cases
  }()

  private func compare(_ a: Tensor, _ b: Tensor, _ what: String) {
    #expect(a.shape == b.shape)
    let scale = b.scalars().map(abs).max() ?? 1
    let difference = zip(a.scalars(), b.scalars()).map { abs($0 - $1) }.max() ?? 0
    #expect(difference <= 1e-5 * max(1e-3, scale), "\(what): \(difference) of \(scale)")
  }

  private func check(_ one: Case, band: Int) {
    let geometry = one.geometry
    var generator = RandomGenerator(seed: 7)
    let input = Tensor.normal(geometry.inputShape, using: &generator)
    let upstream = Tensor.normal(geometry.outputShape, using: &generator)
    let bias = Tensor.normal([one.outputs], using: &generator)
    let weight = Tensor.normal(
      [one.outputs, one.channels, one.kernel, one.kernel], using: &generator)
    let packed = PackedWeights(weight, geometry)
    let (tiled, direct) = (TiledConvolution(bandCount: band), DirectConvolution())
    for bias in [nil, bias] {
      compare(
        tiled.forward(input, packed, bias: bias), direct.forward(input, packed, bias: bias), "forward")
    }
    compare(tiled.inputGradient(upstream, packed), direct.inputGradient(upstream, packed), "input")
    compare(
      tiled.weightGradient(upstream, input: input, geometry),
      direct.weightGradient(upstream, input: input, geometry), "weight")
  }

  @Test(arguments: cases) func agree(_ one: Case) { check(one, band: 65_536) }

  @Test(arguments: cases) func smallBandsAgreeToo(_ one: Case) { check(one, band: 64) }

  /// Registers differ in width and number: so do the tiles, and where the last ones are cut.
  @Test(arguments: cases.filter { $0.stride == 1 || $0.kernel == 3 }) func everyInstructionSetAgrees(
    _ one: Case
  ) {
    let geometry = one.geometry
    var generator = RandomGenerator(seed: 8)
    let input = Tensor.normal(geometry.inputShape, using: &generator)
    let upstream = Tensor.normal(geometry.outputShape, using: &generator)
    let weight = Tensor.normal([one.outputs, one.channels, one.kernel, one.kernel], using: &generator)
    let packed = PackedWeights(weight, geometry)
    let direct = DirectConvolution()
    let winograd = WinogradConvolution.fits(geometry) ? WinogradConvolution() : nil
    let algorithms: [any ConvolutionAlgorithm] = [TiledConvolution()] + (winograd.map { [$0] } ?? [])
    // On one thread, which is the one whose instruction set is chosen.
    withThreadCount(1) {
      let expected = (
        direct.forward(input, packed, bias: nil), direct.inputGradient(upstream, packed),
        direct.weightGradient(upstream, input: input, geometry)
      )
      for level in 0...Int32(ck_best_level().rawValue) {
        #expect(ck_use_level_on_this_thread(level) == 0)
        defer { _ = ck_use_level_on_this_thread(-1) }
        for algorithm in algorithms {
          compare(algorithm.forward(input, packed, bias: nil), expected.0, "forward, level \(level)")
          compare(algorithm.inputGradient(upstream, packed), expected.1, "input, level \(level)")
          let gradient = algorithm.weightGradient(upstream, input: input, geometry)
          compare(gradient, expected.2, "weight, level \(level)")
        }
      }
    }
  }
}
