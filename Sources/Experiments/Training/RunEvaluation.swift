import Basics
import Datasets
import Foundation
import Tensors

/// Measures a trained run: its best network frozen, the embeddings of training and test images, and what they
/// still tell.
struct RunEvaluation {
  let configuration: ExperimentConfiguration
  let seed: Int
  let data: ExperimentData
  let model: TrainedModel
  let progress: ProgressLine
  /// As of the best epoch.
  private let state: TrainingState
  /// As of the last.
  private let trained: TrainingState
  private let stepsDone: Int
  private let folder: RunFolder

  /// - Throws: `RunError` when the best network of the folder cannot be read, or is not that of the training.
  init(of trainer: Trainer, progress: ProgressLine) throws {
    (configuration, seed, data, folder) = (trainer.configuration, trainer.seed, trainer.data, trainer.folder)
    (trained, stepsDone) = (trainer.state, trainer.stepsDone)
    self.progress = progress
    do {
      let checkpoint = try Checkpoint(folder.best, of: configuration, seed: seed)
      guard checkpoint.state.epoch == trained.bestEpoch else {
        throw RunError(
          "\(folder.best.path) is the network of epoch \(checkpoint.state.epoch), and the best was that of epoch "
            + "\(trained.bestEpoch)")
      }
      state = checkpoint.state
      model = try TrainedModel(checkpoint, data: data)
    } catch {
      throw folder.damaged(folder.best, "its run cannot be evaluated", error)
    }
  }

  /// Embeds and measures.
  /// - Throws: `InterruptedError` after a signal; the next start evaluates again from the beginning.
  func result() throws -> RunResult {
    let training = try embeddings(of: data.training, "training")
    let test = try embeddings(of: data.test, "test")
    let run = EvaluatedRun(
      configuration, seed: seed, training: EvaluatedRun.Part(data.training, embeddings: training),
      test: EvaluatedRun.Part(data.test, embeddings: test), logits: model.logits(ofEmbeddings: test),
      progress: progress)
    let figures = try run.figures()
    let result = RunResult(
      configuration, seed: seed, encoder: configuration.networkSummary,
      parameters: model.encoder.parameterCount, epochs: trained.epoch, trainingImages: data.training.count,
      validationImages: data.validation.count, testImages: data.test.count,
      skippedImages: data.skippedImages, bestEpoch: state.bestEpoch, validationAccuracy: state.bestAccuracy,
      figures: figures.values, undefined: figures.undefined, classCollapse: run.classCollapse,
      stratumCollapse: run.stratumCollapse)
    try RunEvents(configuration, seed: seed, folder: folder, after: stepsDone).add(result, done: stepsDone)
    return result
  }

  private func embeddings(of part: ImageDataset, _ name: String) throws -> Tensor {
    progress.update("embedding \(grouped(part.count)) \(name) images")
    let embeddings = try data.embeddings(of: part, by: model.encoder)
    try Interruption.check()
    return embeddings
  }
}
