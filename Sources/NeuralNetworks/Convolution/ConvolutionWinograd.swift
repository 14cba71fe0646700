import CKernels
import Tensors

/// Winograd's convolution, for kernels of side 3 and stride 1: tiles of 4 x 4 results from 6 x 6 pixels,
/// `F(4 x 4, 3 x 3)`, with a quarter of the multiplications. What was transformed is multiplied with the
/// kernels of `TiledConvolution`, 36 products for a block of tiles that stays in a core's cache.
///
/// Against double precision the largest error, relative to the largest result, was 0.7e-6 (16 channels) to
/// 2.5e-6 (256) on normal values, where `DirectConvolution` had 0.3e-6; that of either gradient, 1e-6.
/// - Complexity: `36 tiles channels outputs` multiplications for each of the three products, where
///   `tiles = batch ceil(height' / 4) ceil(width' / 4)`, and transforms of `tiles (channels + outputs)`; 4
///   times the weights in memory (their gradient: up to once a core), and a block of tiles a core.
/// - Source: Lavin and Gray 2016; the points 0, 3/4, -3/4, 3/2, -3/2 after Barabasz et al. 2020, who look for
///   small errors.
struct WinogradConvolution: ConvolutionAlgorithm {
  /// Floats of a block of transformed tiles, about: a core's share of the caches.
  var blockCount = 131_072

  static func fits(_ geometry: ConvolutionGeometry) -> Bool { geometry.kernel == 3 && geometry.stride == 1 }

  func forward(_ input: Tensor, _ weights: PackedWeights, bias: Tensor?) -> Tensor {
    let geometry = weights.geometry
    let result = Tensor.uninitialised(geometry.outputShape)
    let stencil = ConvolutionStencil(geometry)
    convolve(input, stencil, weights.rows, WeightOrder(forwardOf: geometry), bias: bias, to: result)
    return result
  }

  func inputGradient(_ upstream: Tensor, _ weights: PackedWeights) -> Tensor {
    let geometry = weights.geometry
    let result = Tensor.uninitialised(geometry.inputShape)
    guard let stencil = ConvolutionStencil(gradientOf: geometry, phase: (0, 0)) else {
      fatalError("\(geometry) has no input gradient by Winograd's convolution")
    }
    let order = WeightOrder(gradientOf: geometry, phase: (0, 0), stencil)
    convolve(upstream, stencil, weights.rows, order, bias: nil, to: result)
    return result
  }

  private func convolve(
    _ source: Tensor, _ stencil: ConvolutionStencil, _ weights: Tensor, _ order: WeightOrder, bias: Tensor?,
    to result: Tensor
  ) {
    let grid = WinogradGrid(stencil)
    let transformed = grid.transformed(stencil.blocked(weights, order))
    let outputs = stencil.outputs
    let block = Int(CK_CONVOLUTION_BLOCK)
    forEachBlock(0..<grid.tiles, grid, outputs: outputs) { tiles, scratch in
      grid.transformInput(tiles, of: source, to: scratch.input, stride: scratch.inputStride)
      for point in 0..<36 {
        let (x, y) = (
          scratch.input + point * scratch.inputStride, scratch.output + point * scratch.outputStride
        )
        for number in 0..<stencil.blocks {
          ck_convolve(
            tiles.count, scratch.sources, scratch.targets, x, 1, [0], stencil.channels,
            transformed.pointer + point * grid.weightStride + number * stencil.channels * block,
            min(block, outputs - number * block), nil, y + number * block)
        }
      }
      for (index, tile) in tiles.enumerated() {
        let place = grid.place(tile)
        ck_winograd_output(
          outputs, scratch.output + index * outputs, scratch.outputStride, bias?.pointer, place.rows,
          place.columns, result.pointer + place.target, stencil.rowStride)
      }
    }
  }

