import Foundation
import TestSupport
import Testing

extension ProgramTests {
  /// Runs that are ended in every way, and go on: they end as one that was left alone.
  @Suite struct ResumeTests {
    let folder: TemporaryFolder

    init() throws { folder = try tinyFolder() }

    /// Two threads, as the bits depend on their number, and as several are what a race would need.
    private static let threads = ["SPREAD_THREADS": "2"]

    private static func command(_ settings: [String] = [], runs: String = "runs") -> [String] {
      ["--config", "tiny", "--loss", "spread", "--set", "epochs=25", "--runs", runs] + settings
    }

    private func start(_ settings: [String] = [], runs: String = "runs") throws -> RunningProgram {
      try Program.experiments.start(
        Self.command(settings, runs: runs), in: folder.url, environment: Self.threads)
    }

    private func finish(_ settings: [String] = [], runs: String = "runs") throws -> RunFiles {
      let outcome = try Program.experiments.run(
        Self.command(settings, runs: runs), in: folder.url, environment: Self.threads)
      #expect(outcome.code == 0, "\(outcome)")
      return try RunFiles(in: folder.url.appendingPathComponent(runs))
    }

    /// Runs the command undisturbed.
    private func reference(_ settings: [String] = []) throws -> RunFiles {
      try finish(settings, runs: "reference")
    }

    private func files(_ runs: String = "runs") -> RunFiles? {
      RunFiles.folders(in: folder.url.appendingPathComponent(runs)).first.map { RunFiles($0) }
    }

    private func epochs(_ runs: String = "runs") -> Int {
      files(runs)?.text("metrics.jsonl").split(separator: "\n").count ?? 0
    }

    /// Starts the run and ends it by a signal at a moment; nil when it was over before that.
    private func stop(
      by signal: Int32, _ settings: [String] = [], runs: String = "runs", polling: UInt32 = 500,
      when moment: () -> Bool
    ) throws -> Outcome? {
      let program = try start(settings, runs: runs)
      let came = program.wait(until: moment, polling: polling)
      program.send(signal)
      let outcome = try program.wait()
      return came && outcome.code != 0 ? outcome : nil
    }

    @Test func aRunThatIsKilledAfterAnyEpochEndsWithTheSameBits() throws {
      let reference = try reference()
      for epoch in [1, 12] {
        // On a machine that is busy the run may be over before the kill; then it is tried anew.
        let runs = try #require(
          try (0..<5).lazy.map { "killed-\(epoch)-\($0)" }.first { runs in
            try stop(by: SIGKILL, runs: runs, when: { epochs(runs) >= epoch })?.signal == SIGKILL
          })
        #expect(try #require(files(runs)).names.contains("result.json") == false)
        try expectSame(finish(runs: runs), reference, "after a kill in epoch \(epoch)")
        #expect(try RunFiles(in: folder.url.appendingPathComponent(runs)).sessions().count == 2)
      }
    }

