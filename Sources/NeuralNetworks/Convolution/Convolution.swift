import Basics
import Tensors

/// A convolution over images that lie channels last.
///
/// Members: `weight` `[outputs, inputs, kernel, kernel]` (PyTorch's order, so that its state loads as it is),
/// drawn from a normal distribution of deviation `sqrt(2 / (kernel^2 outputs))`, and `bias` `[outputs]`, 0 at
/// first.
/// - Source: He et al. 2015, by fan-out, as torchvision initialises its residual networks.
public final class Conv2d: Layer {
  /// `[outputs, inputs, kernel, kernel]`, the last two by row, column.
  public let weight: Tensor
  /// `[outputs]`; nil where the layer was made without one.
  public let bias: Tensor?
  /// Pixels from one place of the kernel to the next, down and across.
  public let stride: Int
  /// Rows and columns of zeros on each side of the image.
  public let padding: Int

  /// - Parameters:
  ///   - inputs, outputs: channels
  ///   - kernel: the side of the square kernel
  ///   - padding: rows and columns of zeros around the image
  public init(
    _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, padding: Int = 0, bias: Bool = true,
    using generator: inout RandomGenerator
  ) {
    require(
      inputs > 0 && outputs > 0 && kernel > 0 && stride > 0 && padding >= 0,
      "a convolution of \(inputs) to \(outputs) channels, kernel \(kernel), stride \(stride), padding \(padding)"
    )
    let deviation = (2 / Float(kernel * kernel * outputs)).squareRoot()
    weight = parameter(.normal([outputs, inputs, kernel, kernel], deviation: deviation, using: &generator))
    self.bias = bias ? parameter(.zeros([outputs])) : nil
    self.stride = stride
    self.padding = padding
  }

  public var members: [Member] {
    [.parameter("weight", weight)] + (bias.map { [.parameter("bias", $0)] } ?? [])
  }

  /// `[batch, height, width, inputs]` to `[batch, height', width', outputs]`, where
  /// `height' = (height + 2 padding - kernel) / stride + 1`, rounded down.
  public func callAsFunction(_ x: Tensor, _ pass: inout Pass) -> Tensor {
    Tensor.conv2d(x, weight: weight, bias: bias, stride: stride, padding: padding)
  }
}

extension Tensor {
  /// Cross-correlation with square kernels, as networks call a convolution.
  ///
  /// - Parameters:
  ///   - x: `[batch, height, width, inputs]`
  ///   - weight: `[outputs, inputs, kernel, kernel]`
  ///   - bias: `[outputs]`
  /// - Returns: `[batch, height', width', outputs]`
  /// - Complexity: `2 batch height' width' outputs inputs kernel^2` operations, twice that backward. Keeps
  ///   `x` and a copy of the weights.
  public static func conv2d(
    _ x: Tensor, weight: Tensor, bias: Tensor? = nil, stride: Int = 1, padding: Int = 0
  ) -> Tensor {
    require(
      x.rank == 4 && weight.rank == 4 && weight.shape[1] == x.shape[3] && weight.shape[2] == weight.shape[3],
      "weights of shape \(weight.shape) do not fit x of shape \(x.shape): [outputs, inputs, kernel, kernel] and "
        + "[batch, height, width, inputs]")
    require(
      bias == nil || bias!.shape == [weight.shape[0]],
      "a bias of shape \(bias!.shape) does not fit weights of shape \(weight.shape)")
    let geometry = ConvolutionGeometry(
      input: x.shape, outputs: weight.shape[0], kernel: weight.shape[2], stride: stride, padding: padding)
    let weights = PackedWeights(weight, geometry)
    let result = convolutionAlgorithm(for: geometry, .forward).forward(x, weights, bias: bias)
    let input = x.detached()
    let (needsInput, needsWeight) = (x.requiresGradient, weight.requiresGradient)
    let needsBias = bias?.requiresGradient ?? false
    return record(result, from: [x, weight] + (bias.map { [$0] } ?? [])) { upstream in
      [
        needsInput
          ? convolutionAlgorithm(for: geometry, .inputGradient).inputGradient(upstream, weights) : nil,
        needsWeight ? weightGradient(upstream, input, geometry) : nil,
      ] + (bias == nil ? [] : [needsBias ? columnSums(upstream, geometry.outputs) : nil])
    }
  }
  private static func weightGradient(
    _ upstream: Tensor, _ input: Tensor, _ geometry: ConvolutionGeometry
  ) -> Tensor {
    let algorithm = convolutionAlgorithm(for: geometry, .weightGradient)
    return PackedWeights.unpacked(algorithm.weightGradient(upstream, input: input, geometry), geometry)
  }
}
