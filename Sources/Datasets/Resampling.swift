import CKernels
import Foundation
import Tensors

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
      var sum = 0.0
      for tap in 0..<taps {
        sum += max(0, 1 - abs(Double(low + tap) + 0.5 - centre) / support)
      }
      for tap in 0..<taps {
        row[tap] = Float(max(0, 1 - abs(Double(low + tap) + 0.5 - centre) / support) / sum)
      }
    }
  }

  /// The source pixels that any target looks at.
  var range: Range<Int> {
    let (a, b) = (Int(first[0]), Int(first[targets - 1]))
    return min(a, b)..<(max(a, b) + taps)
  }

  /// Scales one line, of which `source` holds the pixels in `range`.
  func apply(to source: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>) {
    let origin = range.lowerBound
    // The usual numbers of weights (enlarging, and reducing by less than 1.5 and 2) without an inner loop.
    switch taps {
    case 2:
      for x in 0..<targets {
        let (start, w) = (source + (Int(first[x]) - origin), weights + 2 * x)
        target[x] = w[0] * start[0] + w[1] * start[1]
      }
    case 3:
      for x in 0..<targets {
        let (start, w) = (source + (Int(first[x]) - origin), weights + 3 * x)
        target[x] = w[0] * start[0] + w[1] * start[1] + w[2] * start[2]
      }
    case 4:
      for x in 0..<targets {
        let (start, w) = (source + (Int(first[x]) - origin), weights + 4 * x)
        target[x] = (w[0] * start[0] + w[1] * start[1]) + (w[2] * start[2] + w[3] * start[3])
      }
    default:
      for x in 0..<targets {
        let (start, w) = (source + (Int(first[x]) - origin), weights + taps * x)
        var sum: Float = 0
        for tap in 0..<taps { sum += w[tap] * start[tap] }
        target[x] = sum
      }
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

/// Scales a plane row by row, horizontally and then vertically. Source rows are looked at once, in order; the
/// last ones that a target row may need are kept at the target's width.
struct PlaneScaler {
  private let plane: Plane
  private let across: LineFilter
  private let down: LineFilter
  private let ring: UnsafeMutablePointer<Float>
  private let sum: UnsafeMutablePointer<Float>
  private let line: UnsafeMutablePointer<Float>
  private var next: Int

  /// Floats of memory, for lines of `width` pixels.
  static func wordCount(width: Int, targets: Int, taps: Int) -> Int { (taps + 1) * targets + width }

  /// - Parameter words: memory of `wordCount`, with at least `down.taps` taps, kept by the caller as long as this
  init(_ plane: Plane, across: LineFilter, down: LineFilter, words: UnsafeMutablePointer<Float>) {
    (self.plane, self.across, self.down) = (plane, across, down)
    ring = words
    sum = ring + down.taps * across.targets
    line = sum + across.targets
    next = Int(down.first[0])
  }

  /// Target row `y`, valid until the next call; rows are asked for in order.
  mutating func row(_ y: Int) -> UnsafeMutablePointer<Float> {
    let (count, taps) = (across.targets, down.taps)
    let first = Int(down.first[y])
    next = max(next, first)
    while next < first + taps {
      let range = across.range
      let source = plane.start + (next * plane.rowBytes + range.lowerBound * plane.step)
      if plane.step == 1 {
        for x in 0..<range.count { line[x] = Float(source[x]) }
      } else {
        for x in 0..<range.count { line[x] = Float(source[x * plane.step]) }
      }
      across.apply(to: line, into: ring + next % taps * count)
      next += 1
    }
    let weights = down.weights + y * taps
    ck_scale_shift(count, ring + first % taps * count, weights[0], 0, sum)
    for tap in 1..<max(1, taps) where weights[tap] != 0 {
      ck_accumulate(count, weights[tap], ring + (first + tap) % taps * count, sum)
    }
    return sum
  }
}
