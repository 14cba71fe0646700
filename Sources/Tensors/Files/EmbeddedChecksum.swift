import Basics
import Foundation

/// The checksum of a whole `.safetensors` file, kept in the metadata of that file: it covers the header's length,
/// the header with names, shapes and metadata, and the data. Its own eight digits count as zeros.
///
/// Key and value both say what they are, so that damage to one of them does not make the file look like one of
/// another origin, which has no checksum.
enum EmbeddedChecksum {
  static let key = "spread.crc32"
  private static let mark = "crc32-of-file:"
  /// The value before the digits are known.
  static let placeholder = mark + "00000000"
  /// What precedes the digits in the header. Quotes within a JSON text are escaped, so it cannot be part of one.
  private static let lead = Data("\"\(key)\":\"\(mark)".utf8)

  /// Puts the digits in their place.
  /// - Parameters:
  ///   - head: the header's length and the header, with the placeholder in it
  ///   - checksum: of the file with the placeholder
  static func complete(_ head: inout Data, with checksum: UInt32) {
    guard let place = digits(in: head) else {
      return require(false, "the header has no place for a checksum")
    }
    head.replaceSubrange(place, with: text(checksum).utf8)
  }

  /// Checks a file that was read against the checksum in its metadata.
  /// - Parameters:
  ///   - contents: the whole file
  ///   - head: how many bytes of it are the header's length and the header
  ///   - metadata: as the header gives them
  /// - Returns: false when the metadata hold no checksum, as in files of other programs.
  /// - Throws: `FileFormatError` when the contents do not match it, or it cannot be understood.
  static func verify(_ contents: Data, head: Int, metadata: [String: String], file: String) throws -> Bool {
    guard metadata[key] != nil || metadata.values.contains(where: { $0.hasPrefix(mark) }) else {
      return false
    }
    guard let place = digits(in: contents.prefix(head)) else {
      throw FileFormatError(
        file, byte: 8, "the checksum '\(key)' in the metadata cannot be understood: \(advice)")
    }
    var checksum = CRC32()
    checksum.add(contents[..<place.lowerBound])
    checksum.add([UInt8](repeating: UInt8(ascii: "0"), count: place.count))
    checksum.add(contents[place.upperBound...])
    guard contents[place].elementsEqual(text(checksum.value).utf8) else {
      throw FileFormatError(file, "the contents do not match the checksum in the metadata: \(advice)")
    }
    return true
  }

  static let advice =
    "the file is damaged, or a program that does not know the checksum has rewritten it; put a whole copy in its "
    + "place, or delete it and make it again"

  /// The place of the eight digits in the head of a file; nil where they are not exactly as `write` puts them.
  private static func digits(in head: Data) -> Range<Data.Index>? {
    guard let found = head.range(of: lead), head.endIndex - found.upperBound > 8 else { return nil }
    let end = found.upperBound + 8
    return head[end] == UInt8(ascii: "\"") ? found.upperBound..<end : nil
  }

  private static func text(_ checksum: UInt32) -> String {
    let digits = String(checksum, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }
}
