import Foundation
import TestSupport
import Testing

extension ProgramTests {
  /// Words that were not understood, and what is said before a run begins.
  @Suite struct UsageTests {
    let folder: TemporaryFolder

    init() throws { folder = try tinyFolder() }

    private func run(_ arguments: String...) throws -> Outcome {
      try Program.experiments.run(arguments, in: folder.url)
    }

    @Test func anUnknownCommandIsCalledOne() throws {
      expectError(try run("stauts"), code: 64, naming: "there is no command \"stauts\"", "nearest: status")
      expectError(try run("xyz", "--data", "d"), code: 64, naming: "there is no command \"xyz\"")
      expectError(try run("tiny.json"), code: 64, naming: "\"tiny.json\"", "--config tiny.json")
      expectError(
        try Program.benchmarks.run(["gem"], in: folder.url), code: 64, naming: "no command \"gem\"",
        "nearest: gemm")
    }

    @Test func versionsAreTold() throws {
      for (program, name) in [(Program.experiments, "spread-exp"), (.benchmarks, "spread-bench")] {
        let outcome = try program.run(["--version"], in: folder.url)
        #expect(outcome.code == 0 && outcome.errors.isEmpty, "\(outcome)")
        #expect(
          outcome.output.contains(
            /^\S+ [0-9]+\.[0-9]+\.[0-9]+, git revision \S+\nSwift [0-9.]+.*\nOpenBLAS .+\n$/))
        #expect(outcome.output.hasPrefix(name))
      }
    }

    @Test func aFolderForTheNameOfADataSetIsSentToItsOption() throws {
      for folder in ["/tmp", ".", "~/data", "some/where"] {
        expectError(
          try run("embed", "--checkpoint", "c", "--output", "z", "--data", folder), code: 64,
          naming: "--data", "goes to --folder")
      }
      expectError(
        try run("embed", "--checkpoint", "c", "--output", "z", "--data", "mnits"), code: 64,
        naming: "--data", "nearest: mnist")
    }

    @Test func anExperimentWithoutADataSetSaysWhichIsTaken() throws {
      func note(_ data: String, _ more: [String] = []) throws -> Bool {
        let name = #""name": "glyphs", "#
        try folder.write(tinyExperiment.replacingOccurrences(of: name, with: data), "open.json")
        let outcome = try Program.experiments.run(
          ["--config", "open", "--loss", "spread", "--profile", "smoke", "--dry-run"] + more, in: folder.url)
        #expect(outcome.code == 0, "\(outcome)")
        return outcome.errors.contains("note: open.json names no data set (data.name): glyphs")
      }
      #expect(try note(""))
      #expect(try !note("", ["--set", "data.name=glyphs"]))
      #expect(try !note(#""name": "glyphs", "#))
    }

    @Test(arguments: [
      (["--config", "tiny", "--seed", "-1"], "--seed"),
      (["--config", "tiny", "--threads", "-1"], "--threads"),
      (["data", "mnist", "--count", "-1"], "--count"), (["data", "mnist", "--seed", "-1"], "--seed"),
      (["clean", "--older-than", "-1"], "--older-than"),
      (["fetch", "mnist", "--attempts", "-1"], "--attempts"),
      (["loss", "--loss", "spread", "--view1", "a", "--view2", "b", "--temperature", "-1"], "--temperature"),
    ]) func aNegativeNumberIsBlamedOnItsOption(arguments: [String], option: String) throws {
      expectError(try Program.experiments.run(arguments, in: folder.url), code: 64, naming: option)
    }
  }
}
