import Basics
import Evaluation
import Foundation
import NeuralNetworks
import Tensors

/// What a command would train, how much work that is and about how long it takes: found out with the data and a few
/// steps, without a run folder being touched.
///
/// The steps are real ones (batches with their views, losses, backward, optimiser) but for a learning rate of 0, on
/// a network that is then thrown away. The data are read or drawn as training does it.
package struct DryRun {
  private let runs: URL
  private let dataFolder: URL?
  private let threads: Int?

  /// - Parameters: as of `ExperimentRunner`.
  package init(runs: URL, dataFolder: URL? = nil, threads: Int? = nil) {
    self.runs = runs
    self.dataFolder = dataFolder
    self.threads = threads
  }

  /// The report on all runs: a paragraph a configuration, with a line a seed.
  /// - Parameter seeds: empty: each configuration's own.
  /// - Throws: what training throws before its first epoch: `MissingDataError`, `FileFormatError`,
  ///   `ConfigurationError`; `RunError` when the run does not fit into memory, or its folder has other settings.
  package func report(_ configurations: [ExperimentConfiguration], seeds: [Int] = []) throws -> String {
    var (text, left, seconds) = ("", 0, 0.0)
    var loaded: (key: ExperimentData.Key, data: ExperimentData)?
    for configuration in configurations {
      if let threads = threads ?? configuration.threads { Parallel.setThreadCount(threads) }
      let key = ExperimentData.Key(configuration)
      let data =
        try loaded.flatMap { $0.key == key ? $0.data : nil } ?? ExperimentData(key, folder: dataFolder)
      loaded = (key, data)
      let cost = try RunCost(configuration, data: data)
      text +=
        "\(configuration.experiment) \(configuration.objective.loss.symbol), profile \(configuration.profile)\n"
      text += (cost.lines(configuration, data: data) + data.notes).map { "  \($0)\n" }.joined()
      text += data.warnings(configuration).map { "  warning: \($0)\n" }.joined()
      for seed in seeds.isEmpty ? configuration.seeds : seeds {
        let folder = RunFolder.of(configuration, seed: seed, in: runs)
        try folder.requireSettings(of: configuration)
        let rest = Self.share(left: configuration, in: folder)
        text += "  seed \(seed): \(folder.url.relativePath), \(Self.standing(configuration, folder))"
        text += rest == 0 ? "\n" : ", about \(duration(cost.seconds(forShare: rest))) to go\n"
        left += rest > 0 ? 1 : 0
        seconds += cost.seconds(forShare: rest)
      }
    }
    return text
      + "\(left) \(left == 1 ? "run" : "runs") to do, about \(duration(seconds)) one after the other; nothing was written\n"
  }

  /// How far a run is, in words.
  private static func standing(_ configuration: ExperimentConfiguration, _ folder: RunFolder) -> String {
    if folder.isComplete { return "complete" }
    guard folder.isStarted else { return "not begun" }
    return "\(folder.epochsDone) of \(configuration.epochs) epochs done"
  }

  /// The share of the epochs that is still to be trained: hardly more than 0 when only the evaluation is left, 0 when nothing is.
  private static func share(left configuration: ExperimentConfiguration, in folder: RunFolder) -> Double {
    if folder.isComplete { return 0 }
    // An evaluation is left in any case.
    return max(1e-9, 1 - Double(folder.isStarted ? folder.epochsDone : 0) / Double(configuration.epochs))
  }
}

/// The work of one run, and what a few steps of it took.
struct RunCost {
  let encoderParameters: Int
  let classifierParameters: Int
  let stepsPerEpoch: Int
  /// Multiplications with their additions, of the network's and the loss's products.
  let multiplyAdds: Double
  /// Seconds of a step, of what comes after an epoch, and of what comes at the end.
  let step: Double
  let epoch: Double
  let end: Double
  private let epochs: Int
  /// What the run's tensors are estimated to take.
  let memory: RunMemory
  /// What tensors took in the steps that were tried, and the images, in bytes.
  let tensorBytes: Int
  let imageBytes: Int

  init(_ configuration: ExperimentConfiguration, data: ExperimentData) throws {
    memory = RunMemory(configuration, data: data)
    try memory.check(configuration, data: data)
    MemoryPool.releaseUnused()
    let before = MemoryPool.statistics.bytesHeld
    var generator = RandomGenerator(seed: 0)
    let model = try TrainedModel(configuration, task: data.task, using: &generator)
    encoderParameters = model.encoder.parameterCount
    classifierParameters = model.classifier.parameterCount
    stepsPerEpoch = data.stepsPerEpoch(configuration)
    epochs = configuration.epochs
    multiplyAdds = configuration.multiplyAdds(
      of: model.encoder, task: data.task, batch: data.batchSize(configuration))
    step = try Self.stepSeconds(configuration, model: model, data: data)
    let image = try Self.evaluationSeconds(model, data: data)
    let monitor = configuration.monitor
    let looks = monitor.everyEpochs == 0 ? 0 : monitor.share / Double(monitor.everyEpochs)
    epoch = image * (Double(data.validation.count) + looks * Double(data.training.count))
    end =
      image * Double(data.training.count + data.test.count)
      + Self.probeSeconds(configuration, data: data, dimension: model.encoder.embeddingDimension)
    tensorBytes = MemoryPool.statistics.bytesHeld - before
    imageBytes =
      data.whole.store.count * data.whole.store.imageSize + data.test.store.count * data.test.store.imageSize
  }

