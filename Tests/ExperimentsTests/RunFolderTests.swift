import Basics
import Foundation
import TestSupport
import Testing

@testable import Experiments

@Suite struct RunFolderTests {
  @Test func atomicWritesReplaceWholeFiles() throws {
    try withFolder { folder in
      let file = folder.appendingPathComponent("a.json")
      try AtomicFile.write("one", to: file)
      try AtomicFile.write("two", to: file)
      #expect(try file.text() == "two")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["a.json"])
      let message = failure {
        try AtomicFile.append("x", to: folder.appendingPathComponent("none/a"))
      }
      #expect(try #require(message).contains("No such file or directory"))
    }
  }

  @Test func foldersAreMadeWithThoseAboveThem() throws {
    try withFolder { folder in
      let deep = folder.appendingPathComponent("a/b/c")
      try AtomicFile.makeFolder(deep)
      try AtomicFile.makeFolder(deep)
      try deep.appendingPathComponent("file").write("x")
      for path in ["a/b/c/file", "a/b/c/file/d/e"] {
        let message = try #require(failure { try AtomicFile.makeFolder(folder.appendingPathComponent(path)) })
        #expect(message.contains("a/b/c/file") && message.contains("could not be made: "), "\(message)")
      }
    }
  }

  @Test func onlyWhoHoldsTheLockRemovesLeftovers() throws {
    try withFolder { folder in
      let run = RunFolder(folder.appendingPathComponent("run"))
      let lock = try run.locked()
      let unfinished = run.url.appendingPathComponent("checkpoint.safetensors.1.partial")
      try unfinished.write("half")
      #expect(throws: RunError.self) { try run.locked() }
      #expect(try unfinished.text() == "half")
      try run.prepare(ExperimentConfiguration(), seed: 0)
      #expect(!FileManager.default.fileExists(atPath: unfinished.path))
      withExtendedLifetime(lock) {}
    }
  }

  @Test func leftoversOfKilledWritersAreRemoved() throws {
    try withFolder { folder in
      try folder.appendingPathComponent("checkpoint.safetensors.77" + AtomicFile.temporarySuffix).write(
        "half")
      try folder.appendingPathComponent("metrics.jsonl").write("")
      AtomicFile.removeLeftovers(in: folder)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["metrics.jsonl"])
    }
  }

  @Test func runsHaveAFolderEachAndAreFoundAgain() throws {
    try withFolder { runs in
      var configuration = ExperimentConfiguration()
      configuration.experiment = "digits"
      let folder = RunFolder.of(configuration, seed: 3, in: runs)
      let path = "digits/custom/spread-\(configuration.fingerprint)/seed-3"
      #expect(folder.url.path == runs.appendingPathComponent(path).path)
      let lock = try folder.locked()
      try folder.prepare(configuration, seed: 3)
      withExtendedLifetime(lock) {}
      #expect(try folder.savedConfiguration().seeds == [3])
      #expect(try folder.savedConfiguration().identity == configuration.identity)
      #expect(!folder.isComplete && !folder.isStarted)

      // An older version's folder of the same settings, under the fingerprint of the keys that it knew.
      let text = #"{"experiment": "digits", "title": "Old", "epochs": 100, "seeds": [4], "threads": 2}"#
      let fingerprint = ExperimentConfiguration.fingerprint(
        asWritten: try JSONParser.parse(text, source: "old"))
      #expect(fingerprint != configuration.fingerprint)
      let old = runs.appendingPathComponent("digits/custom/spread-\(fingerprint)/seed-4")
      try FileManager.default.createDirectory(at: old, withIntermediateDirectories: true)
      let file = old.appendingPathComponent("configuration.json")
      try file.write(text)
      #expect(RunFolder.of(configuration, seed: 4, in: runs).url.path == old.path)
      #expect(try RunFolder(old).savedConfiguration().identity == configuration.identity)
      configuration.epochs = 7
      #expect(RunFolder.of(configuration, seed: 4, in: runs).url.path != old.path)
      // The same file, changed since: the folder's name no longer stands for it.
      try file.write(text.replacing("100", with: "7"))
      #expect(RunFolder.of(configuration, seed: 4, in: runs).url.path != old.path)
      #expect(try #require(failure { try RunFolder(old).savedConfiguration() }).contains(fingerprint))
    }
  }

  @Test func aRunHasOneWorker() throws {
    try withFolder { folder in
      var first: RunLock? = try RunLock(RunFolder(folder))
      #expect(try #require(failure { try RunLock(RunFolder(folder)) }).contains("another process works on"))
      withExtendedLifetime(first) {}
      first = nil
      _ = try RunLock(RunFolder(folder))
    }
  }
}
