import Basics
import CZlib
import Foundation

/// A file read from the front, through zlib where it is gzipped.
///
/// Archives of several members are read as one stream. Memory is bounded by one chunk, whatever the file
/// says. Errors name the file and the byte of it: an archive that is cut off, damaged, or followed by
/// something else.
package final class GzipReader {
  private let file: RegularFile
  private var stream: UnsafeMutablePointer<z_stream>?
  private let chunk: UnsafeMutableRawBufferPointer
  private var chunkCount = 0
  private var chunkPosition = 0
  /// Bytes of the file before the present chunk.
  private var chunkStart = 0
  private var isWithinMember = false

  /// Deflate gives at most 1032 bytes for one.
  static let largestRatio = 1032

  /// - Throws: `FileFormatError` when there is no regular file that can be read.
  package init(path: String) throws {
    file = try RegularFile(path)
    chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
    var signature: [UInt8] = [0, 0]
    guard pread(file.descriptor, &signature, 2, 0) == 2, signature == [0x1f, 0x8b] else { return }
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    stream.initialize(to: z_stream())
    self.stream = stream
    guard inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      throw FileFormatError(path, "zlib could not be started")
    }
  }

  deinit {
    chunk.deallocate()
    if let stream {
      inflateEnd(stream)
      stream.deallocate()
    }
  }

  var path: String { file.path }
  /// The size of the file as it lies on the disk.
  var fileSize: Int { file.size }
  package var isCompressed: Bool { stream != nil }

  /// The most bytes that this file can hold when read to its end.
  var largestContents: Int {
    isCompressed ? fileSize.multipliedReportingOverflow(by: Self.largestRatio).partialValue : fileSize
  }

  private var byte: Int { chunkStart + chunkPosition }

  /// Fills the buffer, or as much of it as there is; 0 at the end.
  package func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    var filled = 0
    while filled < buffer.count {
      let target = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
      let count = isCompressed ? try inflateSome(into: target) : try copySome(into: target)
      if count == 0 { break }
      filled += count
    }
    return filled
  }

  /// Reads exactly `count` bytes of `what`, for which memory is taken as they come.
  func bytes(_ count: Int, _ what: String) throws -> [UInt8] {
    let result = try arrivingBytes(count) { try read(into: $0) }
    guard result.count == count else {
      throw FileFormatError(
        path, byte: byte,
        "the file ends within \(what): \(count) bytes expected, \(result.count) left")
    }
    return result
  }

  /// Checks that nothing is left.
  func expectEnd(after what: String) throws {
    var extra: [UInt8] = [0]
    let count = try extra.withUnsafeMutableBytes { try read(into: $0) }
    guard count == 0 else { throw FileFormatError(path, byte: byte, "more follows after \(what)") }
  }

  private func copySome(into target: UnsafeMutableRawBufferPointer) throws -> Int {
    guard try refill() else { return 0 }
    let count = min(target.count, chunkCount - chunkPosition)
    target.copyMemory(from: UnsafeRawBufferPointer(rebasing: chunk[chunkPosition..<(chunkPosition + count)]))
    chunkPosition += count
    return count
  }

  private func inflateSome(into target: UnsafeMutableRawBufferPointer) throws -> Int {
    let stream = stream!
    let wanted = min(target.count, 1 << 30)
    while true {
      guard try refill() else {
        if isWithinMember { throw FileFormatError(path, byte: byte, "the archive is cut off") }
        return 0
      }
      if !isWithinMember { try startMember(stream) }
      stream.pointee.next_in = chunk.baseAddress!.assumingMemoryBound(to: UInt8.self) + chunkPosition
      stream.pointee.avail_in = uInt(chunkCount - chunkPosition)
      stream.pointee.next_out = target.baseAddress!.assumingMemoryBound(to: UInt8.self)
      stream.pointee.avail_out = uInt(wanted)
      let status = inflate(stream, Z_NO_FLUSH)
      chunkPosition = chunkCount - Int(stream.pointee.avail_in)
      switch status {
      case Z_STREAM_END: isWithinMember = false
      case Z_OK, Z_BUF_ERROR: break
      default:
        let reason = stream.pointee.msg.map { String(cString: $0) } ?? "status \(status)"
        throw FileFormatError(path, byte: byte, "the archive is damaged (\(reason))")
      }
      let produced = wanted - Int(stream.pointee.avail_out)
      if produced > 0 { return produced }
    }
  }

  private func startMember(_ stream: UnsafeMutablePointer<z_stream>) throws {
    guard chunk[chunkPosition] == 0x1f else {
      throw FileFormatError(path, byte: byte, "something that is not a gzip member follows the archive")
    }
    guard inflateReset(stream) == Z_OK else {
      throw FileFormatError(path, byte: byte, "zlib could not be restarted")
    }
    isWithinMember = true
  }

  /// False at the end of the file.
  private func refill() throws -> Bool {
    if chunkPosition < chunkCount { return true }
    chunkStart += chunkCount
    chunkPosition = 0
    chunkCount = 0
    chunkCount = try file.read(into: chunk)
    return chunkCount > 0
  }
}

/// Compresses in memory, without a time stamp: the same bytes give the same archive.
enum Gzip {
  /// CRC-32 of bytes, going on from that of the bytes before them.
  static func checksum(_ bytes: [UInt8], after previous: UInt32 = 0) -> UInt32 {
    bytes.withUnsafeBytes { checksum($0, after: previous) }
  }

  static func checksum(_ raw: UnsafeRawBufferPointer, after previous: UInt32 = 0) -> UInt32 {
    var checksum = CRC32(after: previous)
    checksum.add(raw)
    return checksum.value
  }

  static func compress(_ pieces: [UnsafeRawBufferPointer], level: Int32 = 6) throws -> Data {
    var result = Data()
    try compress(pieces, level: level) { result.append(contentsOf: $0) }
    return result
  }

  /// Gives the archive to `sink` piece by piece.
  static func compress(
    _ pieces: [UnsafeRawBufferPointer], level: Int32, to sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    var stream = z_stream()
    let status = deflateInit2_(
      &stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
      Int32(MemoryLayout<z_stream>.size))
    guard status == Z_OK else {
      ResourceFailure.end("out of memory: zlib could not be started, status \(status)")
    }
    defer { deflateEnd(&stream) }
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    for (index, piece) in pieces.enumerated() {
      let isLast = index == pieces.count - 1
      var start = 0
      repeat {
        let count = min(piece.count - start, 1 << 30)
        stream.next_in = UnsafeMutablePointer(
          mutating: piece.baseAddress.map { $0.assumingMemoryBound(to: UInt8.self) + start })
        stream.avail_in = uInt(count)
        start += count
        let flush = isLast && start == piece.count ? Z_FINISH : Z_NO_FLUSH
        repeat {
          buffer.withUnsafeMutableBufferPointer { target in
            stream.next_out = target.baseAddress
            stream.avail_out = uInt(target.count)
            _ = deflate(&stream, flush)
          }
          try buffer.withUnsafeBytes {
            try sink(UnsafeRawBufferPointer(rebasing: $0.dropLast(Int(stream.avail_out))))
          }
        } while stream.avail_out == 0
      } while start < piece.count
    }
  }
}
