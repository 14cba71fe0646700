import Foundation
import Tensors

/// An image as a decoder gives it: planes of one height and width, or a brightness with two planes of colour,
/// which may be smaller.
struct DecodedImage {
  struct Channel {
    let plane: Plane
    /// What the image covers of the plane, from the first corner on, in its pixels. The last column or row of a
    /// reduced or less often sampled plane may be covered in part.
    let width: Double
    let height: Double
  }

  enum Colours { case grey, redGreenBlue, brightnessAndColour }

  let colours: Colours
  let channels: [Channel]
}

/// Scales images to the size at which they are stored: the shorter side to `size`, then the centre of the
/// longer one. Keeps its memory from image to image; one thread at a time.
final class StoredImageScaler {
  /// Side of the result.
  let size: Int
  /// Channels of the result: 1, or 3 for red, green and blue.
  let channels: Int
  private var memory = ReusedMemory()

  init(size: Int, channels: Int) {
    require(size > 0 && (channels == 1 || channels == 3), "\(channels) channels of side \(size)")
    self.size = size
    self.channels = channels
  }

  /// Scales an image into `[channels, size, size]`; one of a single channel gives all channels.
  func scale(_ image: DecodedImage, into target: UnsafeMutablePointer<UInt8>) {
    var scalers = scalers(of: image)
    let plane = size * size
    for y in 0..<size {
      let row = target + y * size
      let first = scalers[0].row(y)
      if image.channels.count == 1 {
        for channel in 0..<channels { toBytes(first, into: row + channel * plane) }
        continue
      }
      let (second, third) = (scalers[1].row(y), scalers[2].row(y))
      if image.colours == .brightnessAndColour { toRedGreenBlue(first, second, third) }
      toBytes(first, into: row)
      toBytes(second, into: row + plane)
      toBytes(third, into: row + 2 * plane)
    }
  }

  /// One for each channel, in this scaler's memory.
  private func scalers(of image: DecodedImage) -> [PlaneScaler] {
    // As torchvision's Resize and CenterCrop: the longer side is cut to whole pixels, and an odd one left over
    // falls where Python's rounding puts it.
    let (width, height) = (image.channels[0].width, image.channels[0].height)
    let isWide = width > height
    let long = max(size, Int(Double(size) * max(width, height) / min(width, height) + 1e-6))
    let offset = Int((Double(long - size) / 2).rounded(.toNearestOrEven))
    let (across, down) = isWide ? (long, size) : (size, long)

    let counts = image.channels.map { channel in
      (
        across: LineFilter.wordCount(length: channel.width, wholeTargets: across, targets: size),
        down: LineFilter.wordCount(length: channel.height, wholeTargets: down, targets: size),
        rows: PlaneScaler.wordCount(
          width: Int(channel.width.rounded(.up)), targets: size,
          taps: LineFilter.taps(length: channel.height, targets: down))
      )
    }
    let total = counts.reduce(0) { $0 + $1.across + $1.down + $1.rows }
    var words = memory.atLeast(4 * total).assumingMemoryBound(to: Float.self)
    return zip(image.channels, counts).map { channel, count in
      defer { words += count.across + count.down + count.rows }
      return PlaneScaler(
        channel.plane,
        across: LineFilter(
          length: channel.width, wholeTargets: across, offset: isWide ? offset : 0, targets: size,
          words: words),
        down: LineFilter(
          length: channel.height, wholeTargets: down, offset: isWide ? 0 : offset, targets: size,
          words: words + count.across),
        words: words + count.across + count.down)
    }
  }

  /// JPEG's colours (JFIF: of ITU-R BT.601, all 256 values in use), in place.
  private func toRedGreenBlue(
    _ brightness: UnsafeMutablePointer<Float>, _ blueness: UnsafeMutablePointer<Float>,
    _ redness: UnsafeMutablePointer<Float>
  ) {
    for x in 0..<size {
      let (y, u, v) = (brightness[x], blueness[x] - 128, redness[x] - 128)
      brightness[x] = y + 1.402 * v
      blueness[x] = y - 0.344136 * u - 0.714136 * v
      redness[x] = y + 1.772 * u
    }
  }

  /// To the nearest value of 0...255. Adding 2^23 leaves the rounded number in a float's lowest bits: the
  /// compiler makes vectors of this, and not of a conversion that traps.
  private func toBytes(_ floats: UnsafePointer<Float>, into bytes: UnsafeMutablePointer<UInt8>) {
    for i in 0..<size {
      bytes[i] = UInt8(truncatingIfNeeded: (min(max(floats[i], 0), 255) + 8_388_608).bitPattern)
    }
  }
}
