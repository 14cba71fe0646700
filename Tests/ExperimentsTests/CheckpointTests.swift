import Basics
import Foundation
import Tensors
import TestSupport
import Testing

@testable import Experiments

@Suite struct CheckpointTests {
  private func model(_ tiny: TinyExperiment, seed: UInt64) throws -> TrainedModel {
    var generator = RandomGenerator(seed: seed)
    return try TrainedModel(tiny.configuration, task: TinyExperiment.task, using: &generator)
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
      let optimiser = tiny.configuration.optimiser.settings.optimiser(for: model.parameters())
      let file = folder.appendingPathComponent("c.safetensors")
      func write() throws -> Data {
        try Checkpoint.write(
          model, optimiser: optimiser, state: state, configuration: tiny.configuration, seed: 5, to: file)
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

  /// What earlier versions wrote has neither a checksum nor a seed; a file of this version cannot lack them.
  @Test func theFormerFormatNeedsNoChecksumAndThisOneDoes() throws {
    try withFolder { folder in
      let tiny = try TinyExperiment(in: folder)
      let file = folder.appendingPathComponent("c.safetensors")
      try Checkpoint.write(
        model(tiny, seed: 5), optimiser: nil, state: state, configuration: tiny.configuration, seed: 5,
        to: file)
      let whole = try Data(contentsOf: file)
      /// The file with its header changed, the length of which is brought in line.
      func write(_ change: (String) -> String) throws {
        let length = whole.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        let header = Data(change(String(decoding: whole[8..<(8 + length)], as: UTF8.self)).utf8)
        let size = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }
        try (Data(size) + header + whole[(8 + length)...]).write(to: file)
      }
      func withoutChecksum(_ header: String) -> String {
        header.replacing(/"spread.crc32":"[^"]*",?/, with: "").replacing(",}", with: "}")
      }
      func former(_ header: String) -> String {
        withoutChecksum(header).replacing(Checkpoint.format, with: Checkpoint.formerFormat)
          .replacing(/,"seed":"5"/, with: "")
      }
      try write(withoutChecksum)
      #expect(try #require(failure { try Checkpoint(file) }).contains("has lost its checksum"))
      try write(former)
      let read = try Checkpoint(file, of: tiny.configuration, seed: 3)
      #expect(read.seed == nil && read.state == state)
      try whole.write(to: file)
      #expect(try Checkpoint(file, of: tiny.configuration, seed: 5).seed == 5)
      #expect(
        try #require(failure { try Checkpoint(file, of: tiny.configuration, seed: 3) }).contains(
          "another seed"))
      var other = tiny.configuration
      other.epochs += 1
      #expect(
        try #require(failure { try Checkpoint(file, of: other, seed: 5) }).contains("other settings"))
    }
  }

  @Test func anyFlippedBitIsNoticed() throws {
    try withFolder { folder in
      let tiny = try TinyExperiment(in: folder)
      let file = folder.appendingPathComponent("c.safetensors")
      try Checkpoint.write(
        model(tiny, seed: 5), optimiser: nil, state: state, configuration: tiny.configuration, seed: 5,
        to: file)
      let whole = try Data(contentsOf: file)
      var generator = RandomGenerator(seed: 9)
      for _ in 0..<200 {
        var bytes = whole
        let place = Int(generator.next() % UInt64(whole.count))
        bytes[place] ^= 1 << UInt8(generator.next() % 8)
        try bytes.write(to: file)
        #expect(failure { try Checkpoint(file) } != nil, "byte \(place)")
      }
    }
  }

  @Test func theEncoderIsReadWithoutItsClassifier() throws {
    try withFolder { folder in
      let tiny = try TinyExperiment(in: folder)
      let model = try model(tiny, seed: 5)
      let file = folder.appendingPathComponent("c.safetensors")
      try Checkpoint.write(
        model, optimiser: nil, state: state, configuration: tiny.configuration, seed: 5, to: file)
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
