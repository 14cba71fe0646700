import Datasets
import Evaluation
import NeuralNetworks
import Tensors

/// What is measured of a network between epochs, on validation images alone. Nothing is drawn at random and the
/// network is not changed: training goes on as if it had not been looked at.
struct Validation {
  /// What one epoch came to.
  struct Outcome: Equatable {
    /// The classifier's, on the labels that it is trained for.
    var accuracy: Double
    /// Nil where there is but one image.
    var spread: EmbeddingSpread?
    /// Nil in epochs without it.
    var neighbours: Neighbours?
  }

  /// Accuracies by the nearest training images.
  struct Neighbours: Equatable {
    var fine: Double
    var coarse: Double
  }

  private let configuration: ExperimentConfiguration
  private let data: ExperimentData
  /// The training images among which neighbours are looked for.
  private let among: ImageDataset?

  init(_ configuration: ExperimentConfiguration, data: ExperimentData) {
    self.configuration = configuration
    self.data = data
    let (monitor, count) = (configuration.monitor, data.training.count)
    among =
      monitor.everyEpochs == 0
      ? nil
      : data.training.sample(
        max(1, Int(Double(count) * monitor.share)), seed: UInt64(configuration.validation.seed))
  }

  /// - Throws: `RunError` when embeddings are not finite.
  func figures(of model: TrainedModel, epoch: Int) throws -> Outcome {
    let embeddings = try data.embeddings(of: data.validation, by: model.encoder)
    return Outcome(
      accuracy: model.accuracy(ofEmbeddings: embeddings, labels: data.validation.labels),
      spread: data.validation.count >= 2 ? EmbeddingSpread(embeddings) : nil,
      neighbours: try neighbours(of: embeddings, encoder: model.encoder, epoch: epoch))
  }

  private func neighbours(of embeddings: Tensor, encoder: any Encoder, epoch: Int) throws -> Neighbours? {
    guard let among, epoch % configuration.monitor.everyEpochs == 0 || epoch == configuration.epochs else {
      return nil
    }
    let known = try data.embeddings(of: among, by: encoder)
    func share(_ labels: [Int], _ expected: [Int]) -> Double {
      let predicted = NearestNeighbours.predict(
        embeddings, training: known, labels: labels, k: configuration.monitor.neighbours)
      return accuracy(predicted, labels: expected)
    }
    return Neighbours(
      fine: share(among.strata, data.validation.strata), coarse: share(among.labels, data.validation.labels))
  }
}
