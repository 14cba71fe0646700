import Basics
import CZlib
import Foundation

/// NumPy's `.npz` archives: zip files of `.npy` members, stored or deflated.
public enum Npz {
  /// All arrays by name (without `.npy`).
  /// - Throws: `FileFormatError` for an archive or a member that is not well-formed, whose checksum differs,
  ///   or whose declared size its compressed data cannot give.
  public static func read(_ path: String) throws -> [String: NpyArray] {
    let archive = ZipReader(file: path, data: try WholeFile.read(path))
    var arrays: [String: NpyArray] = [:]
    for entry in try archive.entries() {
      guard entry.name.hasSuffix(".npy") else {
        throw FileFormatError(path, byte: entry.offset, "the member '\(entry.name)' is not a .npy array")
      }
      let name = String(entry.name.dropLast(4))
      guard arrays[name] == nil else {
        throw FileFormatError(
          path, byte: entry.offset, "the member '\(entry.name)' stands twice in the archive")
      }
      arrays[name] = try Npy.parse(archive.contents(entry), file: "\(path):\(entry.name)")
    }
    return arrays
  }

  /// Writes tensors in the given order, stored without compression; the same input gives the same bytes.
  public static func write(_ tensors: [(name: String, tensor: Tensor)], to path: String) throws {
    var body = Data()
    var directory = Data()
    for (name, tensor) in tensors {
      let contents = Npy.encode(tensor)
      let header = zipHeader(name: name + ".npy", contents)
      directory += littleEndian(0x0201_4b50, 4) + littleEndian(20, 2) + header
      directory += littleEndian(0, 2) + littleEndian(0, 2) + littleEndian(0, 2) + littleEndian(0, 4)
      directory += littleEndian(body.count, 4) + Data((name + ".npy").utf8)
      body += littleEndian(0x0403_4b50, 4) + header + Data((name + ".npy").utf8) + contents
      guard body.count < 0xffff_ffff else {
        throw FileFormatError(path, "archives of 4 GiB and more are not written; use .safetensors")
      }
    }
    let end =
      littleEndian(0x0605_4b50, 4) + littleEndian(0, 4) + littleEndian(tensors.count, 2)
      + littleEndian(tensors.count, 2)
      + littleEndian(directory.count, 4) + littleEndian(body.count, 4) + littleEndian(0, 2)
    try WholeFile.write(body + directory + end, to: path)
  }

  /// What the local header and the directory share: from the version needed to the lengths of name and extra
  /// field.
  private static func zipHeader(name: String, _ contents: Data) -> Data {
    let date = 0x21  // 1 January 1980, so that the same arrays give the same bytes
    return littleEndian(20, 2) + littleEndian(0, 2) + littleEndian(0, 2) + littleEndian(0, 2)
      + littleEndian(date, 2)
      + littleEndian(Int(checksum(contents)), 4) + littleEndian(contents.count, 4)
      + littleEndian(contents.count, 4)
      + littleEndian(name.utf8.count, 2) + littleEndian(0, 2)
  }

  private static func littleEndian(_ value: Int, _ bytes: Int) -> Data {
    Data((0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) })
  }
}

private func checksum(_ data: Data) -> UInt32 {
  var checksum = CRC32()
  checksum.add(data)
  return checksum.value
}

/// The members of a zip file, from its directory.
private struct ZipReader {
  let file: String
  let data: Data

  struct Entry {
    var name: String
    var method: Int
    var checksum: UInt32
    var compressedSize: Int
    var size: Int
    /// Of the local header.
    var offset: Int
  }