  /// The cores share the tiles, and the blocks of outputs where the sums are so many that a core's would not
  /// stay in its cache; then each transforms the input for itself.
  func weightGradient(_ upstream: Tensor, input: Tensor, _ geometry: ConvolutionGeometry) -> Tensor {
    let stencil = ConvolutionStencil(geometry)
    let grid = WinogradGrid(stencil)
    let block = Int(CK_CONVOLUTION_BLOCK)
    let threads = Parallel.threadCount
    let most = max(1, geometry.channels * geometry.outputs / 32_768)
    let byBlocks =
      (1...threads).last { threads % $0 == 0 && stencil.blocks % $0 == 0 && $0 <= most } ?? 1
    let byTiles = threads / byBlocks
    let sums = PartialSums(parts: byTiles, count: 36 * grid.weightStride)
    Parallel.forEach(threads) { parts in
      for part in parts {
        let (column, row) = (part % byBlocks, part / byBlocks)
        let blocks = column * stencil.blocks / byBlocks..<(column + 1) * stencil.blocks / byBlocks
        let tiles = row * grid.tiles / byTiles..<(row + 1) * grid.tiles / byTiles
        let first = blocks.lowerBound * block
        let outputs = min(blocks.upperBound * block, stencil.outputs) - first
        let sum = sums.part(row)
        work(tiles, grid, outputs: outputs) { tiles, scratch in
          grid.transformInput(tiles, of: input, to: scratch.input, stride: scratch.inputStride)
          for (index, tile) in tiles.enumerated() {
            let place = grid.place(tile)
            ck_winograd_upstream(
              outputs, upstream.pointer + place.target + first, stencil.rowStride, stencil.columnStride,
              place.rows, place.columns, scratch.output + index * outputs, scratch.outputStride)
          }
          for point in 0..<36 {
            let (x, dy) = (
              scratch.input + point * scratch.inputStride, scratch.output + point * scratch.outputStride
            )
            for number in blocks {
              let start = number * block - first
              ck_convolution_gradient(
                tiles.count, scratch.sources, scratch.targets, x, 1, [0], stencil.channels, dy + start,
                min(block, outputs - start),
                sum + point * grid.weightStride + number * stencil.channels * block)
            }
          }
        }
      }
    }
    return stencil.unblocked(grid.weightGradient(sums.total()))
  }

  /// Memory for a block of tiles: their transforms, 36 matrices `[tiles, channels]` and `[tiles, outputs]`
  /// some floats apart, and where the tiles' rows start in these.
  private struct Scratch {
    var input: UnsafeMutablePointer<Float>
    var output: UnsafeMutablePointer<Float>
    var inputStride: Int
    var outputStride: Int
    var sources: UnsafeMutablePointer<Int>
    var targets: UnsafeMutablePointer<Int>
  }

  private func forEachBlock(
    _ tiles: Range<Int>, _ grid: WinogradGrid, outputs: Int, _ body: (Range<Int>, Scratch) -> Void
  ) {
    let perTile = 36 * grid.stencil.channels * outputs
    Parallel.forEach(tiles.count, grain: 1 + 500_000 / perTile) { range in
      work(range, grid, outputs: outputs, body)
    }
  }

  /// Calls `body` with one block of tiles after the other, on this core.
  private func work(
    _ tiles: Range<Int>, _ grid: WinogradGrid, outputs: Int, _ body: (Range<Int>, Scratch) -> Void
  ) {
    let channels = grid.stencil.channels
    // Every block goes through all weights once. When those are too many for the caches as well, more tiles
    // a block pay more than tiles that stay near.
    let forWeights = min(96, channels * outputs / 1024)
    let limit = max(24, forWeights, blockCount / (36 * (channels + outputs)))
    let blocks = pieces(tiles, atMost: limit, multipleOf: 12)  // whole register tiles
    let largest = blocks.map(\.count).max() ?? 0
    let inputStride = WinogradGrid.apart(largest * channels)
    let outputStride = WinogradGrid.apart(largest * outputs)
    withScratch(36 * (inputStride + outputStride)) { floats in
      withUnsafeTemporaryAllocation(of: Int.self, capacity: 2 * largest) { table in
        guard let base = table.baseAddress else { return }
        for index in 0..<largest {
          base[index] = index * channels
          base[largest + index] = index * outputs
        }
        let scratch = Scratch(
          input: floats, output: floats + 36 * inputStride, inputStride: inputStride,
          outputStride: outputStride, sources: base, targets: base + largest)
        for block in blocks { body(block, scratch) }
      }
    }
  }
}

