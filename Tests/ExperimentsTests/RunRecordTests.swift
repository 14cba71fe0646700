import Basics
import Foundation
import NeuralNetworks
import ResultSamples
import TestSupport
import Testing

@testable import Experiments

/// What a run keeps in its folder is believed only as it was written.
@Suite struct RunRecordTests {
  // MARK: - metrics.jsonl

  private func log(_ epochs: [Int], in folder: URL) throws -> MetricsLog {
    let log = MetricsLog(file: folder.appendingPathComponent("metrics.jsonl"))
    try? FileManager.default.removeItem(at: log.file)
    for (place, epoch) in epochs.enumerated() {
      try log.append(EpochMetrics(epoch: epoch, step: place))
    }
    return log
  }

  @Test func metricsAreCutBackToTheCheckpoint() throws {
    try withFolder { folder in
      let log = try log([], in: folder)
      #expect(try log.restore(toEpoch: 0) == nil)
      #expect(try log.entries().isEmpty)
      for epoch in 1...3 {
        try log.append(EpochMetrics(epoch: epoch, step: 10 * epoch, figures: [.loss: 0.5]))
      }
      try AtomicFile.append("{\"epoch\": 4, \"lo", to: log.file)
      #expect(try log.entries().count == 3 && log.lastEpoch == 3)
      #expect(try log.restore(toEpoch: 2) == nil)
      let lines = try log.file.text().split(separator: "\n")
      #expect(lines.count == 2 && lines[1].hasPrefix("{\"epoch\":2,\"step\":20,\"loss\":0.5,\"checksum\":"))
    }
  }

  @Test(arguments: [
    ([1, 3, 4], 4, [1, 3, 4], ["has no line of epoch 2:"]),
    ([1, 2], 5, [1, 2], ["has no line of epochs 3 to 5:"]), ([], 1, [], ["has no line of epoch 1:"]),
    ([2, 5], 6, [2, 5], ["has no line of epochs 1, 3 to 4, 6:"]),
    ([1, 2, 2, 3], 3, [1, 2, 3], ["had epoch 2 twice"]), ([2, 1], 2, [1, 2], ["was out of order"]),
    ([1, 2, 1, 3, 2, 4], 4, [1, 2, 3, 4], ["had epochs 1 to 2 twice", "was out of order"]),
  ]) func holesAndRepetitionsAreMendedAndSaid(
    epochs: [Int], done: Int, kept: [Int], parts: [String]
  ) throws {
    try withFolder { folder in
      let log = try log(epochs, in: folder)
      let note = try #require(try log.restore(toEpoch: done))
      #expect(note.hasPrefix(log.file.path) && parts.allSatisfy(note.contains), "\(note)")
      let entries = try log.entries()
      #expect(entries.map(\.epoch) == kept)
      // The last line of an epoch is the one that its checkpoint goes with.
      for entry in entries {
        #expect(entry.step == epochs.lastIndex(of: entry.epoch))
      }
    }
  }