  /// Seconds of what is left of a run when a share of its epochs is; none when that is 0.
  func seconds(forShare share: Double) -> Double {
    share == 0 ? 0 : share * Double(epochs) * (Double(stepsPerEpoch) * step + epoch) + end
  }

  func lines(_ configuration: ExperimentConfiguration, data: ExperimentData) -> [String] {
    let batch = data.batchSize(configuration)
    let (perSecond, unit) = (2e-9 * multiplyAdds / step, decimals(multiplyAdds * 1e-6, 1))
    return [
      "network: \(configuration.networkSummary), \(grouped(encoderParameters)) parameters, and "
        + "\(grouped(classifierParameters)) of the classifier",
      "data: \(grouped(data.training.count)) training, \(grouped(data.validation.count)) validation and "
        + "\(grouped(data.test.count)) test images of \(data.task.images.channels) x \(data.imageSize) x \(data.imageSize)",
      "step: \(grouped(batch)) images in two views, \(unit) million multiply-adds, "
        + "\(decimals(step * 1e3, 1)) ms with \(Parallel.threadCount) threads "
        + "(\(decimals(perSecond, 1)) GFLOP/s)",
      "training: \(grouped(configuration.epochs)) epochs of \(grouped(stepsPerEpoch)) steps, "
        + "\(grouped(configuration.epochs * stepsPerEpoch)) in all",
      "memory: about \(RunMemory.text(memory.tensors + Double(imageBytes))) (tensors \(RunMemory.text(memory.tensors)), "
        + "images \(RunMemory.text(Double(imageBytes)))) beside the program; tensors took "
        + "\(RunMemory.text(Double(tensorBytes))) in the steps that were tried",
    ]
  }

  /// The median of some steps; the first, which fills the memory pool, is not counted.
  private static func stepSeconds(
    _ configuration: ExperimentConfiguration, model: TrainedModel, data: ExperimentData
  ) throws -> Double {
    let step = TrainingStep(configuration, model: model)
    var generator = RandomGenerator(seed: 0)
    let clock = ContinuousClock()
    var seconds: [Double] = []
    // The epochs' own order and views, so that making them is part of the time as it will be.
    for epoch in 0..<8 where seconds.count < 8 {
      let batches = data.batches(configuration, generator: generator.stream(UInt64(epoch)))
      while seconds.count < 8, seconds.reduce(0, +) < 5 || seconds.count < 3 {
        let start = clock.now
        guard let batch = batches.next() else { break }
        do {
          _ = try step(batch, rate: 0, using: &generator)
        } catch let error as NotFiniteError {
          throw RunError("\(error.what) not finite with the weights that training begins with")
        }
        seconds.append((clock.now - start).seconds)
      }
      if seconds.count >= 3, seconds.reduce(0, +) >= 5 { break }
    }
    return Timing(seconds: Array(seconds.dropFirst(seconds.count > 1 ? 1 : 0))).median
  }

  /// Seconds to embed an image as it is.
  private static func evaluationSeconds(_ model: TrainedModel, data: ExperimentData) throws -> Double {
    let part = data.whole.subset(Array(0..<min(512, data.whole.count)))
    _ = try data.embeddings(of: part, by: model.encoder)
    let timing = Timing.measure(runs: 2, warmUp: 0) { _ = try? data.embeddings(of: part, by: model.encoder) }
    return timing.median / Double(part.count)
  }

  /// Seconds of the probe, from a few of its batches.
  private static func probeSeconds(
    _ configuration: ExperimentConfiguration, data: ExperimentData, dimension: Int
  ) -> Double {
    var generator = RandomGenerator(seed: 0)
    let batch = configuration.probe.batchSize
    let count = min(data.training.count, 8 * batch)
    let embeddings = Tensor.normal([count, dimension], using: &generator)
    let labels = Array(data.training.strata.prefix(count))
    let seconds = Timing.measure(runs: 2) {
      _ = LinearProbe(
        embeddings: embeddings, labels: labels, classes: data.training.stratumNames.count,
        configuration: LinearProbe.Configuration(epochs: 1, batchSize: batch, standardise: false),
        using: &generator)
    }.median
    return seconds * Double(configuration.probe.epochs) * Double(data.training.count) / Double(count)
  }
}

extension ExperimentConfiguration {
  /// Multiplications with their additions in a step's products: the network forward and backward on both views, the
  /// classifier and the head, the contrastive loss with its gradients.
  func multiplyAdds(of encoder: any Encoder, task: TaskShape, batch: Int) -> Double {
    let (views, dimension, images) = (2 * batch, encoder.embeddingDimension, task.images)
    let network = encoder.multiplyAdds(images: [views, images.channels, images.size, images.size])
    let classifier = 3 * Double(views * dimension * task.classes)
    let head =
      projection.isOn ? 3 * Double(views * projection.hiddenWidth * (dimension + projection.width)) : 0
    let rows = Double(objective.layout == .pooled ? views : batch)
    let compared = projection.isOn ? projection.width : dimension
    let contrast =
      3 * rows * rows * Double(compared) * (objective.symmetric && objective.layout == .crossView ? 2 : 1)
    return network + classifier + head + contrast
  }
}
