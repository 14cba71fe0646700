import Foundation

extension NpyArray {
  /// The largest value of a row below which float32 would hold its other values with fewer digits, or not at all.
  private static let shortest = 0x1p-100

  /// The first row of a matrix of float64 whose values are so small that float32 loses some of their digits; nil
  /// where there is none. Rows of zeros lose nothing.
  package var firstRowBelowFloat: Int? {
    guard type == .float64, shape.count == 2, shape[1] > 0 else { return nil }
    let values = doubles
    return (0..<shape[0]).first { Self.isShort(values[($0 * shape[1])..<(($0 + 1) * shape[1])]) }
  }

  /// The same matrix with such rows multiplied by powers of two, which keeps their directions: their largest value is
  /// then in [1, 2).
  package func scalingShortRows() -> NpyArray {
    var values = doubles
    for row in 0..<shape[0] {
      let range = (row * shape[1])..<((row + 1) * shape[1])
      guard Self.isShort(values[range]) else { continue }
      let exponent = values[range].reduce(0) { max($0, abs($1)) }.exponent
      // In two steps: one power alone may be beyond the largest number.
      for place in range {
        values[place] = scalbn(scalbn(values[place], -Int(exponent) / 2), -Int(exponent) + Int(exponent) / 2)
      }
    }
    let raw = values.withUnsafeBufferPointer { Data(buffer: $0) }
    return NpyArray(shape: shape, file: file, type: .float64, isBigEndian: false, raw: raw)
  }

  private static func isShort(_ row: ArraySlice<Double>) -> Bool {
    let largest = row.reduce(0) { max($0, abs($1)) }
    return largest > 0 && largest < shortest
  }

  private var doubles: [Double] {
    raw.withUnsafeBytes { bytes in
      (0..<(bytes.count / 8)).map { place in
        let pattern = bytes.loadUnaligned(fromByteOffset: 8 * place, as: UInt64.self)
        return Double(bitPattern: isBigEndian ? UInt64(bigEndian: pattern) : UInt64(littleEndian: pattern))
      }
    }
  }
}
