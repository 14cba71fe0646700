import Foundation
import Testing

extension ProgramTests {
  /// A run's files are a function of its configuration and seed, whatever happens to it and beside it.
  @Suite struct DeterminismTests {
    let folder: TestFolder

    init() throws { folder = try tinyFolder() }

    private static let threads = ["SPREAD_THREADS": "2"]

    private static let settings = [
      "--config", "tiny", "--loss", "spread", "--set", "epochs=100", "--set", "tensorBoard.everySteps=7",
      "--set", "checkpoints.keepEvery=25", "--set", "earlyStopping.patience=1000",
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

    /// Kills a run at moments that a seed decides, from the start of the process to well within its training.
    /// - Returns: how often it was killed before its end.
    private func kill(_ runs: String, times: Int, seed: UInt64) throws -> Int {
      var state = seed
      var kills = 0
      while kills < times {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let share = Double(state >> 33) * 0x1p-31
        let program = try start(runs)
        // Every fifth kill comes before or while the run is taken up; the others some epochs after.
        if kills % 5 != 0 {
          _ = program.wait(until: {
            program.errors.contains("starts") || program.errors.contains("goes on after")
          })
        }
        let end = ContinuousClock.now.advanced(by: .microseconds(Int(share * 60_000)))
        _ = program.wait(until: { ContinuousClock.now >= end }, polling: 200)
        program.send(SIGKILL)
        if try program.wait().code == 0 { break }
        kills += 1
      }
      return kills
    }

    @Test func aRunThatIsKilledAtRandomMomentsEndsWithTheSameBits() throws {
      let times = 20
      let reference = try finish("reference")
      let kills = try kill("killed", times: times, seed: 20)
      #expect(kills == times, "the run was over after \(kills) kills")
      let run = try finish("killed")
      try expectSame(run, reference, "after \(kills) kills")
      for epoch in [25, 50, 75, 100] {
        let name = "epoch-\(epoch).safetensors"
        #expect(try run.data(name) == reference.data(name), "\(name) differs")
      }
      #expect(try run.sessions().count > times / 2)
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