  @Test(arguments: [
    (Data("nonsense".utf8), "not JSON"), (Data([0x7B, 0xFF, 0x7D]), "not UTF-8"),
    (Data(#"{"epoch":"2"}"#.utf8), "the number of its epoch"), (Data("[2]".utf8), "number of its epoch"),
    (Data(#"{"epoch":-9223372036854775808}"#.utf8), "number of its epoch"), (Data(count: 9), "not JSON"),
    (Data(), "not JSON"), (Data(#"{"epoch":2,"checksum":"0123456789abcdef"}"#.utf8), "its checksum"),
  ]) func aLineThatCannotBeReadIsNamed(line: Data, problem: String) throws {
    try withFolder { folder in
      let log = try log([1], in: folder)
      try (Data(contentsOf: log.file) + line + Data("\n{\"epoch\":3}\n".utf8)).write(to: log.file)
      let message = try #require(failure { try log.restore(toEpoch: 3) })
      #expect(
        message.hasPrefix("\(log.file.path):2: ") && message.contains(problem)
          && message.hasSuffix("Remove this line to continue without it"), "\(message)")
      // Who only looks on sees the rest.
      #expect(log.lastEpoch == 3 && log.readableEntries.count == 2)
    }
  }

  @Test func aLineOfARunIsProtected() throws {
    let report = EpochReport(
      epoch: 3, steps: 10, sums: TrainingState.Sums(contrastive: 4), classifierWeight: 1,
      validation: Validation.Outcome(accuracy: 0.5), rate: 1e-3,
      speed: EpochReport.Speed(seconds: 1, imagesPerSecond: 7, waitingShare: 0))
    let text = report.metrics.json.compactText
    func isDamaged(_ text: String) throws -> Bool {
      let node = try JSONParser.parse(text, source: "line")
      return failure { try EpochMetrics(node) } != nil
    }
    #expect(try EpochMetrics(JSONParser.parse(text, source: "line")) == report.metrics)
    #expect(try !isDamaged(text) && text.contains(#""loss":0.4,"#))
    #expect(try isDamaged(text.replacing(#""loss":0.4,"#, with: #""loss":0.5,"#)))
    // Times differ from run to run, and the checksum does not.
    #expect(try !isDamaged(text.replacing(#""imagesPerSecond":7,"#, with: #""imagesPerSecond":8,"#)))
  }

  // MARK: - result.json

  @Test func aResultIsReadAsItWasWrittenOrNotAtAll() throws {
    try withFolder { folder in
      let file = folder.appendingPathComponent("result.json")
      let result = RunResult.sample(ExperimentConfiguration(), seed: 3)
      try result.write(to: file)
      #expect(try RunResult.read(file) == result)
      let whole = try Data(contentsOf: file)
      try result.write(to: file)
      #expect(try Data(contentsOf: file) == whole)
      for place in whole.indices {
        for bit in 0..<8 {
          var bytes = whole
          bytes[place] ^= 1 << UInt8(bit)
          try bytes.write(to: file)
          // What is read all the same is the same: the damage hit the checksum's own key.
          if let read = try? RunResult.read(file) { #expect(read == result, "byte \(place)") }
        }
      }
      // One that is laid out anew, and one of an earlier version.
      let text = String(decoding: whole, as: UTF8.self)
      try file.write(text.replacing(" : ", with: ":").replacing("\n  ", with: "\n"))
      #expect(try RunResult.read(file) == result)
      try file.write(text.replacing(#/ *"checksum" : "[0-9a-f]{16}",\n/#, with: ""))
      #expect(try RunResult.read(file) == result && !file.text().contains("checksum"))
    }
  }

  @Test func aDamagedRecordOfThreadsIsNotBelieved() throws {
    try withFolder { folder in
      let file = folder.appendingPathComponent("environment.json")
      var environment = RunEnvironment(sessions: [])
      environment.addSession(data: "here", fromEpoch: 0, step: 0)
      try environment.write(to: file)
      #expect(RunEnvironment.read(file) == environment)
      let threads = environment.sessions[0].machine.threads
      let text = try file.text()
      try file.write(text.replacing("\"threads\" : \(threads)", with: "\"threads\" : \(threads + 2)"))
      #expect(try file.text() != text)
      #expect(RunEnvironment.read(file) == RunEnvironment(sessions: []))
    }
  }

  // MARK: - configuration.json

  // MARK: - All together

  @Test func aStartSaysThatARunOfOtherEpochsIsThere() throws {
    try withFolder { folder in
      var tiny = try TinyExperiment(in: folder)
      var text = ""
      let runner = ExperimentRunner(runs: folder, dataFolder: folder, progress: silent { text += $0 })
      _ = try runner.run(tiny.configuration, seed: 0)
      #expect(!text.contains("same settings"))
      let first = RunFolder.of(tiny.configuration, seed: 0, in: folder)
      tiny.configuration.epochs = 5
      _ = try runner.run(tiny.configuration, seed: 0)
      #expect(
        text.contains(
          "a run of the same settings with 4 epochs (complete, \(first.url.path)); this one has 5"),
        "\(text)")
      // Another seed, or another setting beside the epochs, is another matter.
      text = ""
      _ = try runner.run(tiny.configuration, seed: 1)
      (tiny.configuration.epochs, tiny.configuration.objective.alpha) = (6, 0.25)
      _ = try runner.run(tiny.configuration, seed: 0)
      #expect(!text.contains("same settings"), "\(text)")
    }
  }

  @Test func everyFailureLeavesARecord() throws {
    try withFolder { folder in
      var tiny = try TinyExperiment(in: folder)
      let runner = ExperimentRunner(runs: folder, dataFolder: folder, progress: silent())
      func record() -> String? {
        RunFailure.read(RunFolder.of(tiny.configuration, seed: 0, in: folder).failure)?.message
      }
      tiny.changeEncoder { $0.patchSize = 5 }
      #expect(failure { try runner.run(tiny.configuration, seed: 0) } != nil)
      #expect(record()?.contains("patches of 5 pixels") == true)
      tiny.changeEncoder { $0.patchSize = 7 }
      tiny.configuration.data.folder = folder.appendingPathComponent("none").path
      let lost = ExperimentRunner(runs: folder, progress: silent())
      #expect(failure { try lost.run(tiny.configuration, seed: 0) } != nil)
      #expect(record()?.contains("train-images-idx3-ubyte") == true)
      // Also before its data are looked for.
      let run = RunFolder.of(tiny.configuration, seed: 0, in: folder)
      try run.configuration.write(
        run.configuration.text().replacing("\"epochs\": 4", with: "\"epochs\": 3"))
      #expect(failure { try runner.run(tiny.configuration, seed: 0) } != nil)
      #expect(record()?.contains("epochs is 3 there, and 4 in this run") == true)
    }
  }

  @Test func aBatchLargerThanTheDataTakesAllOfThemAndSaysSo() throws {
    try withFolder { folder in
      var tiny = try TinyExperiment(in: folder)
      tiny.configuration.batchSize = 1000
      tiny.configuration.epochs = 2
      var text = ""
      let runner = ExperimentRunner(runs: folder, dataFolder: folder, progress: silent { text += $0 })
      _ = try runner.run(tiny.configuration, seed: 0)
      #expect(text.contains("warning: batchSize 1,000 is larger than the 126 training images"), "\(text)")
      let run = RunFolder.of(tiny.configuration, seed: 0, in: folder)
      #expect(try MetricsLog(file: run.metrics).entries().map(\.step) == [1, 2])
    }
  }
}
