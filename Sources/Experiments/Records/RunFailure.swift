import Basics
import Foundation

/// Why a start of a run ended without a result: `failure.json` in its folder.
package struct RunFailure: Codable, Sendable, Equatable {
  /// The error, in a sentence.
  package var message: String
  /// When it ended (ISO 8601).
  package var time: String

  package init(message: String) {
    self.message = message
    time = WorkerRecord.now()
  }

  /// Nil when there is none, or none that can be read.
  package static func read(_ file: URL) -> RunFailure? {
    guard let data = try? WholeFile.read(file.path) else { return nil }
    return try? JSONDecoder().decode(RunFailure.self, from: data)
  }

  package func write(to file: URL) throws { try AtomicFile.write(self, to: file) }
}