    /// It has buffers beside its parameters: running means and variances.
    @Test func aResidualRunThatIsKilledEndsWithTheSameBits() throws {
      try folder.write(
        tinyExperiment.replacing(
          /"encoder": \{[^}]*\}/, with: #""encoder": {"name": "resnet", "stemWidth": 4, "blocks": [1, 1]}"#),
        "tiny.json")
      let settings = ["--set", "epochs=12", "--set", "optimiser.name=sgd"]
      let reference = try reference(settings)
      let runs = try #require(
        try (0..<5).lazy.map { "killed-\($0)" }.first { runs in
          try stop(by: SIGKILL, settings, runs: runs, when: { epochs(runs) >= 3 }) != nil
        })
      try expectSame(finish(settings, runs: runs), reference)
    }

    @Test func aRunThatIsKilledAgainAndAgainEndsWithTheSameBits() throws {
      let reference = try reference()
      var kills = 0
      // Each time a little later than the last, so that it gets on however slow the machine is.
      for milliseconds in stride(from: 20, to: 8000, by: 50) {
        let program = try start()
        let end = ContinuousClock.now.advanced(by: .milliseconds(milliseconds))
        _ = program.wait(until: { ContinuousClock.now >= end }, polling: 1000)
        program.send(SIGKILL)
        if try program.wait().code == 0 { break }
        kills += 1
      }
      #expect(kills >= 2)
      try expectSame(finish(), reference, "after \(kills) kills")
    }

    /// A larger network, so that writing takes a while.
    @Test func aRunThatIsKilledWhileItWritesACheckpointEndsWithTheSameBits() throws {
      let settings = ["--set", "epochs=4", "--set", "encoder.width=256", "--set", "encoder.mlpWidth=512"]
      let reference = try reference(settings)
      func unfinished(_ name: String) -> Bool {
        files()?.names.contains { $0.hasPrefix(name) && $0.hasSuffix(".partial") } ?? false
      }
      // The first epoch is the best so far; a second checkpoint is written over the first.
      for (name, epoch) in [("best.safetensors", 0), ("checkpoint.safetensors", 2)] {
        // The moment may pass between two looks; then the run is taken up again, or begun anew.
        var hits = 0
        for _ in 0..<40 where hits == 0 {
          let moment = { epochs() >= epoch && unfinished(name) }
          if try stop(by: SIGKILL, settings, polling: 20, when: moment) == nil {
            try FileManager.default.removeItem(at: folder.url.appendingPathComponent("runs"))
          } else if unfinished(name) {
            hits += 1
          }
        }
        #expect(hits == 1, "never caught writing \(name)")
        try expectSame(finish(settings), reference, "after a kill while writing \(name)")
        try FileManager.default.removeItem(at: folder.url.appendingPathComponent("runs"))
      }
    }

    /// One epoch of some hundred steps: whoever is stopped is stopped within it.
    private static let longEpoch = [
      "--set", "epochs=1", "--set", "batchSize=2", "--set",
      "data.trainingImagesOfDigit=[90,90,90,90,90,90,90,90,90,90]",
    ]

    /// Starts the run, and sends a signal some time after its training began.
    private func interrupt(by signal: Int32, after milliseconds: UInt32) throws -> Outcome {
      let program = try start(Self.longEpoch)
      _ = program.wait(until: {
        program.errors.contains("starts") || program.errors.contains("goes on after")
      })
      usleep(milliseconds * 1000)
      program.send(signal)
      return try program.wait()
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGHUP]) func aSignalSavesWithinTheEpoch(signal: Int32) throws {
      let reference = try reference(Self.longEpoch)
      let outcome = try interrupt(by: signal, after: 0)
      #expect(outcome.code == 128 + signal, "\(outcome)")
      #expect(outcome.errors.contains("stopped and saved in"))
      #expect(outcome.errors.contains("the same command goes on from"))
      #expect(outcome.output.isEmpty)
      #expect(epochs() == 0)
      try expectSame(finish(Self.longEpoch), reference)
      let sessions = try #require(files()).sessions()
      try #require(sessions.count == 2)
      #expect(sessions[1]["fromEpoch"] as? Int == 0)
      #expect((1..<405).contains(sessions[1]["fromStep"] as? Int ?? 0), "\(sessions)")
    }

    @Test func manyInterruptionsEndWithTheSameBits() throws {
      let reference = try reference(Self.longEpoch)
      var stops = 0
      while stops < 100 {
        // Each time a little later than the last, so that it is stopped often on a fast machine and gets on on a slow one.
        let outcome = try interrupt(by: SIGINT, after: 2 * UInt32(stops))
        if outcome.code == 0 { break }
        #expect(outcome.code == 130, "\(outcome)")
        stops += 1
      }
      #expect(stops >= 2)
      try expectSame(finish(Self.longEpoch), reference, "after \(stops) interruptions")
    }

    @Test func aSecondSignalEndsAtOnceAndLosesNothingThatWasSaved() throws {
      let reference = try reference()
      let program = try start()
      _ = program.wait(until: { epochs() >= 3 })
      program.send(SIGINT)
      program.send(SIGTERM)
      let code = try program.wait().code
      #expect(code == 130 || code == 143)
      try expectSame(finish(), reference)
    }

    @Test func anInterruptionDuringTheEvaluationIsNoCompletedRun() throws {
      let settings = ["--set", "epochs=1", "--set", "probe.epochs=4000"]
      let reference = try reference(settings)
      let outcome = try #require(
        try stop(by: SIGINT, settings) { files()?.names.contains("checkpoint.safetensors") ?? false })
      #expect(outcome.code == 130, "\(outcome)")
      #expect(try #require(files()).names.contains("result.json") == false)
      try expectSame(finish(settings), reference)
    }

    @Test func aCompleteRunIsNotRunAgain() throws {
      func times(_ run: RunFiles) throws -> [Date?] {
        try run.names.map {
          try FileManager.default.attributesOfItem(atPath: run.file($0).path)[.modificationDate] as? Date
        }
      }
      let run = try finish()
      let before = try times(run)
      let again = try Program.experiments.run(Self.command(), in: folder.url, environment: Self.threads)
      #expect(again.code == 0)
      #expect(again.errors.contains("complete already") && !again.errors.contains("epoch"))
      #expect(again.output.contains("| Tiny"))
      #expect(try times(run) == before)
    }

    @Test func aRunHasOneProcessAtATime() throws {
      let reference = try reference()
      let first = try start()
      _ = first.wait(until: { epochs() >= 1 })
      // What they leave alone matters as much as that they refuse: the first is writing all the time.
      for _ in 0..<5 {
        let second = try Program.experiments.run(Self.command(), in: folder.url, environment: Self.threads)
        if second.code == 0 { break }
        expectError(
          second, code: 1, naming: "another process works on", folder.file("runs/tiny"), "when it is done")
      }
      #expect(try first.wait().code == 0)
      try expectSame(RunFiles(in: folder.url.appendingPathComponent("runs")), reference)
    }
  }
}
