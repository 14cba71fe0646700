import CPNG
import Foundation
import Tensors

/// A PNG file in memory whose header has been read, through libpng's simplified interface: red, green, blue
/// and alpha of eight bits come out, whatever is in the file.
final class PNGImage {
  static let signature: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

  private var image = png_image()

  var width: Int { Int(image.width) }
  var height: Int { Int(image.height) }

  /// Reads the header. The bytes must stay until `finish` is done.
  init(_ bytes: UnsafeRawBufferPointer, _ path: String) throws {
    image.version = png_uint_32(PNG_IMAGE_VERSION)
    guard png_image_begin_read_from_memory(&image, bytes.baseAddress, bytes.count) != 0 else {
      throw error(path)
    }
    // Without it, 16 bits would be taken as light and not as the values that screens are sent.
    image.flags |= png_uint_32(PNG_IMAGE_FLAG_16BIT_sRGB)
    image.format = png_uint_32(PNG_FORMAT_FLAG_COLOR | PNG_FORMAT_FLAG_ALPHA)
  }

  deinit { png_image_free(&image) }

  /// Reads the pixels, `[height, width, 4]`. Warnings (about profiles and texts, mostly) do not count.
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
}
