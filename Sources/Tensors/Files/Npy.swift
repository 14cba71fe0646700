import Basics
import Foundation

/// An array as NumPy saved it.
public struct NpyArray: Sendable {
  /// The length of each axis.
  public let shape: [Int]
  let file: String
  let type: ElementType
  let isBigEndian: Bool
  /// In row-major order.
  let raw: Data

  /// The values as float32; float64 and integers are rounded to it.
  public func tensor() -> Tensor { Tensor(type.floats(raw, bigEndian: isBigEndian), shape: shape) }

  /// The values of an array of integers, in row-major order, for labels.
  /// - Throws: `FileFormatError` for an array of floating-point numbers, or a value beyond Int.
  public func integers() throws -> [Int] {
    guard !type.isFloatingPoint else {
      throw FileFormatError(
        file,
        "holds numbers of type \(type), and integers were expected: save them as y.astype(np.int64)"
      )
    }
    guard let values = type.integers(raw, bigEndian: isBigEndian) else {
      throw FileFormatError(
        file,
        "a number of type \(type) is larger than \(Int.max), the largest integer that is read: number the labels "
          + "from 0 on and save them as y.astype(np.int64)")
    }
    return values
  }
}

/// NumPy's `.npy` files, versions 1 to 3.
///
/// Read: float16, float32, float64, booleans and all integers, either byte order, C or Fortran order.
/// Written: float32 and int64, little-endian, C order, version 1.
/// - Source: numpy.lib.format in NumPy's documentation.
public enum Npy {
  /// - Throws: `FileFormatError` that names the byte, for anything that is not a whole, well-formed array.
  ///   Nothing is allocated for a shape that the file cannot hold.
  public static func read(_ path: String) throws -> NpyArray { try parse(WholeFile.read(path), file: path) }

  /// The values as float32; a kill at any moment leaves the old file or the new one.
  /// - Throws: `FileFormatError` when the file cannot be written.
  public static func write(_ tensor: Tensor, to path: String) throws {
    try WholeFile.write(encode(tensor), to: path)
  }

  /// Integers as int64; a vector when no shape is given.
  public static func write(_ integers: [Int], shape: [Int]? = nil, to path: String) throws {
    try WholeFile.write(encode(integers, shape: shape ?? [integers.count]), to: path)
  }

  static func encode(_ tensor: Tensor) -> Data {
    var data = header("<f4", tensor.shape)
    tensor.withUnsafeData { data.append(Data(buffer: $0)) }
    return data
  }

  static func encode(_ integers: [Int], shape: [Int]) -> Data {
    require(
      elementCount(shape) == integers.count, "\(integers.count) integers cannot fill the shape \(shape)")
    var data = header("<i8", shape)
    integers.map { Int64($0).littleEndian }.withUnsafeBufferPointer { data.append(Data(buffer: $0)) }
    return data
  }

  /// Bytes; an array's own header has about a hundred. What is read becomes larger in memory.
  private static let longestHeader = 1 << 16

  private static let magic = Data([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59])

  private static func header(_ type: String, _ shape: [Int]) -> Data {
    let lengths = shape.map { "\($0)," }.joined(separator: " ")
    let tuple = shape.count == 1 ? "(\(lengths))" : "(\(lengths.dropLast()))"
    var text = "{'descr': '\(type)', 'fortran_order': False, 'shape': \(tuple), }"
    text += String(repeating: " ", count: 63 - (10 + text.utf8.count) % 64) + "\n"
    let length = text.utf8.count
    return magic + Data([1, 0, UInt8(length & 0xff), UInt8(length >> 8)]) + Data(text.utf8)
  }

