import CTurboJPEG
import Foundation
import Tensors

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
/// * A JPEG that libjpeg warns of (it ends early, or a part is damaged) is refused as well.
package final class ImageDecoder {
  static let largestSide = 16_384
  static let largestArea = 1 << 26
  static let largestFile = 1 << 28
  /// Raised with every change of what comes out, so that an old cache is not read.
  static let version = 1

  let channels: Int
  let size: Int
  private let scaler: StoredImageScaler
  private var jpeg: tjhandle
  private var file = ReusedMemory()
  private var raster = ReusedMemory()

  /// - Parameters:
  ///   - size: side of the images that come out
  ///   - channels: 1 for grey, 3 for red, green, blue
  package init(size: Int, channels: Int = 3) {
    self.size = size
    self.channels = channels
    scaler = StoredImageScaler(size: size, channels: channels)
    jpeg = ImageDecoder.newHandle()
  }

  private static func newHandle() -> tjhandle {
    guard let handle = tjInitDecompress() else {
      ResourceFailure.end("out of memory: libturbojpeg could not be started")
    }
    return handle
  }

  deinit { tjDestroy(jpeg) }

  /// Reads a file into `[channels, size, size]`.
  /// - Throws: `FileFormatError` that names the file.
  package func decode(_ path: String, into target: UnsafeMutablePointer<UInt8>) throws {
    scaler.scale(try read(path), into: target)
    file.releaseLarge()
    raster.releaseLarge()
  }

  /// The planes of a file, at least as large as the wanted image, valid until the next call.
  func read(_ path: String) throws -> DecodedImage {
    let bytes = try contents(of: path)
    if bytes.starts(with: [0xff, 0xd8, 0xff]) { return try readJPEG(bytes, path) }
    if bytes.starts(with: PNGImage.signature) { return try readPNG(bytes, path) }
    let start = bytes.prefix(4).map { String($0, radix: 16) }.joined(separator: " ")
    throw FileFormatError(
      path, byte: 0,
      bytes.isEmpty
        ? "the file is empty"
        : "neither a JPEG nor a PNG file: it begins with the bytes \(start) (hexadecimal)")
  }

  private func contents(of path: String) throws -> UnsafeRawBufferPointer {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw FileFormatError(path, "cannot be read: \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw FileFormatError(path, "this is not a file")
    }
    let count = Int(status.st_size)
    guard count <= ImageDecoder.largestFile else {
      throw FileFormatError(
        path, "a file of \(count) bytes; images of at most \(ImageDecoder.largestFile) bytes are read")
    }
    let memory = file.atLeast(count)
    var filled = 0
    while filled < count {
      let part = Foundation.read(descriptor, memory + filled, count - filled)
      if part < 0 && errno == EINTR { continue }
      guard part > 0 else {
        throw FileFormatError(path, byte: filled, "the file ends while it is read: \(count) bytes expected")
      }
      filled += part
    }
    return UnsafeRawBufferPointer(start: memory, count: count)
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

  // MARK: - JPEG

  /// The eighths to which libjpeg reduces an image while it undoes the cosine transform: the fewest of 1, 2, 4
  /// and 8 that leave the shorter side at least `size` long. (The others would leave less to scale, but only
  /// these have vector code: the whole image is decoded sooner than 7/8 of it.)
  package static func eighths(width: Int, height: Int, size: Int) -> Int {
    [1, 2, 4].first { min(width, height) * $0 >= 8 * size } ?? 8
  }

  private func readJPEG(_ bytes: UnsafeRawBufferPointer, _ path: String) throws -> DecodedImage {
    let start = bytes.bindMemory(to: UInt8.self).baseAddress!
    var (width, height, sampling, space): (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)
    try check(tjDecompressHeader3(jpeg, start, UInt(bytes.count), &width, &height, &sampling, &space), path)
    if width == 0 { throw damaged(path, "it ends before an image begins") }
    try ImageDecoder.checkSize(Int(width), Int(height), path)
    let eighths = ImageDecoder.eighths(width: Int(width), height: Int(height), size: size)
    let columns = (Int(width) * eighths + 7) / 8
    let rows = (Int(height) * eighths + 7) / 8
    let covered = (width: Double(width) * Double(eighths) / 8, height: Double(height) * Double(eighths) / 8)
    if channels == 3 && space == TJCS_YCbCr.rawValue {
      return try readBrightnessAndColour(bytes, path, sampling, columns: columns, rows: rows, covered)
    }
    let isInk = space == TJCS_CMYK.rawValue || space == TJCS_YCCK.rawValue
    let isGrey = !isInk && (channels == 1 || space == TJCS_GRAY.rawValue)
    let target = raster.atLeast(rows * columns * (isGrey ? 1 : 4)).assumingMemoryBound(to: UInt8.self)
    try check(
      tjDecompress2(
        jpeg, start, UInt(bytes.count), target, Int32(columns), 0, Int32(rows),
        (isInk ? TJPF_CMYK : isGrey ? TJPF_GRAY : TJPF_RGBX).rawValue, TJFLAG_LIMITSCANS), path)
    if isInk {
      PixelConversion.inkToColour(target, count: rows * columns, isInverted: hasAdobeMarker(bytes))
    }
    if isGrey {
      let plane = Plane(target, rowBytes: columns)
      return DecodedImage(
        colours: .grey, channels: [.init(plane: plane, width: covered.width, height: covered.height)])
    }
    return interleaved(target, columns: columns, rows: rows, covered)
  }

  /// Pixels of four bytes as planes; made grey where that is asked for.
  private func interleaved(
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

  /// As nearly all JPEGs are: brightness, and two planes of colour that are often smaller. The planes are scaled
  /// as they are, and become red, green and blue at the wanted size: that is less work than to enlarge the colour
  /// and turn every pixel first, and the scaling interpolates the colour as libjpeg would.
  private func readBrightnessAndColour(
    _ bytes: UnsafeRawBufferPointer, _ path: String, _ sampling: Int32, columns: Int, rows: Int,
    _ covered: (width: Double, height: Double)
  ) throws -> DecodedImage {
    let sides = (0..<3).map { plane in
      (
        columns: Int(tjPlaneWidth(plane, Int32(columns), sampling)),
        rows: Int(tjPlaneHeight(plane, Int32(rows), sampling))
      )
    }
    let total = sides.reduce(0) { $0 + $1.columns * $1.rows }
    let first = raster.atLeast(total).assumingMemoryBound(to: UInt8.self)
    let second = first + sides[0].columns * sides[0].rows
    let third = second + sides[1].columns * sides[1].rows
    var planes: [UnsafeMutablePointer<UInt8>?] = [first, second, third]
    try check(
      tjDecompressToYUVPlanes(
        jpeg, bytes.bindMemory(to: UInt8.self).baseAddress!, UInt(bytes.count), &planes, Int32(columns), nil,
        Int32(rows), TJFLAG_LIMITSCANS), path)
    let colourShare = ImageDecoder.colourShare(sampling)
    return DecodedImage(
      colours: .brightnessAndColour,
      channels: (0..<3).map { plane in
        let share = plane == 0 ? (1, 1) : colourShare
        return .init(
          plane: Plane(planes[plane]!, rowBytes: sides[plane].columns), width: covered.width * share.0,
          height: covered.height * share.1)
      })
  }

  /// Samples of colour to one of brightness, across and down.
  private static func colourShare(_ sampling: Int32) -> (Double, Double) {
    switch TJSAMP(UInt32(sampling)) {
    case TJSAMP_422: (1 / 2, 1)
    case TJSAMP_420: (1 / 2, 1 / 2)
    case TJSAMP_440: (1, 1 / 2)
    case TJSAMP_411: (1 / 4, 1)
    default: (1, 1)
    }
  }

  private func check(_ status: Int32, _ path: String) throws {
    guard status == 0 else { throw damaged(path, String(cString: tjGetErrorStr2(jpeg))) }
  }

  private func damaged(_ path: String, _ reason: String) -> FileFormatError {
    // What a damaged header leaves behind would be taken for the next file's.
    tjDestroy(jpeg)
    jpeg = ImageDecoder.newHandle()
    return FileFormatError(path, "the JPEG is damaged or of a kind that is not read (\(reason))")
  }

  /// Whether Adobe's segment stands before the image: its four-colour files hold 255 where there is no ink.
  private func hasAdobeMarker(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var place = 2
    while place + 4 <= bytes.count, bytes[place] == 0xff {
      let marker = bytes[place + 1]
      if marker == 0xff {
        place += 1
        continue
      }
      if marker == 0xda { return false }
      if marker == 0xee && bytes[(place + 4)...].starts(with: "Adobe".utf8) { return true }
      place += 2 + Int(bytes[place + 2]) << 8 + Int(bytes[place + 3])
    }
    return false
  }

  // MARK: - PNG

  private func readPNG(_ bytes: UnsafeRawBufferPointer, _ path: String) throws -> DecodedImage {
    let image = try PNGImage(bytes, path)
    try ImageDecoder.checkSize(image.width, image.height, path)
    let count = image.width * image.height
    let target = raster.atLeast(4 * count).assumingMemoryBound(to: UInt8.self)
    try image.finish(into: target, path)
    PixelConversion.layOntoWhite(target, count: count)
    return interleaved(
      target, columns: image.width, rows: image.height, (Double(image.width), Double(image.height)))
  }
}

/// Changes of four-byte pixels in place.
enum PixelConversion {
  /// `round(a b / 255)`.
  private static func product(_ a: UInt8, _ b: UInt8) -> UInt8 {
    UInt8((UInt32(a) * UInt32(b) * 2 + 255) / 510)
  }

  static func inkToColour(_ pixels: UnsafeMutablePointer<UInt8>, count: Int, isInverted: Bool) {
    let turn: UInt8 = isInverted ? 0 : 255
    for i in 0..<count {
      let pixel = pixels + 4 * i
      let light = pixel[3] ^ turn
      for channel in 0..<3 { pixel[channel] = product(pixel[channel] ^ turn, light) }
    }
  }

  static func layOntoWhite(_ pixels: UnsafeMutablePointer<UInt8>, count: Int) {
    for i in 0..<count where pixels[4 * i + 3] < 255 {
      let pixel = pixels + 4 * i
      for channel in 0..<3 { pixel[channel] = 255 - product(255 - pixel[channel], pixel[3]) }
    }
  }

  /// Leaves one byte a pixel.
  static func colourToGrey(_ pixels: UnsafeMutablePointer<UInt8>, count: Int) {
    for i in 0..<count {
      let pixel = pixels + 4 * i
      let sum = 299 * UInt32(pixel[0]) + 587 * UInt32(pixel[1]) + 114 * UInt32(pixel[2])
      pixels[i] = UInt8((sum + 500) / 1000)
    }
  }
}

/// Memory that grows with need, and is let go when a rare large file is done with.
struct ReusedMemory: ~Copyable {
  private var start: UnsafeMutableRawPointer?
  private var count = 0

  init() {}

  deinit { free(start) }

  /// At least one byte, contents undefined.
  mutating func atLeast(_ needed: Int) -> UnsafeMutableRawPointer {
    if needed > count || start == nil {
      free(start)
      count = max(needed, 1)
      start = malloc(count)
    }
    guard let start else { ResourceFailure.outOfMemory(Double(count), held: MemoryPool.statistics.bytesHeld) }
    return start
  }

  mutating func releaseLarge() {
    guard count > 1 << 25 else { return }
    free(start)
    (start, count) = (nil, 0)
  }
}
