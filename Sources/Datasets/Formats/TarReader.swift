import Basics
import Foundation

/// The files in a tar archive, gzipped or not, one after the other as they stand in it. Nothing is unpacked
/// to the disk.
///
/// Read are the headers of v7 tar, POSIX ustar (with its prefix), GNU (long names, base-256 sizes) and pax
/// (`path` and `size`). What is neither a file nor a header is passed over: folders, hard and symbolic links,
/// devices, pipes. As nothing is written or followed, they can do no harm, and a file that is only there as a
/// link is missing. Refused are names that are absolute or have a component `..`, sparse files and unknown
/// types, headers whose checksum differs, sizes that the archive cannot hold, an archive without its end mark
/// (it was cut off), and anything but zeros behind the mark.
///
/// Bytes in errors are those of the archive as decompressed, but for damage that zlib notices.
///
/// - Source: POSIX.1-2017, pax, "ustar Interchange Format" and "pax Header Block"; GNU tar manual, "Basic Tar
///   Format".
final class TarReader {
  /// A file in the archive.
  struct Entry: Sendable, Equatable {
    /// Its name with folders, `/` between them, without a leading `./`.
    let name: String
    let size: Int
    /// The byte of the decompressed archive at which its contents begin.
    let start: Int

    /// The name without folders.
    var lastComponent: String { String(name.split(separator: "/").last ?? "") }
  }

  private let reader: GzipReader
  /// Bytes of the decompressed archive that were read.
  private(set) var position = 0
  /// Bytes of the present file's contents that were not read.
  private(set) var left = 0
  private var padding = 0
  private var hasEnded = false

  static let blockSize = 512
  /// The longest name and the largest extended header that are read.
  static let longestName = 4096
  static let largestExtendedHeader = 1 << 16

  init(path: String) throws { reader = try GzipReader(path: path) }

  var path: String { reader.path }

  /// The most bytes that the archive can hold.
  var largestContents: Int { reader.largestContents }

  /// The next file; what is left of the one before is passed over. Nil at the end of the archive, when all of
  /// it has been read and found sound.
  /// - Throws: `FileFormatError`.
  func next() throws -> Entry? {
    guard !hasEnded else { return nil }
    try skip(left + padding)
    (left, padding) = (0, 0)
    var (longName, extended) = (String?.none, ExtendedHeader())
    while true {
      let start = position
      guard let header = try TarHeader(block(), path: path, start: start) else {
        guard longName == nil, extended.isEmpty else {
          throw error("an extended header is followed by no file", at: start)
        }
        try finish()
        return nil
      }
      let isExtension = "LKxg".utf8.contains(header.type)
      let size = isExtension ? header.size : extended.size ?? header.size
      guard size <= max(0, reader.largestContents - position) else {
        throw error("a file of \(size) bytes is promised, which this archive cannot hold", at: start + 124)
      }
      switch header.type {
      case UInt8(ascii: "L"): longName = try text(size, at: start)
      case UInt8(ascii: "x"):
        extended = try ExtendedHeader(contents(of: size, at: start), reader: self, start)
      case UInt8(ascii: "K"), UInt8(ascii: "g"): try skip(padded(size))
      default:
        let name = try checked(extended.path ?? longName ?? header.name, at: start)
        (longName, extended) = (nil, ExtendedHeader())
        guard try header.isFile(at: start, path: path), !name.hasSuffix("/") else {
          // Links and devices have no contents, whatever their size says.
          try skip("123456".utf8.contains(header.type) ? 0 : padded(size))
          continue
        }
        (left, padding) = (size, padded(size) - size)
        return Entry(name: name, size: size, start: position)
      }
    }
  }

