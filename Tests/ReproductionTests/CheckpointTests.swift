import Foundation
import Tensors
import Testing

@testable import Reproduction

@Suite struct CheckpointTests {
  private func model(_ tiny: TinyExperiment, seed: UInt64) throws -> TrainedModel {
    var generator = RandomGenerator(seed: seed)
    return try TrainedModel(
      tiny.configuration, imageSize: 28, channels: 1, classes: 2, using: &generator)
  }

  private var state: TrainingState {
    var state = TrainingState(generator: RandomGenerator(seed: .max))
    (state.epoch, state.step, state.bestEpoch, state.bestAccuracy) = (3, 2, 1, 1.0 / 3)
    state.sums.contrastive = 0.1 + 0.2
    state.sums.gradientNorm = 1e-300
    return state
  }

  @Test func aCheckpointReturnsWhatWasSaved() throws {
    try withFolder { folder in
      let tiny = try TinyExperiment(in: folder)
      let model = try model(tiny, seed: 5)
      let optimiser = tiny.configuration.optimiser.optimiser(for: model.parameters())
      let file = folder.appendingPathComponent("c.safetensors")
      func write() throws -> Data {
        try Checkpoint.write(
          model, optimiser: optimiser, state: state, configuration: tiny.configuration, to: file)
        return try Data(contentsOf: file)
      }
      #expect(try write() == write())
      let read = try Checkpoint(file)
      #expect(read.state == state)
      var (generator, expected) = (read.state.generator, state.generator)
      #expect((0..<9).allSatisfy { _ in generator.next() == expected.next() })
      #expect(read.configuration == tiny.configuration.identity)
      let other = try self.model(tiny, seed: 6)
      try other.load(read.tensors(under: "model."))
      for (a, b) in zip(model.state(), other.state()) {
        #expect(a.name == b.name && a.tensor.scalars() == b.tensor.scalars())
      }
      #expect(read.tensors.count == read.tensors(under: "model.").count + optimiser.state().count)
    }
  }

  @Test func whatIsNoCheckpointIsNamed() throws {
    try withFolder { folder in
      let file = folder.appendingPathComponent("c.safetensors")
      func message(_ metadata: [String: String]) throws -> String {
        try SafeTensors.write([], metadata: metadata, to: file.path)
        let error = try #require(throws: RunError.self) { try Checkpoint(file) }
        #expect(error.description.contains(file.path))
        return error.description
      }
      #expect(try message([:]).contains("not a checkpoint"))
      let format = Checkpoint.format
      #expect(
        try message(["format": "x", "state": "{}", "configuration": "{}"]).contains("not a checkpoint"))
      #expect(
        try message(["format": format, "state": "{}", "configuration": "{}"]).contains("the training state"))
      let whole = String(decoding: try JSONEncoder().encode(state), as: UTF8.self)
      let broken = ["format": format, "state": whole, "configuration": "{\"epocs\": 3}"]
      #expect(try message(broken).contains("`epocs`: there is no such key; nearest: `epochs`"))
      try file.write("short")
      #expect(throws: FileFormatError.self) { try Checkpoint(file) }
    }
  }

  @Test func theEncoderIsReadWithoutItsClassifier() throws {
    try withFolder { folder in
      let tiny = try TinyExperiment(in: folder)
      let model = try model(tiny, seed: 5)
      let file = folder.appendingPathComponent("c.safetensors")
      try Checkpoint.write(model, optimiser: nil, state: state, configuration: tiny.configuration, to: file)
      var fine = tiny
      fine.configuration.data.labels = .fine
      let data = try fine.data()
      let encoder = try Checkpoint(file).encoder(for: data)
      for (a, b) in zip(encoder.state(), model.encoder.state()) {
        #expect(a.name == b.name && a.tensor.scalars() == b.tensor.scalars())
      }
      #expect(try #require(failure { try TrainedModel(Checkpoint(file), data: data) }).contains("classifier"))
    }
  }
}
