import CKernels
import Tensors

/// A way to compute convolutions; `convolutionAlgorithm(for:_:)` chooses one.
///
/// Tensors are channels last. Implementations run over all cores, and give the same bits for the same thread
/// count.
protocol ConvolutionAlgorithm: Sendable {
  /// - Returns: `[batch, outputHeight, outputWidth, outputs]`
  func forward(_ input: Tensor, _ weights: PackedWeights, bias: Tensor?) -> Tensor
  /// - Parameter upstream: the gradient with respect to the output
  /// - Returns: the gradient with respect to the input
  func inputGradient(_ upstream: Tensor, _ weights: PackedWeights) -> Tensor
  /// - Returns: the gradient with respect to the packed weights, `[outputs, patchLength]`
  func weightGradient(_ upstream: Tensor, input: Tensor, _ geometry: ConvolutionGeometry) -> Tensor
}

/// Convolution as products of patches and weights, the patches made tile by tile in a core's cache and never
/// as a whole.
///
/// - Complexity: 2 positions patchLength outputs operations for each of the three products; one tile of
///   patches a core in memory.
struct DirectConvolution: ConvolutionAlgorithm {
  /// Floats of one tile of patches: half of a common second-level cache of 1 MB.
  var tileCount = 131_072
  /// Patch values in one product, about. Longer sums are cut, so that a tile has enough positions to pay for
  /// the repacking of the weights that each product makes BLAS do.
  var columnLimit = 768

  func forward(_ input: Tensor, _ weights: PackedWeights, bias: Tensor?) -> Tensor {
    let geometry = weights.geometry
    return multiplyPatches(
      of: input, geometry, weights.rows, transposed: true, result: .uninitialised(geometry.outputShape),
      bias: bias)
  }

  func inputGradient(_ upstream: Tensor, _ weights: PackedWeights) -> Tensor {
    let geometry = weights.geometry
    guard let transposed = geometry.transposed else { return scatteredGradient(upstream, weights) }
    return multiplyPatches(
      of: upstream, transposed, weights.flipped(), transposed: false,
      result: .uninitialised(geometry.inputShape),
      bias: nil)
  }

  /// `patches weights^T` (`transposed`, weights `[outputs, patchLength]`) or `patches weights`
  /// (`[patchLength, outputs]`).
  private func multiplyPatches(
    of input: Tensor, _ geometry: ConvolutionGeometry, _ weights: Tensor, transposed: Bool, result: Tensor,
    bias: Tensor?
  ) -> Tensor {
    let (outputs, length) = (geometry.outputs, geometry.patchLength)
    let chunks = pieces(0..<length, atMost: columnLimit, multipleOf: geometry.channels)
    let rows = tileCount / (chunks.map(\.count).max() ?? 1)
    Parallel.forEach(geometry.positions, grain: 64) { range in
      let tiles = pieces(range, atMost: max(rows, 64), multipleOf: 16)
      withPatches(geometry, tiles, chunks) { scratch in
        for tile in tiles {
          let target = result.pointer + tile.lowerBound * outputs
          for columns in chunks {
            let (patches, step) = patches(tile, columns, of: input, geometry, scratch)
            BLAS.gemm(
              transposeB: transposed, m: tile.count, n: outputs, k: columns.count, a: patches, lda: step,
              b: weights.pointer + columns.lowerBound * (transposed ? 1 : outputs),
              ldb: transposed ? length : outputs,
              beta: columns.lowerBound == 0 ? 0 : 1, c: target, ldc: outputs)
          }
          if let bias { ck_add_row(tile.count, outputs, target, bias.pointer, target) }
        }
      }
    }
    return result
  }

  /// The input's gradient where it is not a convolution: the gradient of the patches, added up in the input.
  /// A core works on whole images, one tile after the other, because patches overlap.
  private func scatteredGradient(_ upstream: Tensor, _ weights: PackedWeights) -> Tensor {
    let geometry = weights.geometry
    let (outputs, length) = (geometry.outputs, geometry.patchLength)
    let result = Tensor.uninitialised(geometry.inputShape)
    let perImage = geometry.outputHeight * geometry.outputWidth
    let imageCount = geometry.height * geometry.width * geometry.channels
    let chunks = pieces(0..<length, atMost: columnLimit, multipleOf: geometry.channels)
    let rows = tileCount / (chunks.map(\.count).max() ?? 1)
    Parallel.forEach(geometry.batch) { images in
      ck_fill(images.count * imageCount, 0, result.pointer + images.lowerBound * imageCount)
      let range = images.lowerBound * perImage..<images.upperBound * perImage
      let tiles = pieces(range, atMost: max(rows, 64), multipleOf: 16)
      withPatches(geometry, tiles, chunks) { scratch in
        for tile in tiles {
          for columns in chunks {
            BLAS.gemm(
              m: tile.count, n: columns.count, k: outputs, a: upstream.pointer + tile.lowerBound * outputs,
              lda: outputs,
              b: weights.rows.pointer + columns.lowerBound, ldb: length, c: scratch, ldc: columns.count)
            geometry.addPatches(tile, columns, scratch, to: result.pointer)
          }
        }
      }
    }
    return result
  }

