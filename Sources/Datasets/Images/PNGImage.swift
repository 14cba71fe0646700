import Basics
import CPNG
import Foundation

/// A PNG file in memory whose header has been read: red, green, blue and alpha of eight bits come out, whatever is in
/// the file.
///
/// The values are those of the file, whatever a chunk (`gAMA`, `cHRM`, `sRGB`, `iCCP`, `cICP`) says of light and
/// colour. Samples of 16 bits are divided by 257 and rounded.
struct PNGImage {
  static let signature: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

  private let bytes: UnsafeRawBufferPointer
  let width: Int
  let height: Int

  /// Reads the header. The bytes are changed, and must stay until `finish` is done.
  init(_ bytes: UnsafeMutableRawBufferPointer, _ path: String) throws {
    self.bytes = try PNGImage.keepingPixels(of: bytes, path)
    (width, height) = try PNGImage.read(self.bytes, into: nil, path)
  }

  /// Reads the pixels, `[height, width, 4]`. Warnings do not count.
  func finish(into target: UnsafeMutablePointer<UInt8>, _ path: String) throws {
    _ = try PNGImage.read(bytes, into: target, path)
  }

  private static func read(
    _ bytes: UnsafeRawBufferPointer, into target: UnsafeMutablePointer<UInt8>?, _ path: String
  ) throws -> (width: Int, height: Int) {
    var (width, height): (png_uint_32, png_uint_32) = (0, 0)
    var message = [CChar](repeating: 0, count: 64)
    let start = bytes.bindMemory(to: UInt8.self).baseAddress
    guard spread_png_read(start, bytes.count, target, &width, &height, &message) != 0 else {
      let text = String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      throw FileFormatError(path, "the PNG is damaged (\(text))")
    }
    return (Int(width), Int(height))
  }

  /// Moves the chunks that pixels are made of (the critical ones and `tRNS`) to the front, each with its checksum.
  ///
  /// The others are dropped: colour spaces, and texts and profiles, whose compressed contents could fill the
  /// memory. What is no whole chunk of a sound name stays, for libpng to find.
  private static func keepingPixels(
    of bytes: UnsafeMutableRawBufferPointer, _ path: String
  ) throws -> UnsafeRawBufferPointer {
    let (transparency, last) = (Array("tRNS".utf8), Array("IEND".utf8))
    var (place, kept) = (signature.count, signature.count)
    func keep(_ count: Int) {
      if kept < place { memmove(bytes.baseAddress! + kept, bytes.baseAddress! + place, count) }
      kept += count
    }
    while place + 12 <= bytes.count {
      let count = 12 + bytes[place..<(place + 4)].reduce(0) { $0 << 8 | Int($1) }
      let name = bytes[(place + 4)..<(place + 8)]
      let isNamed = name.allSatisfy { (0x41...0x5a).contains($0 & 0xdf) }
      guard isNamed else { break }
      // libpng would make room for what a chunk promises.
      guard count <= bytes.count - place else {
        throw FileFormatError(path, byte: place, "the PNG is damaged (it ends within a chunk)")
      }
      let isLast = name.elementsEqual(last)
      // A small first letter marks what can be left out.
      if name.first! & 0x20 == 0 || name.elementsEqual(transparency) { keep(count) }
      place += count
      if isLast { return UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[..<kept]) }
    }
    keep(bytes.count - place)
    return UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[..<kept])
  }
}
