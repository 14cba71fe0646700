import CKernels
import Tensors
import Testing

@Suite("Colour kernels")
struct KernelColourTests {
  /// By the definition of HSV, in double precision: value and chroma stay, hue moves.
  private func turned(_ colour: [Double], by shift: Double) -> [Double] {
    let (high, low) = (colour.max()!, colour.min()!)
    guard high > low else { return colour }
    let distance = colour.map { (high - $0) / (high - low) }
    let hue =
      colour[0] == high
      ? distance[2] - distance[1]
      : colour[1] == high ? 2 + distance[0] - distance[2] : 4 + distance[1] - distance[0]
    return [5.0, 3, 1].map { offset in
      var k = hue + shift + offset
      k -= 6 * (k / 6).rounded(.down)
      return high - (high - low) * min(max(min(k, 4 - k), 0), 1)
    }
  }

  @Test("hue turns the same on every instruction set, whatever the number of pixels", arguments: kernelLevels)
  func hue(_ level: Int32) {
    var generator = RandomGenerator(seed: 5)
    for count in [1, 3, 8, 17, 64, 100] {
      for shift: Float in [-3, -0.6, 0, 0.25, 2, 3] {
        let pixels = (0..<count).map { i in
          i == 0 ? [Float](repeating: 0.5, count: 3) : (0..<3).map { _ in generator.uniform() }
        }
        var (red, green, blue) = (pixels.map { $0[0] }, pixels.map { $0[1] }, pixels.map { $0[2] })
        withLevel(level) { ck_turn_hue(count, shift, &red, &green, &blue) }
        let planes = [red, green, blue]
        for (i, pixel) in pixels.enumerated() {
          let expected = turned(pixel.map(Double.init), by: Double(shift))
          for channel in 0..<3 { #expect(abs(Double(planes[channel][i]) - expected[channel]) < 5e-6) }
        }
      }
    }
  }
}
