import Foundation
import TestSupport
import Testing

extension ProgramTests {
  @Suite struct TrainingTests {
    let folder: TemporaryFolder
    var runs: URL { folder.url.appendingPathComponent("runs") }

    init() throws { folder = try tinyFolder() }

    private func train(
      _ arguments: [String] = [], environment: [String: String] = [:], config: String = "tiny"
    ) throws -> Outcome {
      try Program.experiments.run(["--config", config] + arguments, in: folder.url, environment: environment)
    }

    @Test func aRunIsAFolderThatTellsAllOfIt() throws {
      let outcome = try train(["--loss", "spread", "--seed", "5"])
      #expect(outcome.code == 0, "\(outcome)")
      let run = try RunFiles(in: runs)
      #expect(run.folder.path.hasPrefix(runs.path + "/tiny/quick/spread-"))
      #expect(run.folder.lastPathComponent == "seed-5")
      let names = [
        "best.safetensors", "checkpoint.safetensors", "configuration.json", "environment.json",
        "metrics.jsonl",
        "result.json",
      ]
      let events = run.names.filter { $0.hasPrefix("events.out.tfevents.") }
      #expect(run.names.filter { !$0.hasPrefix(".") && !events.contains($0) } == names)
      // One of the training, one of the test.
      #expect(events.count == 2)

      let metrics = try run.metrics()
      #expect(metrics.map { $0["epoch"] as? Int } == [1, 2])
      #expect(metrics.map { $0["step"] as? Int } == [5, 10])
      for line in metrics {
        let (loss, contrastive) = (line["loss"] as? Double ?? 0, line["contrastive"] as? Double ?? 0)
        #expect(abs(loss - contrastive - (line["crossEntropy"] as? Double ?? 0)) < 1e-9 && contrastive > 0)
        #expect((0...1).contains(line["validationAccuracy"] as? Double ?? -1))
        #expect(line["imagesPerSecond"] as? Double ?? 0 > 0 && line["seconds"] as? Double ?? 0 > 0)
        #expect((0...1).contains(line["waitingShare"] as? Double ?? -1))
      }

      let result = try run.json("result.json")
      #expect(result["seed"] as? Int == 5 && result["loss"] as? String == "spread")
      #expect(result["trainingImages"] as? Int == 180 && result["testImages"] as? Int == 50)
      #expect((0...1).contains(try #require(result["validationAccuracy"] as? Double)))
      for measure in ["fineAccuracy", "coarseAccuracy", "neighbourAccuracy", "areaUnderROC"] {
        #expect((0...1).contains(try #require(try run.figures()[measure])), "\(measure)")
      }
      #expect([1, 2].contains(result["bestEpoch"] as? Int ?? 0))

      let session = try run.sessions()[0]
      let machine = try #require(session["machine"] as? [String: Any])
      for key in ["processor", "blas", "blas_kernel", "blas_kernel_by_itself", "vectors", "system"] {
        #expect(try #require(machine[key] as? String).isEmpty == false, "\(key)")
      }
      #expect(machine["threads"] as? Int == 1)
      #expect((session["swift"] as? String)?.hasPrefix("6.") == true)
      // None outside a repository.
      if let revision = session["revision"] as? String {
        #expect(revision.wholeMatch(of: /[0-9a-f]{40}(-dirty)?/) != nil, "\(revision)")
      }
      #expect((session["arguments"] as? [String])?.last == "5")
      #expect((session["data"] as? String)?.contains("Glyphs") == true)
    }

    @Test func progressGoesToStandardErrorAndTheTableToStandardOutput() throws {
      let outcome = try train(["--loss", "spread"])
      #expect(outcome.output.hasPrefix("## ") && outcome.output.contains("| Tiny"))
      let lines = outcome.errors.split(separator: "\n")
      #expect(lines.count == 4 && lines[0].contains("tiny L_spread seed 0: starts, 180 training images"))
      for (line, epoch) in zip(lines[1...], 1...2) {
        let figures =
          /epoch (\d)\/2, loss \d+\.\d{4}, validation \d+\.\d%( \(best\))?, \d+ images\/s, \d+ s left$/
        #expect(try #require(line.firstMatch(of: figures), "\(line)").1 == "\(epoch)")
      }
      #expect(!outcome.errors.contains("\u{1B}") && !outcome.errors.contains("\r"))
    }

