import CKernels
import Tensors

/// Convolution with the sums of a tile of pixels and outputs in registers, straight from the source's pixels:
/// no patches in memory, and nothing repacked but the weights.
///
/// - Complexity: `2 positions patchLength outputs` operations for each of the three; a band of source rows a
///   core in memory, and the weights (their gradient: up to once a core) in blocks of outputs.
struct TiledConvolution: ConvolutionAlgorithm {
  /// Floats of a band of source rows: a share of a core's second-level cache.
  var bandCount = 65_536

  func forward(_ input: Tensor, _ weights: PackedWeights, bias: Tensor?) -> Tensor {
    let geometry = weights.geometry
    let result = Tensor.uninitialised(geometry.outputShape)
    let stencil = ConvolutionStencil(geometry)
    let order = WeightOrder(forwardOf: geometry)
    convolve(input, stencil, stencil.blocked(weights.rows, order), bias: bias, to: result)
    return result
  }

  func inputGradient(_ upstream: Tensor, _ weights: PackedWeights) -> Tensor {
    let geometry = weights.geometry
    let result = Tensor.uninitialised(geometry.inputShape)
    var isComplete = true
    let phases = (0..<geometry.stride).flatMap { y in
      (0..<geometry.stride).compactMap { x in
        let stencil = ConvolutionStencil(gradientOf: geometry, phase: (y, x))
        if stencil == nil { isComplete = false }
        return stencil.map { ((y, x), $0) }
      }
    }
    if !isComplete || phases.isEmpty {
      Parallel.forEach(result.count, grain: elementwiseGrain) { range in
        ck_fill(range.count, 0, result.pointer + range.lowerBound)
      }
    }
    for (phase, stencil) in phases {
      let order = WeightOrder(gradientOf: geometry, phase: phase, stencil)
      convolve(upstream, stencil, stencil.blocked(weights.rows, order), bias: nil, to: result)
    }
    return result
  }

  private func convolve(
    _ source: Tensor, _ stencil: ConvolutionStencil, _ weights: Tensor, bias: Tensor?, to result: Tensor
  ) {
    let block = Int(CK_CONVOLUTION_BLOCK)
    let bias = bias.map {
      Tensor($0.scalars() + [Float](repeating: 0, count: stencil.blocks * block - $0.count))
    }
    Parallel.forEach(stencil.batch * stencil.height, grain: 1 + 64 / stencil.width) { rows in
      stencil.forEachBand(rows, source: source.pointer, scratch: bandCount) { band in
        for number in 0..<stencil.blocks {
          ck_convolve(
            band.positions, band.sources, band.targets, band.x, stencil.rows, band.rowOffsets,
            stencil.rowLength,
            weights.pointer + number * stencil.blockSize, min(block, stencil.outputs - number * block),
            bias.map { UnsafePointer($0.pointer + number * block) }, result.pointer + number * block)
        }
      }
    }
  }

  /// The cores share the blocks of outputs where there are enough of them (no sums to add up then), and else
  /// the rows of pixels.
  func weightGradient(_ upstream: Tensor, input: Tensor, _ geometry: ConvolutionGeometry) -> Tensor {
    let stencil = ConvolutionStencil(geometry)
    let block = Int(CK_CONVOLUTION_BLOCK)
    let threads = Parallel.threadCount
    let byBlocks = (1...threads).last { threads % $0 == 0 && stencil.blocks % $0 == 0 } ?? 1
    let byRows = threads / byBlocks
    let sums = PartialSums(parts: byRows, count: stencil.blocks * stencil.blockSize)
    let rows = stencil.batch * stencil.height
    Parallel.forEach(byBlocks * byRows) { parts in
      for part in parts {
        let (column, row) = (part % byBlocks, part / byBlocks)
        let blocks = column * stencil.blocks / byBlocks..<(column + 1) * stencil.blocks / byBlocks
        let sum = sums.part(row)
        stencil.forEachBand(
          row * rows / byRows..<(row + 1) * rows / byRows, source: input.pointer, scratch: 2 * bandCount
        ) { band in
          for number in blocks {
            ck_convolution_gradient(
              band.positions, band.sources, band.targets, band.x, stencil.rows, band.rowOffsets,
              stencil.rowLength, upstream.pointer + number * block,
              min(block, stencil.outputs - number * block),
              sum + number * stencil.blockSize)
          }
        }
      }
    }
    return stencil.unblocked(sums.total())
  }
}
