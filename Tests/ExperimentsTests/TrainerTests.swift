import Basics
import Foundation
import NeuralNetworks
import TestSupport
import Testing

@testable import Experiments

/// What does not hang on the last bits: other tests of this process change the number of threads while these
/// run. That runs repeat themselves bit for bit is tested in ProgramTests, each run in a process of its own.
@Suite struct TrainerTests {
  @Test func trainingLearns() throws {
    try withFolder { folder in
      var tiny = try TinyExperiment(in: folder)
      tiny.configuration.epochs = 15
      let run = try tiny.train("run")
      for figure in [EpochFigure.contrastive, .crossEntropy] {
        let values = try numbers(figure, of: run)
        #expect(values.count == 15 && values[14] < values[0] - 0.1, "\(figure) \(values)")
      }
      #expect(try numbers(.validationAccuracy, of: run).max() ?? 0 > 0.9)
    }
  }

  @Test func theFirstEpochWithTheBestValidationIsKept() throws {
    try withFolder { folder in
      var tiny = try TinyExperiment(in: folder)
      tiny.configuration.epochs = 8
      let run = try tiny.train("run")
      let accuracies = try numbers(.validationAccuracy, of: run)
      let best = try #require(accuracies.max())
      let checkpoint = try Checkpoint(run.best)
      #expect(checkpoint.state.bestAccuracy == best)
      #expect(checkpoint.state.bestEpoch == accuracies.firstIndex(of: best)! + 1)
      #expect(checkpoint.state.epoch == checkpoint.state.bestEpoch)
      // The network that is kept is the one that was measured.
      let data = try tiny.data()
      let model = try TrainedModel(checkpoint, data: data)
      let embeddings = try data.embeddings(of: data.validation, by: model.encoder)
      let accuracy = model.accuracy(ofEmbeddings: embeddings, labels: data.validation.labels)
      #expect(abs(accuracy - best) < 1.5 / Double(data.validation.count))
      #expect(checkpoint.tensors(under: "optimiser.").isEmpty)
      #expect(try Checkpoint(run.checkpoint).state.epoch == 8)
      #expect(try !Checkpoint(run.checkpoint).tensors(under: "optimiser.").isEmpty)
    }
  }

  /// 126 images to train with are 7 steps of 16.
  @Test func theLogTellsTheRateThatWasUsed() throws {
    try withFolder { folder in
      var tiny = try TinyExperiment(in: folder)
      tiny.configuration.schedule = .multiStep(.init(milestones: [1, 3]))
      let steps = try tiny.train("steps")
      for (rate, expected) in zip(try numbers(.rate, of: steps), [3e-3, 3e-4, 3e-4, 3e-5]) {
        #expect(abs(rate - expected) < 1e-12)
      }
      #expect(try MetricsLog(file: steps.metrics).entries().map(\.step) == [7, 14, 21, 28])
      var curve = Schedule.Constant()
      curve.warmUpEpochs = 2
      tiny.configuration.schedule = .constant(curve)
      let warm = try numbers(.rate, of: tiny.train("warm"))
      for (rate, expected) in zip(warm, [1.5e-3, 3e-3, 3e-3, 3e-3]) { #expect(abs(rate - expected) < 1e-12) }
    }
  }

  @Test func theLossIsTheSumOfItsParts() throws {
    try withFolder { folder in
      var tiny = try TinyExperiment(in: folder)
      tiny.configuration.classifier.weight = 0.25
      let run = try tiny.train("run")
      let (loss, contrastive) = (try numbers(.loss, of: run), try numbers(.contrastive, of: run))
      for (epoch, crossEntropy) in try numbers(.crossEntropy, of: run).enumerated() {
        #expect(abs(loss[epoch] - contrastive[epoch] - 0.25 * crossEntropy) < 1e-12)
      }
    }
  }

  /// The loss acts behind the head; the head's weights are trained, saved and taken up again, and the embedding that
  /// is measured is the encoder's own.
  @Test func aHeadStandsBetweenTheEncoderAndTheLoss() throws {
    try withFolder { folder in
      var tiny = try TinyExperiment(in: folder)
      let without = tiny.configuration
      tiny.configuration.projection.width = 8
      tiny.configuration.projection.hiddenWidth = 24
      #expect(tiny.configuration.fingerprint != without.fingerprint)
      #expect(try ExperimentConfiguration(json: tiny.configuration.json, source: "") == tiny.configuration)
      #expect(!without.json.contains("projection"))
      let run = try tiny.train("run")
      let losses = try numbers(.contrastive, of: run)
      #expect(losses[3] < losses[0] - 0.05, "\(losses)")
      let checkpoint = try Checkpoint(run.checkpoint)
      let model = try TrainedModel(checkpoint, data: tiny.data())
      let head = try #require(model.projection)
      #expect(head.output.weight.shape == [8, 24] && model.encoder.embeddingDimension == 16)
      #expect(head.norm.runningMean.scalars().contains { $0 != 0 })
      #expect(
        checkpoint.tensors(under: "optimiser.").keys.contains { $0.contains("projection.output.weight") })
      tiny.configuration.epochs = 2
      let half = try tiny.train("half")
      let first = try TrainedModel(Checkpoint(half.checkpoint), data: tiny.data())
      #expect(first.projection?.output.weight.scalars() != head.output.weight.scalars())
    }
  }

