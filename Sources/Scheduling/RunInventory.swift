import Basics
import Experiments
import Foundation

/// A run folder that cannot be read.
package struct DamagedRun: Sendable, Equatable {
  /// Where its files are.
  package let folder: RunFolder
  /// The folder's path below that of the runs.
  package let name: String
  /// What is wrong, with the file and what helps.
  package let problem: String
}

/// All run folders below a folder.
package struct RunInventory: Sendable {
  /// Runs that can be read.
  package private(set) var entries: [RunEntry] = []
  /// Folders that look like runs and cannot be read.
  package private(set) var damaged: [DamagedRun] = []

  /// Reads every folder `EXPERIMENT/PROFILE/LOSS-SETTINGS/seed-N`, in the order of their names.
  package init(_ runs: URL) {
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
  package func entry(named text: String) throws -> RunEntry {
    if let entry = entries.first(where: { Self.isNamed(text, $0.name, $0.folder) }) { return entry }
    if let run = damagedRun(named: text) { throw RunError(run.problem) }
    let best = nearest(to: text, among: entries.map(\.name)).map { "; nearest: \($0)" } ?? ""
    throw RunError("there is no run \(text)\(best)")
  }

  /// The damaged run of a name or a folder's path; nil when there is none.
  package func damagedRun(named text: String) -> DamagedRun? {
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
  package var size: Int {
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
  package func remove() throws {
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
