import Basics
import Datasets
import Foundation

/// Comparing a file with what is published about it.
enum ContentsComparison {
  /// Reads the file to its end, or as far as it could be right.
  /// - Parameter published: nil: only gzip's own check sums, where it is gzipped.
  /// - Returns: nil when it is right, else a sentence.
  /// - Throws: what `tick` throws.
  /// - Complexity: one pass; memory for one piece.
  static func problem(
    of path: String, published: PublishedContents?, tick: () throws -> Void = {}
  ) throws -> String? {
    let digest = try MD5()
    switch published {
    case .file(let md5, let bytes):
      return try unlessUnreadable {
        let file = try RegularFile(path)
        return try compare(md5, bytes, digest, tick, file.read(into:))
      }
    case .unwrapped(let md5, let bytes):
      return try unlessUnreadable {
        try compare(md5, bytes, digest, tick, GzipReader(path: path).read(into:))
      }
    case nil:
      return try unlessUnreadable {
        let reader = try GzipReader(path: path)
        guard reader.isCompressed else { return nil }
        _ = try compare(nil, .max, digest, tick, reader.read(into:))
        return nil
      }
    }
  }

  /// What gzip says of a damaged file is about the contents, not about this machine; a FIFO or a folder has none.
  private static func unlessUnreadable(_ body: () throws -> String?) throws -> String? {
    do { return try body() } catch let error as FileFormatError {
      return error.reason + (error.byte.map { " at byte \($0)" } ?? "")
    }
  }

  private static func compare(
    _ md5: String?, _ expected: Int, _ digest: MD5, _ tick: () throws -> Void,
    _ read: (UnsafeMutableRawBufferPointer) throws -> Int
  ) throws -> String? {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { buffer.deallocate() }
    var total = 0
    while case let count = try read(buffer), count > 0 {
      try tick()
      total += count
      if total > expected { return "more than the \(expected) bytes that are published" }
      digest.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    }
    guard let md5 else { return nil }
    guard total == expected else { return "\(total) bytes, and \(expected) are published" }
    let found = digest.hexadecimal()
    return found == md5 ? nil : "the MD5 is \(found), and \(md5) is published"
  }
}
