import Basics
import Tensors

/// A residual network of basic blocks, a mean over the last feature map at its end. By default ResNet18 for small
/// images: its stem is a 3 x 3 convolution of stride 1, its embedding has 512 values.
///
/// The members have torchvision's names: `conv1`, `bn1`, `layerS.N.conv1`, `.bn1`, `.conv2`, `.bn2`,
/// `.downsample.0` and `.1` (S from 1, N from 0), each with `.weight` and, for normalisations, `.bias`,
/// `.running_mean`, `.running_var`. There is no `fc`.
///
/// Images enter as `[batch, channels, height, width]`; inside, activations lie channels last, and weights
/// keep PyTorch's order.
/// - Source: He et al. 2016; the small stem for small images as in Chen et al. 2020, appendix B.9.
public final class ResNet: Encoder {
  /// What stands before the first stage.
  public enum Stem: String, CaseIterable, Sendable {
    /// A 3 x 3 convolution of the configuration's stride.
    case small
    /// torchvision's, for images of about 224 pixels: a 7 x 7 convolution of stride 2, then the largest values of 3 x 3
    /// windows, two pixels apart. The first stage sees a sixteenth of the image's positions.
    case large
  }

  /// Sizes; those of ResNet18 where not given.
  public struct Configuration: EncoderConfiguration {
    /// Channels of the stem and the first stage; every further stage has twice as many.
    public var width = 64
    /// The number of blocks in each stage; every stage but the first halves the image's sides.
    public var blocks = [2, 2, 2, 2]
    /// By the size of the images; `large` does not look at `stemStride`.
    public var stem = Stem.small
    /// The small stem's stride: 2 halves the image's sides before the first stage, for a quarter of the work.
    public var stemStride = 1

    /// Creates settings with default values.
    public init() {}

    /// Nothing is checked here; a network of sizes that cannot be stops the program when it is made.
    public init(width: Int, blocks: [Int], stem: Stem = .small, stemStride: Int = 1) {
      (self.width, self.blocks) = (width, blocks)
      (self.stem, self.stemStride) = (stem, stemStride)
    }

    /// Channels of the last stage, the length of an embedding.
    public var embeddingDimension: Int { width << (blocks.count - 1) }

    /// For quick runs: stages of 16, 32 and 64 channels, one block each.
    public static let small = Configuration(width: 16, blocks: [1, 1, 1])

    public func encoder(for images: ImageShape, using generator: inout RandomGenerator) -> any Encoder {
      ResNet(self, channels: images.channels, using: &generator)
    }
  }

  /// ResNet18's sizes: nothing but the stem can be chosen.
  public struct Eighteen: EncoderConfiguration {
    /// By the size of the images.
    public var stem = Stem.small

    /// For small images.
    public init() {}

    /// All sizes.
    public var configuration: Configuration { Configuration(width: 64, blocks: [2, 2, 2, 2], stem: stem) }

    public var embeddingDimension: Int { configuration.embeddingDimension }

    public func encoder(for images: ImageShape, using generator: inout RandomGenerator) -> any Encoder {
      configuration.encoder(for: images, using: &generator)
    }

    public func memory(images: Int, of shape: ImageShape) -> NetworkMemory {
      configuration.memory(images: images, of: shape)
    }
  }

  /// The sizes that the network was made with.
  public let configuration: Configuration
  /// Of the images: 3 for colour, 1 for grey.
  public let channels: Int
  /// The stem's convolution, `[width, channels, 3, 3]`, or 7 x 7 in the large stem; no bias.
  public let conv1: Conv2d
  /// Over the stem's `width` channels; a ReLU follows.
  public let bn1: BatchNorm2d
  /// The blocks by stage, those of `layer1` first. A stage's first block doubles the channels and halves the
  /// sides, but for that of the first stage.
  public let stages: [[BasicBlock]]
  private let pool: MaxPool2d?

