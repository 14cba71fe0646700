/// FNV-1a of 64 bits: tells changed texts from unchanged ones, and is no protection against intent.
///
/// - Source: Fowler, Noll and Vo; the basis and the prime of their page.
package struct Fingerprint {
  private var hash: UInt64 = 0xCBF2_9CE4_8422_2325

  package init() {}

  /// A text of several.
  package mutating func add(_ text: String) {
    add(bytes: text.utf8)
    // A byte that no UTF-8 text has, so that "ab" + "c" is not "a" + "bc".
    add(bytes: CollectionOfOne(0xff))
  }

  package mutating func add(bytes: some Sequence<UInt8>) {
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
  }

  /// Sixteen hexadecimal digits.
  package var text: String { Self.hexadecimal(hash) }

  /// Eight hexadecimal digits, of both halves.
  package var shortText: String { Self.hexadecimal(UInt32(truncatingIfNeeded: hash ^ hash >> 32)) }

  private static func hexadecimal<Number: FixedWidthInteger>(_ number: Number) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: Number.bitWidth / 4 - digits.count) + digits
  }
}