  @Test func aHeadsLengthBetweenMeansNothingWithoutAHead() {
    let error = #expect(throws: ConfigurationError.self) {
      try ExperimentConfiguration(json: #"{"projection": {"hiddenWidth": 64}}"#, source: "file")
    }
    #expect("\(error!)".contains("projection.hiddenWidth") && "\(error!)".contains("no effect"))
  }

  @Test func aTrainerGoesOnFromItsCheckpointOnly() throws {
    try withFolder { folder in
      let tiny = try TinyExperiment(in: folder)
      let run = try tiny.train("run")
      // What was logged after the checkpoint belongs to no state that is left.
      try AtomicFile.append("{\"epoch\":5,\"loss\":1}\n{\"epo", to: run.metrics)
      let trainer = try Trainer(
        tiny.configuration, seed: 0, data: tiny.data(), folder: run, progress: silent())
      #expect(trainer.state == (try Checkpoint(run.checkpoint).state))
      #expect(try MetricsLog(file: run.metrics).entries().map(\.epoch) == [1, 2, 3, 4])
      // Without it the log begins again.
      try FileManager.default.removeItem(at: run.checkpoint)
      let anew = try Trainer(tiny.configuration, seed: 0, data: tiny.data(), folder: run, progress: silent())
      #expect(anew.state.epoch == 0 && anew.state.bestEpoch == 0)
      #expect(try MetricsLog(file: run.metrics).entries().map(\.epoch).isEmpty)
    }
  }

  @Test func anEncoderThatDoesNotFitTheImagesIsAConfigurationError() throws {
    try withFolder { folder in
      var tiny = try TinyExperiment(in: folder)
      tiny.changeEncoder { $0.patchSize = 5 }
      let message = try #require(failure { try tiny.train("run") })
      #expect(message == "`encoder.patch`: patches of 5 pixels do not divide images of 28")
    }
  }

  @Test func tooFewImagesAreAConfigurationError() throws {
    try withFolder { folder in
      var tiny = try TinyExperiment(in: folder)
      tiny.configuration.validation.share = 0.001
      #expect(try #require(failure { try tiny.data() }).contains("`validation.share`"))
    }
  }

  @Test func aResidualEncoderTrainsToo() throws {
    try withFolder { folder in
      var tiny = try TinyExperiment(in: folder)
      tiny.configuration.encoder = .resnet(.init(width: 4, blocks: [1, 1]))
      tiny.configuration.epochs = 2
      let run = try tiny.train("run")
      #expect(try numbers(.loss, of: run).count == 2)
      let data = try tiny.data()
      let model = try TrainedModel(Checkpoint(run.best), data: data)
      #expect(try data.embeddings(of: data.test, by: model.encoder).shape == [40, 8])
    }
  }
}
