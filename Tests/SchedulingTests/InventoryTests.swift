import Basics
import Foundation
import ResultSamples
import TestSupport
import Testing

@testable import Experiments
@testable import Scheduling

@Suite struct InventoryTests {
  @Test func aResultOfAnotherRunIsRefused() throws {
    try withFolder { runs in
      let configuration = ExperimentConfiguration()
      let folder = RunFolder.of(configuration, seed: 0, in: runs)
      try folder.announce(configuration, seed: 0)
      try RunResult.sample(configuration, seed: 0).write(to: folder.result)
      #expect(try folder.completeResult(of: configuration).seed == 0)
      var other = configuration
      other.epochs += 1
      for wrong in [RunResult.sample(configuration, seed: 1), RunResult.sample(other, seed: 0)] {
        try wrong.write(to: folder.result)
        #expect(
          try #require(failure { try folder.completeResult() }).contains("is the result of another run"))
        #expect(RunInventory(runs).damaged.count == 1 && RunInventory(runs).entries.isEmpty)
      }
    }
  }

  @Test func aConfigurationOfOtherSettingsIsRefused() throws {
    try withFolder { runs in
      let configuration = ExperimentConfiguration()
      let folder = RunFolder.of(configuration, seed: 2, in: runs)
      #expect(try folder.announce(configuration, seed: 2) == nil)
      let text = try folder.configuration.text()
      try RunResult.sample(configuration, seed: 2).write(to: folder.result)
      for (old, new) in [
        ("\"temperature\": 0.5", "\"temperature\": 0.1"), ("\"epochs\": 100,", "\"epochs\": 101,"),
      ] {
        let changed = text.replacingOccurrences(of: old, with: new)
        #expect(changed != text)
        try folder.configuration.write(changed)
        #expect(RunFolder.of(configuration, seed: 2, in: runs).url.path == folder.url.path)
        for message in [
          failure { try folder.announce(configuration, seed: 2) },
          failure { try folder.completeResult(of: configuration) },
          failure { try RunResult.complete(configuration, seeds: [2], in: runs) },
        ] {
          let message = try #require(message)
          #expect(message.contains(folder.configuration.path) && message.contains("remove it"), "\(message)")
          #expect(message.contains(" there, and ") && message.contains(" in this run"), "\(message)")
        }
        // Nor is it taken for a run of the settings that it says.
        var other = configuration
        if old.contains("temp") { other.objective.temperature = 0.1 } else { other.epochs = 101 }
        #expect(RunFolder.of(other, seed: 2, in: runs).url.path != folder.url.path)
        #expect(try RunResult.complete(other, seeds: [2], in: runs).results.isEmpty)
        let inventory = RunInventory(runs)
        #expect(inventory.entries.isEmpty && inventory.damaged.count == 1)
        #expect(inventory.status.contains("Damaged\n\n* \(inventory.damaged[0].name): "))
      }
      // Another seed's.
      try folder.configuration.write(text.replacing("\"seeds\": [2]", with: "\"seeds\": [3]"))
      #expect(try #require(RunInventory(runs).damaged.first).problem.contains("has the seed 3"))
    }
  }

  @Test func aConfigurationThatCannotBeReadIsWrittenAnewWithANote() throws {
    try withFolder { runs in
      var configuration = ExperimentConfiguration()
      let folder = RunFolder.of(configuration, seed: 2, in: runs)
      try folder.announce(configuration, seed: 2)
      let text = try folder.configuration.text()
      for damage in [Data("{".utf8), Data([0xFF, 0x00]), Data(), Data("{\"epocs\": 3}".utf8)] {
        try damage.write(to: folder.configuration)
        #expect(RunInventory(runs).damaged.count == 1)
        let note = try #require(try folder.announce(configuration, seed: 2))
        #expect(note.contains("could not be read, and is written anew"), "\(note)")
        #expect(try folder.configuration.text() == text)
        #expect(try folder.announce(configuration, seed: 2) == nil)
      }
      // What does not decide the result follows the start.
      configuration.title = "Other"
      configuration.monitor.everyEpochs = 7
      let note = try #require(try folder.announce(configuration, seed: 2))
      #expect(note.contains("other values of title, monitor.everyEpochs"), "\(note)")
      #expect(try folder.savedConfiguration().title == "Other")
    }
  }

  @Test func foldersOfAnyKindAreListed() throws {
    try withFolder { runs in
      let configuration = ExperimentConfiguration()
      let place = "experiment/custom/spread-\(configuration.fingerprint)"
      for seed in 0..<6 {
        let folder = RunFolder.of(configuration, seed: seed, in: runs)
        try folder.announce(configuration, seed: seed)
        try RunResult.sample(configuration, seed: seed).write(to: folder.result)
      }
      func file(_ seed: Int, _ name: String) -> URL {
        runs.appendingPathComponent("\(place)/seed-\(seed)/\(name)")
      }
      try file(0, "result.json").write("{}")
      for seed in [1, 2] { try FileManager.default.removeItem(at: file(seed, "result.json")) }
      // A FIFO that nobody writes to must not be waited for.
      #expect(mkfifo(file(1, "result.json").path, 0o600) == 0)
      try Data(count: 1000).write(to: file(2, "metrics.jsonl"))
      try FileManager.default.removeItem(at: file(3, "configuration.json"))
      try FileManager.default.createDirectory(
        at: file(3, "configuration.json"), withIntermediateDirectories: true)
      try file(4, "failure.json").write("]")
      let inventory = RunInventory(runs)
      #expect(inventory.damaged.map(\.name) == [0, 1, 3].map { "\(place)/seed-\($0)" })
      #expect(inventory.entries.map(\.state) == [.waiting, .complete, .complete])
      #expect(inventory.entries.last?.progress == "20/100")
      #expect(RunEntry.table(inventory.entries).contains("seed-4 | complete | 20/100"))
      #expect(inventory.status.contains("2 of 3 runs are complete."))
      _ = try JSONParser.parse(RunEntry.json(inventory.entries), source: "runs")
      for entry in inventory.entries { #expect(entry.folder.size >= 0) }
      #expect(try #require(failure { try inventory.entry(named: "\(place)/seed-0") }).contains("result.json"))
    }
  }
}
