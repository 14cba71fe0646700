import Basics
import Foundation

/// The files of one run. They are the whole record: a run goes on from them, and tables are made of them.
public struct RunFolder: Sendable, Equatable {
  /// The folder itself, which need not be there yet.
  public let url: URL

  /// Names the files; nothing is made or read.
  public init(_ url: URL) { self.url = url }

  /// The configuration with every default in place.
  public var configuration: URL { url.appendingPathComponent("configuration.json") }
  /// Machine, versions, revision, and how long the parts took. Nothing here is part of the result.
  public var environment: URL { url.appendingPathComponent("environment.json") }
  /// One line an epoch.
  public var metrics: URL { url.appendingPathComponent("metrics.jsonl") }
  /// Network, optimiser and generators, as of the last completed epoch or a step within one.
  public var checkpoint: URL { url.appendingPathComponent("checkpoint.safetensors") }
  /// The network of the epoch with the best validation accuracy so far.
  public var best: URL { url.appendingPathComponent("best.safetensors") }
  /// Written last: a run that has it is complete.
  public var result: URL { url.appendingPathComponent("result.json") }
  /// Why the last start ended without a result; gone when the next begins.
  public var failure: URL { url.appendingPathComponent("failure.json") }
  /// What the run said while a queue ran it, one start after the other.
  public var log: URL { url.appendingPathComponent("run.log") }
  /// Who works on the run now.
  package var worker: URL { url.appendingPathComponent(".worker.json") }
  /// Locked by the system for as long as the process that works on the run lives.
  package var lock: URL { url.appendingPathComponent(".lock") }

  /// The network of an epoch, where the configuration says to keep it.
  package func epoch(_ epoch: Int) -> URL { url.appendingPathComponent("epoch-\(epoch).safetensors") }
  /// The batch of a step that came to something that is no number.
  func failedBatch(epoch: Int, step: Int) -> URL {
    url.appendingPathComponent("batch-epoch-\(epoch)-step-\(step).safetensors")
  }

  /// Whether there is a result. It is not read: a damaged one counts.
  public var isComplete: Bool { FileManager.default.fileExists(atPath: result.path) }
  /// Whether there is a checkpoint to go on from: from the end of the first epoch, or an interruption
  /// within it.
  public var isStarted: Bool { FileManager.default.fileExists(atPath: checkpoint.path) }

  /// Whether a queue has left a log.
  package var hasLog: Bool { FileManager.default.fileExists(atPath: log.path) }

  /// Epochs done, as the log of metrics says.
  package var epochsDone: Int { MetricsLog(file: metrics).lastEpoch }

  /// The folder of a run: `<runs>/<experiment>/<profile>/<loss>-<fingerprint>/seed-<seed>`.
  ///
  /// A folder whose saved configuration says the same is preferred to a new one, so that a run is still found
  /// after a later version has given its settings another fingerprint. The file as it was written must still have
  /// the fingerprint in the folder's name: one that was changed since is not believed.
  public static func of(_ configuration: ExperimentConfiguration, seed: Int, in runs: URL) -> RunFolder {
    let (profile, loss) = place(of: configuration, in: runs)
    let own = profile.appendingPathComponent("\(loss)-\(configuration.fingerprint)")
    let name = "seed-\(seed)"
    let others = contents(of: profile).filter { $0.lastPathComponent.hasPrefix("\(loss)-") && $0 != own }
    for folder in [own] + others {
      let candidate = RunFolder(folder.appendingPathComponent(name))
      if let saved = try? candidate.savedConfiguration(), saved.identity == configuration.identity {
        return candidate
      }
    }
    return RunFolder(own.appendingPathComponent(name))
  }

  /// The error for a file of the run that cannot be used, with what to do about it.
  package func damaged(_ file: URL, _ consequence: String, _ error: any Error) -> RunError {
    let text = "\(error)"
    let named = text.contains(file.path) ? text : "\(file.path): \(text)"
    return RunError(
      "\(named); \(consequence). Remove the folder \(url.path) to start this run anew, or put a copy of the file back"
    )
  }

  /// Makes the folder, and takes the right to work in it.
  /// - Parameter state: what the worker's record says of its progress.
  /// - Throws: `RunError` when it cannot be made, or another process works on the run.
  package func locked(showing state: ProgressState = ProgressState()) throws -> RunLock {
    try AtomicFile.makeFolder(url)
    try requireRegularFiles()
    return try RunLock(self, showing: state)
  }

  /// What is no file would be waited for, or written into, in the place of one of the run's.
  private func requireRegularFiles() throws {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? [] {
      try AtomicFile.requireNoSpecial(url.appendingPathComponent(name))
    }
  }

  /// Removes what a killed process left, and saves the configuration as `announce` does.
  ///
  /// Only for who holds the lock: another process's unfinished files look like those of a killed one.
  @discardableResult
  package func prepare(_ configuration: ExperimentConfiguration, seed: Int) throws -> String? {
    AtomicFile.removeLeftovers(in: url)
    unlink(failure.path)
    return try announce(configuration, seed: seed)
  }

  /// The result of a complete run.
  /// - Throws: `RunError` when it is damaged, or another run's.
  package func completeResult() throws -> RunResult {
    let result = try RunResult.read(self.result)
    let isOfSeed = seedOfName.map { $0 == result.seed } ?? true
    let isOfSettings =
      fingerprintOfName.map { name in
        // A folder named by an earlier version may hold a result of this one.
        name == result.fingerprint || (try? savedConfiguration())?.fingerprint == result.fingerprint
      } ?? true
    guard isOfSeed, isOfSettings else {
      throw RunError(
        "\(self.result.path) is the result of another run (settings \(result.fingerprint), seed \(result.seed)). "
          + RunResult.advice)
    }
    return result
  }

  /// The result of a complete run that must be one of a configuration.
  /// - Throws: `RunError` when the result is damaged, or the folder has other settings.
  package func completeResult(of configuration: ExperimentConfiguration) throws -> RunResult {
    try requireSettings(of: configuration)
    return try completeResult()
  }

  /// Runs with this seed whose settings differ in the epochs alone.
  static func ofOtherEpochs(_ configuration: ExperimentConfiguration, seed: Int, in runs: URL) -> [RunFolder]
  {
    let (profile, loss) = place(of: configuration, in: runs)
    return contents(of: profile).filter { $0.lastPathComponent.hasPrefix("\(loss)-") }.compactMap { folder in
      let candidate = RunFolder(folder.appendingPathComponent("seed-\(seed)"))
      guard var saved = try? candidate.savedConfiguration(), saved.epochs != configuration.epochs else {
        return nil
      }
      saved.epochs = configuration.epochs
      return saved.identity == configuration.identity ? candidate : nil
    }
  }

  private static func place(
    of configuration: ExperimentConfiguration, in runs: URL
  ) -> (profile: URL, loss: String) {
    let experiment = runs.appendingPathComponent(configuration.experiment)
    return (experiment.appendingPathComponent(configuration.profile), configuration.objective.loss.rawValue)
  }

  private static func contents(of folder: URL) -> [URL] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.sorted().map { folder.appendingPathComponent($0) }
  }
}
