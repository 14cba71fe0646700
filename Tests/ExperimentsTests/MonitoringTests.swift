import Basics
import Evaluation
import Foundation
import Tensors
import TestSupport
import Testing

@testable import Experiments

/// What looks on while a run trains, and early stopping.
@Suite struct MonitoringTests {
  @Test func whatOnlyLooksOnIsNoPartOfAnIdentity() throws {
    // Of the version before these settings: its runs must be found again.
    let configuration = ExperimentConfiguration()
    #expect(configuration.fingerprint == "3e629c22")
    var watched = configuration
    watched.monitor.everyEpochs = 0
    watched.tensorBoard.enabled = false
    watched.checkpoints.keepEvery = 3
    watched.earlyStopping.minimumImprovement = 0.5
    #expect(watched.fingerprint == configuration.fingerprint)
    var stopping = configuration
    stopping.earlyStopping.patience = 5
    #expect(stopping.fingerprint != configuration.fingerprint && stopping.identity != configuration.identity)
    for changed in [watched, stopping] {
      var read = try ExperimentConfiguration(json: changed.json, source: "saved")
      // Without patience it says nothing, and is not written.
      read.earlyStopping.minimumImprovement = changed.earlyStopping.minimumImprovement
      #expect(read == changed)
    }
  }

  @Test func lookingOnChangesNothing() throws {
    try withFolder { folder in
      var tiny = try TinyExperiment(in: folder)
      tiny.configuration.monitor.everyEpochs = 0
      tiny.configuration.tensorBoard.enabled = false
      let plain = try tiny.train("plain")
      #expect(try numbers(.neighbourFineAccuracy, of: plain).isEmpty)
      #expect(
        try !FileManager.default.contentsOfDirectory(atPath: plain.url.path).contains {
          $0.contains("tfevents")
        })
      tiny.configuration.monitor.everyEpochs = 3
      tiny.configuration.monitor.share = 0.5
      tiny.configuration.monitor.neighbours = 5
      tiny.configuration.tensorBoard.enabled = true
      tiny.configuration.checkpoints.keepEvery = 2
      let watched = try tiny.train("watched")
      // Another test may change the number of threads in between, and the last bits with it.
      let (a, b) = (try Checkpoint(plain.checkpoint), try Checkpoint(watched.checkpoint))
      #expect(a.state.generator == b.state.generator && a.configuration == b.configuration)
      for (name, tensor) in a.tensors {
        let other = try #require(b.tensors[name])
        #expect(zip(tensor.scalars(), other.scalars()).allSatisfy { abs($0 - $1) < 1e-2 }, "\(name)")
      }
      let names = try FileManager.default.contentsOfDirectory(atPath: watched.url.path)
      let events = try names.filter { $0.contains("tfevents") }.map {
        String(decoding: try Data(contentsOf: watched.url.appendingPathComponent($0)), as: UTF8.self)
      }
      // The settings, each with a value: what is cleared to compare runs is not shown.
      #expect(events.contains { $0.contains("| loss.name | ") } && !events.contains { $0.contains("|  |") })
      // Epochs 3 and 4: every third, and the last.
      let fine = try numbers(.neighbourFineAccuracy, of: watched)
      let coarse = try numbers(.neighbourCoarseAccuracy, of: watched)
      #expect(fine.count == 2 && coarse.count == 2)
      let data = try tiny.data()
      let encoder = try TrainedModel(b, data: data).encoder
      let among = data.training.sample(63, seed: 42)
      func share(_ labels: [Int], _ expected: [Int]) throws -> Double {
        accuracy(
          try NearestNeighbours.predict(
            data.embeddings(of: data.validation, by: encoder),
            training: data.embeddings(of: among, by: encoder), labels: labels, k: 5), labels: expected)
      }
      #expect(try abs(fine[1] - share(among.strata, data.validation.strata)) < 1.5 / 14)
      #expect(try abs(coarse[1] - share(among.labels, data.validation.labels)) < 1.5 / 14)
      // The networks that were to be kept, as they were after their epochs.
      #expect(try Checkpoint(watched.epoch(2)).state.epoch == 2)
      #expect(!FileManager.default.fileExists(atPath: watched.epoch(3).path))
      let kept = try Checkpoint(watched.epoch(4))
      #expect(kept.tensors(under: "optimiser.").isEmpty)
      for (name, tensor) in b.tensors(under: "model.") {
        #expect(kept.tensors["model.\(name)"]?.scalars() == tensor.scalars())
      }
    }
  }

  @Test func patienceCountsEpochsWithoutImprovement() {
    var settings = EarlyStoppingSettings()
    (settings.patience, settings.minimumImprovement) = (2, 0.01)
    func epochs(_ accuracies: [Double]) -> Int {
      var state = TrainingState(generator: RandomGenerator(seed: 0))
      for (epoch, accuracy) in accuracies.enumerated() {
        state.count(accuracy, settings)
        if state.isOutOfPatience(settings) { return epoch + 1 }
      }
      return accuracies.count + 1
    }
    #expect(epochs([0.5, 0.6, 0.7]) == 4)
    #expect(epochs([0.5, 0.5, 0.5]) == 3)
    #expect(epochs([0.5, 0.505, 0.52, 0.52, 0.4, 0.6]) == 5)
    // Small steps do not add up one by one, but do against the last that counted.
    #expect(epochs([0.5, 0.508, 0.516, 0.52, 0.528]) == 6)
    settings.patience = nil
    #expect(epochs([0.5, 0.1, 0.1, 0.1]) == 5)
  }

  @Test func aRunWithoutImprovementEndsEarlyAndSaysSo() throws {
    try withFolder { folder in
      var tiny = try TinyExperiment(in: folder)
      tiny.configuration.epochs = 30
      tiny.configuration.earlyStopping.patience = 2
      tiny.configuration.earlyStopping.minimumImprovement = 1
      var text = ""
      let runner = ExperimentRunner(runs: folder, dataFolder: folder, progress: silent { text += $0 })
      let result = try runner.run(tiny.configuration, seed: 0)
      let run = RunFolder.of(tiny.configuration, seed: 0, in: folder)
      #expect(try MetricsLog(file: run.metrics).entries().map(\.epoch) == [1, 2, 3])
      #expect(result.epochs == 3 && result.bestEpoch <= 3)
      #expect(
        text.contains(
          "stops early, without an improvement for 2 epochs; the best was epoch \(result.bestEpoch)"))
      // A second start has nothing left to train.
      try FileManager.default.removeItem(at: run.result)
      text = ""
      #expect(try runner.run(tiny.configuration, seed: 0).epochs == 3)
      #expect(!text.contains("epoch 4"))
    }
  }
}
