extension ResNet.Configuration {
  /// One of a network's convolutions; its padding is half of the kernel, rounded down.
  package struct Convolution: Sendable, Equatable {
    /// The image's side.
    package var size: Int
    /// Channels of the input.
    package var channels: Int
    /// Channels of the output.
    package var outputs: Int
    /// The kernel's side.
    package var kernel = 3
    /// Pixels from one window to the next, down and across.
    package var stride = 1
    /// How often the network has it.
    package var count = 1

    /// For one image, forward.
    var multiplyAdds: Double {
      let side = (size + stride - 1) / stride
      return Double(side * side) * Double(kernel * kernel) * Double(channels * outputs)
    }
  }

  /// The different convolutions, the stem first.
  package func convolutions(of images: ImageShape) -> [Convolution] {
    let isLarge = stem == .large
    let stemStride = isLarge ? 2 : stemStride
    var result = [
      Convolution(
        size: images.size, channels: images.channels, outputs: width, kernel: isLarge ? 7 : 3,
        stride: stemStride)
    ]
    var (size, inputs) = ((images.size + stemStride - 1) / stemStride, width)
    if isLarge { size = (size + 1) / 2 }
    for (stage, blocks) in blocks.enumerated() {
      let outputs = width << stage
      if stage > 0 {
        result.append(Convolution(size: size, channels: inputs, outputs: outputs, stride: 2))
        result.append(Convolution(size: size, channels: inputs, outputs: outputs, kernel: 1, stride: 2))
        size = (size + 1) / 2
      }
      let count = 2 * blocks - (stage > 0 ? 1 : 0)
      if count > 0 {
        result.append(Convolution(size: size, channels: outputs, outputs: outputs, count: count))
      }
      inputs = outputs
    }
    return result
  }
}

extension ResNet {
  /// Counts the convolutions by their definition, whatever an algorithm saves: forward once and backward twice, but for the
  /// first one, whose input needs no gradient.
  public func multiplyAdds(images: [Int]) -> Double {
    let convolutions = configuration.convolutions(of: ImageShape(size: images[3], channels: images[1]))
    let all = convolutions.reduce(0) { $0 + 3 * $1.multiplyAdds * Double($1.count) }
    return Double(images[0]) * (all - convolutions[0].multiplyAdds)
  }
}
