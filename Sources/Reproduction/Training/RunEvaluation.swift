import Datasets
import Evaluation
import Foundation
import Tensors

/// Measures a trained run: its best network frozen, the embeddings of training and test images, and what they still tell.
struct RunEvaluation {
  let configuration: ExperimentConfiguration
  let seed: Int
  let data: ExperimentData
  let model: TrainedModel
  let progress: ProgressLine
  private let state: TrainingState

  /// - Throws: `FileFormatError` or `RunError` when the best network of the folder cannot be read.
  init(
    _ configuration: ExperimentConfiguration, seed: Int, data: ExperimentData, folder: RunFolder,
    progress: ProgressLine
  ) throws {
    self.configuration = configuration
    self.seed = seed
    self.data = data
    self.progress = progress
    let checkpoint = try Checkpoint(folder.best)
    state = checkpoint.state
    model = try TrainedModel(checkpoint, data: data)
  }

  /// Embeds, probes and measures.
  func result() -> RunResult {
    let training = embeddings(of: data.training, "training")
    let test = embeddings(of: data.test, "test")
    progress.update("training the probe")
    let probe = configuration.probe
    let fine = temporaryProbe(
      training, data.training.strata, test, data.test.strata, classes: data.test.stratumNames.count, probe,
      seed)
    progress.update("searching nearest neighbours")
    let neighbours = temporaryNeighbours(
      training, data.training.strata, test, data.test.strata, k: configuration.neighbours.k)
    return RunResult(
      experiment: configuration.experiment, title: configuration.title, profile: configuration.profile,
      loss: configuration.loss.name, fingerprint: configuration.fingerprint, seed: seed,
      encoder: configuration.encoder.summary, parameters: model.encoder.parameterCount,
      epochs: configuration.epochs, trainingImages: data.training.count,
      validationImages: data.validation.count,
      testImages: data.test.count, bestEpoch: state.bestEpoch, validationAccuracy: state.bestAccuracy,
      fineAccuracy: fine, coarseAccuracy: model.accuracy(ofEmbeddings: test, labels: data.test.labels),
      neighbourAccuracy: neighbours, neighbours: configuration.neighbours.k,
      classCollapse: temporaryCollapse(test, data.test.labels),
      stratumCollapse: temporaryCollapse(test, data.test.strata))
  }

  private func embeddings(of part: ImageDataset, _ name: String) -> Tensor {
    data.embeddings(of: part, by: model) { done in
      progress.update("embedding \(name) images, \(done) of \(part.count)")
    }
  }
}
