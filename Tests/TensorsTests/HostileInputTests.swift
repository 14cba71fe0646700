import Basics
import Foundation
import TestSupport
import Testing

@testable import Tensors

/// Files that were sound and have been damaged: the checksums must show every change.
///
/// 2,000 inputs a reader, or as many as the environment variable `SPREAD_MUTATIONS` says (`make test-long`).
@Suite(.serialized) struct HostileInputTests {
  static let count = ProcessInfo.processInfo.environment["SPREAD_MUTATIONS"].flatMap(Int.init) ?? 2000

  /// What disks, memory and copies do to a file: a bit flipped anywhere or (half of the time) among its first
  /// bytes, a sector that reads as zeros, two blocks in each other's place, a piece that is gone from the end.
  static func damaged(_ data: Data, head: Int, _ random: inout RandomGenerator) -> (what: String, data: Data)
  {
    var bytes = [UInt8](data)
    switch random.below(8) {
    case 0...4:
      let place = random.below(random.bool(probability: 0.5) ? head : bytes.count)
      bytes[place] ^= 1 << UInt8(random.below(8))
      return ("bit flipped in byte \(place)", Data(bytes))
    case 5:
      let start = random.below((bytes.count + 511) / 512) * 512
      let end = min(start + 512, bytes.count)
      bytes.replaceSubrange(start..<end, with: repeatElement(0, count: end - start))
      return ("zeros from byte \(start)", Data(bytes))
    case 6:
      let blocks = bytes.count / 64
      let (a, b) = (random.below(blocks) * 64, random.below(blocks) * 64)
      for i in 0..<64 { bytes.swapAt(a + i, b + i) }
      return ("blocks at \(a) and \(b) swapped", Data(bytes))
    default:
      let kept = random.below(bytes.count)
      return ("cut to \(kept) bytes", Data(bytes.prefix(kept)))
    }
  }

  /// A file much as a checkpoint's.
  private func weights(metadata: [String: String]) throws -> (data: Data, head: Int) {
    let folder = try TemporaryFolder()
    var generator = RandomGenerator(seed: 2)
    func tensor(_ shape: [Int]) -> Tensor {
      Tensor((0..<shape.reduce(1, *)).map { _ in generator.normal() }, shape: shape)
    }
    let tensors = (0..<6).map { (name: "model.blocks.\($0).weight", tensor: tensor([16, 12 + $0])) }
    try SafeTensors.write(
      tensors + [("step", Tensor(7)), ("none", Tensor.zeros([0, 3]))], metadata: metadata,
      to: folder.file("weights"))
    let data = try WholeFile.read(folder.file("weights"))
    return (data, 8 + data.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) })
  }

  @Test("Damaged weights are never read as whole ones", arguments: [0, 1])
  func safetensors(variant: Int) throws {
    let states = ["epoch 3 of 12, step 400 \"best\"", "0.25"]
    let (data, head) = try weights(
      metadata: variant == 0 ? ["format": "example 1", "state": states[0], "rate": states[1]] : [:])
    #expect(try SafeTensors(data, file: "whole", requiringChecksum: true).hasChecksum)
    let generator = RandomGenerator(seed: UInt64(50 + variant))
    for round in 0..<Self.count {
      var random = generator.stream(UInt64(round))
      let (what, other) = Self.damaged(data, head: head, &random)
      guard other != data else { continue }
      do {
        _ = try SafeTensors(other, file: "damaged")
        Issue.record("round \(round), \(what): read as whole")
      } catch let error as FileFormatError {
        #expect(error.file == "damaged")
      }
    }
  }

  @Test(
    "A damaged archive gives all of its arrays as they were, or none",
    arguments: ["stored", "deflated"])
  func npz(name: String) throws {
    let data = try WholeFile.read(fixture("files/\(name).npz"))
    let folder = try TemporaryFolder()
    func values(_ data: Data) throws -> [String: [Float]] {
      try Npz.read(folder.write(data, "a.npz")).mapValues { $0.tensor().scalars() }
    }
    let whole = try values(data)
    let generator = RandomGenerator(seed: 52)
    var refused = 0
    for round in 0..<Self.count {
      var random = generator.stream(UInt64(round))
      let (what, other) = Self.damaged(data, head: data.count, &random)
      do {
        #expect(try values(other) == whole, "round \(round), \(what)")
      } catch is FileFormatError { refused += 1 }
    }
    #expect(refused > Self.count / 2)
  }

  @Test(
    "Every single flipped bit of a file is noticed, those in the checksum's name and digits too")
  func everyBit() throws {
    let folder = try TemporaryFolder()
    try SafeTensors.write([("a", Tensor([1, 2, 3]))], metadata: ["k": "v"], to: folder.file("one"))
    let data = try WholeFile.read(folder.file("one"))
    for bit in 0..<(8 * data.count) {
      var other = data
      other[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(throws: FileFormatError.self, "bit \(bit)") { try SafeTensors(other, file: "one") }
    }
  }
}
