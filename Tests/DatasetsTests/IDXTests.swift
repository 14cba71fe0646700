import Basics
import Foundation
import TestSupport
import Testing

@testable import Datasets

/// Reads 2 MB that promise 2 GB, which deflate could give at its best.
private func expectLittleMemoryForAPromise() throws {
  let folder = try TemporaryFolder()
  let array = try gzipped(idx(shape: [2_000_000, 32, 32], randomBytes(2_000_000, seed: 3)), level: 1)
  let path = try folder.write(array, "array.gz")
  let before = peakMemory()
  let error = try #require(formatError { _ = try IDXArray(path: path) })
  #expect(error.reason.contains("2048000000 bytes expected, 2000000 left"), "\(error)")
  #expect(peakMemory() - before < 80_000_000)
}

@Suite struct IDXTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func error(_ bytes: [UInt8], compressed: Bool = false) throws -> FileFormatError? {
    let path = try folder.write(compressed ? try gzipped(bytes) : bytes, "array")
    return formatError { _ = try IDXArray(path: path) }
  }

  @Test(arguments: [[5], [2, 3], [2, 3, 4], [1, 2, 1, 3, 1], [Int](repeating: 1, count: 255)])
  func readsAnyRankGzippedOrNot(shape: [Int]) throws {
    let bytes = randomBytes(shape.reduce(1, *), seed: 1)
    let plain = idx(shape: shape, bytes)
    for contents in [plain, try gzipped(plain)] {
      let array = try IDXArray(path: folder.write(contents, "array"))
      #expect(array.shape == shape)
      #expect(array.raw == bytes)
      #expect(array.holdsBytes)
    }
  }

  @Test func writesWhatItReads() throws {
    let bytes = randomBytes(24, seed: 2)
    let path = folder.path + "/array.gz"
    try IDXArray.write(bytes, shape: [2, 3, 4], to: path)
    #expect(try contents(of: path) == idx(shape: [2, 3, 4], bytes))
    let array = try IDXArray(path: path)
    #expect(array.shape == [2, 3, 4] && array.raw == bytes)
    #expect(array.checksum == Gzip.checksum(idx(shape: [2, 3, 4], bytes)))
    #expect(folder.contents == ["array.gz"])  // nothing temporary is left
  }

  @Test func convertsTheOtherTypesFromBigEndian() throws {
    func bigEndian<T: FixedWidthInteger>(_ values: [T]) -> [UInt8] {
      values.flatMap { value in withUnsafeBytes(of: value.bigEndian) { Array($0) } }
    }
    let floats: [Float] = [-1.5, 3e10, 0.1]
    let cases: [(UInt8, [UInt8], [Float])] = [
      (0x08, [0, 7, 255], [0, 7, 255]),
      (0x09, [0x80, 0xff, 0x7f], [-128, -1, 127]),
      (0x0b, bigEndian([Int16.min, -2, 300]), [-32_768, -2, 300]),
      (0x0c, bigEndian([Int32.min, -3, 70_000]), [-2_147_483_648, -3, 70_000]),
      (0x0d, bigEndian(floats.map(\.bitPattern)), floats),
      (0x0e, bigEndian(floats.map { Double($0).bitPattern }), floats),
    ]
    for (type, payload, expected) in cases {
      let array = try IDXArray(path: folder.write(idx(type: type, shape: [3], payload), "array"))
      #expect(array.tensor().scalars() == expected)
      #expect(array.tensor().shape == [3])
      #expect(array.holdsBytes == (type == 8))
    }
  }

  @Test func headersThatAreNotIDXAreErrors() throws {
    #expect(try error([1, 0, 8, 1, 0, 0, 0, 1, 9])?.byte == 0)
    #expect(try error([0, 0, 0x0a, 1, 0, 0, 0, 1, 9])?.byte == 0)
    #expect(try error([0, 0, 8, 0])?.byte == 3)
    #expect(try error([])?.reason.contains("ends within") == true)
    #expect(try error([0, 0, 8, 2, 0, 0, 0, 1, 0])?.reason.contains("ends within") == true)
  }

  @Test func sizesThatTheFileCannotHoldAreRefusedBeforeAnyAllocation() throws {
    let largest = 0xffff_ffff
    let hostile: [[Int]] = [
      [largest], [largest, largest], [1 << 31, 1 << 31, 2], [largest, largest, largest, largest],
      [2, 2_000_000], [Int](repeating: 2, count: 200),
    ]
    for shape in hostile {
      for compressed in [false, true] {
        let found = try #require(try error(idx(shape: shape, [1, 2, 3]), compressed: compressed), "\(shape)")
        #expect(found.byte == 4)
        #expect(found.reason.contains("cannot hold"))
      }
    }
    // The elements' size counts as well: 5 x 8 bytes, of which 5 are there.
    #expect(try error(idx(type: 0x0e, shape: [5], [1, 2, 3, 4, 5]))?.reason.contains("cannot hold") == true)
  }

  @Test func aSizeThatAnArchiveOnlyPromisesTakesNoMemory() async throws {
    // In a process of its own, whose peak is this reader's.
    await #expect(processExitsWith: .success) { try expectLittleMemoryForAPromise() }
  }

  @Test func whatIsNoFileIsRefusedAtOnce() throws {
    let path = folder.path + "/array"
    #expect(mkfifo(path, 0o600) == 0)
    #expect(
      formatError { _ = try IDXArray(path: path) }?.reason
        == "this is a FIFO, and a file was expected")
    for (place, kind) in [("/dev/zero", "a device"), (folder.path, "a folder")] {
      #expect(
        formatError { _ = try IDXArray(path: place) }?.reason.contains("this is \(kind)") == true)
    }
    #expect(formatError { _ = try IDXArray(path: path + "x") }?.reason == "there is no such file")
  }

  @Test func lengthsOfZeroAreErrorsAtTheirAxis() throws {
    let found = try #require(try error(idx(shape: [3, 0, 2], [])))
    #expect(found.byte == 8)
    #expect(found.reason.contains("length 0"))
    #expect(try error(idx(shape: [0, 0xffff_ffff, 0xffff_ffff], []))?.byte == 4)
  }

  @Test func dataThatEndEarlyAndDataThatGoOnAreErrors() throws {
    let bytes = randomBytes(6, seed: 4)
    for compressed in [false, true] {
      let short = try #require(try error(idx(shape: [2, 3], Array(bytes[..<5])), compressed: compressed))
      #expect(short.byte != nil)
      let long = try #require(try error(idx(shape: [2, 3], bytes + [0]), compressed: compressed))
      #expect(long.byte != nil && long.reason.contains("follows"))
    }
  }

  @Test func aDamagedArchiveIsAnErrorThoughAllElementsWereRead() throws {
    var archive = try gzipped(idx(shape: [6], randomBytes(6, seed: 6)))
    archive[archive.count - 5] ^= 1  // the checksum, behind the data
    let path = try folder.write(archive, "array.gz")
    #expect(formatError { _ = try IDXArray(path: path) }?.reason.contains("damaged") == true)
  }
}
