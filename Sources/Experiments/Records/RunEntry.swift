import Foundation

/// A run folder as it is found: what it is of, and how far it has come.
package struct RunEntry: Sendable, Equatable {
  /// How a run stands.
  package enum State: String, CaseIterable, Sendable {
    /// It has its result.
    case complete
    /// Somebody works on it.
    case running
    /// Its last start ended by an error.
    case failed
    /// It was begun and nobody works on it.
    case stopped
    /// Only its configuration is there.
    case waiting
  }

  /// Where its files are.
  package let folder: RunFolder
  /// The folder's path below that of the runs, which names the run.
  package let name: String
  /// As saved in the folder.
  package let configuration: ExperimentConfiguration
  /// The run's seed.
  package let seed: Int
  /// How it stands.
  package let state: State
  /// Who works on it; nil when nobody does.
  package let worker: WorkerRecord?
  /// Why its last start ended; nil unless that was an error.
  package let failure: RunFailure?
  /// Nil unless it is complete.
  package let result: RunResult?
  /// Epochs that a result says were trained, or that the log of metrics has.
  package let epochsDone: Int
  /// When something last happened to it, in seconds since 1970.
  package let changed: Double

  /// - Throws: `ConfigurationError` when the configuration cannot be read, `RunError` for a damaged result.
  package init(_ folder: RunFolder, name: String) throws {
    self.folder = folder
    self.name = name
    configuration = try folder.savedConfiguration()
    seed = configuration.seeds[0]
    result = folder.isComplete ? try folder.completeResult() : nil
    worker = result == nil ? folder.activeWorker() : nil
    failure = result == nil ? RunFailure.read(folder.failure) : nil
    epochsDone = result?.epochs ?? folder.epochsDone
    state =
      if result != nil { .complete } else if worker != nil { .running } else if failure != nil {
        .failed
      } else if folder
        .isStarted || epochsDone > 0
      { .stopped } else { .waiting }
    let files = [folder.result, folder.checkpoint, folder.metrics, folder.failure, folder.configuration]
    changed = files.compactMap { RunFolder.modified($0.path) }.max() ?? 0
  }

  /// Seconds that are left of a run that is being worked on; nil while nothing is known.
  package var secondsLeft: Double? {
    state == .running ? RunTimes.left(of: folder, epochs: configuration.epochs) : nil
  }

  /// Seconds that it took, of the start that completed it.
  package var seconds: Double? { RunTimes.total(of: folder) }

}