  /// An array from the bytes of a file, or of a member of an archive that starts at byte `origin`.
  static func parse(_ data: Data, file: String, origin: Int = 0) throws -> NpyArray {
    var reader = ByteReader(file: file, data: data, origin: origin)
    guard try reader.bytes(6, "the signature") == magic else {
      throw reader.error("not a .npy file: it does not begin with \\x93NUMPY", at: 0)
    }
    let version = try reader.bytes(2, "the version")
    guard (1...3).contains(version[version.startIndex]) else {
      throw reader.error(".npy version \(version[version.startIndex]) is not known; 1, 2 and 3 are", at: 6)
    }
    let length =
      version[version.startIndex] == 1
      ? Int(try reader.number(UInt16.self, "the header's length"))
      : Int(try reader.number(UInt32.self, "the header's length"))
    let start = reader.position
    let text = try reader.bytes(length, "the header")
    guard length <= Self.longestHeader else {
      throw reader.error(
        "a header of \(length) bytes; at most \(Self.longestHeader) are read", at: start)
    }
    let header = try NpyHeader(text, file: file, byte: start + origin)
    guard let count = checkedCount(header.shape), count <= Int.max / header.type.size else {
      throw reader.error("the shape \(header.shape) has more elements than can be counted", at: start)
    }
    let size = count * header.type.size
    guard size == reader.remaining else {
      throw reader.error(
        "the shape \(header.shape) of \(header.type) needs \(size) bytes of data, and \(reader.remaining) follow the header"
      )
    }
    var raw = try reader.bytes(size, "the data")
    if header.isFortranOrder && header.shape.count > 1 {
      raw = rowMajor(raw, header.shape, size: header.type.size)
    }
    return NpyArray(
      shape: header.shape, file: file, type: header.type, isBigEndian: header.isBigEndian, raw: raw)
  }

  /// Column-major elements put into row-major order.
  private static func rowMajor(_ raw: Data, _ shape: [Int], size: Int) -> Data {
    let count = raw.count / size
    var result = Data(count: raw.count)
    result.withUnsafeMutableBytes { (target: UnsafeMutableRawBufferPointer) -> Void in
      raw.withUnsafeBytes { (source: UnsafeRawBufferPointer) -> Void in
        var index = [Int](repeating: 0, count: shape.count)
        for place in 0..<count {
          var from = 0
          for axis in stride(from: shape.count - 1, through: 0, by: -1) {
            from = from * shape[axis] + index[axis]
          }
          for k in 0..<size { target[place * size + k] = source[from * size + k] }
          for axis in stride(from: shape.count - 1, through: 0, by: -1) {
            index[axis] += 1
            if index[axis] < shape[axis] { break }
            index[axis] = 0
          }
        }
      }
    }
    return result
  }
}

/// The dictionary at the head of an array, read as exactly what NumPy writes.
private struct NpyHeader {
  var type = ElementType.float32
  var isBigEndian = false
  var isFortranOrder = false
  var shape: [Int] = []

  init(_ data: Data, file: String, byte: Int) throws {
    guard let text = String(data: data, encoding: .utf8) else {
      throw FileFormatError(file, byte: byte, "the header is not text")
    }
    var scanner = LiteralScanner(text: Array(text.unicodeScalars), file: file, byte: byte)
    var seen: Set<String> = []
    try scanner.expect("{")
    while !scanner.accept("}") {
      let key = try scanner.string()
      guard seen.insert(key).inserted else {
        throw scanner.error("the key '\(key)' stands twice in the header")
      }
      try scanner.expect(":")
      switch key {
      case "descr":
        guard !scanner.accept("[") else {
          throw scanner.error(
            "this is a structured array, whose elements have named fields; save one field of numbers: "
              + "np.save(file, array['field'])")
        }
        try setType(scanner.string(), scanner)
      case "fortran_order": isFortranOrder = try scanner.boolean()
      case "shape": shape = try scanner.tuple()
      default:
        throw scanner.error("the header's key '\(key)' is not known; descr, fortran_order and shape are")
      }
      if !scanner.accept(",") {
        try scanner.expect("}")
        break
      }
    }
    guard scanner.isAtEnd else { throw scanner.error("text follows the header's closing brace") }
    for key in ["descr", "fortran_order", "shape"] where !seen.contains(key) {
      throw scanner.error("the header lacks the key '\(key)'")
    }
  }