    /// A variable that other programs set for themselves can halve the speed of this one.
    @Test func slowKernelsAreTold() throws {
      let outcome = try Program.experiments.run(
        ["--config", "tiny", "--loss", "spread", "--dry-run"], in: folder.url,
        environment: ["OPENBLAS_CORETYPE": "Nehalem"])
      let hasBetter =
        (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.contains(" avx2 ") ?? false
      #expect(
        outcome.code == 0 && outcome.errors.contains("note: OPENBLAS_CORETYPE=Nehalem") == hasBetter,
        "\(outcome)")
      let free = try Program.experiments.run(
        ["--config", "tiny", "--loss", "spread", "--dry-run"], in: folder.url)
      #expect(free.errors.isEmpty, "\(free)")
    }

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/script"), "needs util-linux"))
    func aTerminalShowsALineThatIsWrittenOver() throws {
      let arguments = ["--config", "tiny", "--loss", "spread", "--set", "epochs=30", "--set", "batchSize=4"]
      let outcome = try Program.experiments.start(arguments, in: folder.url) { command in
        ["script", "-qec", command.joined(separator: " "), "/dev/null"]
      }.wait()
      #expect(outcome.code == 0, "\(outcome)")
      let passing = outcome.output.components(separatedBy: "\r").filter { $0.hasSuffix("\u{1B}[K") }
      let figures = /epoch \d+\/30, step \d+\/45, loss \d+\.\d{4}, \d+ images\/s, (\d+ min )?\d+ s left/
      #expect(passing.contains { $0.contains(figures) }, "\(passing)")
      // It never wraps, and is gone when a line that stays is written.
      #expect(passing.allSatisfy { $0.count <= 83 })
      #expect(outcome.output.contains("\r\u{1B}[Ktiny L_spread seed 0: epoch 1/30"))
    }

    @Test func seedsAndLossesAreARunEachAndRepeatThemselves() throws {
      let arguments = ["--seed", "3", "--seed", "1", "--set", "epochs=1"]
      let outcome = try train(arguments)
      #expect(outcome.code == 0)
      let first = RunFiles.folders(in: runs)
      #expect(first.map(\.lastPathComponent) == ["seed-1", "seed-3", "seed-1", "seed-3"])
      #expect(outcome.output.contains("±") && outcome.output.contains("seeds 1, 3"))
      // Seed by seed, so that the losses can be compared early.
      let ends = outcome.errors.split(separator: "\n").filter { $0.contains("fine ") }
      let order = ["L_SC seed 3", "L_spread seed 3", "L_SC seed 1", "L_spread seed 1"]
      #expect(zip(ends, order).allSatisfy { $0.contains($1) } && ends.count == 4, "\(ends)")

      #expect(try train(arguments + ["--runs", "again"]).output == outcome.output)
      let second = RunFiles.folders(in: folder.url.appendingPathComponent("again"))
      for (a, b) in zip(first, second) { try expectSame(RunFiles(a), RunFiles(b)) }
      #expect(try RunFiles(first[0]).data("best.safetensors") != RunFiles(first[1]).data("best.safetensors"))
    }

    @Test func aLossThatIsNoNumberEndsTheRunWithAdvice() throws {
      let outcome = try train(["--loss", "spread", "--set", "optimiser.rate=1000", "--set", "epochs=20"])
      // Which step it is depends on how the instruction set rounds.
      expectError(
        outcome, code: 1, naming: "not finite in epoch ", ", step ", folder.file("runs/tiny/quick/spread-"),
        "optimiser.rate")
      // The batch that did it is there to be looked at.
      let saved = try #require(outcome.errors.firstMatch(of: /saved in (\S+\.safetensors)\./)).1
      #expect(
        FileManager.default.fileExists(atPath: folder.file(String(saved)))
          || FileManager.default.fileExists(atPath: String(saved)))
    }

