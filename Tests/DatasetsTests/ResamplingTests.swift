import Foundation
import Testing

@testable import Datasets

@Suite struct ResamplingTests {
  /// The triangle filter in double precision, one sum over all pixels of the source for every pixel.
  private func reference(
    _ pixels: [UInt8], width: Int, height: Int, stride: Int, channels: Int, size: Int
  ) -> [Double] {
    func weights(_ length: Int, _ targets: Int, _ target: Int) -> [Double] {
      let scale = Double(length) / Double(targets)
      let support = max(1, scale)
      let centre = (Double(target) + 0.5) * scale
      let raw = (0..<length).map { max(0, 1 - abs(Double($0) + 0.5 - centre) / support) }
      let sum = raw.reduce(0, +)
      return raw.map { $0 / sum }
    }
    let (across, down) =
      width > height ? (size * width / height, size) : (size, size * height / width)
    let left = Int((Double(across - size) / 2).rounded(.toNearestOrEven))
    let top = Int((Double(down - size) / 2).rounded(.toNearestOrEven))
    let columns = (0..<size).map { weights(width, across, left + $0) }
    let rows = (0..<size).map { weights(height, down, top + $0) }
    var result: [Double] = []
    for channel in 0..<channels {
      for y in 0..<size {
        let line = (0..<width).map { x in
          (0..<height).reduce(0.0) { sum, row in
            rows[y][row] == 0
              ? sum : sum + rows[y][row] * Double(pixels[(row * width + x) * stride + channel])
          }
        }
        for x in 0..<size { result.append(zip(columns[x], line).reduce(0) { $0 + $1.0 * $1.1 }) }
      }
    }
    return result
  }

  private func scaled(_ pixels: [UInt8], width: Int, height: Int, channels: Int, size: Int) -> [UInt8] {
    let scaler = StoredImageScaler(size: size, channels: channels)
    var result = [UInt8](repeating: 0xaa, count: channels * size * size)
    let step = channels == 1 ? 1 : 4
    pixels.withUnsafeBufferPointer { pixels in
      let planes = (0..<channels).map { channel in
        DecodedImage.Channel(
          plane: Plane(pixels.baseAddress! + channel, rowBytes: width * step, step: step),
          width: Double(width),
          height: Double(height))
      }
      scaler.scale(
        DecodedImage(colours: channels == 1 ? .grey : .redGreenBlue, channels: planes), into: &result)
    }
    return result
  }

  @Test(
    arguments: [
      (40, 30, 12), (31, 57, 20), (20, 20, 33), (9, 40, 16), (128, 96, 7), (17, 17, 17), (3, 1, 4),
    ],
    [1, 3])
  func scalingIsTheTriangleFilterInDoublePrecision(shape: (Int, Int, Int), channels: Int) {
    let (width, height, size) = shape
    let stride = channels == 1 ? 1 : 4
    let pixels = randomBytes(width * height * stride, seed: UInt64(width))
    let expected = reference(
      pixels, width: width, height: height, stride: stride, channels: channels, size: size)
    let result = scaled(pixels, width: width, height: height, channels: channels, size: size)
    let largest = zip(result, expected).map { abs(Double($0) - $1) }.max()!
    #expect(largest < 0.5 + 1e-3, "\(shape), \(channels) channels: \(largest)")
  }

  @Test func aConstantImageStaysConstant() {
    for value: UInt8 in [0, 1, 127, 254, 255] {
      for (width, height, size) in [(50, 33, 16), (16, 80, 40), (300, 200, 3)] {
        let pixels = [UInt8](repeating: value, count: width * height * 4)
        let result = scaled(pixels, width: width, height: height, channels: 3, size: size)
        #expect(result.allSatisfy { $0 == value })
      }
    }
  }

  @Test func anImageOfTheWantedSizeIsUnchanged() {
    let pixels = randomBytes(24 * 24 * 4, seed: 3)
    let result = scaled(pixels, width: 24, height: 24, channels: 3, size: 24)
    let planes = (0..<3).flatMap { channel in (0..<(24 * 24)).map { pixels[4 * $0 + channel] } }
    #expect(result == planes)
  }

  /// Every source pixel counts equally when an image is reduced by a whole factor, but for the edges.
  @Test func theMeanIsKept() {
    let pixels = randomBytes(96 * 96, seed: 4)
    let result = scaled(pixels, width: 96, height: 96, channels: 1, size: 12)
    let before = pixels.reduce(0) { $0 + Double($1) } / Double(pixels.count)
    let after = result.reduce(0) { $0 + Double($1) } / Double(result.count)
    #expect(abs(before - after) < 1.5)
  }

  /// Stripes as fine as pixels leave nothing but grey, where plain bilinear interpolation would leave stripes.
  @Test func finePatternsDoNotBecomeCoarseOnes() {
    let pixels = (0..<(90 * 90)).map { UInt8($0 % 90 % 2 * 255) }
    let result = scaled(pixels, width: 90, height: 90, channels: 1, size: 40)
    let inner = (2..<38).flatMap { y in (2..<38).map { Double(result[y * 40 + $0]) } }
    #expect(inner.allSatisfy { abs($0 - 127.5) < 24 })
  }

  @Test func theWeightsOfAMirroredLineAreThoseOfTheLineFromTheOtherEnd() {
    let count = LineFilter.wordCount(length: 13, wholeTargets: 5, targets: 5)
    var (plain, mirrored) = ([Float](repeating: 0, count: count), [Float](repeating: 0, count: count))
    plain.withUnsafeMutableBufferPointer { plain in
      mirrored.withUnsafeMutableBufferPointer { mirrored in
        let a = LineFilter(length: 13, wholeTargets: 5, targets: 5, words: plain.baseAddress!)
        let b = LineFilter(
          start: 7, length: 13, wholeTargets: 5, targets: 5, isMirrored: true, words: mirrored.baseAddress!)
        #expect(a.taps == 6)
        for target in 0..<5 {
          #expect(b.first[target] == a.first[4 - target] + 7)
          for tap in 0..<a.taps {
            #expect(b.weights[target * 6 + tap] == a.weights[(4 - target) * 6 + tap])
          }
        }
      }
    }
  }
}
