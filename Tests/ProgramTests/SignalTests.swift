import Foundation
import TestSupport
import Testing

extension ProgramTests {
  /// Signals at moments when there is nothing to save, and those that save nothing.
  @Suite struct SignalTests {
    let folder: TemporaryFolder

    init() throws { folder = try tinyFolder() }

    private var runs: [URL] { RunFiles.folders(in: folder.url.appendingPathComponent("runs")) }

    private func epochs() -> Int {
      runs.first.map { RunFiles($0).text("metrics.jsonl").split(separator: "\n").count } ?? 0
    }

    private func start(_ settings: [String], _ variables: [String: String] = [:]) throws -> RunningProgram {
      try Program.experiments.start(
        ["--config", "tiny", "--loss", "spread"] + settings, in: folder.url, environment: variables)
    }

    /// Sends a signal and expects the end soon, with time for a machine that is busy.
    private func end(_ program: RunningProgram, by signal: Int32) throws -> Outcome {
      program.send(signal)
      return try program.wait(seconds: 10)
    }

    @Test func quitEndsAtOnce() throws {
      for _ in 0..<3 {
        let program = try start(["--set", "epochs=100000", "--runs", "runs/\(UUID().uuidString)"])
        try #require(program.wait(until: { program.errors.contains("epoch 1/") }), "\(program.errors)")
        let outcome = try end(program, by: SIGQUIT)
        #expect(outcome.signal == SIGQUIT && !outcome.errors.contains("rash"), "\(outcome)")
      }
    }

    /// A probe of days.
    @Test func aSignalDuringTheEvaluationEndsItSoon() throws {
      let program = try start(["--set", "epochs=1", "--set", "probe.epochs=100000"])
      try #require(program.wait(until: { epochs() == 1 }), "\(program.errors)")
      usleep(200_000)
      let outcome = try end(program, by: SIGTERM)
      expectError(outcome, code: 143, naming: "interrupted")
      let names = RunFiles(try #require(runs.first)).names
      #expect(!names.contains("result.json") && !names.contains(".worker.json"), "\(names)")
      #expect(!names.contains("failure.json"))
    }

    /// So many glyphs that drawing them takes longer than a signal may.
    @Test func aSignalWhileDataAreMadeEndsItSoon() throws {
      let many = [String](repeating: "40000", count: 10).joined(separator: ",")
      let program = try start(
        ["--set", "data.trainingImagesOfDigit=[\(many)]"], ["SPREAD_CACHE": folder.file("cache")])
      try #require(program.wait(until: { !runs.isEmpty }), "\(program.errors)")
      usleep(200_000)
      let outcome = try end(program, by: SIGTERM)
      expectError(outcome, code: 143, naming: "interrupted")
    }

    /// As a terminal's end ends the runs of a queue.
    @Test func nohupKeepsARunGoing() throws {
      let program = try Program.experiments.start(
        ["--config", "tiny", "--loss", "spread", "--set", "epochs=20"], in: folder.url
      ) { ["sh", "-c", "trap '' HUP; exec \"$0\" \"$@\""] + $0 }
      _ = program.wait(until: { epochs() >= 1 })
      program.send(SIGHUP)
      #expect(try program.wait().code == 0)
    }
  }
}
