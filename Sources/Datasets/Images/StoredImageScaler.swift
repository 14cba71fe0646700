import Basics
import Foundation

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
      if image.colours == .brightnessAndColour {
        writeRedGreenBlue(first, second, third, red: row, green: row + plane, blue: row + 2 * plane)
      } else {
        toBytes(first, into: row)
        toBytes(second, into: row + plane)
        toBytes(third, into: row + 2 * plane)
      }
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

    let (left, top) = isWide ? (offset, 0) : (0, offset)
    var needed = 0
    func place(_ count: Int) -> Int {
      defer { needed += (count + 3) / 4 * 4 }
      return needed
    }
    let places = image.channels.map { channel in
      (
        across: place(LineFilter.wordCount(length: channel.width, wholeTargets: across, targets: size)),
        down: place(LineFilter.wordCount(length: channel.height, wholeTargets: down, targets: size)),
        rows: place(
          PlaneScaler.wordCount(
            width: Int(channel.width.rounded(.up)), targets: size,
            taps: LineFilter.taps(length: channel.height, targets: down)))
      )
    }
    let words = memory.atLeast(4 * needed).assumingMemoryBound(to: Float.self)
    var filters: (across: LineFilter, down: LineFilter)?
    return image.channels.indices.map { i in
      let channel = image.channels[i]
      // Planes of one size have the same filters.
      if i == 0 || channel.width != image.channels[i - 1].width
        || channel.height != image.channels[i - 1].height
      {
        filters = (
          LineFilter(
            length: channel.width, wholeTargets: across, offset: left, targets: size,
            words: words + places[i].across),
          LineFilter(
            length: channel.height, wholeTargets: down, offset: top, targets: size,
            words: words + places[i].down)
        )
      }
      return PlaneScaler(
        channel.plane, across: filters!.across, down: filters!.down, words: words + places[i].rows)
    }
  }

  /// From JPEG's colours (JFIF: of ITU-R BT.601, all 256 values in use).
  private func writeRedGreenBlue(
    _ brightness: UnsafePointer<Float>, _ blueness: UnsafePointer<Float>, _ redness: UnsafePointer<Float>,
    red: UnsafeMutablePointer<UInt8>, green: UnsafeMutablePointer<UInt8>, blue: UnsafeMutablePointer<UInt8>
  ) {
    for x in 0..<size { red[x] = byte(brightness[x] + 1.402 * (redness[x] - 128)) }
    for x in 0..<size {
      green[x] = byte(brightness[x] - 0.344136 * (blueness[x] - 128) - 0.714136 * (redness[x] - 128))
    }
    for x in 0..<size { blue[x] = byte(brightness[x] + 1.772 * (blueness[x] - 128)) }
  }

  private func toBytes(_ floats: UnsafePointer<Float>, into bytes: UnsafeMutablePointer<UInt8>) {
    for i in 0..<size { bytes[i] = byte(floats[i]) }
  }

  /// The nearest of 0...255. Adding 1.5 x 2^23 leaves the rounded number in a float's lowest bits, and 16 of them
  /// are cut to the range: the compiler makes vectors of this, and none of a conversion that traps.
  @inline(__always)
  private func byte(_ value: Float) -> UInt8 {
    let number = Int16(truncatingIfNeeded: (value + 12_582_912).bitPattern)
    return UInt8(truncatingIfNeeded: min(max(number, 0), 255))
  }
}
