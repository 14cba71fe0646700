import CTurboJPEG
import Foundation
import Tensors

@testable import Datasets

/// A smooth picture with some texture, `[height, width, channels]`, as photographs are: neighbours are alike.
func picture(width: Int, height: Int, channels: Int = 3, seed: UInt64 = 1) -> [UInt8] {
  var generator = RandomGenerator(seed: seed)
  let waves = (0..<6).map { _ in
    (
      x: 0.15 * Double(generator.uniform()), y: 0.15 * Double(generator.uniform()),
      phases: (0..<4).map { _ in 6.28 * Double(generator.uniform()) }
    )
  }
  var pixels: [UInt8] = []
  for y in 0..<height {
    for x in 0..<width {
      for channel in 0..<channels {
        let sum = waves.reduce(0.0) { sum, wave in
          sum + sin(wave.x * Double(x) + wave.y * Double(y) + wave.phases[channel])
        }
        pixels.append(UInt8(min(max(128 + 30 * sum + 8 * Double(generator.uniform()), 0), 255)))
      }
    }
  }
  return pixels
}

/// A JPEG file of interleaved pixels with 1, 3 or (cyan, magenta, yellow, black) 4 channels.
func jpeg(
  _ pixels: [UInt8], width: Int, height: Int, channels: Int = 3, sampling: TJSAMP = TJSAMP_420,
  quality: Int32 = 95,
  isProgressive: Bool = false
) -> [UInt8] {
  let handle = tjInitCompress()
  defer { tjDestroy(handle) }
  var output: UnsafeMutablePointer<UInt8>?
  var count: UInt = 0
  let format = [1: TJPF_GRAY, 3: TJPF_RGB, 4: TJPF_CMYK][channels]!
  let status = tjCompress2(
    handle, pixels, Int32(width), 0, Int32(height), format.rawValue, &output, &count,
    Int32((channels == 1 ? TJSAMP_GRAY : sampling).rawValue), quality, isProgressive ? TJFLAG_PROGRESSIVE : 0)
  precondition(status == 0)
  defer { tjFree(output) }
  return [UInt8](UnsafeBufferPointer(start: output, count: Int(count)))
}

/// What a PNG file says of its pixels.
enum PNGKind: UInt8 {
  case grey = 0
  case colour = 2
  case palette = 3
  case greyAndAlpha = 4
  case colourAndAlpha = 6

  var samples: Int { [0: 1, 2: 3, 3: 1, 4: 2, 6: 4][Int(rawValue)]! }
}

/// A PNG file, written by the format's description without compression (deflate's stored blocks).
///
/// - Parameters:
///   - samples: bytes of the rows one after the other; two bytes a sample for a depth of 16
///   - isInterlaced: in the seven passes of Adam7, for depths of 8 and 16
func png(
  _ samples: [UInt8], width: Int, height: Int, kind: PNGKind = .colour, depth: Int = 8,
  isInterlaced: Bool = false,
  chunks: [(name: String, contents: [UInt8])] = []
) -> [UInt8] {
  func number(_ value: Int) -> [UInt8] { [24, 16, 8, 0].map { UInt8(value >> $0 & 0xff) } }
  func chunk(_ name: String, _ contents: [UInt8]) -> [UInt8] {
    let body = Array(name.utf8) + contents
    return number(contents.count) + body + number(Int(Gzip.checksum(body)))
  }
  let rowBytes = (width * kind.samples * depth + 7) / 8
  var rows = (0..<height).flatMap { [0] + samples[($0 * rowBytes)..<(($0 + 1) * rowBytes)] }
  if isInterlaced {
    let pixel = kind.samples * depth / 8
    let passes = [
      (0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2),
    ]
    rows = []
    for (left, across, top, down) in passes {
      for y in stride(from: top, to: height, by: down) {
        rows.append(0)
        for x in stride(from: left, to: width, by: across) {
          let start = y * rowBytes + x * pixel
          rows.append(contentsOf: samples[start..<(start + pixel)])
        }
      }
    }
  }
  var (a, b) = (1, 0)
  for value in rows {
    a = (a + Int(value)) % 65_521
    b = (b + a) % 65_521
  }
  var deflated: [UInt8] = [0x78, 0x01]
  for start in stride(from: 0, to: rows.count, by: 65_535) {
    let block = rows[start..<min(start + 65_535, rows.count)]
    let count = block.count
    deflated += [start + count == rows.count ? 1 : 0, UInt8(count & 0xff), UInt8(count >> 8)]
    deflated += [UInt8(~count & 0xff), UInt8(~count >> 8 & 0xff)] + block
  }
  deflated += number(b << 16 | a)
  let header = number(width) + number(height) + [UInt8(depth), kind.rawValue, 0, 0, isInterlaced ? 1 : 0]
  return PNGImage.signature + chunk("IHDR", header) + chunks.flatMap { chunk($0.name, $0.contents) }
    + chunk("IDAT", deflated) + chunk("IEND", [])
}

extension ImageDecoder {
  /// A file's `[channels, size, size]`.
  func decoded(_ path: String) throws -> [UInt8] {
    var result = [UInt8](repeating: 0xaa, count: channels * size * size)
    try result.withUnsafeMutableBufferPointer { try decode(path, into: $0.baseAddress!) }
    return result
  }
}
