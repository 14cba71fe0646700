import Tensors
import TestSupport
import Testing

@testable import NeuralNetworks

/// Estimates against what the memory pool counts, in processes of their own: its figures belong to the process.
@Suite struct NetworkMemoryTests {
  /// Image side, channels, patch, width, depth, width of the MLP, images.
  static let transformers: [[Int]] = [
    [28, 1, 7, 64, 3, 128, 64], [32, 3, 4, 128, 4, 256, 32], [32, 3, 8, 256, 2, 1024, 8],
    [28, 1, 4, 32, 1, 64, 128],
    [48, 3, 4, 64, 2, 128, 16], [32, 3, 2, 64, 2, 128, 16],
  ]
  /// Image side, channels, stem's width, its stride (0: the large stem), images, then the blocks of each stage.
  static let residualNetworks: [[Int]] = [
    [28, 1, 16, 1, 32, 1, 1, 1], [32, 3, 32, 1, 16, 2, 2], [96, 3, 16, 0, 8, 1, 1],
    [32, 3, 64, 1, 4, 1, 1, 1, 1],
    [28, 1, 16, 2, 64, 1, 1], [33, 3, 8, 1, 32, 1], [64, 3, 32, 0, 16, 2, 2, 2],
  ]

  private static func transformer(_ sizes: [Int]) -> VisionTransformer.Configuration {
    var configuration = VisionTransformer.Configuration()
    configuration.patchSize = sizes[2]
    (configuration.width, configuration.depth, configuration.mlpWidth) = (sizes[3], sizes[4], sizes[5])
    configuration.heads = 4
    return configuration
  }

  private static func residual(_ sizes: [Int]) -> ResNet.Configuration {
    ResNet.Configuration(
      width: sizes[2], blocks: Array(sizes[5...]), stem: sizes[3] == 0 ? .large : .small,
      stemStride: max(1, sizes[3]))
  }

  @Test(arguments: transformers, [1, 2]) func aTransformersTraining(sizes: [Int], threads: Int) async {
    await #expect(processExitsWith: .success) { [sizes, threads] in
      Parallel.setThreadCount(threads)
      let configuration = Self.transformer(sizes)
      let images = [sizes[6], sizes[1], sizes[0], sizes[0]]
      let shape = ImageShape(size: sizes[0], channels: sizes[1])
      Self.expectEstimate(configuration.memory(images: sizes[6], of: shape), images) { generator in
        configuration.encoder(for: shape, using: &generator)
      }
    }
  }

  @Test(arguments: residualNetworks, [1, 2]) func aResidualNetworksTraining(sizes: [Int], threads: Int) async
  {
    await #expect(processExitsWith: .success) { [sizes, threads] in
      Parallel.setThreadCount(threads)
      let configuration = Self.residual(sizes)
      let images = [sizes[4], sizes[1], sizes[0], sizes[0]]
      let shape = ImageShape(size: sizes[0], channels: sizes[1])
      Self.expectEstimate(configuration.memory(images: sizes[4], of: shape), images) { generator in
        configuration.encoder(for: shape, using: &generator)
      }
    }
  }

  /// Expects an estimate from a tenth too little to a quarter too much.
  private static func expectEstimate(
    _ memory: NetworkMemory, _ shape: [Int], _ make: (inout RandomGenerator) -> any Encoder
  ) {
    var generator = RandomGenerator(seed: 1)
    let start = MemoryPool.statistics.bytesInUse
    MemoryPool.resetPeak()
    let network = make(&generator)
    #expect(Double(network.parameterCount) == memory.parameterCount)
    let optimiser = AdamW(network.parameters())
    for _ in 0..<2 {
      let views = Tensor.normal(shape, using: &generator)
      var pass = Pass.training(generator.split())
      let embeddings = network(views, &pass)
      (embeddings * embeddings).sum().backward()
      optimiser.step(rate: 1e-3)
    }
    func compare(_ estimate: Double, _ what: String) {
      let measured = Double(MemoryPool.statistics.peakBytesInUse - start)
      #expect((0.9...1.25).contains(estimate / measured), "\(what): \(estimate) of \(measured), \(shape)")
    }
    compare(4 * memory.parameters + memory.training, "training")
    MemoryPool.resetPeak()
    withoutGradient {
      var pass = Pass.evaluation
      _ = network(Tensor.normal(shape, using: &generator), &pass)
    }
    compare(4 * memory.parameters + memory.evaluation, "evaluation")
  }

  @Test func sizesBeyondAllBoundsAreEstimatedToo() {
    var configuration = VisionTransformer.Configuration()
    (configuration.patchSize, configuration.depth) = (1, 1 << 20)
    let shape = ImageShape(size: 1 << 20)
    #expect(configuration.memory(images: 1 << 30, of: shape).training > 1e18)
    let network = ResNet.Configuration(width: 1024, blocks: [64, 64, 64, 64, 64, 64, 64, 64])
    #expect(network.memory(images: 1 << 20, of: shape).training > 1e18)
  }
}
