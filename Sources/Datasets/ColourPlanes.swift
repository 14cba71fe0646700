/// An image of values in [0, 1], plane by plane, changed in place. With one channel, saturation and hue
/// change nothing.
struct ColourPlanes {
  private let values: UnsafeMutablePointer<Float>
  private let channels: Int
  private let plane: Int

  init(_ values: UnsafeMutablePointer<Float>, channels: Int, plane: Int) {
    self.values = values
    self.channels = channels
    self.plane = plane
  }

  private var hasColour: Bool { channels == 3 }
  private var red: UnsafeMutablePointer<Float> { values }
  private var green: UnsafeMutablePointer<Float> { values + plane }
  private var blue: UnsafeMutablePointer<Float> { values + 2 * plane }

  @inline(__always)
  private func grey(_ i: Int) -> Float {
    hasColour ? 0.2989 * red[i] + 0.587 * green[i] + 0.114 * blue[i] : values[i]
  }

  @inline(__always)
  private func cut(_ value: Float) -> Float { min(max(value, 0), 1) }

  func changeBrightness(_ factor: Float) {
    for i in 0..<channels * plane { values[i] = cut(values[i] * factor) }
  }

  func changeContrast(_ factor: Float) {
    var sum: Float = 0
    for i in 0..<plane { sum += grey(i) }
    let shift = (1 - factor) * sum / Float(plane)
    for i in 0..<channels * plane { values[i] = cut(values[i] * factor + shift) }
  }

  func changeSaturation(_ factor: Float) {
    guard hasColour else { return }
    for i in 0..<plane {
      let shift = (1 - factor) * grey(i)
      red[i] = cut(red[i] * factor + shift)
      green[i] = cut(green[i] * factor + shift)
      blue[i] = cut(blue[i] * factor + shift)
    }
  }

  func makeGrey() {
    guard hasColour else { return }
    for i in 0..<plane {
      let value = grey(i)
      red[i] = value
      green[i] = value
      blue[i] = value
    }
  }

  /// Turns the hue by a share of the circle, keeping value and chroma: HSV without a branch a sector.
  func turnHue(_ shift: Float) {
    guard hasColour else { return }
    for i in 0..<plane {
      let (r, g, b) = (red[i], green[i], blue[i])
      let high = max(r, max(g, b))
      let chroma = high - min(r, min(g, b))
      guard chroma > 0 else { continue }
      let inverse = 1 / chroma
      var hue: Float
      if high == r {
        hue = (g - b) * inverse
      } else if high == g {
        hue = (b - r) * inverse + 2
      } else {
        hue = (r - g) * inverse + 4
      }
      hue += 6 * shift
      red[i] = channel(hue, 5, high, chroma)
      green[i] = channel(hue, 3, high, chroma)
      blue[i] = channel(hue, 1, high, chroma)
    }
  }

  /// `high - chroma * clamp(min(k, 4 - k), 0, 1)` with `k = (offset + hue) mod 6`.
  @inline(__always)
  private func channel(_ hue: Float, _ offset: Float, _ high: Float, _ chroma: Float) -> Float {
    var k = hue + offset
    k -= 6 * (k * (1 / 6)).rounded(.down)
    return high - chroma * cut(min(k, 4 - k))
  }
}