  /// All members of the directory, none of which shares a byte of the file with another.
  ///
  /// The directory is read to its end, as NumPy does. The number of members in the end record must agree: where it
  /// does not, one of the two is damaged, and arrays could be missing unnoticed.
  func entries() throws -> [Entry] {
    var reader = ByteReader(file: file, data: data)
    let end = try endOfDirectory()
    try reader.seek(end + 8, "the end of the directory")
    let countHere = Int(try reader.number(UInt16.self, "the number of members"))
    let count = Int(try reader.number(UInt16.self, "the number of members"))
    let size = Int(try reader.number(UInt32.self, "the directory's size"))
    let start = Int(try reader.number(UInt32.self, "the directory's place"))
    guard count < 0xffff && start < 0xffff_ffff else {
      throw FileFormatError(file, "archives of 4 GiB or 65,535 members are not read; use .safetensors")
    }
    guard start + size == end else {
      throw reader.error(
        "the directory of \(size) bytes at byte \(start) does not fit the file: its end is at byte \(end)",
        at: end)
    }
    try reader.seek(start, "the directory")
    var entries: [Entry] = []
    while reader.position < end { entries.append(try entry(&reader)) }
    guard reader.position == end, entries.count == count, countHere == count else {
      throw reader.error(
        "the directory lists \(entries.count) members, and its end says \(count): the archive is damaged",
        at: end)
    }
    try expectApart(entries, directory: start)
    return entries
  }

  /// Members that share bytes would let a small file become large in memory.
  private func expectApart(_ entries: [Entry], directory: Int) throws {
    var (place, last) = (0, "")
    for entry in entries.sorted(by: { $0.offset < $1.offset }) {
      guard entry.offset >= place else {
        throw FileFormatError(
          file, byte: entry.offset,
          "the members '\(last)' and '\(entry.name)' overlap: the archive is damaged")
      }
      let range = try compressed(entry)
      (place, last) = (range.endIndex - data.startIndex, entry.name)
      guard place <= directory else {
        throw FileFormatError(
          file, byte: entry.offset,
          "the member '\(entry.name)' reaches into the directory: the archive is damaged")
      }
    }
  }

  private func endOfDirectory() throws -> Int {
    let signature: [UInt8] = [0x50, 0x4b, 5, 6]
    let lowest = max(0, data.count - 22 - 0xffff)
    if data.count >= 22 {
      for place in stride(from: data.count - 22, through: lowest, by: -1)
      where data[data.startIndex + place] == 0x50 && data.dropFirst(place).prefix(4).elementsEqual(signature)
      {
        return place
      }
    }
    throw FileFormatError(
      file, byte: data.count, "not a zip archive, or cut off: it has no directory at its end")
  }

  private func entry(_ reader: inout ByteReader) throws -> Entry {
    let start = reader.position
    guard try reader.number(UInt32.self, "a directory entry") == 0x0201_4b50 else {
      throw reader.error("a directory entry does not begin with its signature", at: start)
    }
    _ = try reader.bytes(4, "a directory entry")
    let flags = try reader.number(UInt16.self, "a directory entry")
    guard flags & 1 == 0 else { throw reader.error("encrypted members cannot be read", at: start) }
    let method = Int(try reader.number(UInt16.self, "a directory entry"))
    _ = try reader.bytes(4, "a directory entry")
    let checksum = try reader.number(UInt32.self, "a directory entry")
    var sizes = [
      Int(try reader.number(UInt32.self, "a size")), Int(try reader.number(UInt32.self, "a size")),
    ]
    let nameLength = Int(try reader.number(UInt16.self, "a directory entry"))
    let extraLength = Int(try reader.number(UInt16.self, "a directory entry"))
    let commentLength = Int(try reader.number(UInt16.self, "a directory entry"))
    _ = try reader.bytes(8, "a directory entry")
    let offset = Int(try reader.number(UInt32.self, "a member's place"))
    let name = String(decoding: try reader.bytes(nameLength, "a member's name"), as: UTF8.self)
    var extra = ByteReader(
      file: file, data: try reader.bytes(extraLength, "an extra field"), origin: reader.position - extraLength
    )
    _ = try reader.bytes(commentLength, "a comment")
    while extra.remaining >= 4 {
      let kind = try extra.number(UInt16.self, "an extra field")
      var field = ByteReader(
        file: file,
        data: try extra.bytes(Int(try extra.number(UInt16.self, "an extra field")), "an extra field"))
      guard kind == 1 else { continue }
      for i in [1, 0] where sizes[i] == 0xffff_ffff {
        guard let size = Int(exactly: try field.number(UInt64.self, "a long size")) else {
          throw reader.error("a member's size is beyond what can be counted", at: start)
        }
        sizes[i] = size
      }
    }
    return Entry(
      name: name, method: method, checksum: checksum, compressedSize: sizes[0], size: sizes[1], offset: offset
    )
  }

