import Foundation
import TestSupport
import Testing

extension ProgramTests {
  /// Tables whose runs go side by side, are stopped, and are shared.
  @Suite struct QueueTests {
    let folder: TemporaryFolder
    var runs: URL { folder.url.appendingPathComponent("runs") }

    init() throws {
      folder = try tinyFolder()
      try folder.write(
        #"{"number": "9", "title": "T", "losses": ["supcon", "spread"], "rows": [{"title": "Tiny", "experiment": "tiny"}]}"#,
        "table9.json")
    }

    private static func command(_ settings: [String]) -> [String] {
      ["reproduce", "9", "--seed", "0", "--seed", "1", "--seed", "2"] + settings
    }

    private func reproduce(_ settings: String...) throws -> Outcome {
      try Program.experiments.run(Self.command(settings), in: folder.url)
    }

    private func start(_ settings: String...) throws -> RunningProgram {
      try Program.experiments.start(Self.command(settings), in: folder.url)
    }

    private var complete: Int {
      RunFiles.folders(in: runs).count { RunFiles($0).names.contains("result.json") }
    }

    /// Runs on which some epochs are done.
    private func begun(_ epochs: Int = 1) -> Int {
      RunFiles.folders(in: runs).count {
        RunFiles($0).text("metrics.jsonl").split(separator: "\n").count >= epochs
      }
    }

    @Test func runsSideBySideHaveTheBitsOfRunsAlone() throws {
      let outcome = try reproduce("--jobs", "3", "--threads", "2", "--set", "epochs=4")
      #expect(outcome.code == 0, "\(outcome)")
      #expect(outcome.errors.contains("table 9: 6 runs, 0 of them complete already"), "\(outcome.errors)")
      #expect(outcome.errors.contains("3 at a time, 2 threads each"))
      let alone = try Program.experiments.run(
        ["--config", "tiny", "--runs", "alone", "--threads", "2", "--set", "epochs=4"]
          + ["--seed", "0", "--seed", "1", "--seed", "2"], in: folder.url)
      #expect(alone.code == 0)
      let reference = RunFiles.folders(in: folder.url.appendingPathComponent("alone"))
      let made = RunFiles.folders(in: runs)
      #expect(made.count == 6 && reference.count == 6)
      for (a, b) in zip(made, reference) {
        try expectSame(RunFiles(a), RunFiles(b))
        let machine = try RunFiles(a).sessions()[0]["machine"] as? [String: Any]
        #expect(machine?["threads"] as? Int == 2)
        #expect(!RunFiles(a).names.contains(".worker.json"))
      }
      // Nothing is done twice.
      let again = try reproduce("--set", "epochs=4")
      #expect(again.output == outcome.output && again.errors.contains("6 runs, 6 of them complete already"))
    }

    @Test(arguments: [SIGINT, SIGTERM]) func aStoppedTableIsSavedAndGoesOn(signal: Int32) throws {
      let settings = ["--set", "epochs=40"]
      let program = try Program.experiments.start(Self.command(settings + ["--jobs", "2"]), in: folder.url)
      #expect(program.wait(until: { begun(2) >= 2 }))
      program.send(signal)
      let stopped = try program.wait()
      #expect(stopped.code == 128 + signal && stopped.output.isEmpty, "\(stopped)")
      #expect(stopped.errors.contains("stopping: 2 runs to save"), "\(stopped.errors)")
      #expect(stopped.errors.contains(": saved, ") && stopped.errors.contains("the same command goes on"))
      for folder in RunFiles.folders(in: runs) {
        #expect(!RunFiles(folder).names.contains { [".worker.json", "failure.json"].contains($0) })
      }
      let began = RunFiles.folders(in: runs).first { RunFiles($0).names.contains("checkpoint.safetensors") }
      let outcome = try Program.experiments.run(Self.command(settings), in: folder.url, seconds: 120)
      #expect(outcome.code == 0 && outcome.errors.contains(": goes on, "), "\(outcome)")
      #expect(try RunFiles(#require(began)).sessions().count == 2)
      #expect(complete == 6)
    }

    @Test func aRunThatIsKilledFailsAloneAndGoesOn() throws {
      let program = try start("--set", "epochs=40", "--jobs", "2")
      var victim: pid_t = 0
      #expect(
        program.wait(until: {
          let record = RunFiles.folders(in: runs).lazy.compactMap { try? RunFiles($0).json(".worker.json") }
            .first
          victim = pid_t(record?["process"] as? Int ?? 0)
          return victim > 0 && begun() > 0
        }))
      kill(victim, SIGKILL)
      let outcome = try program.wait(seconds: 120)
      #expect(outcome.code == 1 && complete == 5, "\(outcome)")
      #expect(outcome.errors.contains("ended by signal 9 (Killed); log: \(runs.path)/tiny/quick/"))
      #expect(outcome.output.contains("(2 of 3)"))
      let again = try reproduce("--set", "epochs=40")
      #expect(again.code == 0 && complete == 6 && again.errors.contains("6 runs, 5 of them complete already"))
    }

