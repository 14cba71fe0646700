import Foundation
import Tensors
import Testing

@testable import Datasets

/// Mutated files: every outcome is an array that the file could hold or a `FileFormatError` that names the
/// file.
@Suite struct HostileInputTests {
  private static let base = idx(shape: [4, 5, 6], randomBytes(120, seed: 11).map { $0 & 0x1f })

  /// Flips, cuts, insertions, doubled parts and overwritten lengths, one to four of them.
  private func mutated(_ bytes: [UInt8], _ generator: inout RandomGenerator) -> [UInt8] {
    var result = bytes
    for _ in 0...generator.below(4) where !result.isEmpty {
      let place = generator.below(result.count)
      switch generator.below(6) {
      case 0: result[place] ^= 1 << UInt8(generator.below(8))
      case 1: result.removeSubrange(place...)
      case 2: result.insert(UInt8(generator.below(256)), at: place)
      case 3: result += result[place...]
      case 4: result[place] = [0, 0xff, 0x7f, 0x80][generator.below(4)]
      default: for i in place..<min(place + 4, result.count) { result[i] = 0xff }
      }
    }
    return result
  }

  @Test(arguments: [false, true])
  func mutatedArraysAreReadOrRefused(compressed: Bool) throws {
    let folder = try TemporaryFolder()
    let original = compressed ? try gzipped(Self.base) : Self.base
    var generator = RandomGenerator(seed: compressed ? 21 : 20)
    var (read, refused) = (0, 0)
    for round in 0..<1_000 {
      let bytes = mutated(original, &generator)
      let path = try folder.write(bytes, "array")
      do {
        let array = try IDXArray(path: path)
        #expect(array.shape.reduce(1, *) * array.type.size == array.raw.count, "round \(round)")
        #expect(array.raw.count <= bytes.count * GzipReader.largestRatio)
        read += 1
      } catch {
        let error = try #require(error as? FileFormatError, "round \(round): \(error)")
        #expect(error.file == path, "round \(round): \(error)")
        let byte = try #require(error.byte, "round \(round): \(error)")
        #expect(byte <= max(bytes.count, 4 + 4 * 255), "round \(round): \(error)")
        refused += 1
      }
    }
    #expect(read > 0 && refused > 400, "\(read) were read and \(refused) refused")
  }

  /// Sound archives around damaged arrays, so that what is behind the decompression is reached.
  @Test func mutatedArraysWithinSoundArchives() throws {
    let folder = try TemporaryFolder()
    var generator = RandomGenerator(seed: 22)
    var refused = 0
    for _ in 0..<500 {
      let path = try folder.write(try gzipped(mutated(Self.base, &generator), level: 1), "array.gz")
      if let error = formatError({ _ = try IDXArray(path: path) }) {
        #expect(error.file == path)
        refused += 1
      }
    }
    #expect(refused > 200)
  }

  @Test func randomBytesAreRefused() throws {
    let folder = try TemporaryFolder()
    for seed in 0..<200 {
      var bytes = randomBytes(seed, seed: UInt64(seed))
      if seed % 2 == 0 && bytes.count > 3 { bytes.replaceSubrange(0..<3, with: [0x1f, 0x8b, 8]) }
      let path = try folder.write(bytes, "noise")
      #expect(formatError { _ = try IDXArray(path: path) } != nil)
    }
  }
}