  /// Fills the buffer with contents of the present file, or as much of it as is left.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let wanted = min(buffer.count, left)
    guard wanted > 0 else { return 0 }
    try fill(UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]), "a file's contents")
    left -= wanted
    return wanted
  }

  func error(_ reason: String, at byte: Int? = nil) -> FileFormatError {
    FileFormatError(
      path, byte: byte ?? position,
      reason + (reader.isCompressed ? " (byte of the decompressed archive)" : ""))
  }

  // MARK: - Blocks

  private func padded(_ size: Int) -> Int { (size + Self.blockSize - 1) / Self.blockSize * Self.blockSize }

  private func fill(_ buffer: UnsafeMutableRawBufferPointer, _ what: String) throws {
    let filled = try reader.read(into: buffer)
    position += filled
    guard filled == buffer.count else { throw error("the archive ends within \(what)") }
  }

  private func block() throws -> [UInt8] {
    var block = [UInt8](repeating: 0, count: Self.blockSize)
    let start = position
    let filled = try block.withUnsafeMutableBytes { try reader.read(into: $0) }
    position += filled
    guard filled > 0 else {
      throw error(start == 0 ? "the archive is empty" : "the archive ends without its end mark")
    }
    guard filled == block.count else {
      throw error(start == 0 ? "this is not a tar archive" : "the archive ends within a header")
    }
    return block
  }

  private func skip(_ count: Int) throws {
    guard count > 0 else { return }
    try withUnsafeTemporaryAllocation(byteCount: min(count, 1 << 16), alignment: 16) { buffer in
      var rest = count
      while rest > 0 {
        try fill(UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(rest, buffer.count)]), "a file")
        rest -= min(rest, buffer.count)
      }
    }
  }

  /// The contents of an extended header, which are read as a whole.
  private func contents(of size: Int, at start: Int) throws -> [UInt8] {
    guard size <= Self.largestExtendedHeader else {
      throw error(
        "an extended header of \(size) bytes; at most \(Self.largestExtendedHeader) are read", at: start)
    }
    var bytes = [UInt8](repeating: 0, count: padded(size))
    try bytes.withUnsafeMutableBytes { try fill($0, "an extended header") }
    return Array(bytes[..<size])
  }

  private func text(_ size: Int, at start: Int) throws -> String {
    String(decoding: try contents(of: size, at: start).prefix { $0 != 0 }, as: UTF8.self)
  }

  /// The name as it is given out.
  private func checked(_ name: String, at start: Int) throws -> String {
    guard name.utf8.count <= Self.longestName else {
      throw error("a name of \(name.utf8.count) bytes; at most \(Self.longestName) are read", at: start)
    }
    let shown = name.count > 80 ? "\(name.prefix(80))..." : name
    guard !name.utf8.contains(0), !name.isEmpty else {
      throw error("a file without a proper name", at: start)
    }
    guard !name.hasPrefix("/") else { throw error("the name \(shown) is absolute", at: start) }
    let components = name.split(separator: "/", omittingEmptySubsequences: false)
    guard !components.contains("..") else { throw error("the name \(shown) leaves its folder", at: start) }
    let kept = components.filter { $0 != "." }
    return kept.isEmpty ? "/" : kept.joined(separator: "/")
  }

  /// Reads what follows the end mark's first block: zeros to the end, so that the checksum of a gzipped
  /// archive is reached.
  private func finish() throws {
    hasEnded = true
    try withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 16) { buffer in
      while true {
        let count = try reader.read(into: buffer)
        if let place = buffer[..<count].firstIndex(where: { $0 != 0 }) {
          throw error("something follows the archive's end mark", at: position + place)
        }
        position += count
        if count < buffer.count { return }
      }
    }
  }
}

/// One header block.
private struct TarHeader {
  let name: String
  let size: Int
  let type: UInt8

