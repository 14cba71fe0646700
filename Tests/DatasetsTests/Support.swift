import Basics
import Foundation
import Tensors

@testable import Datasets

func gzipped(_ bytes: [UInt8], level: Int32 = 6) throws -> [UInt8] {
  try bytes.withUnsafeBytes { [UInt8](try Gzip.compress([$0], level: level)) }
}

/// Everything that a file holds, read in pieces of `piece` bytes.
func contents(of path: String, piece: Int = 1000) throws -> [UInt8] {
  let reader = try GzipReader(path: path)
  var result: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: piece)
  while true {
    let count = try buffer.withUnsafeMutableBytes { try reader.read(into: $0) }
    result += buffer[..<count]
    if count < piece { return result }
  }
}

/// The bytes of an IDX file, by the format's description.
func idx(type: UInt8 = 8, shape: [Int], _ payload: [UInt8]) -> [UInt8] {
  var bytes: [UInt8] = [0, 0, type, UInt8(shape.count)]
  for length in shape {
    for shift in [24, 16, 8, 0] { bytes.append(UInt8(length >> shift & 0xff)) }
  }
  return bytes + payload
}

/// The error of a call that should fail; nil when it did not, or with another type.
func formatError(_ body: () throws -> Void) -> FileFormatError? {
  do {
    try body()
    return nil
  } catch { return error as? FileFormatError }
}

func randomBytes(_ count: Int, seed: UInt64) -> [UInt8] {
  var generator = RandomGenerator(seed: seed)
  return (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
}

/// Images of random bytes with two classes and four strata in turn.
func randomDataset(
  _ count: Int, channels: Int = 3, size: Int = 8, width: Int? = nil, seed: UInt64 = 1
) -> ImageDataset {
  let width = width ?? size
  let store = ImageStore(
    randomBytes(count * channels * size * width, seed: seed), count: count, channels: channels, height: size,
    width: width)
  return ImageDataset(
    name: "random", store: store, labels: (0..<count).map { $0 % 4 / 2 }, strata: (0..<count).map { $0 % 4 },
    classNames: ["a", "b"], stratumNames: ["p", "q", "r", "s"])
}

extension ImageStore {
  var shape: [Int] { [channels, height, width] }
}
