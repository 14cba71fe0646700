import Foundation

/// The types that array files hold their numbers in, described by NumPy's names.
package enum ElementType: Equatable, CustomStringConvertible {
  case float16, bfloat16, float32, float64, boolean
  case signed(bytes: Int)
  case unsigned(bytes: Int)

  package var size: Int {
    switch self {
    case .float16, .bfloat16: return 2
    case .float32: return 4
    case .float64: return 8
    case .boolean: return 1
    case .signed(let bytes), .unsigned(let bytes): return bytes
    }
  }

  package var description: String {
    switch self {
    case .float16: "float16"
    case .bfloat16: "bfloat16"
    case .float32: "float32"
    case .float64: "float64"
    case .boolean: "bool"
    case .signed(let bytes): "int\(8 * bytes)"
    case .unsigned(let bytes): "uint\(8 * bytes)"
    }
  }

  var isFloatingPoint: Bool {
    switch self {
    case .float16, .bfloat16, .float32, .float64: return true
    default: return false
    }
  }

  /// `count` values from raw bytes as float32; float64 and integers are rounded to it.
  package func floats(_ raw: Data, bigEndian: Bool) -> [Float] {
    raw.withUnsafeBytes { bytes in
      let count = bytes.count / size
      if self == .float32 && !bigEndian {
        return [Float](unsafeUninitializedCapacity: count) { target, initialised in
          UnsafeMutableRawBufferPointer(target).copyMemory(
            from: UnsafeRawBufferPointer(rebasing: bytes[..<(count * 4)]))
          initialised = count
        }
      }
      return (0..<count).map { float(pattern(bytes, $0, bigEndian)) }
    }
  }

  /// The values as integers; nil for floating-point types and for values over the range of Int.
  package func integers(_ raw: Data, bigEndian: Bool) -> [Int]? {
    guard !isFloatingPoint else { return nil }
    return raw.withUnsafeBytes { bytes -> [Int]? in
      var result: [Int] = []
      result.reserveCapacity(bytes.count / size)
      for i in 0..<bytes.count / size {
        guard let value = integer(pattern(bytes, i, bigEndian)) else { return nil }
        result.append(value)
      }
      return result
    }
  }

  private func pattern(_ bytes: UnsafeRawBufferPointer, _ index: Int, _ bigEndian: Bool) -> UInt64 {
    var value: UInt64 = 0
    for k in 0..<size {
      value = value << 8 | UInt64(bytes[index * size + (bigEndian ? k : size - 1 - k)])
    }
    return value
  }

  private func integer(_ pattern: UInt64) -> Int? {
    switch self {
    case .boolean: return pattern == 0 ? 0 : 1
    case .unsigned: return Int(exactly: pattern)
    case .signed(let bytes):
      let shift = UInt64(64 - 8 * bytes)
      return Int(Int64(bitPattern: pattern << shift) >> Int64(shift))
    default: return nil
    }
  }

  private func float(_ pattern: UInt64) -> Float {
    switch self {
    case .float16: return halfPrecision(UInt16(pattern))
    case .bfloat16: return Float(bitPattern: UInt32(pattern) << 16)
    case .float32: return Float(bitPattern: UInt32(pattern))
    case .float64: return Float(Double(bitPattern: pattern))
    case .unsigned: return Float(pattern)
    default: return Float(integer(pattern) ?? 0)
    }
  }
}

/// IEEE half precision; written out because Float16 is not on every platform that Swift runs on.
private func halfPrecision(_ bits: UInt16) -> Float {
  let sign = UInt32(bits >> 15) << 31
  let exponent = UInt32(bits >> 10 & 0x1f)
  let fraction = UInt32(bits & 0x3ff)
  if exponent == 0x1f { return Float(bitPattern: sign | 0x7f80_0000 | fraction << 13) }
  if exponent == 0 {
    let magnitude = Float(fraction) * 0x1p-24
    return sign == 0 ? magnitude : -magnitude
  }
  return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
}