    @Test func twoOnOneFolderShareTheWork() throws {
      let (first, second) = (try start("--set", "epochs=20"), try start("--set", "epochs=20"))
      let outcomes = try [first.wait(seconds: 120), second.wait(seconds: 120)]
      #expect(outcomes.allSatisfy { $0.code == 0 }, "\(outcomes)")
      #expect(outcomes[0].output == outcomes[1].output && outcomes[0].output.contains("±"))
      #expect(complete == 6)
      // Each run was made by one of them, in one go, and both did something.
      for folder in RunFiles.folders(in: runs) { #expect(try RunFiles(folder).sessions().count == 1) }
      for outcome in outcomes {
        #expect(outcome.errors.contains(": starts, "))
        #expect(outcome.errors.contains("works on it") || outcome.errors.contains("of them complete already"))
      }
    }

    @Test func theRunsOfAKilledQueueAreTakenOver() throws {
      // Runs of some seconds: those of a killed queue notice once a second.
      let command = ["reproduce", "9", "--seed", "0", "--set", "epochs=250", "--jobs", "2"]
      let first = try Program.experiments.start(command, in: folder.url)
      #expect(first.wait(until: { begun() >= 2 }))
      let second = try Program.experiments.start(command, in: folder.url)
      #expect(second.wait(until: { second.errors.contains("works on it") }))
      // Only the queue itself: its runs notice, save and end.
      kill(first.processIdentifier, SIGKILL)
      #expect(try first.wait().signal == SIGKILL)
      let outcome = try second.wait(seconds: 120)
      #expect(outcome.code == 0 && complete == 2, "\(outcome)")
      #expect(outcome.errors.contains("nobody works on it any more"), "\(outcome.errors)")
      #expect(outcome.errors.contains(": goes on, "))
    }

    @Test func withoutWaitingTheRunsOfOthersAreNamed() throws {
      let first = try start("--set", "epochs=200", "--jobs", "6")
      #expect(first.wait(until: { begun() >= 6 }))
      let outcome = try reproduce("--set", "epochs=200", "--no-wait")
      #expect(
        outcome.code == 0 && outcome.errors.contains("Other processes still work on:\n  tiny L_SC seed 0\n"))
      first.send(SIGTERM)
      #expect(try first.wait().code == 143)
    }

    @Test func slicesMakeTheTableTogetherAlsoFromOtherFolders() throws {
      for part in 1...3 {
        let outcome = try reproduce("--slice", "\(part)/3", "--runs", "part-\(part)")
        #expect(
          outcome.code == 0 && outcome.errors.contains("table 9, part \(part) of 3: 2 runs"), "\(outcome)")
        // As on other machines: the folders are copied together.
        for file in RunFiles.folders(in: folder.url.appendingPathComponent("part-\(part)")) {
          let target = URL(
            fileURLWithPath: file.path.replacingOccurrences(of: "/part-\(part)/", with: "/runs/"))
          try FileManager.default.createDirectory(
            at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
          try FileManager.default.copyItem(at: file, to: target)
        }
      }
      #expect(complete == 6)
      let whole = try reproduce()
      #expect(whole.code == 0 && whole.errors.contains("6 runs, 6 of them complete already"))
      for text in ["0/3", "4/3", "x"] { expectError(try reproduce("--slice", text), code: 64, naming: text) }
    }

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/script"), "needs util-linux"))
    func aTerminalShowsAllRunsInPlace() throws {
      let outcome = try Program.experiments.start(
        Self.command(["--set", "epochs=40", "--jobs", "2"]), in: folder.url
      ) { ["script", "-qec", $0.joined(separator: " "), "/dev/null"] }.wait(seconds: 120)
      #expect(outcome.code == 0, "\(outcome)")
      // A terminal's line break is one character to Swift.
      let text = outcome.output.replacingOccurrences(of: "\r\n", with: "\n")
      let block =
        /table 9: \d of 6 runs done, 2 running, \d waiting; \d+ s left\u{1B}\[K\n  tiny L_\w+ seed \d: (begins|epoch \d+\/40, step)/
      #expect(text.contains(block), "\(text)")
      #expect(outcome.output.contains("\u{1B}[3A\r"))
    }
  }
}