  /// A member's bytes as they lie in the file.
  private func compressed(_ entry: Entry) throws -> Data {
    var reader = ByteReader(file: file, data: data)
    try reader.seek(entry.offset, "the member '\(entry.name)'")
    guard try reader.number(UInt32.self, "a member's header") == 0x0403_4b50 else {
      throw reader.error("the member '\(entry.name)' does not begin with its signature", at: entry.offset)
    }
    _ = try reader.bytes(22, "a member's header")
    let nameLength = Int(try reader.number(UInt16.self, "a member's header"))
    let extraLength = Int(try reader.number(UInt16.self, "a member's header"))
    let name = String(decoding: try reader.bytes(nameLength, "a member's name"), as: UTF8.self)
    guard name == entry.name else {
      throw reader.error(
        "the directory calls the member '\(entry.name)', and its header gives another name",
        at: entry.offset)
    }
    _ = try reader.bytes(extraLength, "a member's header")
    return try reader.bytes(entry.compressedSize, "the member '\(entry.name)'")
  }

  func contents(_ entry: Entry) throws -> Data {
    let compressed = try compressed(entry)
    func error(_ reason: String) -> FileFormatError {
      FileFormatError(file, byte: entry.offset, reason)
    }
    let contents: Data
    switch entry.method {
    case 0: contents = compressed
    case 8: contents = try inflated(compressed, entry)
    default:
      throw error("compression method \(entry.method) of '\(entry.name)' is not known; 0 and 8 are")
    }
    guard contents.count == entry.size else {
      throw error(
        "'\(entry.name)' has \(contents.count) bytes, and the directory says \(entry.size)")
    }
    guard checksum(contents) == entry.checksum else {
      throw error("the checksum of '\(entry.name)' differs: its data are damaged")
    }
    return contents
  }

  /// Deflate cannot give more than 1032 bytes for one, so a larger declared size is refused before anything
  /// is allocated.
  private func inflated(_ compressed: Data, _ entry: Entry) throws -> Data {
    guard entry.size <= compressed.count * 1032 + 64, compressed.count < 1 << 31, entry.size < 1 << 31 else {
      throw FileFormatError(
        file, byte: entry.offset,
        "'\(entry.name)' declares \(entry.size) bytes from \(compressed.count), which its compression cannot give or is too large"
      )
    }
    var stream = z_stream()
    guard inflateInit2_(&stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      throw FileFormatError(file, "zlib could not be started")
    }
    defer { inflateEnd(&stream) }
    let damage = FileFormatError(
      file, byte: entry.offset,
      "the compressed data of '\(entry.name)' are damaged or do not have the declared size")
    return try compressed.withUnsafeBytes { source in
      stream.next_in = UnsafeMutablePointer(mutating: source.bindMemory(to: UInt8.self).baseAddress)
      stream.avail_in = uInt(source.count)
      var status = Z_OK
      func piece(_ target: UnsafeMutableRawBufferPointer) throws -> Int {
        guard status != Z_STREAM_END else { return 0 }
        stream.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.avail_out = uInt(target.count)
        status = inflate(&stream, Z_SYNC_FLUSH)
        guard [Z_OK, Z_STREAM_END, Z_BUF_ERROR].contains(status) else { throw damage }
        return target.count - Int(stream.avail_out)
      }
      let result = Data(try arrivingBytes(entry.size, from: piece))
      // The stream must end there: a byte more is too many.
      let more = try withUnsafeTemporaryAllocation(byteCount: 1, alignment: 1, piece)
      guard result.count == entry.size, more == 0, status == Z_STREAM_END else { throw damage }
      return result
    }
  }
}
