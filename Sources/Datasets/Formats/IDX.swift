import Basics
import Foundation
import Tensors

/// An array in the IDX format of the MNIST database, of any rank.
///
/// - Source: the description at the head of LeCun's MNIST page: two zero bytes, a type, the rank, the lengths
///   as big-endian 32-bit numbers, the elements in row-major order.
public struct IDXArray: Sendable {
  /// The length of each axis, at least 1; there are 1 to 255 axes.
  public let shape: [Int]
  /// Unsigned bytes as they are; other types in the file's big-endian order.
  public let raw: [UInt8]
  let type: ElementType

  /// Whether the elements are unsigned bytes, as images and labels are.
  public var holdsBytes: Bool { type == Self.byte }
  static let byte = ElementType.unsigned(bytes: 1)

  /// The elements as float32.
  public func tensor() -> Tensor { Tensor(type.floats(Data(raw), bigEndian: true), shape: shape) }

  /// The elements as integers; nil where they are floating-point numbers.
  var integers: [Int]? { holdsBytes ? raw.map(Int.init) : type.integers(Data(raw), bigEndian: true) }

  private static let types: [UInt8: ElementType] = [
    0x08: .unsigned(bytes: 1), 0x09: .signed(bytes: 1), 0x0b: .signed(bytes: 2), 0x0c: .signed(bytes: 4),
    0x0d: .float32, 0x0e: .float64,
  ]

  /// Reads a file, gzipped or not.
  ///
  /// - Throws: `FileFormatError` with the byte. A header that promises more than the file can hold is refused
  ///   before anything is allocated for it, and memory is taken as the elements come; refused are also lengths of
  ///   0 elements, data that end early, and data that go on.
  public init(path: String) throws { try self.init(path: path) { _, _ in } }

  /// - Parameter check: sees the header before any element is read, and throws where another array was expected.
  init(path: String, check: (_ shape: [Int], _ type: ElementType) throws -> Void) throws {
    let reader = try GzipReader(path: path)
    let magic = try reader.bytes(4, "the signature")
    guard magic[0] == 0, magic[1] == 0, let type = IDXArray.types[magic[2]] else {
      throw FileFormatError(
        path, byte: 0, "not an IDX file: it begins with \(magic.map { String($0, radix: 16) })")
    }
    guard magic[3] >= 1 else { throw FileFormatError(path, byte: 3, "an IDX array of rank 0") }
    var shape: [Int] = []
    for _ in 0..<magic[3] {
      shape.append(try reader.bytes(4, "the header").reduce(0) { $0 << 8 | Int($1) })
    }
    if let empty = shape.firstIndex(of: 0) {
      throw FileFormatError(
        path, byte: 4 + 4 * empty, "the array has no elements: axis \(empty) of \(shape) has the length 0")
    }
    guard let count = checkedCount(shape), count <= reader.largestContents / type.size else {
      throw FileFormatError(
        path, byte: 4,
        "the header promises an array of shape \(shape), which a file of \(reader.fileSize) bytes cannot hold"
      )
    }
    try check(shape, type)
    raw = try reader.bytes(count * type.size, "an array of shape \(shape)")
    try reader.expectEnd(after: "an array of shape \(shape)")
    self.shape = shape
    self.type = type
  }

  /// Writes unsigned bytes, gzipped; a kill at any moment leaves the old file or the new one.
  public static func write(_ bytes: [UInt8], shape: [Int], to path: String) throws {
    require(
      checkedCount(shape) == bytes.count && (1...255).contains(shape.count)
        && shape.allSatisfy { $0 > 0 && $0 <= Int(UInt32.max) },
      "\(bytes.count) bytes cannot be written as an IDX array of shape \(shape)")
    let data = try header(of: shape).withUnsafeBytes { head in
      try bytes.withUnsafeBytes { try Gzip.compress([head, $0], level: 1) }
    }
    try WholeFile.write(data, to: path)
  }

  static func header(of shape: [Int]) -> [UInt8] {
    var header: [UInt8] = [0, 0, 0x08, UInt8(shape.count)]
    for length in shape { header += (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * $0)) } }
    return header
  }

  /// The CRC-32 of the file's contents, header and elements, for an array of bytes.
  var checksum: UInt32 { Gzip.checksum(raw, after: Gzip.checksum(IDXArray.header(of: shape))) }
}
