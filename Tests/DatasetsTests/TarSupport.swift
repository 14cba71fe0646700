import Foundation

/// Tar archives by the format's description, field by field.
enum Tar {
  static func header(
    _ name: String, size: Int, type: Character = "0", prefix: String = "", link: String = "",
    magic: String = "ustar\u{0}00", sizeField: [UInt8]? = nil
  ) -> [UInt8] {
    var block = [UInt8](repeating: 0, count: 512)
    func put(_ bytes: some Collection<UInt8>, at place: Int) {
      block.replaceSubrange(place..<(place + bytes.count), with: bytes)
    }
    put(Array(name.utf8).prefix(100), at: 0)
    for (place, text) in [(100, "0000644"), (108, "0000000"), (116, "0000000"), (136, "00000000000")] {
      put(text.utf8, at: place)
    }
    put(sizeField ?? Array(octal(size, digits: 11).utf8), at: 124)
    put([type.asciiValue ?? 0], at: 156)
    put(Array(link.utf8).prefix(100), at: 157)
    put(magic.utf8, at: 257)
    put(Array(prefix.utf8).prefix(155), at: 345)
    return withChecksum(block)
  }

  /// A header with its sum set right.
  static func withChecksum(_ block: [UInt8]) -> [UInt8] {
    var block = block
    block.replaceSubrange(148..<156, with: [UInt8](repeating: 32, count: 8))
    let sum = block.reduce(0) { $0 + Int($1) }
    block.replaceSubrange(148..<156, with: Array(octal(sum, digits: 6).utf8) + [0, 32])
    return block
  }

  static func file(
    _ name: String, _ contents: some Collection<UInt8>, type: Character = "0", prefix: String = ""
  )
    -> [UInt8]
  {
    header(name, size: contents.count, type: type, prefix: prefix) + padded(contents)
  }

  static func padded(_ contents: some Collection<UInt8>) -> [UInt8] {
    Array(contents) + [UInt8](repeating: 0, count: (512 - contents.count % 512) % 512)
  }

  static let end = [UInt8](repeating: 0, count: 1024)

  /// Records of a pax header, each with its own length before it.
  static func pax(_ records: [(String, String)]) -> [UInt8] {
    let text = records.map { key, value -> String in
      let rest = " \(key)=\(value)\n"
      var length = rest.utf8.count + 1
      while "\(length)\(rest)".utf8.count != length { length = "\(length)\(rest)".utf8.count }
      return "\(length)\(rest)"
    }.joined()
    return file("PaxHeaders/x", Array(text.utf8), type: "x")
  }

  private static func octal(_ number: Int, digits: Int) -> String {
    let text = String(number, radix: 8)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }
}
