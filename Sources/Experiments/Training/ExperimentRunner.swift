import Basics
import Foundation
import Tensors

/// Trains and evaluates experiments, each run in its folder, going on where one was left.
public final class ExperimentRunner {
  /// The folder of all run folders; what is missing of it is made.
  public let runs: URL
  private let dataFolder: URL?
  private let threads: Int?
  private let progress: ProgressLine
  /// The data of the last run: the next one mostly wants the same.
  private var loaded: (settings: ExperimentData.Key, data: ExperimentData)?

  /// - Parameters:
  ///   - runs: the folder of all run folders.
  ///   - dataFolder: where data sets are; nil: the configuration's folder, else the environment variable
  ///     `SPREAD_DATA`.
  ///   - threads: nil: the configuration's, else the machine's.
  public init(runs: URL, dataFolder: URL? = nil, threads: Int? = nil, progress: ProgressLine = ProgressLine())
  {
    self.runs = runs
    self.dataFolder = dataFolder
    self.threads = threads
    self.progress = progress
  }

  /// Runs what is not complete of each configuration with each seed, seed by seed, so that all losses can be
  /// compared early.
  ///
  /// - Parameter seeds: empty: each configuration's own.
  /// - Throws: `InterruptedError` after a signal, with everything saved; what the first failing run throws.
  @discardableResult
  public func run(_ configurations: [ExperimentConfiguration], seeds: [Int] = []) throws -> [RunResult] {
    try PlannedRun.order([configurations], seeds: seeds).map { try run($0.configuration, seed: $0.seed) }
  }

  /// One run, from wherever it stands to its result. A complete run is not run again.
  public func run(_ configuration: ExperimentConfiguration, seed: Int) throws -> RunResult {
    let folder = RunFolder.of(configuration, seed: seed, in: runs)
    let label = PlannedRun(configuration: configuration, seed: seed).label
    if folder.isComplete {
      let result = try folder.completeResult(of: configuration)
      progress.print("\(label): complete already, \(folder.url.path)")
      return result
    }
    if let threads = threads ?? configuration.threads { Parallel.setThreadCount(threads) }
    Interruption.install()
    try Interruption.check()
    let lock: RunLock
    do {
      try Self.requireThreads()
      lock = try folder.locked(showing: progress.state)
    } catch {
      throw noted(error, label: label, folder: folder)
    }
    defer { withExtendedLifetime(lock) {} }
    // Another process may have completed it before the lock was ours.
    if folder.isComplete { return try folder.completeResult(of: configuration) }
    do {
      if let note = try folder.prepare(configuration, seed: seed) { progress.print("\(label): \(note)") }
      return try ResourceFailure.recorded(
        by: { try? RunFailure(message: $0).write(to: folder.failure) },
        { try work(configuration, seed: seed, folder: folder, label: label) })
    } catch {
      throw noted(error, label: label, folder: folder)
    }
  }

  /// - Throws: `RunError` with the system's reason where it refuses threads, for which the run's timers would wait without
  ///   end.
  private static func requireThreads(_ count: Int = 4) throws {
    guard let reason = SystemThread.refusal(of: count) else { return }
    throw RunError(
      "a run needs \(count) threads beside those that compute, and the system refused one (\(reason)); `ulimit -u` "
        + "limits the processes and threads of a user")
  }

  /// An error that ends a run, after the folder has a record of it.
  private func noted(_ error: any Error, label: String, folder: RunFolder) -> any Error {
    progress.clear()
    if error is InterruptedError {
      progress.print(
        "\(label): stopped and saved in \(folder.url.path); the same command goes on from there")
    } else if (error as? RunError)?.isOfAnotherWorker != true {
      try? RunFailure(message: "\(error)").write(to: folder.failure)
    }
    return error
  }

  private func work(
    _ configuration: ExperimentConfiguration, seed: Int, folder: RunFolder, label: String
  ) throws -> RunResult {
    let clock = ContinuousClock()
    let start = clock.now
    let data = try Interruption.withNothingToSave { try self.data(for: configuration) }
    try RunMemory(configuration, data: data).check(configuration, data: data)
    let trainer = try Trainer(configuration, seed: seed, data: data, folder: folder, progress: progress)
    var environment = RunEnvironment.read(folder.environment)
    environment.addSession(
      data: data.source, fromEpoch: trainer.state.epoch, step: trainer.state.step)
    try environment.write(to: folder.environment)
    if let warning = environment.warning { progress.print("\(label): \(warning)") }
    let isNew = trainer.state.epoch == 0 && trainer.state.step == 0
    let begin = isNew ? "starts" : "goes on after epoch \(trainer.state.epoch)"
    progress.print("\(label): \(begin), \(grouped(data.training.count)) training images, \(folder.url.path)")
    for warning in data.warnings(configuration) { progress.print("\(label): warning: \(warning)") }
    if isNew, let note = PlannedRun(configuration: configuration, seed: seed).noteOnOtherEpochs(in: runs) {
      progress.print("\(label): \(note)")
    }

    let loaded = clock.now
    try trainer.train()
    let trained = clock.now
    let result = try Interruption.withNothingToSave {
      try RunEvaluation(of: trainer, progress: progress).result()
    }
    environment.seconds = [
      "loading": (loaded - start).seconds, "training": (trained - loaded).seconds,
      "evaluation": (clock.now - trained).seconds,
    ]
    try environment.write(to: folder.environment)
    try result.write(to: folder.result)
    progress.print(
      "\(label): \(result.accuracyText), in \(duration((clock.now - start).seconds))")
    return result
  }

  private func data(for configuration: ExperimentConfiguration) throws -> ExperimentData {
    let key = ExperimentData.Key(configuration)
    if let loaded, loaded.settings == key { return loaded.data }
    loaded = nil  // before the next set is read, so that memory holds one
    let data = try ExperimentData(key, folder: dataFolder, report: progress.imageFolderReport)
    loaded = (key, data)
    for note in data.notes { progress.print("\(configuration.experiment): \(note)") }
    return data
  }
}
