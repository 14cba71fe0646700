import Basics
import CTurboJPEG
import Foundation

extension ImageDecoder {
  /// A file in which libjpeg still warns of something after so many repairs is refused.
  private static let mostRepairs = 16

  /// The eighths to which libjpeg reduces an image while it undoes the cosine transform: the fewest of 1, 2, 4
  /// and 8 that leave the shorter side at least `size` long. (The others would leave less to scale, but only
  /// these have vector code: the whole image is decoded sooner than 7/8 of it.)
  package static func eighths(width: Int, height: Int, size: Int) -> Int {
    [1, 2, 4].first { min(width, height) * $0 >= 8 * size } ?? 8
  }

  /// What libjpeg warned of, and went on.
  private struct Warning: Error { let text: String }

  /// Reads a JPEG of which libjpeg says nothing, or nothing that matters: whatever it warns of is taken out of the
  /// file in memory, and the rest must be sound. (Of several warnings libjpeg gives the first only.)
  func readJPEG(_ bytes: UnsafeMutableRawBufferPointer, _ path: String) throws -> DecodedImage {
    var count = bytes.count
    func attempt(_ count: Int) throws -> DecodedImage {
      try decodeJPEG(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[..<count]), path)
    }
    for _ in 0..<ImageDecoder.mostRepairs {
      do {
        return try attempt(count)
      } catch let found as Warning {
        var repair = JPEGRepair(UnsafeMutableRawBufferPointer(rebasing: bytes[..<count]))
        let isRepaired = repair.remove(found.text) { count in
          do {
            _ = try attempt(count)
            return nil
          } catch { return (error as? Warning)?.text ?? "\(error)" }
        }
        guard isRepaired else { throw damaged(path, found.text) }
        warning = warning ?? found.text
        count = repair.count
      }
    }
    throw damaged(path, "libjpeg warns of too many things, first of this: \(warning ?? "")")
  }

  private func decodeJPEG(_ bytes: UnsafeRawBufferPointer, _ path: String) throws -> DecodedImage {
    let start = bytes.bindMemory(to: UInt8.self).baseAddress!
    var (width, height, sampling, space): (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)
    try check(tjDecompressHeader3(jpeg, start, UInt(bytes.count), &width, &height, &sampling, &space), path)
    if width == 0 { throw damaged(path, "it ends before an image begins") }
    try ImageDecoder.checkSize(Int(width), Int(height), path)
    try checkScans(bytes, pixels: Int(width) * Int(height), path)
    let eighths = ImageDecoder.eighths(width: Int(width), height: Int(height), size: size)
    let columns = (Int(width) * eighths + 7) / 8
    let rows = (Int(height) * eighths + 7) / 8
    let covered = (width: Double(width) * Double(eighths) / 8, height: Double(height) * Double(eighths) / 8)
    if channels == 3 && space == TJCS_YCbCr.rawValue {
      return try readBrightnessAndColour(bytes, path, sampling, columns: columns, rows: rows, covered)
    }
    let isInk = space == TJCS_CMYK.rawValue || space == TJCS_YCCK.rawValue
    let isGrey = !isInk && (channels == 1 || space == TJCS_GRAY.rawValue)
    let target = try raster.atLeast(rows * columns * (isGrey ? 1 : 4), for: path).assumingMemoryBound(
      to: UInt8.self)
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

  /// Refuses a file whose scans would take longer than any picture should: each goes over all pixels, and a few bytes
  /// make one. Ten are usual where there are several.
  private func checkScans(_ bytes: UnsafeRawBufferPointer, pixels: Int, _ path: String) throws {
    var (place, scans) = (0, 0)
    while let found = memchr(bytes.baseAddress! + place, 0xff, bytes.count - place) {
      place = bytes.baseAddress!.distance(to: UnsafeRawPointer(found)) + 1
      if place < bytes.count, bytes[place] == 0xda { scans += 1 }
    }
    guard scans <= 500, scans * pixels <= 16 * ImageDecoder.largestArea else {
      throw damaged(path, "\(scans) scans of \(pixels) pixels")
    }
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
    let first = try raster.atLeast(total, for: path).assumingMemoryBound(to: UInt8.self)
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
    guard status != 0 else { return }
    let text = String(cString: tjGetErrorStr2(jpeg))
    if tjGetErrorCode(jpeg) == TJERR_WARNING.rawValue {
      renewHandle()
      throw Warning(text: text)
    }
    if text.contains("nsufficient memory") { throw ImageMemoryError(path: path, reason: text) }
    throw damaged(path, text)
  }

  private func damaged(_ path: String, _ reason: String) -> FileFormatError {
    renewHandle()
    return FileFormatError(path, "the JPEG is damaged or of a kind that is not read (\(reason))")
  }

  /// What a damaged header leaves behind would be taken for the next file's.
  private func renewHandle() {
    tjDestroy(jpeg)
    jpeg = ImageDecoder.newHandle()
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
}
