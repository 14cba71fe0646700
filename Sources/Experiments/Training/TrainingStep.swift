import ContrastiveLosses
import Datasets
import Foundation
import NeuralNetworks
import Tensors

/// One step of training: forward, both losses, backward, and what the optimiser makes of the gradients.
struct TrainingStep {
  /// What a step came to. The norm is that of all gradients before any clipping; the optimiser needs it anyway.
  struct Outcome {
    var contrastive: Double
    var crossEntropy: Double
    var gradientNorm: Double
  }

  let model: TrainedModel
  let optimiser: any Optimiser
  private let objective: ContrastiveObjective
  private let classifier: ClassifierSettings
  private let maximumNorm: Float?

  init(_ configuration: ExperimentConfiguration, model: TrainedModel) {
    self.model = model
    optimiser = configuration.optimiser.settings.optimiser(for: model.parameters())
    objective = configuration.objective
    classifier = configuration.classifier
    maximumNorm = configuration.optimiser.settings.gradientClip
  }

  /// - Parameter generator: what random layers draw from.
  /// - Throws: `NotFiniteError`; but for that of the gradients, the network is as it was before.
  func callAsFunction(
    _ batch: Batch, rate: Double, using generator: inout RandomGenerator
  ) throws -> Outcome {
    var pass = Pass.training(generator)
    let count = batch.count
    let embeddings = model.encoder(batch.views, &pass)
    let logits = model.classifier(embeddings, &pass)
    let compared = model.projection.map { $0(embeddings, &pass) } ?? embeddings
    generator = pass.generator

    guard embeddings.isFinite, compared.isFinite else {
      throw NotFiniteError("the embeddings are", embeddings: embeddings)
    }
    let contrastive = try objective(
      compared.sliced(0..<count), compared.sliced(count..<(2 * count)), labels: batch.labels)
    let crossEntropy = crossEntropy(
      logits, labels: batch.labels + batch.labels, smoothing: Float(classifier.labelSmoothing))
    let loss = contrastive + crossEntropy * Float(classifier.weight)
    guard loss.item().isFinite else { throw NotFiniteError("the loss is", embeddings: embeddings) }
    loss.backward()
    let norm = optimiser.step(rate: Float(rate), maximumNorm: maximumNorm)
    // The weights are spoilt already. Told here rather than by the next step's embeddings, because this is the
    // batch that did it.
    guard norm.isFinite else { throw NotFiniteError("the gradients are", embeddings: embeddings) }
    return Outcome(
      contrastive: Double(contrastive.item()), crossEntropy: Double(crossEntropy.item()),
      gradientNorm: Double(norm))
  }
}

/// A step that came to something that is no number.
struct NotFiniteError: Error {
  /// "the loss is".
  let what: String
  /// `[2 B, d]`, as they were.
  let embeddings: Tensor

  init(_ what: String, embeddings: Tensor) {
    self.what = what
    self.embeddings = embeddings.detached()
  }
}

extension Batch {
  /// Saves the batch of a step that failed, as `.safetensors`: `views` `[2 B, channels, height, width]` as the
  /// network saw them, `labels` and `places` (in the training images) `[B]`, `embeddings` `[2 B, d]`.
  package func write(embeddings: Tensor, metadata: [String: String], to file: URL) throws {
    func vector(_ values: [Int]) -> Tensor { Tensor(values.map { Float($0) }) }
    try SafeTensors.write(
      [
        (name: "views", tensor: views), (name: "labels", tensor: vector(labels)),
        (name: "places", tensor: vector(places)), (name: "embeddings", tensor: embeddings),
      ], metadata: metadata, to: file.path)
  }

  /// Whether no class has two points here: then the supervised losses have nothing but each point's other view to
  /// draw it to.
  var hasNoPair: Bool { Set(labels).count == labels.count }
}
