import Evaluation
import NeuralNetworks
import Tensors

/// The encoder, the linear classifier that is trained with it and, between encoder and contrastive loss, the
/// projection head where there is one: what a checkpoint holds under `encoder.`, `classifier.`, `projection.`.
final class TrainedModel: Module {
  let encoder: any Encoder
  let projection: ProjectionHead?
  let classifier: Linear

  /// - Parameters:
  ///   - images: side in pixels and channels.
  ///   - classes: of the labels that are trained on.
  /// - Throws: `ConfigurationError` when the encoder does not go with the images.
  init(
    _ configuration: ExperimentConfiguration, imageSize: Int, channels: Int, classes: Int,
    using generator: inout RandomGenerator
  ) throws {
    encoder = try configuration.encoder.encoder(imageSize: imageSize, channels: channels, using: &generator)
    classifier = Linear(encoder.embeddingDimension, classes, using: &generator)
    let head = configuration.projection
    projection =
      head.isOn
      ? ProjectionHead(
        encoder.embeddingDimension, hiddenWidth: head.hiddenWidth, outputs: head.width, using: &generator)
      : nil
  }

  /// The network of a checkpoint, for images like those it was trained on.
  convenience init(_ checkpoint: Checkpoint, data: ExperimentData) throws {
    var unused = RandomGenerator(seed: 0)
    try self.init(
      checkpoint.configuration, imageSize: data.imageSize, channels: data.channels,
      classes: data.classes,
      using: &unused)
    try load(checkpoint.tensors(under: "model."))
  }

  var members: [Member] {
    [.module("encoder", encoder), .module("classifier", classifier)]
      + (projection.map { [.module("projection", $0)] } ?? [])
  }

  /// The share of embeddings that the classifier gives their label.
  func accuracy(ofEmbeddings embeddings: Tensor, labels: [Int]) -> Double {
    Evaluation.accuracy(logits(ofEmbeddings: embeddings).argmax(), labels: labels)
  }

  /// `[N, classes]`
  func logits(ofEmbeddings embeddings: Tensor) -> Tensor {
    withoutGradient {
      var pass = Pass.evaluation
      return classifier(embeddings, &pass)
    }
  }
}

extension Checkpoint {
  /// The encoder alone, for images of any classes.
  /// - Throws: `RunError` that names the checkpoint when it does not go with the images.
  func encoder(for data: ExperimentData) throws -> any Encoder {
    var unused = RandomGenerator(seed: 0)
    do {
      let encoder = try configuration.encoder.encoder(
        imageSize: data.imageSize, channels: data.channels, using: &unused)
      try encoder.load(tensors(under: "model.encoder."))
      return encoder
    } catch {
      throw RunError("the encoder of \(file.path) does not go with these images: \(error)")
    }
  }
}

extension EncoderSettings {
  /// A new encoder for square images.
  func encoder(
    imageSize: Int, channels: Int, using generator: inout RandomGenerator
  ) throws -> any Encoder {
    switch name {
    case .vit:
      guard imageSize % patch == 0 else {
        throw ConfigurationError(
          place: nil, path: "encoder.patch",
          problem: "patches of \(patch) pixels do not divide images of \(imageSize)")
      }
      return VisionTransformer(
        visionTransformer(imageSize: imageSize, channels: channels), using: &generator)
    case .resnet18, .resnet: return ResNet(residualNetwork(channels: channels), using: &generator)
    }
  }

  /// The vision transformer that the settings describe.
  func visionTransformer(imageSize: Int, channels: Int) -> VisionTransformer.Configuration {
    var configuration = VisionTransformer.Configuration()
    configuration.imageSize = imageSize
    configuration.channels = channels
    configuration.patchSize = patch
    configuration.width = width
    configuration.depth = depth
    configuration.heads = heads
    configuration.mlpWidth = mlpWidth
    configuration.dropout = Float(dropout)
    configuration.embeddingDropout = Float(embeddingDropout)
    configuration.headDropout = Float(headDropout)
    configuration.dropPath = Float(stochasticDepth)
    return configuration
  }

  /// The residual network that the settings describe.
  func residualNetwork(channels: Int) -> ResNet.Configuration {
    name == .resnet18
      ? .init(channels: channels, width: 64, blocks: [2, 2, 2, 2], stem: stem)
      : .init(channels: channels, width: stemWidth, blocks: blocks, stem: stem, stemStride: stemStride)
  }

  /// For tables: "ViT 4 x 128, 4 heads, patch 4".
  var summary: String {
    switch name {
    case .vit: "ViT \(depth) x \(width), \(heads) heads, patch \(patch)"
    case .resnet18: "ResNet18" + (stem == .large ? ", large stem" : "")
    case .resnet:
      "ResNet, \(blocks.map(String.init).joined(separator: "-")) blocks, stem \(stemWidth)"
        + (stem == .large ? ", large" : stemStride == 1 ? "" : " of stride \(stemStride)")
    }
  }
}

extension ExperimentConfiguration {
  /// For tables: the encoder, and the head where there is one.
  var networkSummary: String {
    encoder.summary + (projection.isOn ? ", head \(projection.hiddenWidth)-\(projection.width)" : "")
  }
}

extension OptimiserSettings {
  func optimiser(for parameters: [(name: String, tensor: Tensor)]) -> any Optimiser {
    switch name {
    case .adamw:
      AdamW(
        parameters, beta1: Float(betas[0]), beta2: Float(betas[1]), epsilon: Float(epsilon),
        weightDecay: Float(weightDecay))
    case .sgd:
      SGD(parameters, momentum: Float(momentum), weightDecay: Float(weightDecay), nesterov: nesterov)
    }
  }
}

extension ScheduleSettings {
  func schedule(epochs: Int) -> Schedule {
    switch name {
    case .constant: .constant
    case .cosine: .cosine(period: Double(period ?? epochs), minimum: minimum)
    case .cosineToZero: .cosineToZero
    case .multiStep: .multiStep(milestones: milestones, factor: factor)
    case .oneCycle: .oneCycle(warmUp: rise)
    }
  }
}