    @Test func aBatchSizeThatLeavesClassesWithoutPairsIsTold() throws {
      let arguments = ["--set", "data.labels=fine", "--set", "batchSize=2"]
      let outcome = try train(arguments + ["--loss", "spread"])
      #expect(outcome.code == 0)
      #expect(
        outcome.errors.split(separator: "\n").filter { $0.contains("warning: ") }.count == 1,
        "\(outcome.errors)")
      #expect(
        outcome.errors.contains(/warning: \d\d of 90 batches have no two points of one class.*batchSize/))
    }

    @Test func progressThatNobodyReadsDoesNotEndARun() throws {
      let shell = "exec \"$0\" --config tiny --loss spread 2>/dev/full"
      let outcome = try Program.experiments.start([], in: folder.url) { ["sh", "-c", shell] + $0 }.wait()
      #expect(outcome.code == 0 && outcome.output.contains("| Tiny"), "\(outcome)")
      #expect(try RunFiles(in: runs).names.contains("result.json"))
    }

    @Test func dataThatAreNotThereAreNamedWithHowToGetThem() throws {
      try folder.write(
        #"{"data": {"name": "mnist"}, "loss": {"name": "spread"}, "encoder": {"patch": 7}}"#, "digits.json")
      let outcome = try train(config: "digits")
      expectError(
        outcome, code: 1, naming: "MNIST", "train-images-idx3-ubyte", "https://", "SPREAD_DATA", "--data")
      let elsewhere = try train(["--data", "elsewhere"], config: "digits")
      expectError(elsewhere, code: 1, naming: "elsewhere")
    }

    @Test func dataAreFoundByArgumentAndByEnvironment() throws {
      let digits = """
        {
          "experiment": "digits", "data": {"name": "mnist"}, "loss": {"name": "spread"}, "epochs": 1,
          "encoder": {"width": 16, "depth": 1, "heads": 2, "patch": 7, "mlpWidth": 32},
          "batchSize": 16, "probe": {"epochs": 1}, "seeds": [0]
        }
        """
      try folder.write(digits, "digits.json")
      try writeDigitFiles(folder, "here/mnist")
      let byArgument = try train(
        ["--data", "here"], environment: ["SPREAD_DATA": "/nowhere"], config: "digits")
      #expect(byArgument.code == 0, "\(byArgument)")
      let byEnvironment = try train(
        ["--runs", "others"], environment: ["SPREAD_DATA": folder.file("here")], config: "digits")
      #expect(byEnvironment.code == 0, "\(byEnvironment)")
      #expect(byEnvironment.output == byArgument.output)
      let session = try RunFiles(in: runs).sessions()[0]
      #expect((session["data"] as? String)?.contains("here/mnist") == true)
    }
  }
}

/// Four small files of MNIST's form: an image is of one grey, 20 times its digit.
func writeDigitFiles(_ folder: TemporaryFolder, _ place: String) throws {
  for (part, count) in [("train", 120), ("t10k", 30)] {
    let digits = (0..<count).map { UInt8($0 % 10) }
    let pixels = digits.flatMap { [UInt8](repeating: $0 * 20, count: 784) }
    let length: [UInt8] = [0, 0, 0, UInt8(count)]
    let images = Data([0, 0, 8, 3] + length + [0, 0, 0, 28, 0, 0, 0, 28] + pixels)
    try folder.write(images, "\(place)/\(part)-images-idx3-ubyte")
    try folder.write(Data([0, 0, 8, 1] + length + digits), "\(place)/\(part)-labels-idx1-ubyte")
  }
}
