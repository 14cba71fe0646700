import Basics
import Datasets
import Evaluation
import Foundation
import NeuralNetworks
import Tensors
import TestSupport
import Testing

@testable import Experiments

/// What a run tells when something looks wrong.
@Suite struct WarningTests {
  /// Trains in `folder/name` and returns the lines that were shown.
  private func lines(_ tiny: TinyExperiment, _ name: String) throws -> [String] {
    let run = RunFolder(tiny.folder.appendingPathComponent(name))
    try AtomicFile.makeFolder(run.url)
    var text = ""
    try Trainer(
      tiny.configuration, seed: 0, data: tiny.data(), folder: run, progress: silent { text += $0 }
    ).train()
    return text.split(separator: "\n").map(String.init)
  }

  @Test func batchesWithoutTwoPointsOfAClassAreCountedAndToldOnce() throws {
    try withFolder { folder in
      var tiny = try TinyExperiment(in: folder)
      tiny.configuration.data.labels = .fine
      tiny.configuration.batchSize = 3
      tiny.configuration.epochs = 3
      let shown = try lines(tiny, "spread")
      let counts = try numbers(.batchesWithoutPairs, of: RunFolder(folder.appendingPathComponent("spread")))
      // The same batches, looked at here.
      let data = try tiny.data()
      let expected = (0..<3).map { epoch in
        BatchLoader(
          data.training, augmentation: tiny.configuration.augmentation, form: data.form,
          batchSize: 3,
          generator: RandomGenerator(seed: 0).stream(RandomStream.batches).stream(UInt64(epoch))
        ).filter {
          $0.labels[0] != $0.labels[1] && $0.labels[0] != $0.labels[2] && $0.labels[1] != $0.labels[2]
        }
        .count
      }
      #expect(counts == expected.map(Double.init) && expected[0] > 10)
      let told = shown.filter { $0.contains("warning: ") && $0.contains("no two points of one class") }
      #expect(told.count == 1 && told[0].contains("\(expected[0]) of 42 batches"), "\(shown)")
      #expect(told[0].contains("L_spread") && told[0].contains("batchSize"))
      // The loss that does not look at labels has no use for the advice.
      tiny.configuration.objective.loss = .selfSupervised
      #expect(try !lines(tiny, "self").contains { $0.contains("no two points") })
    }
  }

  @Test func theNormsAreThoseOfTheSteps() throws {
    try withFolder { folder in
      var tiny = try TinyExperiment(in: folder)
      let run = try tiny.train("several")
      for (largest, mean) in zip(
        try numbers(.maximumGradientNorm, of: run), try numbers(.gradientNorm, of: run))
      {
        #expect(largest > mean && mean > 0 && largest < 7 * mean)
      }
      // One step an epoch.
      tiny.configuration.batchSize = 126
      let single = try tiny.train("single")
      #expect(
        try numbers(.maximumGradientNorm, of: single) == numbers(.gradientNorm, of: single))
    }
  }

  @Test func aStepThatIsNoNumberLeavesItsBatch() throws {
    try withFolder { folder in
      var tiny = try TinyExperiment(in: folder)
      var optimiser = AdamW.Configuration()
      optimiser.rate = 1000
      tiny.configuration.optimiser = .adamw(optimiser)
      tiny.configuration.epochs = 50
      let message = try #require(failure { try tiny.train("run") })
      #expect(message.contains("not finite in epoch ") && message.contains("optimiser.rate"))
      let place = try #require(
        message.firstMatch(of: /saved in (\S+\/batch-epoch-(\d+)-step-(\d+)\.safetensors)/))
      #expect(message.contains("epoch \(place.2), step \(place.3) of"))
      let saved = try SafeTensors(path: String(place.1))
      let places = try #require(saved.tensors["places"]).scalars().map { Int($0) }
      let labels = try #require(saved.tensors["labels"]).scalars().map { Int($0) }
      let data = try tiny.data()
      #expect(places.count == 16 && labels == places.map { data.training.labels[$0] })
      #expect(saved.tensors["embeddings"]?.shape == [32, 16])
      #expect(saved.metadata["epoch"] == String(place.2) && saved.metadata["step"] == String(place.3))
      // They are the batch of that step: made anew from the seed it is the same.
      let epoch = try #require(UInt64(place.2)) - 1
      let batch = BatchLoader(
        data.training, augmentation: tiny.configuration.augmentation, form: data.form,
        batchSize: 16, generator: RandomGenerator(seed: 0).stream(RandomStream.batches).stream(epoch),
        startingAt: try #require(Int(place.3)) - 1
      ).next()
      #expect(saved.tensors["views"]?.scalars() == batch?.views.scalars())
      #expect(saved.tensors["views"]?.shape == [32, 1, 28, 28])
    }
  }

  @Test func collapseIsToldWithWhatToDo() throws {
    let configuration = ExperimentConfiguration()
    func warning(_ embeddings: Tensor) -> String? {
      EpochReport(
        epoch: 3, steps: 10, sums: TrainingState.Sums(), classifierWeight: 1,
        validation: Validation.Outcome(accuracy: 0.5, spread: EmbeddingSpread(embeddings)), rate: 1e-3,
        speed: EpochReport.Speed(seconds: 1, imagesPerSecond: 1, waitingShare: 0)
      ).warnings(configuration).collapse
    }
    var generator = RandomGenerator(seed: 1)
    let noise = Tensor.normal([30, 8], using: &generator)
    #expect(warning(noise) == nil)
    let text = try #require(warning(noise * 1e-3 + 1))
    #expect(text.contains("mean cosine 1.000") && text.contains("optimiser.rate"))
  }

  /// A network whose embeddings all become one point: what is measured on validation images must show it.
  @Test func figuresOfARunShowWhetherItsEmbeddingsDiffer() throws {
    try withFolder { folder in
      let tiny = try TinyExperiment(in: folder)
      let run = try tiny.train("run")
      let data = try tiny.data()
      let model = try TrainedModel(Checkpoint(run.checkpoint), data: data)
      let spread = EmbeddingSpread(try data.embeddings(of: data.validation, by: model.encoder))
      #expect(abs(try numbers(.embeddingCosine, of: run)[3] - spread.meanCosine) < 1e-3)
      #expect(abs(try numbers(.embeddingDeviation, of: run)[3] - spread.deviation) < 1e-3)
      #expect(try numbers(.constantDimensions, of: run).count == 4)
    }
  }
}
