import Basics
import NeuralNetworks

/// The network that maps an image to its embedding: the one list of them. Each is a case here with its section below.
public enum EncoderChoice: Sendable, Equatable {
  /// The paper's vision transformer.
  case vit(VisionTransformer.Configuration)
  /// An embedding of 512 values.
  case resnet18(ResNet.Eighteen)
  /// A residual network of other sizes.
  case resnet(ResNet.Configuration)

  /// The sizes and probabilities of whichever it is.
  package var configuration: any EncoderSection {
    switch self {
    case .vit(let configuration): configuration
    case .resnet18(let configuration): configuration
    case .resnet(let configuration): configuration
    }
  }
}

extension EncoderChoice: ConfigurationVariants {
  package static var defaults: Self { .vit(.defaults) }

  package static let summaryOfName =
    "vit: the paper's vision transformer; resnet18: an embedding of 512 values; resnet: the same with other sizes."

  package static var variants: [ConfigurationVariant<Self>] {
    [
      ConfigurationVariant("vit", Self.vit) { if case .vit(let section) = $0 { section } else { nil } },
      ConfigurationVariant("resnet18", Self.resnet18) {
        if case .resnet18(let section) = $0 { section } else { nil }
      },
      ConfigurationVariant("resnet", Self.resnet) {
        if case .resnet(let section) = $0 { section } else { nil }
      },
    ]
  }
}

/// An encoder's configuration as experiments know it.
package protocol EncoderSection: EncoderConfiguration, ConfigurationSection {
  /// For tables: "ViT 4 x 128, 4 heads, patch 4".
  var summary: String { get }

  /// Why it does not go with images; nil where it does.
  func conflict(with images: ImageShape) -> (key: String, problem: String)?

  /// Settings that would make it need less memory, in words.
  func memoryAdvice(for images: ImageShape) -> [String]
}

extension EncoderSection {
  package func conflict(with images: ImageShape) -> (key: String, problem: String)? { nil }
}

// MARK: - vit

extension VisionTransformer.Configuration: EncoderSection {
  package static var defaults: Self { Self() }

  package static var fields: [ConfigurationField<Self>] {
    let probability = Limits<Float>.fraction(below: 1)
    return [
      .value("width", \.width, .within(1...8192), "Width of the tokens and of the embedding."),
      .value("depth", \.depth, .within(1...128), "Number of blocks."),
      .value("heads", \.heads, .within(1...256), "Attention heads; they divide the width."),
      .value("patch", \.patchSize, .within(1...256), "Side of a patch in pixels."),
      .value("mlpWidth", \.mlpWidth, .within(1...65_536), "Width within the MLP of a block."),
      .value("embeddingDropout", \.embeddingDropout, probability, "Dropout after the patch embedding."),
      .value("dropout", \.dropout, probability, "Dropout within the blocks."),
      .value(
        "headDropout", \.headDropout, probability,
        "Probability that all attention scores of a position are dropped."),
      .value(
        "stochasticDepth", \.stochasticDepth, probability,
        "Probability that an image skips a branch of the last block; it grows linearly from 0 at the first."),
    ]
  }

  package var conflict: (key: String, problem: String)? {
    width % heads == 0 ? nil : ("heads", "\(heads) heads do not divide the width \(width)")
  }

  package func conflict(with images: ImageShape) -> (key: String, problem: String)? {
    images.size % patchSize == 0
      ? nil : ("patch", "patches of \(patchSize) pixels do not divide images of \(images.size)")
  }

  package var summary: String { "ViT \(depth) x \(width), \(heads) heads, patch \(patchSize)" }

  package func memoryAdvice(for images: ImageShape) -> [String] {
    let patches = (images.size / patchSize) * (images.size / patchSize)
    return [
      "a larger encoder.patch (\(patchSize) makes \(grouped(patches)) patches of images of \(images.size) x "
        + "\(images.size))",
      "a smaller encoder.width or encoder.depth",
    ]
  }
}

// MARK: - resnet18 and resnet

extension ResNet.Stem: ConfigurationChoice {
  static let summary =
    "small: 3 x 3, for images of about 32 pixels; large: torchvision's for about 224, 7 x 7 of stride 2 and pooling."

  /// For tables, behind what stands before it.
  fileprivate var suffix: String { self == .large ? ", large" : "" }

  fileprivate func memoryAdvice(for images: ImageShape) -> [String] {
    self == .small && images.size > 64 ? ["encoder.stem=large"] : []
  }
}

extension ResNet.Eighteen: EncoderSection {
  package static var defaults: Self { Self() }

  package static var fields: [ConfigurationField<Self>] {
    // Not written where it is as it always was: runs that were made before this key keep their identity.
    [.value("stem", \.stem, ResNet.Stem.summary).omitted { $0.stem == .small }]
  }

  package var summary: String { "ResNet18" + (stem == .large ? ", large stem" : "") }

  package func memoryAdvice(for images: ImageShape) -> [String] { stem.memoryAdvice(for: images) }
}

extension ResNet.Configuration: EncoderSection {
  package static var defaults: Self { Self() }

  package static var fields: [ConfigurationField<Self>] {
    let stages = Limits<[Int]>(
      text: "1 to 8 numbers from 1 to 64",
      allow: { (1...8).contains($0.count) && $0.allSatisfy { (1...64).contains($0) } },
      schema: [("minItems", .integer(1)), ("maxItems", .integer(8))])
    return [
      .value(
        "stemWidth", \.width, .within(1...1024),
        "Channels of the stem and of the first stage; each further stage has twice as many."),
      .value("stem", \.stem, ResNet.Stem.summary).omitted { $0.stem == .small },
      .value(
        "stemStride", \.stemStride, .within(1...4),
        "Stride of the small stem; 2 halves the image's sides for a quarter of the work.",
        when: { $0.stem == .small }),
      .value(
        "blocks", \.blocks, stages,
        "Residual blocks in each stage; every stage but the first halves the image's sides."),
    ]
  }

  package var summary: String {
    "ResNet, \(blocks.map(String.init).joined(separator: "-")) blocks, stem \(width)\(stem.suffix)"
      + (stem == .large || stemStride == 1 ? "" : " of stride \(stemStride)")
  }

  package func memoryAdvice(for images: ImageShape) -> [String] {
    stem.memoryAdvice(for: images) + ["a smaller encoder.stemWidth (it is \(width))"]
  }
}
