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
}

/// Scales images of interleaved bytes to the size at which they are stored: the shorter side to `size`, then
/// the centre of the longer one. Keeps its memory from image to image; one thread at a time.
final class StoredImageScaler {
  /// Side of the result.
  let size: Int
  /// Channels of the result: 3 from four bytes a pixel (the fourth is left out), 1 from one byte.
  let channels: Int
  private var words: [Float] = []

  init(size: Int, channels: Int) {
    require(size > 0 && (channels == 1 || channels == 3), "\(channels) channels of side \(size)")
    self.size = size
    self.channels = channels
  }

  private var bytesPerPixel: Int { channels == 1 ? 1 : 4 }

  /// - Parameters:
  ///   - pixels: `[height, width, 1 or 4]`
  ///   - covered: the part of width and height, from the first corner on, that the image covers; the last
  ///     column or row of an image that libjpeg has reduced may be covered in part
  ///   - target: `[channels, size, size]`
  func scale(
    _ pixels: UnsafePointer<UInt8>, width: Int, height: Int, covered: (width: Double, height: Double)? = nil,
    into target: UnsafeMutablePointer<UInt8>
  ) {
    let covered = covered ?? (Double(width), Double(height))
    // As torchvision's Resize: the longer side is cut to whole pixels.
    let isWide = covered.width > covered.height
    let (shorter, longer) = isWide ? (covered.height, covered.width) : (covered.width, covered.height)
    let long = max(size, Int(Double(size) * longer / shorter + 1e-6))
    let offset = Int((Double(long - size) / 2).rounded(.toNearestOrEven))
    let (across, down) = isWide ? (long, size) : (size, long)
    let horizontalWords = LineFilter.wordCount(length: covered.width, wholeTargets: across, targets: size)
    let verticalWords = LineFilter.wordCount(length: covered.height, wholeTargets: down, targets: size)
    let ringRows = LineFilter.taps(length: covered.height, targets: down)
    let rowWords = channels * size
    let sourceWords = bytesPerPixel * width
    let needed = horizontalWords + verticalWords + (ringRows + 1) * rowWords + sourceWords
    if words.count < needed { words = [Float](repeating: 0, count: needed) }
    words.withUnsafeMutableBufferPointer { words in
      let base = words.baseAddress!
      let horizontal = LineFilter(
        length: covered.width, wholeTargets: across, offset: isWide ? offset : 0, targets: size, words: base)
      let vertical = LineFilter(
        length: covered.height, wholeTargets: down, offset: isWide ? 0 : offset, targets: size,
        words: base + horizontalWords)
      let ring = base + horizontalWords + verticalWords
      let sum = ring + ringRows * rowWords
      let source = sum + rowWords
      var next = Int(vertical.first[0])
      for y in 0..<size {
        let start = Int(vertical.first[y])
        while next < start + vertical.taps {
          toFloats(pixels + next * sourceWords, sourceWords, into: source)
          filterRow(source, horizontal, into: ring + next % ringRows * rowWords)
          next += 1
        }
        let weights = vertical.weights + y * vertical.taps
        ck_scale_shift(rowWords, ring + start % ringRows * rowWords, weights[0], 0, sum)
        for tap in 1..<max(1, vertical.taps) where weights[tap] != 0 {
          ck_accumulate(rowWords, weights[tap], ring + (start + tap) % ringRows * rowWords, sum)
        }
        for channel in 0..<channels {
          toBytes(sum + channel * size, size, into: target + (channel * size + y) * size)
        }
      }
    }
  }

  private func toFloats(_ bytes: UnsafePointer<UInt8>, _ count: Int, into floats: UnsafeMutablePointer<Float>)
  {
    for i in 0..<count { floats[i] = Float(bytes[i]) }
  }

  /// Values in 0...255, to the nearest. Adding 2^23 leaves the rounded number in a float's lowest bits: the
  /// compiler makes vectors of this, and not of a conversion that traps.
  private func toBytes(_ floats: UnsafePointer<Float>, _ count: Int, into bytes: UnsafeMutablePointer<UInt8>)
  {
    for i in 0..<count {
      bytes[i] = UInt8(truncatingIfNeeded: (min(max(floats[i], 0), 255) + 8_388_608).bitPattern)
    }
  }

  /// One row to the target's width, its channels one after the other.
  private func filterRow(
    _ source: UnsafePointer<Float>, _ filter: LineFilter, into row: UnsafeMutablePointer<Float>
  ) {
    let (taps, size) = (filter.taps, size)
    if channels == 1 {
      for x in 0..<size {
        let (start, weights) = (source + Int(filter.first[x]), filter.weights + x * taps)
        var sum: Float = 0
        for tap in 0..<taps { sum += weights[tap] * start[tap] }
        row[x] = sum
      }
    } else {
      let pixels = UnsafeRawPointer(source)
      for x in 0..<size {
        let (start, weights) = (pixels + 16 * Int(filter.first[x]), filter.weights + x * taps)
        var sum = SIMD4<Float>.zero
        for tap in 0..<taps {
          sum += weights[tap] * (start + 16 * tap).loadUnaligned(as: SIMD4<Float>.self)
        }
        row[x] = sum.x
        row[size + x] = sum.y
        row[2 * size + x] = sum.z
      }
    }
  }
}
