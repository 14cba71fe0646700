import Foundation

/// TensorFlow's record format, which event files have: each record is its length (8 bytes, little endian), the
/// masked CRC-32C of those 8 bytes, the data, and the masked CRC-32C of the data.
enum RecordFile {
  /// A record as it stands in a file.
  static func framed(_ data: Data) -> Data {
    let length = bytes(of: UInt64(data.count))
    return length + bytes(of: MaskedChecksum.of(length)) + data + bytes(of: MaskedChecksum.of(data))
  }

  /// The data of the records, each with the byte at which it ends, up to the first that is not whole.
  ///
  /// A killed writer leaves part of a record at the end; what follows a damaged one cannot be found.
  static func records(in file: Data) -> [(data: Data, end: Int)] {
    var records: [(data: Data, end: Int)] = []
    var rest = file[...]
    while let record = first(of: rest) {
      rest = rest.dropFirst(record.count + overhead)
      records.append((record, file.count - rest.count))
    }
    return records
  }

  private static let overhead = 16

  private static func first(of file: Data) -> Data? {
    guard file.count >= overhead else { return nil }
    let head = file.prefix(8)
    guard number(file.dropFirst(8).prefix(4)) == UInt64(MaskedChecksum.of(head)) else { return nil }
    let length = number(head)
    guard length <= UInt64(file.count - overhead) else { return nil }
    let data = file.dropFirst(12).prefix(Int(length))
    let checksum = file.dropFirst(12 + Int(length)).prefix(4)
    return number(checksum) == UInt64(MaskedChecksum.of(data)) ? data : nil
  }

  private static func number(_ bytes: Data) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private static func bytes<Value: FixedWidthInteger>(of value: Value) -> Data {
    withUnsafeBytes(of: value.littleEndian) { Data($0) }
  }
}

/// CRC-32C (Castagnoli), rotated and shifted as TensorFlow does, so that a checksum of data that hold checksums
/// says something.
enum MaskedChecksum {
  static func of(_ data: Data) -> UInt32 {
    let checksum = crc32c(data)
    return (checksum >> 15 | checksum << 17) &+ 0xA282_EAD8
  }

  static func crc32c(_ data: Data) -> UInt32 {
    ~data.reduce(~0) { table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] ^ $0 >> 8 }
  }

  /// Of each byte, by the reflected polynomial.
  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0x82F6_3B78 : value >> 1 }
  }
}
