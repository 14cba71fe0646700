import Foundation
import TestSupport
import Testing

extension ProgramTests {
  /// How paths in arguments, variables and settings are understood.
  @Suite struct PathTests {
    let folder: TemporaryFolder

    init() throws {
      folder = try tinyFolder()
      try writeDigitFiles(folder, "home/d/mnist")
      try folder.write(NumPy.floats([[1, 0], [0, 1], [0.6, 0.8]]), "home/z.npy")
      try folder.write(NumPy.integers([0, 0, 1]), "home/y.npy")
      try folder.write(tinyExperiment, "home/mine.json")
    }

    private func run(_ arguments: [String], _ variables: [String: String] = [:]) throws -> Outcome {
      try Program.experiments.run(
        arguments, in: folder.url, environment: ["HOME": folder.file("home")].merging(variables) { $1 })
    }

    private var names: Set<String> {
      Set((try? FileManager.default.contentsOfDirectory(atPath: folder.url.path)) ?? [])
    }

    private func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: folder.file(name)) }

    @Test func aTildeIsTheHomeForReading() throws {
      let before = names
      for arguments in [
        ["data", "mnist", "--data=~/d"], ["data", "mnist", "--data", "~/d/"],
        ["loss", "--loss", "spread", "--view1=~/z.npy", "--view2=~/z.npy", "--labels=~/y.npy"],
        ["metrics", "--embeddings=~/z.npy", "--labels=~/y.npy", "--strata=~/y.npy"],
        ["--config=~/mine", "--print-configuration"], ["--config=~/mine.json", "--print-configuration"],
        ["--config", "mnist-coarse", "--profile", "smoke", "--loss", "spread", "--data=~/d", "--dry-run"],
        [
          "--config", "mnist-coarse", "--profile", "smoke", "--loss", "spread", "--set", "data.folder=~/d",
          "--dry-run",
        ], ["fetch", "mnist", "--data=~/e", "--from=~/d/mnist", "--any-contents"],
      ] {
        let outcome = try run(arguments)
        let isFound = outcome.code == 0 && !outcome.output.contains("missing")
        // The made-up files are not gzipped, as those that are fetched must be; they were found.
        #expect(isFound || arguments[0] == "fetch", "\(arguments) \(outcome)")
      }
      let variable = try run(["data", "mnist"], ["SPREAD_DATA": "~/d"])
      #expect(
        variable.output.contains("found") && variable.output.contains(folder.file("home/d")), "\(variable)")
      #expect(exists("home/e"))
      #expect(names == before)
    }

    @Test func aTildeIsTheHomeForWriting() throws {
      let before = names
      for (arguments, file) in [
        (["table", "2", "--profile", "smoke", "--runs=~/none", "--output=~/t.md"], "home/t.md"),
        (["data", "mnist", "--data=~/d", "--count", "1", "--preview=~/p.png"], "home/p.png"),
        (
          [
            "loss", "--loss", "spread", "--view1=~/z.npy", "--view2=~/z.npy", "--labels=~/y.npy",
            "--gradients=~/g",
          ], "home/g/grad1.npy"
        ), (["--config", "tiny", "--loss", "spread", "--runs=~/r"], "home/r/tiny"),
      ] {
        let outcome = try run(arguments)
        #expect(outcome.code == 0 && exists(file), "\(arguments) \(outcome)")
      }
      let run = try RunFiles(in: folder.url.appendingPathComponent("home/r"))
      let checkpoint = "~" + run.file("best.safetensors").path.dropFirst(folder.file("home").count)
      let embed = [
        "embed", "--checkpoint", checkpoint, "--data", "glyphs", "--output=~/e.npy", "--labels=~/l.npy",
      ]
      let outcome = try self.run(embed)
      #expect(outcome.code == 0 && exists("home/e.npy") && exists("home/l.npy"), "\(outcome)")
      let removed = try self.run(
        ["clean", "--runs=~/r", "~" + run.folder.path.dropFirst(folder.file("home").count), "--yes"])
      #expect(removed.code == 0 && !exists("home/r/tiny"), "\(removed)")
      #expect(names == before)
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: folder.file("home")).allSatisfy {
          !$0.hasSuffix("partial")
        })
    }

    /// Of whichever user the system knows by that name, nothing is touched.
    @Test func aNameAfterATildeIsAFileOfThatName() throws {
      let outcome = try run(["table", "2", "--profile", "smoke", "--runs", "~nobody/r", "--output", "~root"])
      #expect(outcome.code == 0 && exists("~root"), "\(outcome)")
      #expect(try run(["--config", "tiny", "--loss", "spread", "--runs", "~root.d/r"]).code == 0)
      #expect(exists("~root.d/r/tiny"))
    }

    @Test func theCacheIsInTheHomeOfTheEnvironment() throws {
      func cached(_ place: String, _ variables: [String: String]) throws -> Bool {
        let outcome = try run(["data", "glyphs"], ["SPREAD_CACHE": ""].merging(variables) { $1 })
        #expect(outcome.code == 0, "\(outcome)")
        return exists(place)
      }
      #expect(try cached("home/.cache/spread", ["XDG_CACHE_HOME": ""]))
      #expect(try cached("xdg/spread", ["XDG_CACHE_HOME": folder.file("xdg")]))
      #expect(try cached("home/mine", ["SPREAD_CACHE": "~/mine"]))
      try FileManager.default.removeItem(atPath: folder.file("home/.cache"))
      #expect(try cached("home/.cache/spread", ["XDG_CACHE_HOME": "relative"]) && !exists("relative"))
    }

    @Test func anEmptyPathIsRefusedWithItsOption() throws {
      for (option, arguments) in [
        ("--output", ["table", "2", "--output", ""]), ("--runs", ["status", "--runs", ""]),
        ("--data", ["data", "--data", ""]), ("--config", ["--config", ""]),
        ("--gradients", ["loss", "--loss", "spread", "--view1", "a", "--view2", "a", "--gradients", ""]),
      ] {
        expectError(try run(arguments), code: 64, naming: option)
      }
    }

    @Test func whatIsNotUTF8IsRefused() throws {
      func shell(_ script: String) throws -> Outcome {
        try Program.experiments.start(["data", "mnist"], in: folder.url) { ["sh", "-c", script] + $0 }.wait()
      }
      expectError(
        try shell(#"exec "$0" "$@" --data "$(printf 'd\377')""#), code: 64, naming: "argument 4", "not UTF-8")
      expectError(
        try shell(#"SPREAD_DATA="$(printf '/d\377')" exec "$0" "$@""#), code: 64, naming: "SPREAD_DATA",
        "not UTF-8")
    }

    @Test func aMissingDataSetTellsWhereItWasLookedFor() throws {
      let outcome = try run(["data", "mnist", "--data=~/nowhere"])
      #expect(outcome.output.contains("looked in: \(folder.file("home/nowhere/mnist"))"), "\(outcome)")
      #expect(try run(["data"]).output.contains("no data folder was named"))
    }
  }
}
