import Foundation

/// Where and with what a run was made: `environment.json`. A resumed run keeps one entry a start.
struct RunEnvironment: Codable, Sendable, Equatable {
  /// One start of the program on the run.
  struct Session: Codable, Sendable, Equatable {
    var started: String
    var machine: Machine
    var swift: String
    /// The package's git revision, with "-dirty" when files were changed; nil outside a repository.
    var revision: String?
    var arguments: [String]
    /// Where the data were read; nil when they were generated.
    var dataFolder: String?
    /// The epoch it went on from.
    var fromEpoch: Int
  }

  var sessions: [Session]
  /// Seconds by part, of the session that completed the run.
  var seconds: [String: Double]?

  /// The entry for this process.
  static func session(dataFolder: URL?, fromEpoch: Int) -> Session {
    Session(
      started: ISO8601DateFormatter().string(from: Date()), machine: .current, swift: swiftVersion,
      revision: revision,
      arguments: CommandLine.arguments, dataFolder: dataFolder?.path, fromEpoch: fromEpoch)
  }

  /// What was saved, or an empty record: a damaged record of the circumstances must not stop a run.
  static func read(_ file: URL) -> RunEnvironment {
    guard let data = try? Data(contentsOf: file),
      let saved = try? JSONDecoder().decode(RunEnvironment.self, from: data)
    else { return RunEnvironment(sessions: []) }
    return saved
  }

  func write(to file: URL) throws { try AtomicFile.write(self, to: file) }

  /// The compiler's version as far as a program can know its own.
  static var swiftVersion: String {
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
  static let revision: String? = {
    guard let program = ExperimentLookup.programFile else { return nil }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [
      "git", "-C", program.deletingLastPathComponent().path, "describe", "--always", "--dirty", "--abbrev=40",
      "--match=",
    ]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return nil }
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    let text = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    return process.terminationStatus == 0 && !text.isEmpty ? text : nil
  }()
}
