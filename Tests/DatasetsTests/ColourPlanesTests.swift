import Foundation
import Tensors
import Testing

@testable import Datasets

/// Against the definitions in double precision, as torchvision states them for images in [0, 1].
@Suite struct ColourPlanesTests {
  private let image: [Float] = {
    var generator = RandomGenerator(seed: 31)
    var planes = (0..<3 * 256).map { _ in generator.uniform() }
    // Edges: black, white, greys, pure colours and pairs of equal channels.
    let edges: [[Float]] = [
      [0, 0, 0], [1, 1, 1], [0.5, 0.5, 0.5], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 1, 1],
      [1, 0, 1],
      [0.2, 0.2, 0.9], [0.9, 0.2, 0.2], [0.2, 0.9, 0.2],
    ]
    for (i, edge) in edges.enumerated() {
      for channel in 0..<3 { planes[channel * 256 + i] = edge[channel] }
    }
    return planes
  }()

  private func changed(_ body: (ColourPlanes) -> Void) -> [Float] {
    var copy = image
    copy.withUnsafeMutableBufferPointer { body(ColourPlanes($0.baseAddress!, channels: 3, plane: 256)) }
    return copy
  }

  /// The largest difference from `expected`, a function of each pixel's colour.
  private func difference(_ found: [Float], _ expected: ([Double]) -> [Double]) -> Double {
    var largest = 0.0
    for i in 0..<256 {
      for (channel, value) in expected(colour(i)).enumerated() {
        largest = max(largest, abs(Double(found[channel * 256 + i]) - value))
      }
    }
    return largest
  }

  private func colour(_ i: Int) -> [Double] { (0..<3).map { Double(image[$0 * 256 + i]) } }

  private func grey(_ c: [Double]) -> Double {
    let (red, green): (Double, Double) = (0.2989 * c[0], 0.587 * c[1])
    return red + green + 0.114 * c[2]
  }

  private func cut(_ x: Double) -> Double { min(max(x, 0), 1) }

  @Test(arguments: [0, 0.6, 1, 1.4, 3])
  func brightnessContrastAndSaturation(factor: Double) {
    let f = Float(factor)
    #expect(difference(changed { $0.changeBrightness(f) }) { $0.map { cut($0 * factor) } } < 1e-6)
    let greys = (0..<256).map { grey(colour($0)) }
    let mean: Double = greys.reduce(0, +) / 256
    func mixed(_ c: [Double], with other: Double) -> [Double] {
      c.map { (value: Double) -> Double in cut(factor * value + (1 - factor) * other) }
    }
    #expect(difference(changed { $0.changeContrast(f) }) { mixed($0, with: mean) } < 3e-6)
    #expect(difference(changed { $0.changeSaturation(f) }) { mixed($0, with: grey($0)) } < 2e-6)
  }

  @Test(arguments: [-0.5, -0.1, 0, 0.05, 0.1, 1.0 / 3, 0.5])
  func hueTurnsInHSV(shift: Double) {
    #expect(difference(changed { $0.turnHue(Float(shift)) }) { turned($0, by: shift) } < 5e-6)
  }

  @Test func aThirdOfTheCircleTurnsRedIntoGreen() {
    var colour: [Float] = [1, 0, 0]
    colour.withUnsafeMutableBufferPointer {
      ColourPlanes($0.baseAddress!, channels: 3, plane: 1).turnHue(1 / 3)
    }
    #expect(zip(colour, [0, 1, 0]).allSatisfy { abs($0 - $1) < 1e-5 })
  }

  /// By sectors, the textbook's way.
  private func turned(_ c: [Double], by shift: Double) -> [Double] {
    let (high, low): (Double, Double) = (c.max()!, c.min()!)
    guard high > low else { return c }
    let distance = c.map { (value: Double) -> Double in (high - value) / (high - low) }
    let (r, g, b): (Double, Double, Double) = (distance[0], distance[1], distance[2])
    var hue: Double = c[0] == high ? b - g : c[1] == high ? 2 + r - b : 4 + g - r
    hue = hue / 6 + shift
    hue -= hue.rounded(.down)
    let saturation = (high - low) / high
    let sector = Int(hue * 6)
    let f: Double = hue * 6 - Double(sector)
    let p: Double = high * (1 - saturation)
    let q: Double = high * (1 - saturation * f)
    let t: Double = high * (1 - saturation * (1 - f))
    return [[high, t, p], [q, high, p], [p, high, t], [p, q, high], [t, p, high], [high, p, q]][sector % 6]
  }
}
