import CKernels
import Foundation

/// Which pixels of a line make each pixel of its scaled copy, and with what weights: a triangle filter, wider
/// than the source's pixels by the factor of reduction, as in PIL's and torchvision's antialiased bilinear
/// resizing. Where a line is enlarged, that is bilinear interpolation.
///
/// Pixel centres lie at halves; weights that would fall outside are left out and the others scaled to a sum
/// of 1.
struct LineFilter {
  let targets: Int
  /// Weights of each target, those that are 0 included.
  let taps: Int
  /// For each target, its first source pixel.
  let first: UnsafeMutablePointer<Int32>
  /// `[targets, taps]`.
  let weights: UnsafeMutablePointer<Float>

  /// The most source pixels that are nearer to a target's centre than the filter's support, when `length`
  /// pixels become `targets` ones.
  static func taps(length: Double, targets: Int) -> Int {
    Int((2 * max(1, length / Double(targets))).rounded(.up))
  }

  /// 32-bit words of memory that a filter needs.
  static func wordCount(length: Double, wholeTargets: Int, targets: Int) -> Int {
    targets * (1 + taps(length: length, targets: wholeTargets))
  }

  /// A filter for a part of the scaled line.
  ///
  /// - Parameters:
  ///   - start, length: the part of the source that is scaled, in its pixels; nothing outside is looked at
  ///   - wholeTargets: pixels that this part becomes
  ///   - offset, targets: which of them are wanted
  ///   - isMirrored: whether they are wanted from right to left
  ///   - words: memory of `wordCount` words, kept by the caller as long as the filter
  init(
    start: Int = 0, length: Double, wholeTargets: Int, offset: Int = 0, targets: Int,
    isMirrored: Bool = false,
    words: UnsafeMutablePointer<Float>
  ) {
    let scale = length / Double(wholeTargets)
    let support = max(1, scale)
    let end = Int(length.rounded(.up))
    let taps = min(LineFilter.taps(length: length, targets: wholeTargets), end)
    self.taps = taps
    self.targets = targets
    weights = words
    first = UnsafeMutableRawPointer(words + targets * taps).bindMemory(to: Int32.self, capacity: targets)
    for target in 0..<targets {
      let place = offset + (isMirrored ? targets - 1 - target : target)
      let centre = (Double(place) + 0.5) * scale
      // Shifted where the line ends, so that every target has all its taps within the line.
      let low = min(max(0, Int((centre - support + 0.5).rounded(.down))), end - taps)
      first[target] = Int32(start + low)
      let row = weights + target * taps
      // In units of the support, which cancels in the division by the sum.
      var sum = 0.0
      for tap in 0..<taps {
        let weight = max(0, support - abs(Double(low + tap) + 0.5 - centre))
        sum += weight
        row[tap] = Float(weight)
      }
      let inverse = Float(1 / sum)
      for tap in 0..<taps { row[tap] *= inverse }
    }
  }

  /// The source pixels that any target looks at.
  var range: Range<Int> {
    let (a, b) = (Int(first[0]), Int(first[targets - 1]))
    return min(a, b)..<(max(a, b) + taps)
  }

  /// Scales four lines at once.
  ///
  /// - Parameters:
  ///   - source: the pixels in `range`, each of the four lines
  ///   - wide: memory of `targets`
  ///   - target: four lines one after the other
  func apply(
    to source: UnsafePointer<SIMD4<Float>>, wide: UnsafeMutablePointer<SIMD4<Float>>,
    into target: UnsafeMutablePointer<Float>
  ) {
    // The usual numbers of weights (enlarging, and reducing by up to 1.5 and up to 2) as constants, so that the
    // inner loop is unrolled.
    switch taps {
    case 2: apply(2, to: source, into: wide)
    case 3: apply(3, to: source, into: wide)
    case 4: apply(4, to: source, into: wide)
    default: apply(taps, to: source, into: wide)
    }
    // In a loop of its own: the compiler would turn every summand, and not the sums.
    let (count, values) = (targets, UnsafeRawPointer(wide).assumingMemoryBound(to: Float.self))
    for x in 0..<count {
      target[x] = values[4 &* x]
      target[count &+ x] = values[4 &* x &+ 1]
      target[2 &* count &+ x] = values[4 &* x &+ 2]
      target[3 &* count &+ x] = values[4 &* x &+ 3]
    }
  }

  @inline(__always)
  private func apply(
    _ taps: Int, to source: UnsafePointer<SIMD4<Float>>, into wide: UnsafeMutablePointer<SIMD4<Float>>
  ) {
    let (origin, count, first) = (range.lowerBound, targets, first)
    var w = UnsafePointer(weights)
    for x in 0..<count {
      let start = source + (Int(first[x]) &- origin)
      var sum = w[0] * start[0]
      for tap in 1..<max(1, taps) { sum += w[tap] * start[tap] }
      w += taps
      wide[x] = sum
    }
  }
}

