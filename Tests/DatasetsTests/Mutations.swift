import Basics
import Foundation
import Tensors
import TestSupport
import Testing

@testable import Datasets

/// Mutated inputs for a reader: each must be read as something sound, or refused with a `FileFormatError` that
/// names a file of the input.
///
/// 2,000 inputs a reader, or as many as the environment variable `SPREAD_MUTATIONS` says (`make test-long`: 100,000).
/// The same seed makes the same inputs, and a failure names its round.
struct Mutations {
  static let isLong = ProcessInfo.processInfo.environment["SPREAD_MUTATIONS"] != nil
  static let count = ProcessInfo.processInfo.environment["SPREAD_MUTATIONS"].flatMap(Int.init) ?? 2000

  /// Sound inputs, one of which is changed in each round.
  let originals: [[UInt8]]
  let seed: UInt64
  /// Done with the changed bytes before they are written: compression, checksums set right. Without it a reader's
  /// first check would refuse nearly everything, and nothing behind it would be reached. Nil: none.
  var wrap: (([UInt8]) throws -> [UInt8])?
  /// Ranges of the inputs, headers say, in which two of three changes are made; empty: anywhere.
  var focus: [Range<Int>] = []

  struct Outcome: Equatable {
    var read = 0
    var refused = 0
  }

  /// Runs all rounds.
  /// - Parameters:
  ///   - place: writes an input, and gives the path that is read
  ///   - read: reads it and checks what comes, which may hold `largest` bytes at most
  @discardableResult
  func run(
    in folder: TemporaryFolder, file: String, sourceLocation: SourceLocation = #_sourceLocation,
    read: (_ path: String, _ size: Int) throws -> Void
  ) throws -> Outcome {
    var outcome = Outcome()
    let generator = RandomGenerator(seed: seed)
    let memory = PeakMemory()
    for round in 0..<Self.count {
      var random = generator.stream(UInt64(round))
      var bytes = changed(originals[random.below(originals.count)], &random)
      // Half of the inputs as they are, half with what is around them made sound again.
      if let wrap, random.bool(probability: 0.5) { bytes = try wrap(bytes) }
      let path = try folder.write(bytes, file)
      do {
        try read(path, bytes.count)
        outcome.read += 1
      } catch let error as FileFormatError {
        if !error.file.hasPrefix(folder.path) || (error.byte ?? 0) < 0
          || (error.byte ?? 0) > max(bytes.count * GzipReader.largestRatio, 2048)
        {
          Issue.record("round \(round): \(error)", sourceLocation: sourceLocation)
        }
        outcome.refused += 1
      } catch {
        Issue.record("round \(round): \(error)", sourceLocation: sourceLocation)
      }
    }
    if Self.isLong {
      let growth = memory.growth
      print(
        "\(file): \(Self.count) inputs, \(outcome.read) read, \(outcome.refused) refused, peak memory +\(growth / 1_000_000) MB"
      )
      #expect(growth < 400_000_000, "the peak grew by \(growth) bytes", sourceLocation: sourceLocation)
    }
    // Both kinds must come, or the inputs test nothing.
    #expect(outcome.read > Self.count / 100, "\(outcome)", sourceLocation: sourceLocation)
    #expect(outcome.refused > Self.count / 10, "\(outcome)", sourceLocation: sourceLocation)
    return outcome
  }

  private static let interesting: [UInt8] = [0, 1, 0x20, 0x2f, 0x30, 0x37, 0x39, 0x7f, 0x80, 0xfe, 0xff]

  /// One to four changes: flips, cuts, insertions, removals, parts doubled, copied or blanked, extreme numbers.
  private func changed(_ bytes: [UInt8], _ random: inout RandomGenerator) -> [UInt8] {
    var result = bytes
    for _ in 0...random.below(4) where !result.isEmpty {
      let place = self.place(result.count, &random)
      let length = min(result.count - place, 1 << random.below(11))
      switch random.below(12) {
      case 0, 1: result[place] ^= 1 << UInt8(random.below(8))
      case 2: result[place] = Self.interesting[random.below(Self.interesting.count)]
      case 3: result[place] = UInt8(random.below(256))
      case 4: result.removeSubrange(place...)
      case 5: result.insert(UInt8(random.below(256)), at: place)
      case 6: result.removeSubrange(place..<(place + length))
      case 7:
        result.insert(contentsOf: result[place..<(place + length)], at: self.place(result.count, &random))
      case 8: for i in place..<(place + length) { result[i] = 0 }
      case 9: for i in place..<min(place + 4, result.count) { result[i] = 0xff }
      case 10:
        // A digit for another, as sizes in text are changed.
        if (0x30...0x39).contains(result[place]) { result[place] = 0x30 + UInt8(random.below(10)) }
      default:
        let other = originals[random.below(originals.count)]
        let start = random.below(max(1, other.count - length))
        result.replaceSubrange(
          place..<(place + length), with: other[start..<min(start + length, other.count)])
      }
    }
    return result
  }

  private func place(_ count: Int, _ random: inout RandomGenerator) -> Int {
    guard !focus.isEmpty, random.below(3) > 0 else { return random.below(count) }
    let range = focus[random.below(focus.count)]
    return min(range.lowerBound + random.below(range.count), count - 1)
  }
}

/// The largest resident size of this process since a moment. Only where nothing else runs in it does that tell
/// what one reader needs.
private struct PeakMemory {
  private let start: Int

  init() {
    // "5" sets the peak back to the present size.
    try? "5".write(toFile: "/proc/self/clear_refs", atomically: false, encoding: .utf8)
    start = peakMemory()
  }

  var growth: Int { peakMemory() - start }
}

/// The largest resident size of this process so far, in bytes.
func peakMemory() -> Int {
  let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
  let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
  return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
}
