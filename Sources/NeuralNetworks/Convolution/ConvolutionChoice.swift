import Foundation
import Tensors

/// The three products that a convolution takes in training.
package enum ConvolutionProduct: String, CaseIterable, Sendable {
  case forward
  case inputGradient = "input gradient"
  case weightGradient = "weight gradient"
}

/// How convolutions are computed.
package enum ConvolutionMethod: String, CaseIterable, Sendable {
  /// What `conv2d` does: the fastest one for each geometry and product, as measured.
  case auto
  case direct
  case tiled
  /// Applies to kernels of side 3 and stride 1.
  case winograd

  /// What the process uses: the method that `SPREAD_CONVOLUTION` names, to compare whole steps; else `auto`.
  static let ofProcess =
    ProcessInfo.processInfo.environment["SPREAD_CONVOLUTION"].flatMap(ConvolutionMethod.init) ?? .auto

  /// - Returns: nil where the method does not apply to this geometry.
  func algorithm(
    for geometry: ConvolutionGeometry, _ product: ConvolutionProduct
  ) -> (any ConvolutionAlgorithm)? {
    switch self {
    case .auto: fastestAlgorithm(for: geometry, product)
    case .direct: DirectConvolution()
    case .tiled: TiledConvolution()
    case .winograd: WinogradConvolution.fits(geometry) ? WinogradConvolution() : nil
    }
  }
}

/// The algorithm that `conv2d` uses for one of its products: the fastest one, or the process's.
func convolutionAlgorithm(
  for geometry: ConvolutionGeometry, _ product: ConvolutionProduct
) -> any ConvolutionAlgorithm {
  ConvolutionMethod.ofProcess.algorithm(for: geometry, product) ?? fastestAlgorithm(for: geometry, product)
}

/// The fastest one for a product, as measured (Benchmarks/resnet.md).
///
/// Winograd's where it saves half of the multiplications at least and has channels enough for its transforms
/// to pay, and tiles enough for those of the weights. Else register tiles, except where the weights are so
/// many that each tile waits for them; BLAS blocks for that.
private func fastestAlgorithm(
  for geometry: ConvolutionGeometry, _ product: ConvolutionProduct
) -> any ConvolutionAlgorithm {
  let (channels, outputs) = (geometry.channels, geometry.outputs)
  if WinogradConvolution.fits(geometry), min(channels, outputs) >= 16 {
    let (height, width) =
      product == .inputGradient
      ? (geometry.height, geometry.width) : (geometry.outputHeight, geometry.outputWidth)
    let tiles = (height + 3) / 4 * ((width + 3) / 4)
    if 9 * height * width >= 2 * 36 * tiles, geometry.batch * tiles >= 32 { return WinogradConvolution() }
  }
  return outputs * geometry.patchLength <= 600_000 ? TiledConvolution() : DirectConvolution()
}

/// One convolution on random values, whose products are run one at a time, to be measured.
package struct ConvolutionSample {
  private let geometry: ConvolutionGeometry
  private let input: Tensor
  private let weight: Tensor
  private let upstream: Tensor

  /// - Parameters:
  ///   - size: the image's side; half of the kernel, rounded down, is the padding.
  package init(
    batch: Int, size: Int, channels: Int, outputs: Int, kernel: Int, stride: Int,
    using generator: inout RandomGenerator
  ) {
    geometry = ConvolutionGeometry(
      input: [batch, size, size, channels], outputs: outputs, kernel: kernel, stride: stride,
      padding: kernel / 2)
    input = .normal(geometry.inputShape, using: &generator)
    weight = .normal([outputs, channels, kernel, kernel], using: &generator)
    upstream = .normal(geometry.outputShape, using: &generator)
  }

  /// Multiplications and additions of each product by the definition, whatever the method saves.
  package var operations: Double {
    2 * Double(geometry.positions) * Double(geometry.patchLength) * Double(geometry.outputs)
  }

  /// What `conv2d` does for a product, the weights' change of order included.
  ///
  /// - Returns: the result, or nil where the method does not apply.
  package func run(_ product: ConvolutionProduct, by method: ConvolutionMethod) -> Tensor? {
    guard let algorithm = method.algorithm(for: geometry, product) else { return nil }
    switch product {
    case .forward: return algorithm.forward(input, PackedWeights(weight, geometry), bias: nil)
    case .inputGradient: return algorithm.inputGradient(upstream, PackedWeights(weight, geometry))
    case .weightGradient:
      return PackedWeights.unpacked(
        algorithm.weightGradient(upstream, input: input, geometry), geometry)
    }
  }
}
