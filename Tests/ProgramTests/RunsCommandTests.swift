import Foundation
import TestSupport
import Testing

extension ProgramTests {
  /// Looking at runs, comparing and removing them.
  @Suite struct RunsCommandTests {
    let folder: TemporaryFolder
    var runs: URL { folder.url.appendingPathComponent("runs") }

    /// Four runs in the states that runs can be left in.
    init() throws {
      let folder = try tinyFolder()
      self.folder = folder
      func run(_ arguments: String...) throws -> Int32? {
        try Program.experiments.run(["--config", "tiny"] + arguments, in: folder.url).code
      }
      #expect(try run("--seed", "0") == 0)
      let rate = "optimiser.rate=1000"
      #expect(try run("--loss", "spread", "--seed", "1", "--set", "epochs=20", "--set", rate) == 1)
      let long = try Self.start("7", in: folder)
      #expect(long.wait(until: { Self.begun("seed-7", in: folder) }))
      long.send(SIGTERM)
      #expect(try long.wait().code == 143)
    }

    private func run(_ arguments: [String]) throws -> Outcome {
      try Program.experiments.run(arguments, in: folder.url)
    }
    private func run(_ arguments: String...) throws -> Outcome { try run(arguments) }

    private static func start(_ seed: String, in folder: TemporaryFolder) throws -> RunningProgram {
      try Program.experiments.start(
        ["--config", "tiny", "--loss", "supcon", "--seed", seed, "--set", "epochs=100000"], in: folder.url)
    }

    private static func begun(_ seed: String, in folder: TemporaryFolder) -> Bool {
      RunFiles.folders(in: folder.url.appendingPathComponent("runs")).contains {
        $0.lastPathComponent == seed && RunFiles($0).names.contains("checkpoint.safetensors")
      }
    }

    private func listed(_ arguments: String...) throws -> [[String: Any]] {
      let outcome = try run(["runs", "--json"] + arguments)
      #expect(outcome.code == 0, "\(outcome)")
      return try #require(JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [[String: Any]])
    }

