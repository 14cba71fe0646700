import Basics
import Foundation
import TestSupport
import Testing

@testable import Datasets

@Suite struct TarReaderTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Names and contents of an archive, read in pieces.
  private func files(_ archive: [UInt8], compressed: Bool = false, piece: Int = 100) throws -> [(
    name: String, contents: [UInt8]
  )] {
    let path = try folder.write(compressed ? try gzipped(archive) : archive, "archive")
    let reader = try TarReader(path: path)
    var result: [(String, [UInt8])] = []
    var buffer = [UInt8](repeating: 0, count: piece)
    while let entry = try reader.next() {
      var contents: [UInt8] = []
      while case let count = try buffer.withUnsafeMutableBytes({ try reader.read(into: $0) }), count > 0 {
        contents += buffer[..<count]
      }
      #expect(contents.count == entry.size)
      result.append((entry.name, contents))
    }
    #expect(try reader.next() == nil)
    return result
  }

  private func error(_ archive: [UInt8], compressed: Bool = false) throws -> FileFormatError? {
    formatError { _ = try files(archive, compressed: compressed) }
  }

  private let sound =
    Tar.file("a/one.txt", Array("first".utf8)) + Tar.header("a/", size: 0, type: "5")
    + Tar.file("./two.bin", randomBytes(1024, seed: 1)) + Tar.file("empty", []) + Tar.end

  @Test(arguments: [false, true], [1, 100, 5000])
  func readsFilesInOrder(compressed: Bool, piece: Int) throws {
    let found = try files(sound, compressed: compressed, piece: piece)
    #expect(found.map(\.name) == ["a/one.txt", "two.bin", "empty"])
    #expect(found.map(\.contents) == [Array("first".utf8), randomBytes(1024, seed: 1), []])
  }

  @Test func contentsThatAreNotReadArePassedOver() throws {
    let reader = try TarReader(path: folder.write(try gzipped(sound), "archive"))
    var names: [String] = []
    while let entry = try reader.next() {
      names.append(entry.lastComponent)
      var few = [UInt8](repeating: 0, count: 3)
      _ = try few.withUnsafeMutableBytes { try reader.read(into: $0) }
    }
    #expect(names == ["one.txt", "two.bin", "empty"])
  }

  /// What GNU tar and bsdtar make of the same files, where they are installed.
  @Test(arguments: [["--format=ustar"], ["--format=gnu"], ["--format=pax"], ["--format=v7"]])
  func readsWhatTarMakes(options: [String]) throws {
    let isOld = options == ["--format=v7"]
    let long = String(repeating: "folder/", count: isOld ? 2 : 20) + "file with a name.bin"
    let tree = folder.path + "/tree"
    let path = "\(tree)/\(long)"
    try FileManager.default.createDirectory(
      atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try Data(randomBytes(3000, seed: 4)).write(to: URL(fileURLWithPath: path))
    try Data().write(to: URL(fileURLWithPath: tree + "/empty"))
    try FileManager.default.createSymbolicLink(atPath: tree + "/link", withDestinationPath: "/etc/passwd")
    let archive = folder.path + "/made.tar.gz"
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["tar"] + options + ["-C", tree, "-czf", archive, "."]
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    let reader = try TarReader(path: archive)
    var found: [String: Int] = [:]
    while let entry = try reader.next() { found[entry.name] = entry.size }
    #expect(found == [long: 3000, "empty": 0])
  }

  @Test func namesComeFromPrefixesLongNamesAndPaxRecords() throws {
    let long = String(repeating: "x", count: 90) + "/" + String(repeating: "y", count: 90)
    let gnu = Tar.file("././@LongLink", Array(long.utf8) + [0], type: "L") + Tar.file("cut off", [1])
    let pax = Tar.pax([("mtime", "1.5"), ("path", "döt/\(long)")]) + Tar.file("cut off", [2])
    let ustar = Tar.file("name", [3], prefix: "some/prefix")
    let global = Tar.file("pax_global_header", Array("20 comment=something\n".utf8), type: "g")
    let found = try files(global + gnu + pax + ustar + Tar.file("plain", [4]) + Tar.end)
    #expect(found.map(\.name) == [long, "döt/\(long)", "some/prefix/name", "plain"])
    #expect(found.map(\.contents) == [[1], [2], [3], [4]])
  }

  @Test func sizesComeFromPaxRecordsAndBase256() throws {
    let pax = Tar.pax([("size", "3")]) + Tar.header("a", size: 0) + Tar.padded([1, 2, 3])
    let base256: [UInt8] = [0x80] + [UInt8](repeating: 0, count: 9) + [0, 2]
    let gnu = Tar.header("b", size: 0, magic: "ustar  \u{0}", sizeField: base256) + Tar.padded([4, 5])
    #expect(try files(pax + gnu + Tar.end).map(\.contents) == [[1, 2, 3], [4, 5]])
  }

  @Test func linksAndDevicesArePassedOver() throws {
    let links = Tar.header("hard", size: 77, type: "1", link: "/etc/passwd")
    let devices = ["2", "3", "4", "5", "6"].map {
      Tar.header("n\($0)", size: 0, type: Character($0), link: "..")
    }
    #expect(try files(links + devices.joined() + Tar.file("file", [9]) + Tar.end).map(\.name) == ["file"])
  }

  @Test(arguments: ["/etc/passwd", "../x", "a/../../x", "a/..", ".."])
  func namesThatLeaveTheArchiveAreErrors(name: String) throws {
    for type: Character in ["0", "2", "5"] {
      let found = try #require(
        try error(Tar.file("ok", [1]) + Tar.header(name, size: 0, type: type) + Tar.end))
      #expect(found.byte == 1024)
      #expect(found.reason.contains(name))
    }
    let pax = try #require(try error(Tar.pax([("path", name)]) + Tar.file("harmless", [1]) + Tar.end))
    #expect(pax.reason.contains(name))
    let gnu =
      Tar.file("././@LongLink", Array(name.utf8) + [0], type: "L") + Tar.file("harmless", [1]) + Tar.end
    #expect(try error(gnu) != nil)
  }

  @Test func everyTruncationIsAnError() throws {
    for compressed in [false, true] {
      let whole = compressed ? try gzipped(sound) : sound
      // Plain, half of the end mark may be missing.
      for length in 0..<(compressed ? whole.count : whole.count - 512) {
        let path = try folder.write(whole[..<length], "cut")
        let found = try #require(
          formatError {
            let reader = try TarReader(path: path)
            while try reader.next() != nil {}
          }, "\(length) of \(whole.count) bytes were accepted")
        #expect(found.file == path && found.byte != nil)
      }
    }
  }

  @Test func damagedHeadersAreErrorsAtTheirPlace() throws {
    func expectError(_ archive: [UInt8], byte: Int, _ part: String) throws {
      let found = try #require(try error(archive))
      #expect(found.byte == byte, "\(found)")
      #expect(found.reason.contains(part), "\(found)")
    }
    var flipped = sound
    flipped[3] ^= 1
    try expectError(flipped, byte: 148, "not a tar archive")
    flipped = sound
    flipped[1024 + 130] ^= 1
    try expectError(flipped, byte: 1024 + 148, "checksum")
    try expectError(
      Tar.header("x", size: 0, sizeField: Array("12z".utf8)) + Tar.end, byte: 124, "not a number")
    try expectError(Tar.header("x", size: 1 << 32) + Tar.end, byte: 124, "cannot hold")
    try expectError(
      Tar.header("x", size: 0, type: "L", sizeField: [0x80] + [UInt8](repeating: 0xff, count: 11)) + Tar.end,
      byte: 124, "not a number")
    try expectError(Tar.header("x", size: 0, type: "S") + Tar.end, byte: 156, "'S'")
    try expectError(Tar.pax([("size", "-1")]) + Tar.end, byte: 0, "size")
    try expectError(Tar.pax([("GNU.sparse.major", "1")]) + Tar.end, byte: 0, "sparse")
    try expectError(Tar.file("x", Array("99 path=a\n".utf8), type: "x") + Tar.end, byte: 512, "damaged")
    try expectError(Tar.pax([("path", "a")]) + Tar.end, byte: 1024, "followed by no file")
    try expectError(sound + [0, 0, 7], byte: sound.count + 2, "follows")
    try expectError(Tar.file("", [1]) + Tar.end, byte: 0, "proper name")
    try expectError([], byte: 0, "empty")
    try expectError(Array("nonsense".utf8), byte: 8, "not a tar")
  }

  @Test func extendedHeadersAreBounded() throws {
    let large = Tar.file("x", [UInt8](repeating: 0x20, count: TarReader.largestExtendedHeader + 1), type: "x")
    #expect(try error(large + Tar.end)?.reason.contains("at most") == true)
    let long = Tar.file("x", [UInt8](repeating: 0x61, count: TarReader.longestName + 1), type: "L")
    #expect(try error(long + Tar.file("y", [1]) + Tar.end)?.reason.contains("at most") == true)
  }

  @Test func aDamagedEndOfAnArchiveIsAnErrorThoughAllFilesWereRead() throws {
    var archive = try gzipped(sound)
    archive[archive.count - 5] ^= 1
    let path = try folder.write(archive, "archive")
    let reader = try TarReader(path: path)
    for _ in 0..<3 { #expect(try reader.next() != nil) }
    #expect(formatError { _ = try reader.next() }?.reason.contains("damaged") == true)
  }
}
