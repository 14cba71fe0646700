import Evaluation
import NeuralNetworks
import Tensors

/// What a network is made for.
struct TaskShape: Equatable {
  /// The images that it sees.
  var images: ImageShape
  /// Classes of the labels that are trained on.
  var classes: Int
}

/// The encoder, the linear classifier that is trained with it and, between encoder and contrastive loss, the
/// projection head where there is one: what a checkpoint holds under `encoder.`, `classifier.`, `projection.`.
final class TrainedModel: Module {
  let encoder: any Encoder
  let projection: ProjectionHead?
  let classifier: Linear

  /// - Throws: `ConfigurationError` when the encoder does not go with the images.
  init(
    _ configuration: ExperimentConfiguration, task: TaskShape, using generator: inout RandomGenerator
  ) throws {
    encoder = try configuration.encoder.encoder(for: task.images, using: &generator)
    classifier = Linear(encoder.embeddingDimension, task.classes, using: &generator)
    projection = configuration.projection.head(encoder.embeddingDimension, using: &generator)
  }

  /// The network of a checkpoint, for images like those it was trained on.
  convenience init(_ checkpoint: Checkpoint, data: ExperimentData) throws {
    var unused = RandomGenerator(seed: 0)
    try self.init(checkpoint.configuration, task: data.task, using: &unused)
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
      let encoder = try configuration.encoder.encoder(for: data.task.images, using: &unused)
      try encoder.load(tensors(under: "model.encoder."))
      return encoder
    } catch {
      throw RunError("the encoder of \(file.path) does not go with these images: \(error)")
    }
  }
}

extension ExperimentConfiguration {
  /// For tables: the encoder, and the head where there is one.
  var networkSummary: String {
    encoder.configuration.summary
      + (projection.isOn ? ", head \(projection.hiddenWidth)-\(projection.width)" : "")
  }
}

extension EncoderChoice {
  /// A new encoder.
  /// - Throws: `ConfigurationError` when it does not go with the images.
  func encoder(for images: ImageShape, using generator: inout RandomGenerator) throws -> any Encoder {
    if let conflict = configuration.conflict(with: images) {
      throw ConfigurationError(place: nil, path: "encoder.\(conflict.key)", problem: conflict.problem)
    }
    return configuration.encoder(for: images, using: &generator)
  }
}