  /// Nil for a block of zeros, the end mark.
  init?(_ block: [UInt8], path: String, start: Int) throws {
    if block.allSatisfy({ $0 == 0 }) { return nil }
    func field(_ range: Range<Int>) -> ArraySlice<UInt8> { block[range] }
    func text(_ range: Range<Int>) -> String {
      String(decoding: field(range).prefix { $0 != 0 }, as: UTF8.self)
    }
    // The checksum counts its own field as spaces; old programs summed signed bytes.
    let outside = block[..<148] + block[156...]
    let unsigned = outside.reduce(8 * 32) { $0 + Int($1) }
    let signed = outside.reduce(8 * 32) { $0 + Int(Int8(bitPattern: $1)) }
    guard let sum = Self.octal(field(148..<156)), sum == unsigned || sum == signed else {
      throw FileFormatError(
        path, byte: start + 148,
        start == 0
          ? "this is not a tar archive: the first header's checksum differs" : "a header's checksum differs")
    }
    guard let size = Self.number(field(124..<136)) else {
      throw FileFormatError(path, byte: start + 124, "a file's size is not a number")
    }
    self.size = size
    type = block[156]
    let prefix = Array(field(257..<263)) == Array("ustar\0".utf8) ? text(345..<500) : ""
    name = (prefix.isEmpty ? "" : prefix + "/") + text(0..<100)
  }

  /// Whether there are contents to read; false for what is passed over.
  func isFile(at start: Int, path: String) throws -> Bool {
    switch type {
    case 0, UInt8(ascii: "0"), UInt8(ascii: "7"): return true
    case UInt8(ascii: "1")...UInt8(ascii: "6"), UInt8(ascii: "V"): return false
    default:
      let shown = (33..<127).contains(type) ? "'\(Character(Unicode.Scalar(type)))'" : "\(type)"
      throw FileFormatError(path, byte: start + 156, "entries of the type \(shown) are not read")
    }
  }

  /// Octal digits, or the big-endian number of GNU tar, which begins with the byte 0x80.
  private static func number(_ field: ArraySlice<UInt8>) -> Int? {
    guard field.first == 0x80 else { return octal(field) }
    return field.dropFirst().reduce(Int?.some(0)) { value, byte in
      value.flatMap { $0 > Int.max >> 8 ? nil : $0 << 8 | Int(byte) }
    }
  }

  /// Octal digits between spaces and zero bytes; an empty field is 0.
  private static func octal(_ field: ArraySlice<UInt8>) -> Int? {
    let digits = field.drop { $0 == 32 }.prefix { $0 != 32 && $0 != 0 }
    guard digits.allSatisfy({ (48..<56).contains($0) }) else { return nil }
    return digits.reduce(0) { $0 << 3 | Int($1 - 48) }
  }
}

/// What is used of a pax extended header.
private struct ExtendedHeader {
  var path: String?
  var size: Int?

  var isEmpty: Bool { path == nil && size == nil }

  init() {}

  /// Records of the form "length key=value\n", where the length counts the whole record.
  init(_ bytes: [UInt8], reader: TarReader, _ start: Int) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let digits = rest.prefix { (48..<58).contains($0) }
      guard (1...6).contains(digits.count), let length = Int(String(decoding: digits, as: UTF8.self)),
        length > digits.count + 1, length <= rest.count,
        rest[rest.startIndex + digits.count] == 32, rest[rest.startIndex + length - 1] == 10
      else {
        throw reader.error(
          "an extended header's record is damaged", at: start + TarReader.blockSize + rest.startIndex)
      }
      let record = rest.prefix(length - 1).dropFirst(digits.count + 1)
      let key = record.prefix { $0 != 61 }
      let value = String(decoding: record.dropFirst(key.count + 1), as: UTF8.self)
      switch String(decoding: key, as: UTF8.self) {
      case "path": path = value
      case "size":
        guard let number = Int(value), number >= 0 else {
          throw reader.error("an extended header's size is not a number", at: start)
        }
        size = number
      case let other where other.hasPrefix("GNU.sparse"):
        throw reader.error("sparse files are not read", at: start)
      default: break
      }
      rest = rest.dropFirst(length)
    }
  }
}
