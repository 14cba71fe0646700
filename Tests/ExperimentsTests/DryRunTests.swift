import Basics
import Foundation
import NeuralNetworks
import Tensors
import TestSupport
import Testing

@testable import Experiments

@Suite struct DryRunTests {
  @Test func aReportTellsEachRunAndWritesNothing() throws {
    try withFolder { folder in
      var tiny = try TinyExperiment(in: folder)
      tiny.configuration.seeds = [2, 5]
      let runs = folder.appendingPathComponent("runs")
      func report() throws -> String {
        try DryRun(runs: runs, dataFolder: folder, threads: 1).report([tiny.configuration])
      }
      let fresh = try report()
      #expect(!FileManager.default.fileExists(atPath: runs.path))
      var generator = RandomGenerator(seed: 0)
      let encoder = try tiny.configuration.encoder.encoder(
        for: TinyExperiment.task.images, using: &generator)
      #expect(fresh.contains("tiny L_spread, profile custom"))
      #expect(fresh.contains("\(grouped(encoder.parameterCount)) parameters, and 34 of the classifier"))
      #expect(fresh.contains("126 training, 14 validation and 40 test images of 1 x 28 x 28"))
      #expect(
        fresh.contains("step: 16 images in two views") && fresh.contains("4 epochs of 7 steps, 28 in all"))
      for seed in [2, 5] {
        let run = RunFolder.of(tiny.configuration, seed: seed, in: runs)
        #expect(fresh.contains("seed \(seed): \(run.url.relativePath), not begun, about "))
      }
      #expect(fresh.contains("2 runs to do, about "))

      _ = try ExperimentRunner(runs: runs, dataFolder: folder, progress: silent()).run(
        tiny.configuration, seed: 2)
      let run = RunFolder.of(tiny.configuration, seed: 2, in: runs)
      let before = try FileManager.default.contentsOfDirectory(atPath: run.url.path).sorted()
      let half = try report()
      #expect(half.contains("seed-2, complete\n") && half.contains("1 run to do"))
      try FileManager.default.removeItem(at: run.result)
      #expect(try report().contains("seed-2, 4 of 4 epochs done, about "))
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: run.url.path).sorted()
          == before.filter { $0 != "result.json" })
    }
  }

  /// By hand, for a stem and two stages of one block.
  @Test func theMultiplyAddsOfAStepAreThoseOfItsProducts() throws {
    var configuration = ExperimentConfiguration()
    var sizes = ResNet.Configuration(width: 4, blocks: [1, 1])
    configuration.encoder = .resnet(sizes)
    let stem = 9 * 1 * 4 * 28 * 28
    let blocks = 2 * 9 * 4 * 4 * 28 * 28 + (9 * 4 * 8 + 9 * 8 * 8 + 4 * 8) * 14 * 14
    let batch = 10
    let classifier = 3 * (2 * batch) * 8 * 2
    let network = 2 * batch * (2 * stem + 3 * blocks)
    func counted() throws -> Double {
      var generator = RandomGenerator(seed: 0)
      let encoder = try configuration.encoder.encoder(
        for: TinyExperiment.task.images, using: &generator)
      return configuration.multiplyAdds(of: encoder, task: TinyExperiment.task, batch: batch)
    }
    #expect(try counted() == Double(network + classifier + 3 * batch * batch * 8))
    configuration.objective.layout = .pooled
    #expect(try counted() == Double(network + classifier + 3 * 4 * batch * batch * 8))
    // A stem of stride 2 leaves a quarter of the positions to itself and all that follows.
    sizes.stemStride = 2
    configuration.encoder = .resnet(sizes)
    #expect(try counted() == Double(network / 4 + classifier + 3 * 4 * batch * batch * 8))
    // The loss then sees the head's 6 values.
    configuration.projection.width = 6
    configuration.projection.hiddenWidth = 10
    let head = 3 * (2 * batch) * (8 * 10 + 10 * 6)
    #expect(try counted() == Double(network / 4 + classifier + head + 3 * 4 * batch * batch * 6))
  }

  @Test func dataThatAreMissingAreNamed() throws {
    try withFolder { folder in
      let tiny = try TinyExperiment(in: folder)
      let elsewhere = DryRun(runs: folder, dataFolder: folder.appendingPathComponent("elsewhere"))
      #expect(try #require(failure { try elsewhere.report([tiny.configuration]) }).contains("SPREAD_DATA"))
    }
  }
}