/// The tiles of a convolution, 4 x 4 results each, numbered over the batch; the last ones of a row or column
/// may be cut.
struct WinogradGrid: Sendable {
  let stencil: ConvolutionStencil
  let rows: Int
  let columns: Int

  init(_ stencil: ConvolutionStencil) {
    self.stencil = stencil
    (rows, columns) = ((stencil.height + 3) / 4, (stencil.width + 3) / 4)
  }

  var tiles: Int { stencil.batch * rows * columns }

  /// From one of the 36 matrices to the next: not a power of two, which would have all 36 in the same lines
  /// of a cache.
  static func apart(_ count: Int) -> Int { (count + 15) / 16 * 16 + 16 }
  private var weightCount: Int { stencil.blocks * stencil.channels * Int(CK_CONVOLUTION_BLOCK) }
  var weightStride: Int { WinogradGrid.apart(weightCount) }

  /// Where a tile's results lie, and how many rows and columns of them there are.
  func place(_ tile: Int) -> (target: Int, rows: Int32, columns: Int32) {
    let (image, row, column) = (tile / (rows * columns), tile / columns % rows, tile % columns)
    let target =
      stencil.targetStart + image * stencil.imageStride + 4 * row * stencil.rowStride
      + 4 * column * stencil.columnStride
    return (target, Int32(min(4, stencil.height - 4 * row)), Int32(min(4, stencil.width - 4 * column)))
  }

  func transformInput(
    _ tiles: Range<Int>, of source: Tensor, to target: UnsafeMutablePointer<Float>, stride: Int
  ) {
    let (height, width, channels) = (stencil.sourceHeight, stencil.sourceWidth, stencil.channels)
    for (index, tile) in tiles.enumerated() {
      let image = tile / (rows * columns)
      let y = stencil.originY + 4 * (tile / columns % rows)
      let x = stencil.originX + 4 * (tile % columns)
      ck_winograd_input(
        channels, source.pointer, ((image * height + y) * width + x) * channels, width * channels,
        Int32(max(0, -y)), Int32(max(0, min(6, height - y))), Int32(max(0, -x)),
        Int32(max(0, min(6, width - x))), target + index * channels, stride)
    }
  }

  /// Weights as `ConvolutionStencil.blocked` gives them to 36 matrices `[blocks, channels, block]`,
  /// `weightStride` apart.
  func transformed(_ weights: Tensor) -> Tensor {
    let result = Tensor.uninitialised([36, weightStride])
    overWeights { number, range, size in
      let start = number * size + range.lowerBound
      ck_winograd_weights(
        range.count, weights.pointer + number * stencil.blockSize + range.lowerBound, size,
        result.pointer + start, weightStride)
    }
    return result
  }

  /// The gradient of weights, as `ConvolutionStencil.blocked` gives them, from that of their transforms.
  func weightGradient(_ sums: Tensor) -> Tensor {
    let result = Tensor.uninitialised([stencil.blocks, stencil.blockSize])
    overWeights { number, range, size in
      let start = number * size + range.lowerBound
      ck_winograd_weight_gradient(
        range.count, sums.pointer + start, weightStride,
        result.pointer + number * stencil.blockSize + range.lowerBound, size)
    }
    return result
  }

  /// Calls `body` over the cores with the number of a block of outputs, a part of its `size` kernels, and
  /// `size`.
  private func overWeights(_ body: (_ number: Int, _ part: Range<Int>, _ size: Int) -> Void) {
    let block = Int(CK_CONVOLUTION_BLOCK)
    let size = stencil.channels * block
    Parallel.forEach(stencil.blocks * stencil.channels, grain: 8) { rows in
      for number in 0..<stencil.blocks {
        let channels = rows.clamped(to: number * stencil.channels..<(number + 1) * stencil.channels)
        if channels.isEmpty { continue }
        let first = channels.lowerBound - number * stencil.channels
        body(number, first * block..<(first + channels.count) * block, size)
      }
    }
  }
}
