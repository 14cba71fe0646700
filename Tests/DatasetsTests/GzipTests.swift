import Basics
import Foundation
import TestSupport
import Testing

@testable import Datasets

@Suite struct GzipTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func readsWhatTheGzipProgramWroteMembersInTurn() throws {
    // Made by gzip -9 -n of "strokes of " three times, then Python's gzip.compress of "a hand".
    let archive = try #require(
      Data(
        base64Encoded: "H4sIAAAAAAACAysuKcrPTi1WyE9TKMbKBADM3GZkIQAAAB+LCAAAAAAAAgNLVMhIzEsBAMvPjbUGAAAA"))
    let path = try folder.write(archive, "two.gz")
    let expected = Array("strokes of strokes of strokes of a hand".utf8)
    for piece in [1, 2, 7, 1000] { #expect(try contents(of: path, piece: piece) == expected) }
  }

  @Test func theGzipProgramReadsWhatIsWritten() throws {
    let bytes = randomBytes(50_000, seed: 3).map { $0 & 0x0f }
    let path = try folder.write(try gzipped(bytes), "ours.gz")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["gzip", "-dc", path]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    #expect([UInt8](output) == bytes)
  }

  @Test(arguments: [0, 1, 65_535, 65_536, 65_537, 300_000])
  func returnsTheBytesAcrossChunks(count: Int) throws {
    let bytes = randomBytes(count, seed: UInt64(count))
    let plain = try folder.write(bytes, "plain")
    let compressed = try folder.write(try gzipped(bytes), "compressed")
    #expect(try contents(of: plain, piece: 4096) == bytes)
    #expect(try contents(of: compressed, piece: 4096) == bytes)
  }

  @Test func theSameBytesGiveTheSameArchive() throws {
    let bytes = randomBytes(1000, seed: 5)
    #expect(try gzipped(bytes) == gzipped(bytes))
  }

  @Test func anEmptyFileAndASingleByteAreReadAsTheyAre() throws {
    #expect(try contents(of: folder.write([], "empty")) == [])
    #expect(try contents(of: folder.write([0x1f], "one")) == [0x1f])
  }

  @Test func everyTruncationIsAnErrorAtTheEndOfTheFile() throws {
    let archive = try gzipped(randomBytes(300, seed: 7).map { $0 & 3 })
    for length in 2..<archive.count {
      let path = try folder.write(archive[..<length], "cut.gz")
      let error = try #require(formatError { _ = try contents(of: path) }, "\(length) bytes were accepted")
      #expect(error.file == path)
      #expect(error.byte == length)
    }
  }

  @Test func damagedDataLengthAndChecksumAreErrors() throws {
    let archive = try gzipped(randomBytes(2000, seed: 9).map { $0 & 7 })
    for place in [archive.count - 8, archive.count - 1, archive.count / 2] {
      var damaged = archive
      damaged[place] ^= 0x10
      let path = try folder.write(damaged, "damaged.gz")
      let error = try #require(formatError { _ = try contents(of: path) }, "a flip at \(place) was accepted")
      #expect(error.file == path)
      let byte = try #require(error.byte)
      #expect(byte <= archive.count)
    }
  }

  @Test func whatFollowsTheLastMemberIsAnErrorAtItsPlace() throws {
    let archive = try gzipped([1, 2, 3])
    for rest: [UInt8] in [[0], [0, 0, 0, 0], Array("garbage".utf8)] {
      let path = try folder.write(archive + rest, "followed.gz")
      let error = try #require(formatError { _ = try contents(of: path) })
      #expect(error.byte == archive.count)
      #expect(error.description.contains("followed.gz, byte \(archive.count)"))
    }
    let path = try folder.write(archive + archive[..<6], "second-cut.gz")
    #expect(formatError { _ = try contents(of: path) }?.byte == archive.count + 6)
  }

  @Test func whatIsNotAFileIsAnError() throws {
    let absent = folder.path + "/absent"
    #expect(formatError { _ = try GzipReader(path: absent) }?.file == absent)
    #expect(
      formatError { _ = try GzipReader(path: folder.path) }?.reason.contains("this is a folder") == true)
  }

  @Test func checksumsAgreeWithThePublishedCheckValue() {
    // CRC-32's check value, that of "123456789".
    #expect(Gzip.checksum(Array("123456789".utf8)) == 0xcbf4_3926)
    #expect(Gzip.checksum(Array("6789".utf8), after: Gzip.checksum(Array("12345".utf8))) == 0xcbf4_3926)
  }
}
