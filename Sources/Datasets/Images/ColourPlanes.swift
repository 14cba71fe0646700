import CKernels

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

  /// Turns the hue by a share of the circle, keeping value and chroma.
  func turnHue(_ shift: Float) {
    guard hasColour else { return }
    ck_turn_hue(plane, 6 * shift, red, green, blue)
  }
}
