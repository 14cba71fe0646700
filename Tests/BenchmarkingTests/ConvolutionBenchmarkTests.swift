import NeuralNetworks
import Tensors
import Testing

@testable import Benchmarking

@Suite struct ConvolutionBenchmarkTests {
  @Test func theLayersAreTheNetworks() {
    let layers = ConvolutionBenchmark.layers(of: ResNet.Configuration(), batch: 64, size: 32)
    #expect(layers.count == 11)
    #expect(layers.map(\.count).reduce(0, +) == 20)
    var generator = RandomGenerator(seed: 1)
    let weights = ResNet(using: &generator).parameters().filter { $0.tensor.rank == 4 }
    let counted = layers.map { $0.count * $0.channels * $0.outputs * $0.kernel * $0.kernel }
    #expect(counted.reduce(0, +) == weights.reduce(0) { $0 + $1.tensor.count })
    #expect(layers.last!.size == 4 && layers.last!.outputs == 512)
  }

  @Test func everyAlgorithmOnASmallLayer() {
    let layer = ConvolutionBenchmark.Layer(batch: 2, size: 6, channels: 3, outputs: 4, kernel: 3, stride: 1)
    let results = ConvolutionBenchmark.run(
      layer, algorithms: ConvolutionBenchmark.algorithms, runs: 2, peak: 1e9, machine: .current)
    for product in ["forward", "input gradient", "weight gradient"] {
      for algorithm in ["auto", "direct", "tiled"] {
        let name = "\(product), \(algorithm)"
        let result = results.first { $0.benchmark == name }
        #expect((result?.medianSeconds ?? 0) > 0 && result?.runs == 2, "\(name)")
      }
    }
  }

  @Test func aStepOfASmallResidualNetwork() throws {
    let result = try StepBenchmark.residualNetwork(
      .init(width: 4, blocks: [1, 1]), images: 4, of: ImageShape(size: 8, channels: 1), runs: 1, peak: nil,
      machine: .current)
    #expect(result.medianSeconds > 0 && result.sizes["images"] == 4)
    // The stem, two convolutions of the first block; then 16 pixels: two of 3 x 3, and the shortcut.
    let (stem, first, second): (Double, Double, Double) = (64 * 36, 2 * 64 * 9 * 16, 16 * (288 + 576 + 32))
    let counted = result.gflops! * result.medianSeconds * 1e9
    #expect(abs(counted - 8 * (2 * stem + 3 * first + 3 * second)) < 1)
  }
}
