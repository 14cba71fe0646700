import Datasets
import Evaluation
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
  private let state: TrainingState
  private let folder: RunFolder

  /// - Throws: `FileFormatError` or `RunError` when the best network of the folder cannot be read.
  init(
    _ configuration: ExperimentConfiguration, seed: Int, data: ExperimentData, folder: RunFolder,
    progress: ProgressLine
  ) throws {
    self.configuration = configuration
    self.seed = seed
    self.data = data
    self.progress = progress
    self.folder = folder
    do {
      let checkpoint = try Checkpoint(folder.best)
      state = checkpoint.state
      model = try TrainedModel(checkpoint, data: data)
    } catch {
      throw folder.damaged(folder.best, "its run cannot be evaluated", error)
    }
  }

  /// Embeds, probes and measures.
  /// - Throws: `InterruptedError` after a signal; the next start evaluates again from the beginning.
  func result() throws -> RunResult {
    let training = try embeddings(of: data.training, "training")
    let test = try embeddings(of: data.test, "test")
    progress.update("training the probe")
    let fine = probe(training, test)
    try Interruption.check()
    progress.update("searching nearest neighbours")
    let k = configuration.neighbours.k
    let last = try MetricsLog(file: folder.metrics).entries().last
    let neighbours = NearestNeighbours.predict(test, training: training, labels: data.training.strata, k: k)
    let result = RunResult(
      experiment: configuration.experiment, title: configuration.title, profile: configuration.profile,
      loss: configuration.loss.name, fingerprint: configuration.fingerprint, seed: seed,
      encoder: configuration.networkSummary, parameters: model.encoder.parameterCount,
      epochs: last?["epoch"]?.int ?? configuration.epochs, trainingImages: data.training.count,
      validationImages: data.validation.count,
      testImages: data.test.count, bestEpoch: state.bestEpoch, validationAccuracy: state.bestAccuracy,
      fineAccuracy: fine, coarseAccuracy: model.accuracy(ofEmbeddings: test, labels: data.test.labels),
      areaUnderROC: try model.areaUnderROC(ofEmbeddings: test, labels: data.test.labels),
      neighbourAccuracy: accuracy(neighbours, labels: data.test.strata), neighbours: k,
      classCollapse: Collapse(test, groups: data.test.labels, names: data.test.classNames),
      stratumCollapse: Collapse(test, groups: data.test.strata, names: data.test.stratumNames))
    if let steps = last?["step"]?.int {
      try RunEvents(configuration, seed: seed, folder: folder, after: steps).add(result, done: steps)
    }
    return result
  }

  /// The fine test accuracy of a linear classifier on the frozen embeddings.
  private func probe(_ training: Tensor, _ test: Tensor) -> Double {
    let settings = configuration.probe
    var generator = RandomGenerator(seed: UInt64(seed)).stream(Trainer.Stream.probe)
    let probe = LinearProbe(
      embeddings: training, labels: data.training.strata, classes: data.training.stratumNames.count,
      configuration: LinearProbe.Configuration(
        learningRate: Float(settings.rate), epochs: settings.epochs, batchSize: settings.batchSize,
        weightDecay: Float(settings.weightDecay), standardises: settings.standardise),
      using: &generator)
    return probe.accuracy(test, labels: data.test.strata)
  }

  private func embeddings(of part: ImageDataset, _ name: String) throws -> Tensor {
    progress.update("embedding \(grouped(part.count)) \(name) images")
    let embeddings = try data.embeddings(of: part, by: model.encoder)
    try Interruption.check()
    return embeddings
  }
}
