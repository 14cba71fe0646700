import Foundation
import Tensors
import Testing

extension ProgramTests {
  /// Run folders that something else than this program wrote into, or that cannot be written.
  @Suite struct DamageTests {
    let folder: TestFolder

    init() throws { folder = try tinyFolder() }

    private let command = ["--config", "tiny", "--loss", "spread"]

    private func train(_ more: [String] = []) throws -> Outcome {
      try Program.experiments.run(command + more, in: folder.url)
    }

    private func trained() throws -> RunFiles {
      let outcome = try train()
      #expect(outcome.code == 0, "\(outcome)")
      return try RunFiles(in: folder.url.appendingPathComponent("runs"))
    }

    private func remove(_ file: URL) throws { try FileManager.default.removeItem(at: file) }

    @Test(arguments: ["checkpoint.safetensors", "best.safetensors"], [0, 1000, -1])
    func aCheckpointThatIsCutShortSaysWhatToDo(name: String, bytes: Int) throws {
      let run = try trained()
      let result = try run.data("result.json")
      try remove(run.file("result.json"))
      let whole = try run.data(name)
      try (bytes < 0 ? whole.dropLast(-bytes) : whole.prefix(bytes)).write(to: run.file(name))
      let outcome = try train()
      expectError(
        outcome, code: 1, naming: run.file(name).path,
        "Remove the folder \(run.folder.path) to start this run anew")
      #expect(!run.names.contains("result.json"))
      // What it says helps.
      try remove(run.folder)
      #expect(try train().code == 0)
      #expect(try run.data("result.json") == result)
    }

    @Test(arguments: ["checkpoint.safetensors", "best.safetensors"])
    func aFlippedBitOfAWeightIsNoticed(name: String) throws {
      let run = try trained()
      try remove(run.file("result.json"))
      var bytes = try run.data(name)
      bytes[bytes.count - 1001] ^= 64
      try bytes.write(to: run.file(name))
      expectError(
        try train(), code: 1, naming: run.file(name).path, "do not match the checksum", "Remove the folder")
    }

    /// Files that are whole, of another program or another version.
    @Test(arguments: [
      ("spread-checkpoint", "spread-chart", "is not a checkpoint of this program"),
      (#""epoch":2"#, #""epoch":7"#, "an epoch or a step that the run has not"),
      (#""step":0"#, #""step":9"#, "an epoch or a step that the run has not"),
      (#""sums""#, #""summ""#, "the training state in its metadata"),
      ("model.encoder.norm.bias", "model.encoder.norm.xxxx", "missing: encoder.norm.bias"),
    ]) func aCheckpointWhoseHeaderIsNotItsRunsIsNotTaken(old: String, new: String, problem: String) throws {
      let run = try trained()
      try remove(run.file("result.json"))
      let path = run.file("checkpoint.safetensors").path
      let whole = try SafeTensors(path: path)
      func changed(_ text: String) -> String { text.replacingOccurrences(of: old, with: new) }
      try SafeTensors.write(
        whole.tensors.map { (name: changed($0.key), tensor: $0.value) },
        metadata: whole.metadata.mapValues(changed), to: path)
      expectError(try train(), code: 1, naming: path, problem, "Remove the folder")
    }

    @Test func aCheckpointOfOtherSettingsIsNotTaken() throws {
      let run = try trained()
      try remove(run.file("result.json"))
      #expect(try train(["--set", "loss.alpha=0.25", "--runs", "others"]).code == 0)
      let other = try RunFiles(in: folder.url.appendingPathComponent("others"))
      try other.data("checkpoint.safetensors").write(to: run.file("checkpoint.safetensors"))
      expectError(
        try train(), code: 1, naming: run.file("checkpoint.safetensors").path, "other settings",
        "Remove the folder")
    }

    @Test(arguments: [
      ("", "it is not JSON"), ("{\"experiment\": \"tiny\"", "it is not JSON"), ("{}", "the key "),
      ("[]", "another type"),
      ("\u{0}\u{1}", "it is not JSON"),
    ]) func aDamagedResultSaysWhatToDo(text: String, problem: String) throws {
      let run = try trained()
      let whole = try run.data("result.json")
      try Data(text.utf8).write(to: run.file("result.json"))
      expectError(try train(), code: 1, naming: run.file("result.json").path, problem, "Remove it and")
      try remove(run.file("result.json"))
      let again = try train()
      #expect(again.code == 0 && again.errors.contains("goes on after epoch 2"), "\(again)")
      #expect(try run.data("result.json") == whole)
    }

    @Test func aDamagedLogSaysWhichLine() throws {
      let run = try trained()
      try remove(run.file("result.json"))
      let lines = run.text("metrics.jsonl")
      try Data(("{\"epoch\": \n" + lines).utf8).write(to: run.file("metrics.jsonl"))
      expectError(try train(), code: 1, naming: run.file("metrics.jsonl").path + ":1", "Remove this line")
      try Data(lines.utf8).write(to: run.file("metrics.jsonl"))
      #expect(try train().code == 0)
    }

    @Test func aDamagedRecordOfConfigurationOrEnvironmentIsWrittenAnew() throws {
      let run = try trained()
      let configuration = try run.data("configuration.json")
      for name in ["configuration.json", "environment.json"] {
        try remove(run.file("result.json"))
        try Data("{".utf8).write(to: run.file(name))
        #expect(try train().code == 0)
        #expect(try run.data("configuration.json") == configuration)
        #expect(try run.sessions().isEmpty == false)
      }
    }

    @Test func placesThatCannotBeWrittenAreNamed() throws {
      try folder.write("a file", "file")
      expectError(try train(["--runs", "file"]), code: 1, naming: folder.path("file"), "could not be made")
      expectError(try train(["--runs", "/proc/none"]), code: 1, naming: "/proc/none", "could not be made")
    }

    @Test(.enabled(if: geteuid() != 0, "root may write everywhere"))
    func aFolderWithoutPermissionIsNamed() throws {
      let closed = folder.url.appendingPathComponent("closed")
      try FileManager.default.createDirectory(
        at: closed, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o500])
      expectError(try train(["--runs", "closed"]), code: 1, naming: closed.path, "Permission denied")
    }
  }
}
