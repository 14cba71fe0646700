import Foundation
import TestSupport
import Testing

extension ProgramTests {
  /// How configurations are found, changed and refused; what each key allows stands in ExperimentsTests.
  @Suite struct ConfigurationTests {
    let folder: TemporaryFolder

    init() throws { folder = try tinyFolder() }

    private func run(_ arguments: String...) throws -> Outcome {
      try Program.experiments.run(arguments, in: folder.url)
    }

    /// What would be trained, one JSON object a loss.
    private func resolved(_ arguments: String...) throws -> [[String: Any]] {
      let outcome = try Program.experiments.run(
        ["--config", "tiny", "--print-configuration"] + arguments, in: folder.url)
      #expect(outcome.code == 0, "\(outcome)")
      return try outcome.output.components(separatedBy: "\n}\n").filter { !$0.isEmpty }.map {
        try #require(try JSONSerialization.jsonObject(with: Data("\($0)\n}".utf8)) as? [String: Any])
      }
    }

    @Test(arguments: [
      (
        #"{"loss": {"tempreature": 1}}"#,
        ["c.json, line 1", "`loss.tempreature`", "nearest: `loss.temperature`"]
      ),
      (#"{"epoch": 1}"#, ["`epoch`", "nearest: `epochs`"]),
      (
        "{\n\"encoder\": {\"width\": \"32\"}}",
        ["line 2", "`encoder.width`", "expected an integer", "\"32\""]
      ),
      (#"{"loss": {"temperature": 0}}"#, ["`loss.temperature`", "0 is not above 0"]),
      (#"{"profiles": {"paper": {"epohcs": 3}}}"#, ["`epohcs`", "nearest: `epochs`"]),
      ("", ["c.json", "not JSON"]), ("[]", ["c.json", "expected an object"]),
      (#"{"epochs": 1"#, ["c.json, line 1", "not JSON"]),
      (String(repeating: "[", count: 200_000), ["c.json", "nested deeper than 64"]),
      (String(repeating: #"{"loss":"#, count: 50_000), ["c.json", "nested deeper than 64"]),
      (#"{"epochs": 1e999}"#, ["c.json", "`epochs`"]),
      (#"{"epochs": 99999999999999999999999999}"#, ["c.json", "`epochs`"]),
    ]) func aMistakeInAFileIsNamed(text: String, parts: [String]) throws {
      try folder.write(text, "c.json")
      let outcome = try run("--config", "c.json")
      expectError(outcome, code: 64)
      for part in parts { #expect(outcome.errors.contains(part), "\(outcome.errors)") }
      #expect(!FileManager.default.fileExists(atPath: folder.file("runs")))
    }

    @Test(arguments: [
      ("loss.tempreature=1", ["`loss.tempreature`", "nearest: `loss.temperature`"]),
      ("epochs=many", ["`epochs`", "expected an integer"]), ("epochs", ["expected path=value"]),
      ("epochs=0", ["`epochs`", "0 is not in 1...100000"]),
      ("encoder.heads=3", ["`encoder.heads`", "do not divide"]),
      ("encoder.patch=5", ["`encoder.patch`", "do not divide images of 28"]),
    ]) func aMistakeInAnOverrideIsNamed(override: String, parts: [String]) throws {
      let outcome = try run("--config", "tiny", "--set", override)
      expectError(outcome, code: 64)
      for part in parts { #expect(outcome.errors.contains(part), "\(outcome.errors)") }
    }

    @Test func whatIsNoFileIsSaidSo() throws {
      expectError(try run("--config", "tyni"), code: 64, naming: "\"tyni\"", folder.url.path, "nearest: ")
      expectError(try run("--config", "./none.json"), code: 64, naming: "there is no file ./none.json")
      expectError(try run("--config", folder.url.path), code: 64, naming: folder.url.path, "is a folder")
      try folder.write(Data([0xff, 0xfe, 0x00, 0x80]), "binary.json")
      expectError(try run("--config", "binary.json"), code: 64, naming: "binary.json", "UTF-8")
      expectError(
        try run("--config", "tiny", "--profile", "smok"), code: 64, naming: "tiny.json", "\"smok\"",
        "nearest: \"smoke\"")
    }

    /// Told apart by their numbers of epochs.
    @Test func aBareNameIsLookedUpHereThenInExperiments() throws {
      func epochs(_ name: String) throws -> Any? {
        try Program.experiments.run(["--config", name, "--print-configuration"], in: folder.url).json()[
          "epochs"]
      }
      func file(_ epochs: Int) -> String { #"{"loss": {"name": "spread"}, "epochs": \#(epochs)}"# }
      try folder.write(file(11), "Experiments/which.json")
      #expect(try epochs("which.json") as? Int == 11)
      #expect(try epochs("which") as? Int == 11)
      try folder.write(file(12), "which.json")
      #expect(try epochs("which.json") as? Int == 12)
      #expect(try epochs("Experiments/which.json") as? Int == 11)
      // The package's own, from a folder that has nothing to do with it.
      #expect(try run("--config", "glyphs-coarse.json", "--print-configuration").code == 0)
    }

    @Test func profilesAndOverridesDecideWhatIsTrained() throws {
      let quick = try resolved()
      #expect(quick.map { $0["epochs"] as? Int } == [2, 2])
      #expect(quick.map { $0["profile"] as? String } == ["quick", "quick"])
      let smoke = try resolved("--profile", "smoke", "--set", "loss.alpha=0.25", "--set", "epochs=7")
      #expect(smoke.map { $0["epochs"] as? Int } == [7, 7])
      let losses = smoke.map { $0["loss"] as? [String: Any] ?? [:] }
      #expect(losses.map { $0["name"] as? String } == ["supcon", "spread"])
      #expect(losses.map { $0["temperature"] as? Double } == [0.1, 0.5])
      #expect(losses[1]["alpha"] as? Double == 0.25)
      #expect(try resolved("--loss", "spread").count == 1)
      #expect(!FileManager.default.fileExists(atPath: folder.file("runs")))
    }

    @Test func whatARunSavesIsTheConfigurationThatRepeatsIt() throws {
      #expect(try run("--config", "tiny", "--loss", "spread", "--set", "epochs=1").code == 0)
      let runs = folder.url.appendingPathComponent("runs")
      let saved = try RunFiles(in: runs)
      let printed = try run(
        "--config", "tiny", "--loss", "spread", "--set", "epochs=1", "--print-configuration")
      #expect(saved.text("configuration.json") == printed.output)
      // The saved file is an experiment too, and finds its own run complete.
      let again = try run("--config", saved.file("configuration.json").path)
      #expect(again.code == 0 && again.errors.contains("complete already"), "\(again)")
      #expect(RunFiles.folders(in: runs).count == 1)
    }
  }
}