    @Test func statusShowsWhatRunsAndWhatDoesNot() throws {
      let idle = try run("status")
      #expect(idle.code == 0 && idle.output.hasSuffix("\n\n2 of 4 runs are complete.\n"), "\(idle)")
      #expect(idle.output.contains("Failed; the command") && idle.output.contains("/20 epochs; the "))
      // None of these had a queue that wrote one.
      #expect(!idle.output.contains("log: "), "\(idle)")
      #expect(idle.output.contains("Stopped; the command") && !idle.output.contains("Running"))

      let program = try Self.start("8", in: folder)
      #expect(program.wait(until: { Self.begun("seed-8", in: folder) }))
      let line = try #require(
        run("status").output.split(separator: "\n").first {
          $0.contains("seed-8") && $0.hasPrefix("| tiny/quick/supcon-")
        })
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      #expect(cells[1].hasPrefix("\(program.processIdentifier) on "), "\(line)")
      #expect(cells[2].contains(/^\d+\/100000$/) && cells[3].contains(/\d+ (s|min|h)/))
      #expect(try listed("--state", "running").map { $0["seed"] as? Int } == [8])
      // Neither by itself nor by name.
      expectError(
        try run("clean", "tiny/quick/\(cells[0].split(separator: "/")[2])/seed-8", "--yes"), code: 1,
        naming: "is being worked on")
      // A kill leaves the record; it is seen through.
      program.send(SIGKILL)
      _ = try program.wait()
      #expect(try listed("--seed", "8").map { $0["state"] as? String } == ["stopped"])
      #expect(
        try Program.experiments.run(["status", "--runs", "none"], in: folder.url).output
          == "There are no runs.\n")
    }

    @Test func runsAreListedAndChosen() throws {
      #expect(try listed().count == 4)
      #expect(try listed("--loss", "L_SC").map { $0["seed"] as? Int } == [0, 7])
      #expect(try listed("--state", "complete", "--state", "failed").count == 3)
      #expect(try listed("--experiment", "other").isEmpty && listed("--profile", "paper").isEmpty)
      let failed = try #require(try listed("--state", "failed").first)
      #expect((failed["failure"] as? String)?.contains("optimiser.rate") == true)
      let complete = try #require(try listed("--state", "complete", "--loss", "spread").first)
      #expect((0...1).contains(try #require(complete["fineAccuracy"] as? Double)))
      let table = try run("runs", "--state", "complete").output
      #expect(table.hasPrefix("| run ") && table.split(separator: "\n").count == 4, "\(table)")
      #expect(table.contains(complete["run"] as? String ?? "?"))
      // A damaged result does not hide the others.
      let file = try URL(fileURLWithPath: #require(complete["folder"] as? String)).appendingPathComponent(
        "result.json")
      try Data("{".utf8).write(to: file)
      let outcome = try run("runs")
      #expect(outcome.code == 0 && outcome.errors.contains(file.path))
      #expect(outcome.output.split(separator: "\n").count == 5)
    }

    @Test func twoRunsAreCompared() throws {
      let names = try listed("--seed", "0").compactMap { $0["run"] as? String }.sorted()
      let outcome = try run("runs", "--compare", names[1], folder.file("runs/\(names[0])"))
      #expect(outcome.code == 0 && outcome.output.hasPrefix("A: \(names[1])\nB: \(names[0])\n"), "\(outcome)")
      let rows = outcome.output.split(separator: "\n").map {
        $0.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      }
      #expect(
        rows.contains(["loss.temperature", "0.1", "0.5"]) && rows.contains(["loss.alpha", "-", "0.5"]))
      #expect(!rows.contains { $0.first == "batchSize" })
      let fine = try #require(rows.first { $0.first == "fine, %" }).dropFirst().map {
        Double($0) ?? -1000
      }
      #expect(abs(fine[1] - fine[0] - fine[2]) < 0.011)
      #expect(
        try run("runs", "--compare", names[0], names[0]).output.contains("Their settings are the same."))
      expectError(try run("runs", "--compare", names[0]), code: 64, naming: "two runs")
      expectError(
        try run("runs", "--compare", names[0], "tiny/quik"), code: 1, naming: "nearest: tiny/quick/")
    }

    @Test func cleaningShowsFirstAndSparesWhatIsComplete() throws {
      let shown = try run("clean")
      #expect(
        shown.code == 0 && shown.output.hasSuffix("Nothing was removed; with --yes it is.\n"), "\(shown)")
      #expect(shown.output.components(separatedBy: "would remove ").count == 3)
      #expect(shown.output.contains(/would free [1-9][0-9.]* [kM]B\n/), "\(shown)")
      #expect(RunFiles.folders(in: runs).count == 4)
      #expect(try run("clean", "--older-than", "1", "--yes").output == "There is nothing to remove.\n")
      let failed = try run("clean", "--state", "failed", "--yes")
      #expect(failed.output.hasPrefix("removed tiny/quick/spread-") && failed.output.contains("(failed, "))
      #expect(failed.output.contains(/\nfreed [1-9][0-9.]* (kB|MB|bytes)\n/), "\(failed)")
      #expect(RunFiles.folders(in: runs).count == 3)
      #expect(try run("clean", "--yes").code == 0)
      let rest = try listed()
      #expect(rest.count == 2 && rest.allSatisfy { $0["state"] as? String == "complete" })
      // By name alone; the folders above go when they are empty.
      for name in rest.compactMap({ $0["run"] as? String }) {
        #expect(try run("clean", name, "--yes").code == 0)
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: runs.path).isEmpty)
      for arguments in [["--state", "complete"], ["--older-than", "-1"], ["--state", "bogus"]] {
        expectError(try run(["clean"] + arguments), code: 64)
      }
    }
  }
}
