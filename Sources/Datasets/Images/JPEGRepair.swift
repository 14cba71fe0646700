import Foundation

/// Takes out of a JPEG file in memory what libjpeg warns of although it decodes every pixel:
/// * bytes between segments, or between the pixels' data and the segment that follows them;
/// * a version of JFIF or a number of Adobe's colour transform that libjpeg does not know (it takes the usual one);
/// * parameters of a scan that mean nothing in a sequential file.
///
/// (A changed bit can make the pixels' data end too soon and look like bytes that are left over, as it can also bring
/// no warning at all. So people are told of these files.)
///
/// Anything else counts as damage: a file that ends early, codes that are none, data that end before their pixels
/// do, and bytes left over before a restart mark, where the next pixels depend on them.
struct JPEGRepair {
  private let bytes: UnsafeMutableRawBufferPointer
  private(set) var count: Int

  /// A segment or a lone mark of the file's outermost level.
  private struct Segment {
    var code: UInt8
    /// Of what libjpeg passes over before it.
    var gap: Range<Int>
    /// Of the byte with its code.
    var place: Int
    /// The byte after it.
    var end: Int
    /// Whether the data of a scan come before it; then these are the gap, and not passed over.
    var followsScan: Bool
  }

  private static let (endOfImage, startOfScan): (UInt8, UInt8) = (0xd9, 0xda)

  init(_ bytes: UnsafeMutableRawBufferPointer) {
    self.bytes = bytes
    count = bytes.count
  }

  /// Removes the cause of a warning, given in libjpeg's words.
  ///
  /// - Parameter warning: decodes so many of the first bytes, and gives the first warning
  /// - Returns: false where pixels may be wrong, or the cause was not found.
  mutating func remove(_ text: String, warning: (_ count: Int) -> String?) -> Bool {
    if let match = text.firstMatch(of: #/(\d+) extraneous bytes before marker 0x([0-9a-f]{2})/#),
      let number = Int(match.1), let code = UInt8(match.2, radix: 16)
    {
      if (0xd0...0xd7).contains(code) { return false }
      return removeGaps() || removeAfterScan(number, before: code, warning: warning)
    }
    if text.contains("unknown JFIF revision") {
      return changeSegments(0xe0, named: "JFIF\0") { bytes, start in bytes[start + 5] = 1 }
    }
    if text.contains("Unknown Adobe color transform") {
      return changeSegments(0xee, named: "Adobe") { bytes, start in
        bytes[start + 11] = hasFourColours ? 2 : 1
      }
    }
    return text.contains("Invalid SOS parameters for sequential") && resetScanParameters()
  }

  private var segments: [Segment] {
    var result: [Segment] = []
    var (place, followsScan) = (2, false)
    while let segment = segment(from: place, followsScan: followsScan) {
      result.append(segment)
      if segment.code == Self.endOfImage { break }
      (place, followsScan) = (segment.end, segment.code == Self.startOfScan)
    }
    return result
  }

  /// The next segment: after a scan, the data's own marks (restarts, and bytes of 255 written as 255 0) are passed over.
  private func segment(from start: Int, followsScan: Bool) -> Segment? {
    var place = start
    while place + 1 < count {
      let fill = place
      while place < count, bytes[place] == 0xff { place += 1 }
      guard place < count else { return nil }
      let code = bytes[place]
      let isMark = place > fill && code != 0 && !(followsScan && (0xd0...0xd7).contains(code))
      guard isMark else {
        place += 1
        continue
      }
      var end = place + 1
      if code != Self.endOfImage && code != 1 && !(0xd0...0xd8).contains(code) {
        guard end + 2 <= count else { return nil }
        end += Int(bytes[end]) << 8 + Int(bytes[end + 1])
        guard end <= count, end >= place + 3 else { return nil }
      }
      return Segment(code: code, gap: start..<fill, place: place, end: end, followsScan: followsScan)
    }
    return nil
  }

  private mutating func remove(_ range: Range<Int>) {
    memmove(
      bytes.baseAddress! + range.lowerBound, bytes.baseAddress! + range.upperBound, count - range.upperBound)
    count -= range.count
  }

  /// Removes all that lies between segments.
  private mutating func removeGaps() -> Bool {
    let gaps = segments.filter { !$0.followsScan && !$0.gap.isEmpty }.map(\.gap)
    for gap in gaps.reversed() { remove(gap) }
    return !gaps.isEmpty
  }

  /// Removes the last bytes of a scan, before the segment of a code. Where several scans end so, it is the first
  /// that still brings the warning when the file ends with it.
  private mutating func removeAfterScan(
    _ number: Int, before code: UInt8, warning: (_ count: Int) -> String?
  ) -> Bool {
    let candidates = segments.filter { $0.followsScan && $0.code == code && $0.gap.count > number }
    let found =
      candidates.count == 1
      ? candidates[0]
      : candidates.first { segment in
        bytes[segment.place] = Self.endOfImage
        defer { bytes[segment.place] = code }
        return warning(segment.place + 1)?.contains("extraneous bytes before marker 0xd9") == true
      }
    guard let found else { return false }
    remove((found.gap.upperBound - number)..<found.gap.upperBound)
    return true
  }

  /// Changes segments that begin with a name; false where there is none, or nothing was changed.
  private func changeSegments(
    _ code: UInt8, named name: String, _ change: (UnsafeMutableRawBufferPointer, Int) -> Void
  ) -> Bool {
    let found = segments.filter {
      $0.code == code && $0.end - $0.place >= 15 && bytes[($0.place + 3)...].starts(with: name.utf8)
    }
    for segment in found { change(bytes, segment.place + 3) }
    return !found.isEmpty
  }

  private var hasFourColours: Bool {
    segments.contains {
      (0xc0...0xcf).contains($0.code) && ![0xc4, 0xc8, 0xcc].contains($0.code) && $0.end - $0.place > 8
        && bytes[$0.place + 8] == 4
    }
  }

  private func resetScanParameters() -> Bool {
    let scans = segments.filter { $0.code == Self.startOfScan && $0.end - $0.place >= 6 }
    for scan in scans {
      for (i, value) in [0, 63, 0].enumerated() { bytes[scan.end - 3 + i] = UInt8(value) }
    }
    return !scans.isEmpty
  }
}
