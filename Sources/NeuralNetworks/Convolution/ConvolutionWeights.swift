import CKernels
import Tensors

extension ConvolutionStencil {
  /// Weights `[outputs, patchLength]` as the kernels take them: `[blocks, rows, columns, channels, block]`.
  func blocked(_ weights: Tensor, _ order: WeightOrder) -> Tensor {
    let block = Int(CK_CONVOLUTION_BLOCK)
    let result = Tensor.uninitialised([blocks, blockSize])
    Parallel.forEach(blocks * channels, grain: 1 + elementwiseGrain / blockSize) {
      range in
      for item in range {
        let (number, channel) = (item / channels, item % channels)
        let count = Swift.min(block, outputs - number * block)
        for tap in 0..<rows * columns {
          let (row, column) = (tap / columns, tap % columns)
          let source = weights.pointer + order.place(number * block, channel, row, column)
          let target =
            result.pointer + number * blockSize + (tap * channels + channel) * block
          for output in 0..<count { target[output] = source[output * order.output] }
          for output in count..<block { target[output] = 0 }
        }
      }
    }
    return result
  }

  /// The way back, for the gradient of a forward convolution's weights: `[outputs, patchLength]`.
  func unblocked(_ sums: Tensor) -> Tensor {
    let block = Int(CK_CONVOLUTION_BLOCK)
    let patchLength = rows * rowLength
    let result = Tensor.uninitialised([outputs, patchLength])
    Parallel.forEach(outputs, grain: 1 + elementwiseGrain / patchLength) { range in
      for output in range {
        let source = sums.pointer + output / block * blockSize + output % block
        let target = result.pointer + output * patchLength
        for i in 0..<patchLength { target[i] = source[i * block] }
      }
    }
    return result
  }
}

/// Where a stencil's weights are in a convolution's, `[outputs, kernel row, kernel column, channel]`.
struct WeightOrder {
  var start: Int
  /// From one output, channel, row and column of the stencil to the next.
  var output: Int
  var channel: Int
  var row: Int
  var column: Int

  init(forwardOf geometry: ConvolutionGeometry) {
    (start, output, channel) = (0, geometry.patchLength, 1)
    (row, column) = (geometry.kernel * geometry.channels, geometry.channels)
  }

  /// The taps that reach a phase's pixels, the last one first; outputs and channels change places.
  init(gradientOf geometry: ConvolutionGeometry, phase: (y: Int, x: Int), _ stencil: ConvolutionStencil) {
    let (kernelRow, kernelColumn) = (geometry.kernel * geometry.channels, geometry.channels)
    let stride = geometry.stride
    let lastY = (phase.y + geometry.padding) % stride + stride * (stencil.rows - 1)
    let lastX = (phase.x + geometry.padding) % stride + stride * (stencil.columns - 1)
    start = lastY * kernelRow + lastX * kernelColumn
    (output, channel) = (1, geometry.patchLength)
    (row, column) = (-stride * kernelRow, -stride * kernelColumn)
  }

  func place(_ output: Int, _ channel: Int, _ row: Int, _ column: Int) -> Int {
    start + output * self.output + channel * self.channel + row * self.row + column * self.column
  }
}
