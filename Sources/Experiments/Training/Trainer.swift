import Basics
import Datasets
import Foundation
import NeuralNetworks
import Tensors

/// Trains one encoder with its classifier, epoch by epoch, in a run folder that it can go on from.
///
/// Everything random is drawn from streams of the run's seed: the initial weights, the order and the views of
/// each epoch, and what layers drop. The second are numbered by epoch, so only the last has a state to save.
final class Trainer {
  let configuration: ExperimentConfiguration
  let seed: Int
  let data: ExperimentData
  let folder: RunFolder
  let model: TrainedModel
  private(set) var state: TrainingState

  private let step: TrainingStep
  private let validation: Validation
  private let generator: RandomGenerator
  private let progress: ProgressLine
  private let label: String
  private let batchSize: Int
  private let stepsPerEpoch: Int
  private var pace: Pace
  private let events: RunEvents
  /// Batches that lack pairs are told of once a start.
  private var hasToldOfPairs = false

  /// A trainer at the start, or where the folder's checkpoint stands.
  init(
    _ configuration: ExperimentConfiguration, seed: Int, data: ExperimentData, folder: RunFolder,
    progress: ProgressLine
  ) throws {
    self.configuration = configuration
    self.seed = seed
    self.data = data
    self.folder = folder
    self.progress = progress
    label = PlannedRun(configuration: configuration, seed: seed).label
    generator = RandomGenerator(seed: UInt64(seed))
    var initial = generator.stream(RandomStream.initialisation)
    model = try TrainedModel(configuration, task: data.task, using: &initial)
    step = TrainingStep(configuration, model: model)
    validation = Validation(configuration, data: data)
    state = TrainingState(generator: generator.stream(RandomStream.layers))
    batchSize = data.batchSize(configuration)
    stepsPerEpoch = data.stepsPerEpoch(configuration)
    pace = Pace()
    if folder.isStarted {
      state = try Self.resume(
        configuration, seed: seed, folder: folder, stepsPerEpoch: stepsPerEpoch, model: model,
        optimiser: step.optimiser)
    }
    if let note = try MetricsLog(file: folder.metrics).restore(toEpoch: state.epoch) {
      progress.print("\(label): warning: \(note)")
    }
    events = try RunEvents(
      configuration, seed: seed, folder: folder,
      after: folder.isStarted ? state.epoch * stepsPerEpoch + state.step : nil)
  }

  /// Brings network and optimiser to where the folder's checkpoint stands.
  private static func resume(
    _ configuration: ExperimentConfiguration, seed: Int, folder: RunFolder, stepsPerEpoch: Int,
    model: TrainedModel, optimiser: any Optimiser
  ) throws -> TrainingState {
    let state: TrainingState
    do {
      let checkpoint = try Checkpoint(folder.checkpoint, of: configuration, seed: seed)
      guard (0...configuration.epochs).contains(checkpoint.state.epoch),
        (0..<stepsPerEpoch).contains(checkpoint.state.step)
      else { throw RunError("\(folder.checkpoint.path) stands at an epoch or a step that the run has not") }
      try model.load(checkpoint.tensors(under: "model."))
      try optimiser.load(checkpoint.tensors(under: "optimiser."))
      state = checkpoint.state
    } catch {
      throw folder.damaged(folder.checkpoint, "a run cannot go on from it", error)
    }
    // Now, rather than after hours of training. A later epoch might be better and replace it, but nobody knows.
    if state.bestEpoch > 0 {
      do {
        _ = try Checkpoint(folder.best, of: configuration, seed: seed)
      } catch {
        throw folder.damaged(folder.best, "its run cannot be evaluated", error)
      }
    }
    return state
  }

  /// Trains to the last epoch, or until early stopping ends it.
  /// - Throws: `InterruptedError` after a signal, with everything saved; `RunError` when embeddings, loss or
  ///   gradients are no longer numbers, with the batch saved.
  func train() throws {
    while state.epoch < configuration.epochs, !state.isOutOfPatience(configuration.earlyStopping) {
      try runEpoch()
      try Interruption.check()
    }
  }

  private func runEpoch() throws {
    let clock = ContinuousClock()
    let start = clock.now
    let firstStep = state.step
    try data.checkImages()
    let batches = data.batches(
      configuration, generator: generator.stream(RandomStream.batches).stream(UInt64(state.epoch)),
      startingAt: firstStep)
    var waiting = Duration.zero
    while true {
      let asked = clock.now
      guard let batch = batches.next() else { break }
      waiting += clock.now - asked
      try take(batch)
      state.step += 1
      pace.advance()
      progress.update(of: label, progressText)
      if let signal = Interruption.pending, state.step < stepsPerEpoch {
        try save()
        throw InterruptedError(signal: signal)
      }
    }
    let seconds = (clock.now - start).seconds
    let images = (stepsPerEpoch - firstStep) * batchSize
    try finishEpoch(
      EpochReport.Speed(
        seconds: seconds, imagesPerSecond: Double(images) / max(seconds, 1e-9),
        waitingShare: waiting.seconds / max(seconds, 1e-9)))
  }

  private func take(_ batch: Batch) throws {
    do {
      let figures = try step(batch, rate: rate(ofStep: state.step), using: &state.generator)
      state.sums.add(figures, of: batch)
      try events.add(
        figures, classifierWeight: configuration.classifier.weight, rate: rate(ofStep: state.step),
        done: stepsDone + 1)
    } catch let error as NotFiniteError {
      throw diverged(error, batch)
    }
  }

