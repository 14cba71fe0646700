import Tensors

@testable import NeuralNetworks

/// A convolution and its gradients in double precision, by the definition: one loop over every product of a
/// pixel and a weight.
struct ConvolutionReference {
  var output: [Double]
  var inputGradient: [Double]
  var weightGradient: [Double]
  var biasGradient: [Double]

  /// - Parameters:
  ///   - x: `[batch, height, width, channels]`
  ///   - weight: `[outputs, channels, kernel, kernel]`
  ///   - upstream: the gradient of the output, `[batch, outputHeight, outputWidth, outputs]`
  init(
    _ x: Tensor, weight: Tensor, bias: Tensor? = nil, upstream: Tensor, stride: Int, padding: Int
  ) {
    let (height, width, channels) = (x.shape[1], x.shape[2], x.shape[3])
    let (outputs, kernel) = (weight.shape[0], weight.shape[2])
    let (rows, columns) = (upstream.shape[1], upstream.shape[2])
    let (pixels, weights, slopes) = (x.doubles, weight.doubles, upstream.doubles)
    output = [Double](repeating: 0, count: upstream.count)
    inputGradient = [Double](repeating: 0, count: x.count)
    weightGradient = [Double](repeating: 0, count: weight.count)
    biasGradient = [Double](repeating: 0, count: outputs)
    for position in 0..<x.shape[0] * rows * columns {
      let (image, row, column) = (
        position / (rows * columns), position / columns % rows, position % columns
      )
      for output in 0..<outputs {
        let place = position * outputs + output
        var sum = bias.map { Double($0[output]) } ?? 0
        biasGradient[output] += slopes[place]
        for tap in 0..<kernel * kernel {
          let y = row * stride - padding + tap / kernel
          let z = column * stride - padding + tap % kernel
          guard y >= 0, y < height, z >= 0, z < width else { continue }
          for channel in 0..<channels {
            let pixel = ((image * height + y) * width + z) * channels + channel
            let weight = (output * channels + channel) * kernel * kernel + tap
            sum += pixels[pixel] * weights[weight]
            inputGradient[pixel] += slopes[place] * weights[weight]
            weightGradient[weight] += slopes[place] * pixels[pixel]
          }
        }
        self.output[place] = sum
      }
    }
  }
}

extension Tensor {
  var doubles: [Double] { scalars().map(Double.init) }
}

/// The state of the full-size network in `make_network_fixtures.py`: numbers in [-1, 1), multiples of 2^-23,
/// by a hash of the index.
func formula(_ shape: [Int], seed: UInt32) -> Tensor {
  let start = seed &* 0x0100_0193
  return Tensor(
    (0..<shape.reduce(1, *)).map { index in
      var x = UInt32(index) &+ start
      x = (x ^ x >> 16) &* 0x7FEB_352D
      x = (x ^ x >> 15) &* 0x846C_A68B
      x ^= x >> 16
      return Float(x >> 8) * 0x1p-23 - 1
    }, shape: shape)
}
