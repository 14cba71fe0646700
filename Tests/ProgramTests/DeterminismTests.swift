import Foundation
import TestSupport
import Testing

extension ProgramTests {
  /// A run's files are a function of its configuration and seed, whatever happens to it and beside it.
  @Suite struct DeterminismTests {
    let folder: TemporaryFolder

    init() throws { folder = try tinyFolder() }

    private static let threads = ["SPREAD_THREADS": "2"]

    private static let settings = [
      "--config", "tiny", "--loss", "spread", "--set", "epochs=100", "--set", "tensorBoard.everySteps=7",
      "--set", "earlyStopping.patience=1000",
    ]

    private func start(_ runs: String) throws -> RunningProgram {
      try Program.experiments.start(
        Self.settings + ["--runs", runs], in: folder.url, environment: Self.threads)
    }

    private func finish(_ runs: String) throws -> RunFiles {
      let outcome = try start(runs).wait(seconds: 120)
      #expect(outcome.code == 0, "\(outcome)")
      return try RunFiles(in: folder.url.appendingPathComponent(runs))
    }

    @Test func whatRunsBesideItChangesNoBit() throws {
      let reference = try finish("reference")
      // Three processes that keep two cores busy; the same program, with four threads, is one of them.
      let loops = try (0..<2).map { _ in
        try Program.experiments.start([], in: folder.url) { _ in ["sh", "-c", "while :; do :; done"] }
      }
      let other = try Program.experiments.start(
        Self.settings + ["--runs", "other", "--seed", "9", "--set", "epochs=100000"], in: folder.url,
        environment: ["SPREAD_THREADS": "4"])
      #expect(other.wait(until: { other.errors.contains("starts") }))
      try expectSame(finish("beside"), reference)
      for program in loops + [other] {
        program.send(SIGKILL)
        // It ran until now.
        #expect(try program.wait().signal == SIGKILL)
      }
    }
  }
}
