import Tensors
import TestSupport
import Testing

@testable import NeuralNetworks

/// Winograd's convolution against products of patches, and how much error it adds.
@Suite struct WinogradTests {
  typealias Case = ConvolutionAlgorithmTests.Case

  /// Every side around whole tiles of 4, every padding, channel counts around the kernels' vectors.
  static let cases: [Case] = {
    var cases: [Case] = []
    for side in 1...9 {
      for padding in 0...3 where side + 2 * padding >= 3 {
        var one = Case(height: side, width: 1 + (side * 3 + padding) % 11, padding: padding)
        if one.width + 2 * padding < 3 { one.width = 3 }
        one.batch = 1 + (side + padding) % 3
        one.channels = [1, 3, 8, 17, 33][(side + 2 * padding) % 5]
        one.outputs = [5, 1, 40, 16, 32, 70][(2 * side + padding) % 6]
        cases.append(one)
      }
    }
    cases.append(Case(batch: 3, height: 28, width: 28, channels: 16, outputs: 16))
    cases.append(Case(batch: 20, height: 4, width: 4, channels: 40, outputs: 64))
    cases.append(Case(batch: 2, height: 13, width: 22, channels: 24, outputs: 129))
    return cases
  }()

  private struct Values {
    let input: Tensor
    let upstream: Tensor
    let weight: Tensor
    let bias: Tensor
    let packed: PackedWeights

    init(_ one: Case, seed: UInt64) {
      input = leaf(one.geometry.inputShape, seed: seed).detached()
      upstream = leaf(one.geometry.outputShape, seed: seed + 1).detached()
      weight = leaf([one.outputs, one.channels, 3, 3], seed: seed + 2).detached()
      bias = leaf([one.outputs], seed: seed + 3).detached()
      packed = PackedWeights(weight, one.geometry)
    }
  }

  @Test(arguments: cases, [131_072, 1]) func agreesWithProductsOfPatches(_ one: Case, _ blockCount: Int) {
    let values = Values(one, seed: 500)
    let (winograd, direct) = (WinogradConvolution(blockCount: blockCount), DirectConvolution())
    for bias in [nil, values.bias] {
      expectClose(
        winograd.forward(values.input, values.packed, bias: bias),
        direct.forward(values.input, values.packed, bias: bias), tolerance: 5e-6, "forward")
    }
    expectClose(
      winograd.inputGradient(values.upstream, values.packed),
      direct.inputGradient(values.upstream, values.packed), tolerance: 5e-6, "input")
    expectClose(
      winograd.weightGradient(values.upstream, input: values.input, one.geometry),
      direct.weightGradient(values.upstream, input: values.input, one.geometry), tolerance: 1e-5, "weight")
  }

  /// The bound that the documentation states, on sums as long as a network's.
  @Test(arguments: [16, 64, 256]) func theErrorIsAsStated(_ channels: Int) {
    let one = Case(batch: 2, height: 8, width: 8, channels: channels, outputs: 16)
    let values = Values(one, seed: 510)
    let reference = ConvolutionReference(
      values.input, weight: values.weight, upstream: values.upstream, stride: 1, padding: 1)
    let algorithm = WinogradConvolution()
    let packed = algorithm.weightGradient(values.upstream, input: values.input, one.geometry)
    let errors = [
      relativeError(algorithm.forward(values.input, values.packed, bias: nil), reference.output),
      relativeError(algorithm.inputGradient(values.upstream, values.packed), reference.inputGradient),
      relativeError(PackedWeights.unpacked(packed, one.geometry), reference.weightGradient),
    ]
    print(
      "ERR", channels, errors,
      relativeError(DirectConvolution().forward(values.input, values.packed, bias: nil), reference.output))
    #expect(errors.allSatisfy { $0 < 4e-6 }, "\(errors)")
  }

  @Test func bitsRepeatForAThreadCount() {
    let one = Case(batch: 9, height: 10, width: 9, channels: 24, outputs: 64)
    func run(_ threads: Int) -> [[Float]] {
      withThreadCount(threads) {
        let values = Values(one, seed: 520)
        let algorithm = WinogradConvolution()
        return [
          algorithm.forward(values.input, values.packed, bias: values.bias),
          algorithm.inputGradient(values.upstream, values.packed),
          algorithm.weightGradient(values.upstream, input: values.input, one.geometry),
        ].map { $0.scalars() }
      }
    }
    for threads in 1...4 {
      let first = run(threads)
      #expect(run(threads) == first, "\(threads) threads")
      // A tile's results do not depend on the tiles around it.
      #expect(first[0] == run(1)[0] && first[1] == run(1)[1], "\(threads) threads")
    }
  }

  /// The sums of many outputs are shared by blocks of them, those of few by tiles.
  @Test func everySplitOfTheWeightGradientIsRight() {
    let one = Case(batch: 1, height: 5, width: 6, channels: 200, outputs: 384)
    let values = Values(one, seed: 530)
    let expected = DirectConvolution().weightGradient(values.upstream, input: values.input, one.geometry)
    for threads in [1, 2, 3, 4, 6] {
      let found = withThreadCount(threads) {
        WinogradConvolution().weightGradient(values.upstream, input: values.input, one.geometry)
      }
      expectClose(found, expected, tolerance: 1e-5, "\(threads) threads")
    }
  }
}
