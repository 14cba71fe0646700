import Basics
import CPNG
import Foundation

/// Writes images of 8 bits a channel as PNG.
enum PNGWriter {
  /// - Parameters:
  ///   - pixels: `[height, width, channels]`, 1 channel (grey) or 3 (red, green, blue)
  /// - Throws: `FileFormatError` when the file cannot be written. A kill at any moment leaves the old file or the
  ///   new one.
  static func write(_ pixels: [UInt8], width: Int, height: Int, channels: Int, to path: String) throws {
    require(
      channels == 1 || channels == 3, "\(channels) channels cannot be written as PNG; 1 and 3 can")
    require(
      width > 0 && height > 0 && pixels.count == width * height * channels,
      "\(pixels.count) bytes are not an image of \(width) x \(height) x \(channels)")
    var image = png_image()
    image.version = png_uint_32(PNG_IMAGE_VERSION)
    image.width = png_uint_32(width)
    image.height = png_uint_32(height)
    image.format = channels == 1 ? spread_png_format_grey : spread_png_format_rgb
    defer { png_image_free(&image) }
    // What cannot be compressed grows by a few bytes a block and a byte a row.
    var size = png_alloc_size_t(pixels.count + pixels.count / 500 + height + 4096)
    var file = Data(count: Int(size))
    let written = file.withUnsafeMutableBytes {
      png_image_write_to_memory(&image, $0.baseAddress, &size, 0, pixels, 0, nil)
    }
    guard written != 0 else {
      let message = withUnsafeBytes(of: image.message) { raw in
        String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
      }
      throw FileFormatError(path, "the image could not be compressed: \(message)")
    }
    try WholeFile.write(file.prefix(Int(size)), to: path)
  }
}
