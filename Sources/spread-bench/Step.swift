import ArgumentParser
import Benchmarking
import Experiments
import NeuralNetworks

struct Step: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "A training step of the paper's vision transformer or of ResNet18, or of one of another size.",
    discussion: """
      Forward of two views, L_spread, backward, AdamW, in float32. vit: with the paper's dropout; GFLOP/s count the matrix products \
      that are done. resnet18: the stem for small images (3 x 3, no pooling) and no head; GFLOP/s count the multiplications and \
      additions of the convolutions by the definition, once forward and twice backward (the first one has no input gradient): 213 \
      GFLOP for the default. An algorithm that saves some of them may thus come out above what the machine can do. The peak is that of \
      multiply-adds in registers, measured first. SPREAD_CONVOLUTION=direct, tiled or winograd in the environment has all convolutions \
      that it can do done by one algorithm.

      EXAMPLES
        spread-bench step
        spread-bench step --width 96 --depth 4 --patch 7 --size 28 --channels 1 --images 256
        spread-bench step --model resnet18
        spread-bench step --model resnet18 --width 16 --size 28 --channels 1 --images 256
      """)

  enum Model: String, CaseIterable, ExpressibleByArgument {
    case vit, resnet18
  }

  @Option(help: "vit or resnet18.") var model = Model.vit
  @Option(
    help:
      "vit: points a batch, each of two views (default: 128). resnet18: images in all, both views (default: 64)."
  )
  var images: Int?
  @Option(help: "vit: width of the embedding (default: 256). resnet18: channels of the stem (default: 64).")
  var width: Int?
  @Option(help: "vit: blocks.") var depth = 7
  @Option(help: "vit: attention heads.") var heads = 8
  @Option(help: "vit: width of the feed-forward part (default: twice the width).") var mlp: Int?
  @Option(help: "vit: side of a patch.") var patch = 4
  @Option(help: "Side of an image.") var size = 32
  @Option(help: "Channels of an image.") var channels = 3
  @OptionGroup var common: CommonOptions

  private var imageCount: Int { images ?? (model == .vit ? 128 : 64) }

  func validate() throws {
    guard
      [imageCount, width ?? 1, depth, heads, patch, size, channels, mlp ?? 1].allSatisfy({
        (1...65_536).contains($0)
      })
    else { throw ValidationError("sizes must be in 1...65536") }
    guard model == .vit else {
      guard imageCount >= 4, imageCount % 2 == 0 else {
        throw ValidationError("--images must be even and at least 4 for resnet18: half are second views")
      }
      return
    }
    let width = width ?? 256
    guard imageCount >= 2 else { throw ValidationError("--images must be at least 2") }
    guard size % patch == 0 else { throw ValidationError("--patch \(patch) does not divide --size \(size)") }
    guard width % heads == 0 else {
      throw ValidationError("--heads \(heads) does not divide --width \(width)")
    }
  }

  func run() throws {
    common.apply()
    let machine = Machine.current
    let peak = ProductBenchmark.peak()
    let shape = ImageShape(size: size, channels: channels)
    let result: BenchmarkResult
    switch model {
    case .vit:
      var configuration = VisionTransformer.Configuration()
      (configuration.patchSize, configuration.width) = (patch, width ?? 256)
      (configuration.depth, configuration.heads) = (depth, heads)
      configuration.mlpWidth = mlp ?? 2 * configuration.width
      result = try StepBenchmark.visionTransformer(
        configuration, images: imageCount, of: shape, runs: common.runs, peak: peak, machine: machine)
    case .resnet18:
      let configuration = ResNet.Configuration(width: width ?? 64, blocks: [2, 2, 2, 2])
      result = try StepBenchmark.residualNetwork(
        configuration, images: imageCount, of: shape, runs: common.runs, peak: peak, machine: machine)
    }
    try common.report([result], machine)
  }
}
