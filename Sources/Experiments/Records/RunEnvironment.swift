import Basics
import Foundation
import Tensors

/// Where and with what a run was made: `environment.json`. A resumed run keeps one entry a start.
package struct RunEnvironment: Codable, Sendable, Equatable {
  /// One start of the program on the run.
  package struct Session: Codable, Sendable, Equatable {
    var started: String
    package var machine: Machine
    var swift: String
    /// The package's git revision, with "-dirty" when files were changed; nil outside a repository.
    var revision: String?
    var arguments: [String]
    /// Where the data came from.
    var data: String
    /// Where it went on from: epochs done, and steps of the next.
    var fromEpoch: Int
    var fromStep: Int
  }

  package var sessions: [Session]
  /// Seconds by part, of the session that completed the run.
  package var seconds: [String: Double]?

  /// Adds the entry of this process.
  mutating func addSession(data: String, fromEpoch epoch: Int, step: Int) {
    sessions.append(
      Session(
        started: ISO8601DateFormatter().string(from: Date()), machine: .current, swift: Self.swiftVersion,
        revision: Self.revision, arguments: CommandLine.arguments, data: data, fromEpoch: epoch,
        fromStep: step))
  }

  /// What to tell about a session that differs from the one before in what decides the last bits.
  package var warning: String? {
    guard sessions.count > 1 else { return nil }
    let (last, now) = (sessions[sessions.count - 2].machine, sessions[sessions.count - 1].machine)
    var changes: [String] = []
    if last.threads != now.threads { changes.append("\(now.threads) threads instead of \(last.threads)") }
    if last.processor != now.processor { changes.append("another processor") }
    if last.blasKernel != now.blasKernel || last.blas != now.blas { changes.append("other BLAS kernels") }
    if last.vectors != now.vectors { changes.append("other vector instructions") }
    guard !changes.isEmpty else { return nil }
    return
      "goes on with \(changes.joined(separator: " and ")); the result is as good, but not the same to the last bit"
  }

  /// What was saved, or an empty record: a damaged record of the circumstances must not stop a run.
  package static func read(_ file: URL) -> RunEnvironment {
    (try? ChecksummedJSON.read(RunEnvironment.self, from: file)) ?? RunEnvironment(sessions: [])
  }

  package func write(to file: URL) throws { try ChecksummedJSON.write(self, to: file) }

  /// The compiler's version as far as a program can know its own.
  package static var swiftVersion: String {
    #if compiler(>=6.4)
      "6.4 or later"
    #elseif compiler(>=6.3)
      "6.3"
    #elseif compiler(>=6.2)
      "6.2"
    #else
      "6.1"
    #endif
  }

  /// Asked of git once, in the folder of the program, which is within the package when it was built there.
  package static let revision: String? = {
    guard let program = ExperimentLookup.programFile else { return nil }
    let text = CommandOutput.of([
      "git", "-C", program.deletingLastPathComponent().path, "describe", "--always", "--dirty", "--abbrev=40",
      "--match=",
    ])?.trimmingCharacters(in: .whitespacesAndNewlines)
    return text?.isEmpty == false ? text : nil
  }()
}
