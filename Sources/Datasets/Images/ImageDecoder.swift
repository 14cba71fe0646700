import Basics
import CTurboJPEG
import Foundation

/// Reads JPEG and PNG files into images of one size: the shorter side scaled to it, then the centre of the
/// longer one. Keeps its memory from file to file; one thread at a time.
///
/// * What a file is, is told by its first bytes, not by its name. Width and height are looked at before
///   anything is allocated for the pixels.
/// * Colours become 8-bit RGB as they are stored; colour profiles are not applied. CMYK is inked onto white
///   (`C K / 255` where the file is inverted, as Adobe's are). Grey is made as JPEG does: 0.299 R + 0.587 G +
///   0.114 B. Transparent PNGs are laid onto white, in stored values.
/// * A rotation that EXIF asks for is not applied: PIL and torchvision do not either, and tables of labels
///   were made with them.
/// * A JPEG that libjpeg warns of (it ends early, or a part is damaged) is refused as well, unless the warning
///   concerns something without influence on the pixels: see `JPEGRepair`. Then the image is used, and `warning`
///   has libjpeg's words.
package final class ImageDecoder {
  static let largestSide = 16_384
  static let largestArea = 1 << 26
  static let largestFile = 1 << 28
  /// Raised with every change of what comes out, so that an old cache is not read.
  static let version = 2

  let channels: Int
  let size: Int
  /// What libjpeg warned of in the last file, although it is used; nil where there was nothing.
  var warning: String?
  private let scaler: StoredImageScaler
  var jpeg: tjhandle
  private var file = ReusedMemory()
  var raster = ReusedMemory()
  /// The path and the size of the file that is in memory; larger ones are not read.
  private var loaded = (path: "", size: 0)

  /// - Parameters:
  ///   - size: side of the images that come out
  ///   - channels: 1 for grey, 3 for red, green, blue
  package init(size: Int, channels: Int = 3) {
    self.size = size
    self.channels = channels
    scaler = StoredImageScaler(size: size, channels: channels)
    jpeg = ImageDecoder.newHandle()
  }

  static func newHandle() -> tjhandle {
    guard let handle = tjInitDecompress() else {
      ResourceFailure.end("out of memory: libturbojpeg could not be started")
    }
    return handle
  }

  deinit { tjDestroy(jpeg) }

  /// Reads a file into `[channels, size, size]`.
  /// - Throws: `FileFormatError` that names the file, `ImageMemoryError`.
  package func decode(_ path: String, into target: UnsafeMutablePointer<UInt8>) throws {
    try load(path)
    try decodeLoaded(into: target)
  }

  /// Brings a file into memory, whatever it holds.
  /// - Throws: `FileFormatError` where it cannot be opened or read, which says nothing about its contents.
  func load(_ path: String) throws {
    let source = try RegularFile(path)
    loaded = (path, source.size)
    guard source.size <= ImageDecoder.largestFile else { return }
    let memory = UnsafeMutableRawBufferPointer(
      start: try file.atLeast(source.size, for: path), count: source.size)
    var filled = 0
    while filled < source.size {
      let part = try source.read(into: UnsafeMutableRawBufferPointer(rebasing: memory[filled...]))
      guard part > 0 else {
        throw FileFormatError(
          path, byte: filled, "the file ends while it is read: \(source.size) bytes expected")
      }
      filled += part
    }
  }

  /// Decodes the file that `load` brought into memory, and changes its bytes there.
  /// - Throws: `FileFormatError` for contents that are not a sound image, `ImageMemoryError`.
  func decodeLoaded(into target: UnsafeMutablePointer<UInt8>) throws {
    defer {
      file.releaseLarge()
      raster.releaseLarge()
    }
    scaler.scale(try readLoaded(), into: target)
  }

  /// The planes of the loaded file, at least as large as the wanted image, valid until the next call.
  private func readLoaded() throws -> DecodedImage {
    let (path, count) = loaded
    warning = nil
    guard count <= ImageDecoder.largestFile else {
      throw FileFormatError(
        path, "a file of \(count) bytes; images of at most \(ImageDecoder.largestFile) bytes are read")
    }
    let bytes = UnsafeMutableRawBufferPointer(start: try file.atLeast(count, for: path), count: count)
    if bytes.starts(with: [0xff, 0xd8, 0xff]) { return try readJPEG(bytes, path) }
    if bytes.starts(with: PNGImage.signature) { return try readPNG(bytes, path) }
    let start = bytes.prefix(4).map { String($0, radix: 16) }.joined(separator: " ")
    throw FileFormatError(
      path, byte: 0,
      bytes.isEmpty
        ? "the file is empty"
        : "neither a JPEG nor a PNG file: it begins with the bytes \(start) (hexadecimal)")
  }

  static func checkSize(_ width: Int, _ height: Int, _ path: String) throws {
    guard width > 0, height > 0, width <= largestSide, height <= largestSide, width * height <= largestArea
    else {
      throw FileFormatError(
        path,
        "an image of \(width) x \(height) pixels; read are sides from 1 to \(largestSide) and at most "
          + "\(largestArea) pixels in all")
    }
  }

  private func readPNG(_ bytes: UnsafeMutableRawBufferPointer, _ path: String) throws -> DecodedImage {
    let image = try PNGImage(bytes, path)
    try ImageDecoder.checkSize(image.width, image.height, path)
    let count = image.width * image.height
    let target = try raster.atLeast(4 * count, for: path).assumingMemoryBound(to: UInt8.self)
    try image.finish(into: target, path)
    PixelConversion.layOntoWhite(target, count: count)
    return interleaved(
      target, columns: image.width, rows: image.height, (Double(image.width), Double(image.height)))
  }

  /// Pixels of four bytes as planes; made grey where that is asked for.
  func interleaved(
    _ pixels: UnsafeMutablePointer<UInt8>, columns: Int, rows: Int, _ covered: (width: Double, height: Double)
  ) -> DecodedImage {
    func channel(_ start: UnsafePointer<UInt8>, step: Int) -> DecodedImage.Channel {
      .init(
        plane: Plane(start, rowBytes: columns * step, step: step), width: covered.width,
        height: covered.height)
    }
    if channels == 1 {
      PixelConversion.colourToGrey(pixels, count: columns * rows)
      return DecodedImage(colours: .grey, channels: [channel(pixels, step: 1)])
    }
    return DecodedImage(colours: .redGreenBlue, channels: (0..<3).map { channel(pixels + $0, step: 4) })
  }
}
