import Foundation
import Tensors
import TestSupport
import Testing

extension ProgramTests {
  /// Run folders that something else than this program wrote into, or that cannot be written.
  @Suite struct DamageTests {
    let folder: TemporaryFolder

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

    @Test(arguments: ["environment.json", "metrics.jsonl", "failure.json", ".worker.json"])
    func aPipeInAFilesPlaceIsNotWaitedFor(name: String) throws {
      let run = try trained()
      try remove(run.file("result.json"))
      unlink(run.file(name).path)
      #expect(mkfifo(run.file(name).path, 0o600) == 0)
      expectError(try train(), code: 1, naming: run.file(name).path, "is a FIFO, and a file was expected")
    }

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

    @Test(arguments: [
      ("spread-checkpoint 2", "spread-checkpoint 9", "is not a checkpoint of this program"),
      (#""epoch":2"#, #""epoch":7"#, "an epoch or a step that the run has not"),
      (#""step":0"#, #""step":9"#, "an epoch or a step that the run has not"),
      (#""sums""#, #""summ""#, "the training state in its metadata"),
      ("model.encoder.norm.bias", "model.encoder.norm.xxxx", "missing: encoder.norm.bias"),
    ]) func aCheckpointWhoseHeaderIsNotItsRunsIsNotTaken(old: String, new: String, problem: String) throws {
      let run = try trained()
      try remove(run.file("result.json"))
      // Not damage, which the checksum would show, but a file of another state.
      let path = run.file("checkpoint.safetensors").path
      let contents = try SafeTensors(path: path)
      func changed(_ text: String) -> String { text.replacing(old, with: new) }
      try SafeTensors.write(
        contents.tensors.sorted { $0.key < $1.key }.map { (name: changed($0.key), tensor: $0.value) },
        metadata: contents.metadata.mapValues(changed), to: path)
      expectError(
        try train(), code: 1, naming: run.file("checkpoint.safetensors").path, problem, "Remove the folder")
    }

    /// A bit of a weight: header and shapes are as before.
    @Test(arguments: ["checkpoint.safetensors", "best.safetensors"])
    func aFlippedBitInANetworkIsNamed(name: String) throws {
      let run = try trained()
      try remove(run.file("result.json"))
      var bytes = try run.data(name)
      bytes[bytes.count - 1001] ^= 64
      try bytes.write(to: run.file(name))
      expectError(
        try train(), code: 1, naming: run.file(name).path, "checksum",
        "Remove the folder \(run.folder.path) to start this run anew")
      #expect(!run.names.contains("result.json"))
      #expect(run.text("failure.json").contains("checksum"))
      let embedding = try Program.experiments.run(
        ["embed", "--checkpoint", run.file(name).path, "--data", "glyphs", "--output", "z.npy"],
        in: folder.url)
      expectError(embedding, code: 1, naming: run.file(name).path, "checksum")
    }

    /// What was evaluated would be another epoch's network than the one that was chosen.
    @Test func aNetworkOfAnotherEpochIsNotEvaluated() throws {
      #expect(try train(["--set", "checkpoints.keepEvery=1"]).code == 0)
      let run = try RunFiles(in: folder.url.appendingPathComponent("runs"))
      let best = try #require(run.json("result.json")["bestEpoch"] as? Int)
      try remove(run.file("result.json"))
      try run.data("epoch-\(3 - best).safetensors").write(to: run.file("best.safetensors"))
      expectError(
        try train(), code: 1,
        naming: "is the network of epoch \(3 - best), and the best was that of epoch \(best)")
      // Nor is another seed's.
      #expect(try train(["--seed", "1", "--runs", "others"]).code == 0)
      let other = try RunFiles(in: folder.url.appendingPathComponent("others"))
      try other.data("best.safetensors").write(to: run.file("best.safetensors"))
      expectError(try train(), code: 1, naming: run.file("best.safetensors").path, "another seed")
    }

    @Test func aFolderThatSaysOtherSettingsThanItsNameIsRefused() throws {
      let run = try trained()
      let text = run.text("configuration.json")
      for isComplete in [true, false] {
        if !isComplete { try remove(run.file("result.json")) }
        try Data(text.replacing("\"temperature\": 0.5", with: "\"temperature\": 0.1").utf8).write(
          to: run.file("configuration.json"))
        expectError(
          try train(), code: 1, naming: run.file("configuration.json").path,
          "loss.temperature is 0.1 there, and 0.5 in this run", "or remove it")
        let listed = try Program.experiments.run(["runs"], in: folder.url)
        #expect(listed.code == 0 && listed.errors.hasPrefix("damaged: tiny/quick/spread-"), "\(listed)")
        // What it says helps.
        try remove(run.file("configuration.json"))
        #expect(try train().code == 0)
        if !isComplete { #expect(run.text("configuration.json") == text) }
        try Data(text.utf8).write(to: run.file("configuration.json"))
      }
      try Data("{".utf8).write(to: run.file("configuration.json"))
      let status = try Program.experiments.run(["status"], in: folder.url)
      #expect(status.code == 0 && status.output.contains("Damaged\n\n* tiny/quick/spread-"), "\(status)")
      let name = "\(run.folder.deletingLastPathComponent().lastPathComponent)/seed-0"
      let cleaned = try Program.experiments.run(["clean", "tiny/quick/\(name)", "--yes"], in: folder.url)
      #expect(cleaned.code == 0 && cleaned.output.contains("(damaged, "), "\(cleaned)")
    }

    @Test func aFigureThatWasChangedIsNotShown() throws {
      let run = try trained()
      let text = run.text("result.json")
      let digit = try #require(text.firstMatch(of: /"coarseAccuracy" : 0\.(\d)/))
      let other = digit.1 == "9" ? "8" : "9"
      var changed = text
      changed.replaceSubrange(digit.1.startIndex..<digit.1.endIndex, with: other)
      try Data(changed.utf8).write(to: run.file("result.json"))
      expectError(try train(), code: 1, naming: run.file("result.json").path, "checksum", "Remove it and")
    }

    @Test func aLogWithHolesIsMendedWithANote() throws {
      #expect(try train(["--set", "epochs=4"]).code == 0)
      let run = try RunFiles(in: folder.url.appendingPathComponent("runs"))
      try remove(run.file("result.json"))
      let lines = run.text("metrics.jsonl").split(separator: "\n")
      try Data("\(lines[0])\n\(lines[2])\n\(lines[2])\n\(lines[3])\n".utf8).write(
        to: run.file("metrics.jsonl"))
      let again = try train(["--set", "epochs=4"])
      #expect(again.code == 0, "\(again)")
      #expect(
        again.errors.contains("has no line of epoch 2: what it held is lost; it had epoch 3 twice"),
        "\(again)")
      #expect(try run.metrics().map { $0["epoch"] as? Int } == [1, 3, 4])
      try Data([0xFF, 0x0A]).write(to: run.file("metrics.jsonl"))
      let listed = try Program.experiments.run(["runs"], in: folder.url)
      #expect(listed.output.contains("| complete | 4/4 "), "\(listed)")
      try remove(run.file("result.json"))
      expectError(
        try train(["--set", "epochs=4"]), code: 1, naming: run.file("metrics.jsonl").path + ":1", "UTF-8")
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
      expectError(try train(["--runs", "file"]), code: 1, naming: folder.file("file"), "could not be made")
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
