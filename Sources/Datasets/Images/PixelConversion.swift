/// Changes of four-byte pixels in place.
enum PixelConversion {
  /// `round(a b / 255)`.
  private static func product(_ a: UInt8, _ b: UInt8) -> UInt8 {
    UInt8((UInt32(a) * UInt32(b) * 2 + 255) / 510)
  }

  static func inkToColour(_ pixels: UnsafeMutablePointer<UInt8>, count: Int, isInverted: Bool) {
    let turn: UInt8 = isInverted ? 0 : 255
    for i in 0..<count {
      let pixel = pixels + 4 * i
      let light = pixel[3] ^ turn
      for channel in 0..<3 { pixel[channel] = product(pixel[channel] ^ turn, light) }
    }
  }

  static func layOntoWhite(_ pixels: UnsafeMutablePointer<UInt8>, count: Int) {
    for i in 0..<count where pixels[4 * i + 3] < 255 {
      let pixel = pixels + 4 * i
      for channel in 0..<3 { pixel[channel] = 255 - product(255 - pixel[channel], pixel[3]) }
    }
  }

  /// Leaves one byte a pixel.
  static func colourToGrey(_ pixels: UnsafeMutablePointer<UInt8>, count: Int) {
    for i in 0..<count {
      let pixel = pixels + 4 * i
      let sum = 299 * UInt32(pixel[0]) + 587 * UInt32(pixel[1]) + 114 * UInt32(pixel[2])
      pixels[i] = UInt8((sum + 500) / 1000)
    }
  }
}
