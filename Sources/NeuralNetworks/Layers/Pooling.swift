import Basics
import CKernels
import Tensors

/// The largest value of each channel in square windows. Padding never wins.
public final class MaxPool2d: Layer {
  /// The window's side, in pixels.
  public let size: Int
  /// Pixels from one window to the next, down and across.
  public let stride: Int
  /// Rows and columns around the image that count as absent; at most half of `size`, checked by each call.
  public let padding: Int

  /// - Parameter stride: the window's side when not given.
  public init(_ size: Int, stride: Int? = nil, padding: Int = 0) {
    (self.size, self.stride, self.padding) = (size, stride ?? size, padding)
  }

  public var members: [Member] { [] }

  /// `[batch, height, width, channels]` to `[batch, height', width', channels]`, sizes as for `Conv2d`.
  public func callAsFunction(_ x: Tensor, _ pass: inout Pass) -> Tensor {
    x.maxPooled(size, stride: stride, padding: padding)
  }
}

/// The mean of each channel in square windows. Padding counts as zeros, as it does by default in PyTorch.
public final class AveragePool2d: Layer {
  /// The window's side, in pixels.
  public let size: Int
  /// Pixels from one window to the next, down and across.
  public let stride: Int
  /// Rows and columns of zeros around the image; at most half of `size`, checked by each call.
  public let padding: Int

  /// - Parameter stride: the window's side when not given.
  public init(_ size: Int, stride: Int? = nil, padding: Int = 0) {
    (self.size, self.stride, self.padding) = (size, stride ?? size, padding)
  }

  public var members: [Member] { [] }

  /// `[batch, height, width, channels]` to `[batch, height', width', channels]`, sizes as for `Conv2d`.
  public func callAsFunction(_ x: Tensor, _ pass: inout Pass) -> Tensor {
    x.averagePooled(size, stride: stride, padding: padding)
  }
}

extension Tensor {
  /// The largest value of each channel in windows of `size` x `size`; the first one gets the gradient.
  /// - Complexity: `size^2` comparisons a result; keeps where each came from.
  public func maxPooled(_ size: Int, stride: Int, padding: Int = 0) -> Tensor {
    let geometry = windows(size, stride, padding)
    let channels = geometry.channels
    let outputShape = [geometry.batch, geometry.outputHeight, geometry.outputWidth, channels]
    let result = Tensor.uninitialised(outputShape)
    // Bit patterns of UInt32 in a tensor's memory: it comes from the pool.
    let origins = Tensor.uninitialised(outputShape)
    require(count <= Int(UInt32.max), "an input of shape \(shape) is too large to pool")
    geometry.forEachWindow { position, pixel, isFirst in
      let (source, target) = (pointer + pixel * channels, result.pointer + position * channels)
      let origin = origins.pointer + position * channels
      for c in 0..<channels where isFirst || source[c] > target[c] || source[c].isNaN {
        target[c] = source[c]
        origin[c] = Float(bitPattern: UInt32(pixel))
      }
    }
    let inputShape = shape
    return Tensor.record(result, from: [self]) { upstream in
      let gradient = Tensor.zeros(inputShape)
      let perImage = geometry.outputHeight * geometry.outputWidth * channels
      Parallel.forEach(geometry.batch) { images in
        for i in images.lowerBound * perImage..<images.upperBound * perImage {
          gradient.pointer[Int(origins.pointer[i].bitPattern) * channels + i % channels] +=
            upstream.pointer[i]
        }
      }
      return [gradient]
    }
  }

  /// The mean of each channel in windows of `size` x `size`, padding counted.
  /// - Complexity: `size^2` additions a result, and a value.
  public func averagePooled(_ size: Int, stride: Int, padding: Int = 0) -> Tensor {
    let geometry = windows(size, stride, padding)
    let channels = geometry.channels
    let share = 1 / Float(size * size)
    let result = Tensor.zeros([geometry.batch, geometry.outputHeight, geometry.outputWidth, channels])
    geometry.forEachWindow { position, pixel, _ in
      ck_accumulate(channels, share, pointer + pixel * channels, result.pointer + position * channels)
    }
    let inputShape = shape
    return Tensor.record(result, from: [self]) { upstream in
      let gradient = Tensor.zeros(inputShape)
      geometry.forEachWindow { position, pixel, _ in
        ck_accumulate(
          channels, share, upstream.pointer + position * channels, gradient.pointer + pixel * channels)
      }
      return [gradient]
    }
  }

  /// Every window sees a pixel: what lies in the padding as a whole would have no largest value.
  private func windows(_ size: Int, _ stride: Int, _ padding: Int) -> ConvolutionGeometry {
    require(padding <= size / 2, "padding \(padding) is more than half of the window \(size)")
    return ConvolutionGeometry(input: shape, outputs: 1, kernel: size, stride: stride, padding: padding)
  }

  /// The mean over an image: `[batch, height, width, channels]` to `[batch, channels]`.
  public func globalAveragePooled() -> Tensor {
    require(
      rank == 4 && shape[1] * shape[2] > 0,
      "images of shape \(shape), and not [batch, height, width, channels]")
    let (area, channels) = (shape[1] * shape[2], shape[3])
    let result = Tensor.zeros([shape[0], channels])
    Parallel.forEach(shape[0], grain: 1 + elementwiseGrain / Swift.max(1, area * channels)) { images in
      for image in images {
        let mean = result.pointer + image * channels
        ck_accumulate_rows(area, channels, pointer + image * area * channels, mean)
        ck_scale_shift(channels, mean, 1 / Float(area), 0, mean)
      }
    }
    let inputShape = shape
    return Tensor.record(result, from: [self]) { upstream in
      let gradient = Tensor.uninitialised(inputShape)
      Parallel.forEach(inputShape[0], grain: 1 + elementwiseGrain / Swift.max(1, area * channels)) { images in
        for pixel in images.lowerBound * area..<images.upperBound * area {
          ck_scale_shift(
            channels, upstream.pointer + pixel / area * channels, 1 / Float(area), 0,
            gradient.pointer + pixel * channels)
        }
      }
      return [gradient]
    }
  }
}

extension ConvolutionGeometry {
  /// Calls `body` with every position and each pixel in its window, by rows; positions and pixels are
  /// numbered over the batch. An image is one core's.
  fileprivate func forEachWindow(_ body: (_ position: Int, _ pixel: Int, _ isFirst: Bool) -> Void) {
    Parallel.forEach(batch) { images in
      for image in images {
        for y in 0..<outputHeight {
          for x in 0..<outputWidth {
            let position = (image * outputHeight + y) * outputWidth + x
            let (top, left) = (y * stride - padding, x * stride - padding)
            let (firstRow, firstColumn) = (max(0, top), max(0, left))
            for row in firstRow..<min(height, top + kernel) {
              for column in firstColumn..<min(width, left + kernel) {
                let isFirst = row == firstRow && column == firstColumn
                body(position, (image * height + row) * width + column, isFirst)
              }
            }
          }
        }
      }
    }
  }
}
