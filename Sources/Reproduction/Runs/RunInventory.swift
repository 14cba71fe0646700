import Foundation
import Tensors

/// A run folder as it is found: what it is of, and how far it has come.
public struct RunEntry: Sendable, Equatable {
  /// How a run stands.
  public enum State: String, CaseIterable, Sendable {
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
  public let folder: RunFolder
  /// The folder's path below that of the runs, which names the run.
  public let name: String
  /// As saved in the folder.
  public let configuration: ExperimentConfiguration
  /// The run's seed.
  public let seed: Int
  /// How it stands.
  public let state: State
  /// Who works on it; nil when nobody does.
  public let worker: WorkerRecord?
  /// Why its last start ended; nil unless that was an error.
  public let failure: RunFailure?
  /// Nil unless it is complete.
  public let result: RunResult?
  /// Epochs that a result says were trained, or that the log of metrics has.
  public let epochsDone: Int
  /// When something last happened to it, in seconds since 1970.
  public let changed: Double

  /// - Throws: `ConfigurationError` when the configuration cannot be read, `RunError` for a damaged result.
  init(_ folder: RunFolder, name: String) throws {
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
  public var secondsLeft: Double? {
    state == .running ? RunTimes.left(of: folder, epochs: configuration.epochs) : nil
  }

  /// Seconds that it took, of the start that completed it.
  public var seconds: Double? { RunTimes.total(of: folder) }

}

/// A run folder that cannot be read.
public struct DamagedRun: Sendable, Equatable {
  /// Where its files are.
  public let folder: RunFolder
  /// The folder's path below that of the runs.
  public let name: String
  /// What is wrong, with the file and what helps.
  public let problem: String
}

/// All run folders below a folder.
public struct RunInventory: Sendable {
  /// Runs that can be read.
  public private(set) var entries: [RunEntry] = []
  /// Folders that look like runs and cannot be read.
  public private(set) var damaged: [DamagedRun] = []

  /// Reads every folder `EXPERIMENT/PROFILE/LOSS-SETTINGS/seed-N`, in the order of their names.
  public init(_ runs: URL) {
    for experiment in Self.folders(in: runs) {
      for profile in Self.folders(in: experiment) {
        for loss in Self.folders(in: profile) {
          for folder in Self.folders(in: loss) where folder.lastPathComponent.hasPrefix("seed-") {
            let run = RunFolder(folder)
            guard FileManager.default.fileExists(atPath: run.configuration.path) else { continue }
            let name = [experiment, profile, loss, folder].map(\.lastPathComponent).joined(separator: "/")
            do { entries.append(try RunEntry(run, name: name)) } catch {
              damaged.append(DamagedRun(folder: run, name: name, problem: "\(error)"))
            }
          }
        }
      }
    }
  }

  /// The run of a name as `name` has it, or of a folder's path.
  /// - Throws: `RunError` that names the nearest, or says why the run cannot be read.
  public func entry(named text: String) throws -> RunEntry {
    if let entry = entries.first(where: { Self.isNamed(text, $0.name, $0.folder) }) { return entry }
    if let run = damagedRun(named: text) { throw RunError(run.problem) }
    let best = nearest(to: text, among: entries.map(\.name)).map { "; nearest: \($0)" } ?? ""
    throw RunError("there is no run \(text)\(best)")
  }

  /// The damaged run of a name or a folder's path; nil when there is none.
  public func damagedRun(named text: String) -> DamagedRun? {
    damaged.first { Self.isNamed(text, $0.name, $0.folder) }
  }

  private static func isNamed(_ text: String, _ name: String, _ folder: RunFolder) -> Bool {
    name == text
      || folder.url.standardizedFileURL.path == URL(fileURLWithPath: text).standardizedFileURL.path
  }

  private static func folders(in folder: URL) -> [URL] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.sorted { $0.compare($1, options: .numeric) == .orderedAscending }.map {
      folder.appendingPathComponent($0, isDirectory: true)
    }
  }
}

extension RunFolder {
  /// Bytes of its files.
  public var size: Int {
    let names = FileManager.default.enumerator(atPath: url.path)?.compactMap { $0 as? String } ?? []
    return names.reduce(0) { sum, name in
      var status = stat()
      let path = url.appendingPathComponent(name).path
      guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return sum }
      return sum + Int(status.st_size)
    }
  }

  /// Removes the folder, while nobody works on it; folders above that are then empty go too.
  /// - Throws: `RunError` when somebody does, or it cannot be removed.
  public func remove() throws {
    let lock = try locked()
    defer { withExtendedLifetime(lock) {} }
    do {
      try FileManager.default.removeItem(at: url)
    } catch {
      throw RunError("\(url.path) could not be removed: \(error.localizedDescription)")
    }
    // The folder of the loss, the profile's and the experiment's; rmdir leaves those that hold something.
    var above = url.deletingLastPathComponent()
    for _ in 0..<3 {
      rmdir(above.path)
      above = above.deletingLastPathComponent()
    }
  }
}
