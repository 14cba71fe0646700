import Foundation

/// Reads numbers from bytes whose every access is checked.
package struct ByteReader {
  package let file: String
  package let data: Data
  package private(set) var position: Int
  /// Added to positions in messages, for data inside a larger file.
  package let origin: Int

  package init(file: String, data: Data, position: Int = 0, origin: Int = 0) {
    self.file = file
    self.data = data
    self.position = position
    self.origin = origin
  }

  package var remaining: Int { data.count - position }

  package func error(_ reason: String, at byte: Int? = nil) -> FileFormatError {
    FileFormatError(file, byte: (byte ?? position) + origin, reason)
  }

  /// The next bytes, which share the memory of all.
  package mutating func bytes(_ count: Int, _ what: String) throws -> Data {
    guard count >= 0 && count <= remaining else {
      throw error("the file ends within \(what): \(count) bytes expected, \(remaining) left")
    }
    defer { position += count }
    let start = data.startIndex + position
    return data[start..<(start + count)]
  }

  /// An unsigned little-endian number.
  package mutating func number<T: FixedWidthInteger & UnsignedInteger>(_: T.Type, _ what: String) throws -> T
  {
    let raw = try bytes(MemoryLayout<T>.size, what)
    return raw.reversed().reduce(0) { $0 << 8 | T($1) }
  }

  package mutating func seek(_ target: Int, _ what: String) throws {
    guard target >= 0 && target <= data.count else {
      throw error("\(what) points at byte \(target), outside the file of \(data.count) bytes")
    }
    position = target
  }
}

/// The product of a shape that came from outside; nil when it overflows or has a negative length.
package func checkedCount(_ shape: [Int]) -> Int? {
  var product = 1
  for length in shape {
    guard length >= 0 else { return nil }
    let (next, overflow) = product.multipliedReportingOverflow(by: length)
    if overflow { return nil }
    product = next
  }
  return product
}