  /// The cores share the patches' values where there are enough of them (no sum to add up then), and else the
  /// positions.
  func weightGradient(_ upstream: Tensor, input: Tensor, _ geometry: ConvolutionGeometry) -> Tensor {
    let (outputs, length) = (geometry.outputs, geometry.patchLength)
    let threads = Parallel.threadCount
    let byColumns = (1...threads).last { threads % $0 == 0 && $0 <= max(1, length / 256) } ?? 1
    let byPositions = threads / byColumns
    let sums = PartialSums(parts: byPositions, count: outputs * length)
    Parallel.forEach(byColumns * byPositions) { parts in
      for part in parts {
        let columns = share(part % byColumns, of: byColumns, 0..<length)
        let positions = share(part / byColumns, of: byPositions, 0..<geometry.positions)
        addWeightGradient(upstream, input, geometry, columns, positions, to: sums.part(part / byColumns))
      }
    }
    return sums.total().reshaped([outputs, length])
  }

  private func addWeightGradient(
    _ upstream: Tensor, _ input: Tensor, _ geometry: ConvolutionGeometry, _ columns: Range<Int>,
    _ positions: Range<Int>,
    to sum: UnsafeMutablePointer<Float>
  ) {
    let (outputs, length) = (geometry.outputs, geometry.patchLength)
    let chunks = pieces(columns, atMost: columnLimit, multipleOf: 16)
    let tiles = pieces(positions, atMost: tileCount / (chunks.map(\.count).max() ?? 1), multipleOf: 16)
    withPatches(geometry, tiles, chunks) { scratch in
      for chunk in chunks {
        for tile in tiles {
          let (patches, step) = patches(tile, chunk, of: input, geometry, scratch)
          BLAS.gemm(
            transposeA: true, m: outputs, n: chunk.count, k: tile.count,
            a: upstream.pointer + tile.lowerBound * outputs, lda: outputs, b: patches, ldb: step, beta: 1,
            c: sum + chunk.lowerBound, ldc: length)
        }
      }
    }
  }

  /// A tile's patches as a matrix: the input itself where it has that layout.
  private func patches(
    _ tile: Range<Int>, _ columns: Range<Int>, of input: Tensor, _ geometry: ConvolutionGeometry,
    _ scratch: UnsafeMutablePointer<Float>
  ) -> (UnsafePointer<Float>, step: Int) {
    if geometry.isPointwise {
      let start = tile.lowerBound * geometry.channels + columns.lowerBound
      return (UnsafePointer(input.pointer + start), geometry.channels)
    }
    geometry.copyPatches(tile, columns, from: input.pointer, to: scratch)
    return (UnsafePointer(scratch), columns.count)
  }

  private func withPatches(
    _ geometry: ConvolutionGeometry, _ tiles: [Range<Int>], _ chunks: [Range<Int>],
    _ body: (UnsafeMutablePointer<Float>) -> Void
  ) {
    withScratch((tiles.map(\.count).max() ?? 0) * (chunks.map(\.count).max() ?? 0), body)
  }
}

/// `range` cut into as few pieces of about one length as keep to the limit, their borders at multiples of
/// `unit` from its start.
func pieces(_ range: Range<Int>, atMost limit: Int, multipleOf unit: Int) -> [Range<Int>] {
  guard !range.isEmpty else { return [] }
  let units = (range.count + unit - 1) / unit
  let count = (units + max(1, limit / unit) - 1) / max(1, limit / unit)
  return (0..<count).map { index in
    let low = range.lowerBound + index * units / count * unit
    let high = range.lowerBound + (index + 1) * units / count * unit
    return low..<min(high, range.upperBound)
  }
}

/// Part `index` of `count` about equal ones; inner borders at multiples of 16.
private func share(_ index: Int, of count: Int, _ range: Range<Int>) -> Range<Int> {
  func border(_ i: Int) -> Int {
    i == count ? range.upperBound : range.lowerBound + i * range.count / count / 16 * 16
  }
  return border(index)..<border(index + 1)
}