  /// Stops the program when a size is not positive, or there are not 1 to 16 stages.
  ///
  /// - Parameter generator: draws the convolutions' weights, in the members' order.
  public init(
    _ configuration: Configuration = Configuration(), channels: Int = 3,
    using generator: inout RandomGenerator
  ) {
    let (width, blocks) = (configuration.width, configuration.blocks)
    require(
      channels > 0 && width > 0 && configuration.stemStride > 0 && !blocks.isEmpty
        && blocks.count <= 16 && blocks.allSatisfy { $0 > 0 },
      "a residual network needs channels, a width, a stride and 1 to 16 stages of at least one block, not "
        + "\(channels) and \(configuration)"
    )
    (self.configuration, self.channels) = (configuration, channels)
    let isLarge = configuration.stem == .large
    conv1 = Conv2d(
      channels, width, kernel: isLarge ? 7 : 3, stride: isLarge ? 2 : configuration.stemStride,
      padding: isLarge ? 3 : 1, bias: false, using: &generator)
    pool = isLarge ? MaxPool2d(3, stride: 2, padding: 1) : nil
    bn1 = BatchNorm2d(width)
    var inputs = width
    var stages: [[BasicBlock]] = []
    for (stage, count) in blocks.enumerated() {
      let outputs = width << stage
      stages.append(
        (0..<count).map { index in
          defer { inputs = outputs }
          return BasicBlock(inputs, outputs, stride: stage > 0 && index == 0 ? 2 : 1, using: &generator)
        })
    }
    self.stages = stages
  }

  public var embeddingDimension: Int { configuration.embeddingDimension }

  public var members: [Member] {
    [.module("conv1", conv1), .module("bn1", bn1)]
      + stages.enumerated().flatMap { stage, blocks in
        blocks.enumerated().map { .module("layer\(stage + 1).\($0)", $1) }
      }
  }

  /// - Parameter x: images, `[batch, channels, height, width]`, of any size
  /// - Returns: `[batch, embeddingDimension]`
  public func callAsFunction(_ x: Tensor, _ pass: inout Pass) -> Tensor {
    require(
      x.rank == 4 && x.shape[1] == channels,
      "images of shape \(x.shape), and not [batch, \(channels), height, width]")
    var features = bn1(conv1(x.transposed([0, 2, 3, 1]), &pass), relu: true, &pass)
    if let pool { features = pool(features, &pass) }
    for block in stages.joined() { features = block(features, &pass) }
    return features.globalAveragePooled()
  }
}

/// `relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x))`, the convolutions 3 x 3. The shortcut is `x`, or a 1
/// x 1 convolution and a normalisation (`downsample`) where the block changes the channels or the sides.
public final class BasicBlock: Layer {
  /// `[outputs, inputs, 3, 3]`, with the block's stride; no bias.
  public let conv1: Conv2d
  /// Over the `outputs` channels; a ReLU follows.
  public let bn1: BatchNorm2d
  /// `[outputs, outputs, 3, 3]`, of stride 1; no bias.
  public let conv2: Conv2d
  /// Over the `outputs` channels; the shortcut is added to its result, and a ReLU follows.
  public let bn2: BatchNorm2d
  /// The shortcut's convolution, `[outputs, inputs, 1, 1]` with the block's stride, and its normalisation;
  /// nil where the shortcut is `x`.
  public let downsample: (convolution: Conv2d, norm: BatchNorm2d)?

  init(_ inputs: Int, _ outputs: Int, stride: Int, using generator: inout RandomGenerator) {
    conv1 = Conv2d(inputs, outputs, kernel: 3, stride: stride, padding: 1, bias: false, using: &generator)
    bn1 = BatchNorm2d(outputs)
    conv2 = Conv2d(outputs, outputs, kernel: 3, padding: 1, bias: false, using: &generator)
    bn2 = BatchNorm2d(outputs)
    downsample =
      stride == 1 && inputs == outputs
      ? nil
      : (
        Conv2d(inputs, outputs, kernel: 1, stride: stride, bias: false, using: &generator),
        BatchNorm2d(outputs)
      )
  }

  public var members: [Member] {
    [.module("conv1", conv1), .module("bn1", bn1), .module("conv2", conv2), .module("bn2", bn2)]
      + (downsample.map { [.module("downsample.0", $0.convolution), .module("downsample.1", $0.norm)] } ?? [])
  }

  /// `[batch, height, width, inputs]` to `[batch, height', width', outputs]`, sides divided by the stride and
  /// rounded up.
  public func callAsFunction(_ x: Tensor, _ pass: inout Pass) -> Tensor {
    let hidden = bn1(conv1(x, &pass), relu: true, &pass)
    var shortcut = x
    if let downsample { shortcut = downsample.norm(downsample.convolution(x, &pass), &pass) }
    return bn2(conv2(hidden, &pass), adding: shortcut, relu: true, &pass)
  }
}
