import CPNG
import Foundation
import Tensors

/// A PNG file in memory whose header has been read, through libpng's simplified interface: red, green, blue
/// and alpha of eight bits come out, whatever is in the file.
///
/// The values are those of the file. Samples of 16 bits are divided by 257 and rounded; libpng would also turn
/// values into those of a usual screen where a chunk (`gAMA`, `cHRM`, `sRGB`, `iCCP`, `cICP`) names another light
/// curve, so it does not see these chunks.
final class PNGImage {
  static let signature: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

  private var image = png_image()

  var width: Int { Int(image.width) }
  var height: Int { Int(image.height) }

  /// Reads the header. The bytes are changed, and must stay until `finish` is done.
  init(_ bytes: UnsafeMutableRawBufferPointer, _ path: String) throws {
    let bytes = PNGImage.keepingPixels(of: bytes)
    image.version = png_uint_32(PNG_IMAGE_VERSION)
    guard png_image_begin_read_from_memory(&image, bytes.baseAddress, bytes.count) != 0 else {
      throw error(path)
    }
    // Without it, 16 bits would be taken as light and not as the values that screens are sent.
    image.flags |= png_uint_32(PNG_IMAGE_FLAG_16BIT_sRGB)
    image.format = png_uint_32(PNG_FORMAT_FLAG_COLOR | PNG_FORMAT_FLAG_ALPHA)
  }

  deinit { png_image_free(&image) }

  /// Reads the pixels, `[height, width, 4]`. Warnings do not count.
  func finish(into target: UnsafeMutablePointer<UInt8>, _ path: String) throws {
    guard png_image_finish_read(&image, nil, target, png_int_32(4 * width), nil) != 0 else {
      throw error(path)
    }
  }

  private func error(_ path: String) -> FileFormatError {
    let message = withUnsafeBytes(of: image.message) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    return FileFormatError(path, "the PNG is damaged (\(message))")
  }

  /// Moves the chunks that pixels are made of (the critical ones and `tRNS`) to the front, each with its checksum.
  ///
  /// The others are dropped: colour spaces, and texts and profiles, whose compressed contents could fill the
  /// memory. What is no whole chunk of a sound name stays, for libpng to find.
  private static func keepingPixels(of bytes: UnsafeMutableRawBufferPointer) -> UnsafeRawBufferPointer {
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
      guard count <= bytes.count - place, isNamed else { break }
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
