import Evaluation
import Tensors

/// What is measured of a network between epochs, on validation images alone. Nothing is drawn at random and the
/// network is not changed: training goes on as if it had not been looked at.
struct Validation {
  /// What one epoch came to.
  struct Figures: Equatable {
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

  let configuration: ExperimentConfiguration
  let data: ExperimentData

  func figures(of model: TrainedModel, epoch: Int) -> Figures {
    let embeddings = data.embeddings(of: data.validation, by: model.encoder)
    return Figures(
      accuracy: model.accuracy(ofEmbeddings: embeddings, labels: data.validation.labels),
      spread: data.validation.count >= 2 ? EmbeddingSpread(embeddings) : nil)
  }
}
