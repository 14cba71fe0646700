import NeuralNetworks

/// The network that maps an image to its embedding.
public struct EncoderSettings: Sendable, Equatable {
  /// The paper's vision transformer, ResNet18, or a residual network of other sizes.
  public enum Name: String, CaseIterable, Sendable { case vit, resnet18, resnet }

  /// Which network. The settings from `width` to `stochasticDepth` are those of `vit`, `stem` is that of both
  /// residual networks, the others are those of `resnet`; in a file, one that means nothing is an error.
  public var name = Name.vit
  /// Transformer: the tokens' width, which is the embedding's. A residual network's embedding has
  /// `stemWidth`, doubled by every stage but the first.
  public var width = 256
  /// Blocks.
  public var depth = 7
  /// Attention heads, each `width / heads` wide; a number that does not divide the width is an error.
  public var heads = 8
  /// Side of the square patches, in pixels.
  public var patch = 4
  /// Width within the MLP of a block.
  public var mlpWidth = 512
  /// Dropout after the patch embedding.
  public var embeddingDropout = 0.1
  /// Dropout within the blocks.
  public var dropout = 0.05
  /// Probability that all attention scores of a position are dropped.
  public var headDropout = 0.1
  /// Probability of leaving out the last block's branches; it grows linearly from 0 at the first.
  public var stochasticDepth = 0.05
  /// Residual network: channels of the stem and of the first stage; each further stage has twice as many.
  public var stemWidth = 64
  /// Residual network: blocks in each stage; every stage but the first halves the image's sides.
  public var blocks = [2, 2, 2, 2]
  /// Residual networks: the stem for small images or torchvision's for large ones.
  public var stem = ResNet.Stem.small
  /// Residual network: the small stem's stride.
  public var stemStride = 1

  /// Each field at the default that stands with it.
  public init() {}
}

extension EncoderSettings.Name: ConfigurationChoice {}
extension ResNet.Stem: ConfigurationChoice {}

extension EncoderSettings: ConfigurationSection {
  package static var fields: [ConfigurationField<Self>] {
    let isTransformer: (Self) -> Bool = { $0.name == .vit }
    let isResidual: (Self) -> Bool = { $0.name == .resnet }
    let stages = Limits<[Int]>(
      text: "1 to 8 numbers from 1 to 64",
      allow: { (1...8).contains($0.count) && $0.allSatisfy { (1...64).contains($0) } },
      schema: [("minItems", .integer(1)), ("maxItems", .integer(8))])
    let probability = Limits<Double>.fraction(below: 1)
    return [
      .value(
        "name", \.name,
        "vit: the paper's vision transformer; resnet18: an embedding of 512 values; resnet: the same with other sizes."
      ),
      .value(
        "width", \.width, .within(1...8192), "Width of the tokens and of the embedding.", when: isTransformer),
      .value("depth", \.depth, .within(1...128), "Number of blocks.", when: isTransformer),
      .value(
        "heads", \.heads, .within(1...256), "Attention heads; they divide the width.", when: isTransformer),
      .value("patch", \.patch, .within(1...256), "Side of a patch in pixels.", when: isTransformer),
      .value(
        "mlpWidth", \.mlpWidth, .within(1...65_536), "Width within the MLP of a block.", when: isTransformer),
      .value(
        "embeddingDropout", \.embeddingDropout, probability, "Dropout after the patch embedding.",
        when: isTransformer),
      .value("dropout", \.dropout, probability, "Dropout within the blocks.", when: isTransformer),
      .value(
        "headDropout", \.headDropout, probability,
        "Probability that all attention scores of a position are dropped.",
        when: isTransformer),
      .value(
        "stochasticDepth", \.stochasticDepth, probability,
        "Probability that an image skips a branch of the last block; it grows linearly from 0 at the first.",
        when: isTransformer),
      .value(
        "stemWidth", \.stemWidth, .within(1...1024),
        "Channels of the stem and of the first stage; each further stage has twice as many.", when: isResidual
      ),
      // Not written where it is as it always was: runs that were made before this key keep their identity.
      .value(
        "stem", \.stem,
        "small: 3 x 3, for images of about 32 pixels; large: torchvision's for about 224, 7 x 7 of stride 2 and pooling.",
        when: { $0.name != .vit }
      ).omitted { $0.stem == .small },
      .value(
        "stemStride", \.stemStride, .within(1...4),
        "Stride of the small stem; 2 halves the image's sides for a quarter of the work.",
        when: { $0.name == .resnet && $0.stem == .small }),
      .value(
        "blocks", \.blocks, stages,
        "Residual blocks in each stage; every stage but the first halves the image's sides.",
        when: isResidual),
    ]
  }

  package var conflict: (key: String, problem: String)? {
    guard name == .vit, width % heads != 0 else { return nil }
    return ("heads", "\(heads) heads do not divide the width \(width)")
  }
}
