import Foundation
import Tensors
import TestSupport
import Testing

@testable import Fetching

/// Notes about partial files that were changed on the disk.
///
/// 2,000 inputs, or as many as the environment variable `SPREAD_MUTATIONS` says (`make test-long`).
@Suite struct HostileInputTests {
  static let count = ProcessInfo.processInfo.environment["SPREAD_MUTATIONS"].flatMap(Int.init) ?? 2000

  @Test func notes() throws {
    let fixture = try FetchFixture(bytes: 1)
    let address = "http://127.0.0.1:9/file.bin"
    let original = Array(#"{"address":"\#(address)","validator":"\"a-1\"","total":900}"#.utf8)
    try fixture.write([1, 2, 3], "file.bin.partial")
    let generator = RandomGenerator(seed: 60)
    let extremes: [UInt8] = [0, 0x0A, 0x0D, 0x20, 0x22, 0x30, 0x39, 0x5C, 0x7F, 0xFF]
    var used = 0
    for round in 0..<Self.count {
      var random = generator.stream(UInt64(round))
      var note = original
      for _ in 0...random.below(3) where !note.isEmpty {
        let place = random.below(note.count)
        switch random.below(5) {
        case 0: note[place] ^= 1 << UInt8(random.below(8))
        case 1: note[place] = extremes[random.below(extremes.count)]
        case 2: note.insert(contentsOf: Array("\\r\\n".utf8), at: place)
        case 3: note.remove(at: place)
        default: note.removeSubrange(place...)
        }
      }
      try fixture.write(note, "file.bin.partial.json")
      let partial = try PartialFile(of: fixture.path)
      #expect(partial.size == 3, "round \(round)")
      // What would become part of a request is a tag or a date, and of this address.
      guard let (start, validator) = partial.resumption(from: address) else { continue }
      used += 1
      #expect(start == 3 && ResponseHead.isValidator(validator), "round \(round): \(validator)")
      #expect(validator.utf8.allSatisfy { (0x20...0x7E).contains($0) }, "round \(round): \(validator)")
      #expect(!partial.isComplete(from: address), "round \(round)")
    }
    #expect(used > Self.count / 100 && used < Self.count)
  }
}