  private mutating func setType(_ text: String, _ scanner: LiteralScanner) throws {
    let known: [String: ElementType] = [
      "f2": .float16, "f4": .float32, "f8": .float64, "b1": .boolean, "i1": .signed(bytes: 1),
      "i2": .signed(bytes: 2),
      "i4": .signed(bytes: 4), "i8": .signed(bytes: 8), "u1": .unsigned(bytes: 1), "u2": .unsigned(bytes: 2),
      "u4": .unsigned(bytes: 4), "u8": .unsigned(bytes: 8),
    ]
    guard let order = text.first, "<>|=".contains(order), let type = known[String(text.dropFirst())],
      order != "|" || type.size == 1
    else {
      throw scanner.error(
        "numbers of type '\(text)'\(Self.remark(on: text)), labels with .astype(np.int64)")
    }
    self.type = type
    isBigEndian = order == ">"
  }

  /// What NumPy's letter of a type means, what can be read instead, and how it is come by.
  private static func remark(on type: String) -> String {
    let kinds: [Character: String] = [
      "c": "complex numbers", "S": "bytes of text", "U": "text", "O": "Python objects", "V": "raw bytes",
      "M": "dates", "m": "time differences", "f": "floating-point numbers of another size",
    ]
    let letter = type.dropFirst().first
    let meaning = letter.flatMap { kinds[$0] }.map { " (\($0))" } ?? ""
    let conversion =
      switch letter {
      case "c": "save array.real or array.imag"
      case "S", "U", "O": "number the names of classes with np.unique(array, return_inverse=True)[1]"
      default: "convert the array with .astype(np.float32)"
      }
    return "\(meaning) cannot be read; f2, f4, f8, b1, i1-i8 and u1-u8 can: \(conversion)"
  }
}

/// Reads the few forms of Python literals that stand in a header.
private struct LiteralScanner {
  let text: [Unicode.Scalar]
  let file: String
  let byte: Int
  private var position = 0

  init(text: [Unicode.Scalar], file: String, byte: Int) {
    self.text = text
    self.file = file
    self.byte = byte
  }

  var isAtEnd: Bool { text[position...].allSatisfy { $0.properties.isWhitespace } }

  func error(_ reason: String) -> FileFormatError { FileFormatError(file, byte: byte + position, reason) }

  private mutating func skipSpace() {
    while position < text.count && (text[position] == " " || text[position] == "\n") { position += 1 }
  }

  mutating func accept(_ scalar: Unicode.Scalar) -> Bool {
    skipSpace()
    guard position < text.count, text[position] == scalar else { return false }
    position += 1
    return true
  }

  mutating func expect(_ scalar: Unicode.Scalar) throws {
    guard accept(scalar) else { throw error("'\(scalar)' expected in the header") }
  }

  mutating func string() throws -> String {
    skipSpace()
    guard position < text.count, text[position] == "'" || text[position] == "\"" else {
      throw error("a quoted word expected in the header")
    }
    let quote = text[position]
    guard let end = text[(position + 1)...].firstIndex(of: quote) else {
      throw error("a quote is not closed")
    }
    defer { position = end + 1 }
    return text[(position + 1)..<end].map(String.init).joined()
  }

  mutating func boolean() throws -> Bool {
    skipSpace()
    for (word, value) in [("True", true), ("False", false)] {
      let scalars = Array(word.unicodeScalars)
      if text[position...].starts(with: scalars) {
        position += scalars.count
        return value
      }
    }
    throw error("True or False expected in the header")
  }

  mutating func tuple() throws -> [Int] {
    try expect("(")
    var lengths: [Int] = []
    while !accept(")") {
      skipSpace()
      let digits = text[position...].prefix { ("0"..."9").contains($0) }.map(String.init).joined()
      guard let length = Int(digits) else { throw error("a length expected in the header's shape") }
      guard lengths.count < 64 else { throw error("a shape of more than 64 axes") }
      position += digits.unicodeScalars.count
      // Python 2 wrote its long integers so: (6L, 5L).
      if position < text.count, text[position] == "L" { position += 1 }
      lengths.append(length)
      if !accept(",") {
        try expect(")")
        break
      }
    }
    return lengths
  }
}