/// One channel of an image, in bytes.
struct Plane {
  let start: UnsafePointer<UInt8>
  /// Bytes from a row to the next, and from a pixel to the next.
  let rowBytes: Int
  let step: Int

  init(_ start: UnsafePointer<UInt8>, rowBytes: Int, step: Int = 1) {
    (self.start, self.rowBytes, self.step) = (start, rowBytes, step)
  }
}

/// Scales a plane row by row, horizontally and then vertically. Source rows are looked at once, in order, four
/// at a time so that the processor's vectors are full; the last ones that a target row may need are kept at the
/// target's width.
struct PlaneScaler {
  private let plane: Plane
  private let across: LineFilter
  private let down: LineFilter
  /// Rows at the target's width: source row `r` is the row `r % ringRows`.
  private let ring: UnsafeMutablePointer<Float>
  private let ringRows: Int
  private let sum: UnsafeMutablePointer<Float>
  /// Four rows, pixel by pixel: as they are read, and as numbers.
  private let packed: UnsafeMutablePointer<UInt32>
  private let lines: UnsafeMutablePointer<SIMD4<Float>>
  private let wide: UnsafeMutablePointer<SIMD4<Float>>
  private var next: Int

  /// What a target row needs and three more, in whole fours.
  private static func ringRows(_ taps: Int) -> Int { (taps + 6) / 4 * 4 }

  /// Floats of memory, for lines of `width` pixels.
  static func wordCount(width: Int, targets: Int, taps: Int) -> Int {
    5 * width + 3 + (ringRows(taps) + 5) * targets
  }

  /// - Parameter words: memory of `wordCount` at a multiple of 16 bytes, for at least `down.taps` taps, kept by the
  ///   caller as long as this
  init(_ plane: Plane, across: LineFilter, down: LineFilter, words: UnsafeMutablePointer<Float>) {
    (self.plane, self.across, self.down) = (plane, across, down)
    let pixels = across.range.count
    lines = UnsafeMutableRawPointer(words).bindMemory(to: SIMD4<Float>.self, capacity: pixels)
    wide = UnsafeMutableRawPointer(words + 4 * pixels).bindMemory(
      to: SIMD4<Float>.self, capacity: across.targets)
    let rest = words + 4 * (pixels + across.targets)
    packed = UnsafeMutableRawPointer(rest).bindMemory(to: UInt32.self, capacity: pixels)
    ring = rest + (pixels + 3) / 4 * 4
    ringRows = Self.ringRows(down.taps)
    sum = ring + ringRows * across.targets
    next = down.range.lowerBound / 4 * 4
  }

  /// Target row `y`, valid until the next call; rows are asked for in order.
  mutating func row(_ y: Int) -> UnsafeMutablePointer<Float> {
    let (count, taps) = (across.targets, down.taps)
    let first = Int(down.first[y])
    while next < first + taps {
      readFour()
      across.apply(to: lines, wide: wide, into: ring + next % ringRows * count)
      next += 4
    }
    let weights = down.weights + y * taps
    ck_scale_shift(count, ring + first % ringRows * count, weights[0], 0, sum)
    for tap in 1..<max(1, taps) where weights[tap] != 0 {
      ck_accumulate(count, weights[tap], ring + (first + tap) % ringRows * count, sum)
    }
    return sum
  }

  /// The next four rows; the first and the last that are wanted stand for those beyond them.
  private func readFour() {
    let (rows, columns) = (down.range, across.range)
    func start(_ i: Int) -> UnsafePointer<UInt8> {
      let row = min(max(next + i, rows.lowerBound), rows.upperBound - 1)
      return plane.start + (row * plane.rowBytes + columns.lowerBound * plane.step)
    }
    let (a, b, c, d) = (start(0), start(1), start(2), start(3))
    if plane.step == 1 {
      for x in 0..<columns.count {
        packed[x] = UInt32(a[x]) | UInt32(b[x]) << 8 | UInt32(c[x]) << 16 | UInt32(d[x]) << 24
      }
    } else {
      var i = 0
      for x in 0..<columns.count {
        packed[x] = UInt32(a[i]) | UInt32(b[i]) << 8 | UInt32(c[i]) << 16 | UInt32(d[i]) << 24
        i &+= plane.step
      }
    }
    let (bytes, floats) = (UnsafeRawPointer(packed), UnsafeMutableRawPointer(lines))
    let count = 4 * columns.count
    let (source, target) = (
      bytes.assumingMemoryBound(to: UInt8.self), floats.assumingMemoryBound(to: Float.self)
    )
    for i in 0..<count { target[i] = Float(source[i]) }
  }
}