  /// The error for a step that came to no number; its batch is saved first.
  private func diverged(_ error: NotFiniteError, _ batch: Batch) -> RunError {
    let (epoch, number) = (state.epoch + 1, state.step + 1)
    let file = folder.failedBatch(epoch: epoch, step: number)
    var saved = "its views, labels and places are saved in \(file.path)"
    do {
      try batch.write(
        embeddings: error.embeddings,
        metadata: ["epoch": "\(epoch)", "step": "\(number)", "problem": "\(error.what) not finite"], to: file)
    } catch {
      saved = "its batch could not be saved: \(error)"
    }
    return RunError(
      "\(error.what) not finite in epoch \(epoch), step \(number) of the run \(folder.url.path); \(saved). A lower "
        + "optimiser.rate, a warm-up or an optimiser.gradientClip may help")
  }

  /// The learning rate of a step of the present epoch.
  private func rate(ofStep step: Int) -> Double {
    let factor = configuration.schedule.factor(
      step: state.epoch * stepsPerEpoch + step, stepsPerEpoch: stepsPerEpoch, epochs: configuration.epochs)
    return configuration.optimiser.settings.rate * factor
  }

  /// Validates, keeps the network when it is the best so far, logs, and saves: in this order, so that a kill
  /// in between repeats the epoch and comes to the same files.
  private func finishEpoch(_ speed: EpochReport.Speed) throws {
    let report = EpochReport(
      epoch: state.epoch + 1, steps: stepsPerEpoch, sums: state.sums,
      classifierWeight: configuration.classifier.weight,
      validation: try validation.figures(of: model, epoch: state.epoch + 1),
      rate: rate(ofStep: state.step - 1),
      speed: speed)
    let accuracy = report.validation.accuracy
    state.epoch += 1
    state.step = 0
    state.sums = TrainingState.Sums()
    let isBest = accuracy > state.bestAccuracy
    if isBest { (state.bestAccuracy, state.bestEpoch) = (accuracy, state.epoch) }
    state.count(accuracy, configuration.earlyStopping)
    if isBest { try keep(folder.best) }
    if let every = configuration.checkpoints.keepEvery, state.epoch % every == 0 {
      try keep(folder.epoch(state.epoch))
    }
    try MetricsLog(file: folder.metrics).append(report.metrics)
    try events.add(report.metrics)
    try save()
    progress.print(
      "\(label): epoch \(state.epoch)/\(configuration.epochs), loss \(decimals(report.loss, 4)), "
        + "validation \(oneDecimal(100 * accuracy))%\(isBest ? " (best)" : ""), "
        + "\(Int(speed.imagesPerSecond)) images/s, \(duration(timeLeft)) left")
    warn(report)
    if state.isOutOfPatience(configuration.earlyStopping) {
      progress.print(
        "\(label): stops early, without an improvement for \(state.patience?.epochs ?? 0) epochs; the best was "
          + "epoch \(state.bestEpoch)")
    }
  }

  /// Saves the network alone, to be evaluated.
  private func keep(_ file: URL) throws {
    try Checkpoint.write(
      model, optimiser: nil, state: state, configuration: configuration, seed: seed, to: file)
  }

  private func warn(_ report: EpochReport) {
    let (collapse, pairs) = report.warnings(configuration)
    if let collapse { progress.print("\(label): warning: \(collapse)") }
    if let pairs, !hasToldOfPairs {
      progress.print("\(label): warning: \(pairs)")
      hasToldOfPairs = true
    }
  }

  private func save() throws {
    try Checkpoint.write(
      model, optimiser: step.optimiser, state: state, configuration: configuration, seed: seed,
      to: folder.checkpoint)
  }

  /// Steps of all epochs so far.
  var stepsDone: Int { state.epoch * stepsPerEpoch + state.step }
  private var stepsLeft: Int { configuration.epochs * stepsPerEpoch - stepsDone }
  private var timeLeft: Double { pace.seconds(for: stepsLeft) }

  private var progressText: String {
    let sums = state.sums
    let loss =
      (sums.contrastive + configuration.classifier.weight * sums.crossEntropy) / Double(max(1, state.step))
    return "epoch \(state.epoch + 1)/\(configuration.epochs), step \(state.step)/\(stepsPerEpoch), "
      + "loss \(decimals(loss, 4)), \(Int(pace.stepsPerSecond * Double(batchSize))) images/s, "
      + "\(duration(timeLeft)) left"
  }
}

/// How fast steps go, what comes between epochs included: a mean over this process's work on the run in which five
/// minutes ago count for a third, so that it follows when other programs come or go.
struct Pace {
  private static let memory = 300.0
  private let clock = ContinuousClock()
  private var last: ContinuousClock.Instant
  private var steps = 0.0
  private var elapsed = 0.0

  init() { last = clock.now }

  /// A step is done.
  mutating func advance() {
    let now = clock.now
    advance(after: (now - last).seconds)
    last = now
  }

  mutating func advance(after seconds: Double) {
    let kept = exp(-seconds / Self.memory)
    steps = steps * kept + 1
    elapsed = elapsed * kept + seconds
  }

  var stepsPerSecond: Double { steps / max(1e-9, elapsed) }

  func seconds(for steps: Int) -> Double { self.steps == 0 ? .infinity : Double(steps) / stepsPerSecond }
}
