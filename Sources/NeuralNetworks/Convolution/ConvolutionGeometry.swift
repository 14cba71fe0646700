import Basics
import CKernels
import Tensors

// Activations lie channels last, `[batch, height, width, channels]`: what a kernel's row sees at one place is
// then one run of `kernel * channels` values, so that a patch is copied in a few runs, and the product's rows
// are the output's pixels as they are stored.

/// The sizes of one convolution, and where a patch's values are in the input.
struct ConvolutionGeometry: Sendable, Equatable {
  let batch: Int
  let height: Int
  let width: Int
  let channels: Int
  let outputs: Int
  /// The side of the square kernel.
  let kernel: Int
  let stride: Int
  /// Rows and columns of zeros around the input.
  let padding: Int
  let outputHeight: Int
  let outputWidth: Int

  /// - Parameters:
  ///   - input: `[batch, height, width, channels]`
  ///   - outputs: channels of the result
  init(input: [Int], outputs: Int, kernel: Int, stride: Int, padding: Int) {
    require(
      input.count == 4 && kernel >= 1 && stride >= 1 && padding >= 0
        && input[1] + 2 * padding >= kernel && input[2] + 2 * padding >= kernel,
      "a kernel of side \(kernel) (stride \(stride), padding \(padding)) does not fit an input of shape \(input), "
        + "which is to be [batch, height, width, channels]")
    (batch, height, width, channels) = (input[0], input[1], input[2], input[3])
    (self.outputs, self.kernel, self.stride, self.padding) = (outputs, kernel, stride, padding)
    outputHeight = (height + 2 * padding - kernel) / stride + 1
    outputWidth = (width + 2 * padding - kernel) / stride + 1
  }

  var inputShape: [Int] { [batch, height, width, channels] }
  var outputShape: [Int] { [batch, outputHeight, outputWidth, outputs] }
  /// Pixels of the output, over the batch.
  var positions: Int { batch * outputHeight * outputWidth }
  /// Values of a patch, by kernel row, kernel column, channel.
  var patchLength: Int { kernel * kernel * channels }

  /// Patches are the input's pixels as they lie.
  var isPointwise: Bool { kernel == 1 && stride == 1 && padding == 0 }

  /// The convolution with flipped weights that maps the output's gradient to the input's; nil when it is none
  /// of this kind.
  var transposed: ConvolutionGeometry? {
    guard stride == 1, padding < kernel else { return nil }
    return ConvolutionGeometry(
      input: outputShape, outputs: channels, kernel: kernel, stride: 1, padding: kernel - 1 - padding)
  }

  /// One run of values of a patch that are neighbours in the input too, with the zeros that the border puts
  /// around it.
  struct Run {
    var patch: Int
    var zerosBefore: Int
    var input: Int
    var count: Int
    var zerosAfter: Int
  }

  /// Calls `body` with the runs that make up `columns` of the patches of `positions`, in order; `patch`
  /// counts from the start of a matrix `[positions.count, columns.count]`, `input` from the start of the
  /// input.
  @inline(__always)
  func forEachRun(_ positions: Range<Int>, _ columns: Range<Int>, _ body: (Run) -> Void) {
    let rowLength = kernel * channels
    let firstRow = columns.lowerBound / rowLength
    let lastRow = (columns.upperBound - 1) / rowLength
    var x = positions.lowerBound % outputWidth
    var y = positions.lowerBound / outputWidth % outputHeight
    var image = positions.lowerBound / (outputWidth * outputHeight)
    var patch = 0
    for _ in positions {
      let left = x * stride - padding
      // A kernel may lie outside the image as a whole, on either side.
      let firstInside = min(max(0, -left), kernel)
      let inside = firstInside * channels..<max(firstInside, min(kernel, width - left)) * channels
      for row in firstRow...lastRow {
        let low = max(columns.lowerBound - row * rowLength, 0)
        let high = min(columns.upperBound - row * rowLength, rowLength)
        let line = y * stride - padding + row
        let isInside = line >= 0 && line < height
        let start = isInside ? min(max(low, inside.lowerBound), high) : high
        let end = isInside ? max(start, min(high, inside.upperBound)) : high
        let base = ((image * height + line) * width + left) * channels
        body(
          Run(
            patch: patch, zerosBefore: start - low, input: base + start, count: end - start,
            zerosAfter: high - end))
        patch += high - low
      }
      x += 1
      if x == outputWidth { (x, y) = (0, y + 1) }
      if y == outputHeight { (y, image) = (0, image + 1) }
    }
  }

  /// Writes `columns` of the patches of `positions`: a matrix `[positions.count, columns.count]`.
  func copyPatches(
    _ positions: Range<Int>, _ columns: Range<Int>, from input: UnsafePointer<Float>,
    to patches: UnsafeMutablePointer<Float>
  ) {
    forEachRun(positions, columns) { run in
      var target = patches + run.patch
      if run.zerosBefore > 0 {
        target.update(repeating: 0, count: run.zerosBefore)
        target += run.zerosBefore
      }
      if run.count > 0 { target.update(from: input + run.input, count: run.count) }
      if run.zerosAfter > 0 { (target + run.count).update(repeating: 0, count: run.zerosAfter) }
    }
  }

  /// The transpose of `copyPatches`: adds each value of the patches to the input's pixel that it came from.
  func addPatches(
    _ positions: Range<Int>, _ columns: Range<Int>, _ patches: UnsafePointer<Float>,
    to input: UnsafeMutablePointer<Float>
  ) {
    forEachRun(positions, columns) { run in
      guard run.count > 0 else { return }
      ck_accumulate(run.count, 1, patches + run.patch + run.zerosBefore, input + run.input)
    }
  }
}

/// Weights in the order that patches have: `[outputs, kernel row, kernel column, channel]`, from PyTorch's
/// `[outputs, channel, kernel row, kernel column]`, and back.
struct PackedWeights {
  let geometry: ConvolutionGeometry
  /// `[outputs, patchLength]`
  let rows: Tensor

  init(_ weight: Tensor, _ geometry: ConvolutionGeometry) {
    let (channels, area) = (geometry.channels, geometry.kernel * geometry.kernel)
    rows = Tensor.uninitialised([geometry.outputs, geometry.patchLength])
    self.geometry = geometry
    PackedWeights.transposeBlocks(weight, blocks: geometry.outputs, rows: channels, columns: area, into: rows)
  }

  /// A gradient in the packed order, as PyTorch's.
  static func unpacked(_ packed: Tensor, _ geometry: ConvolutionGeometry) -> Tensor {
    let (channels, kernel) = (geometry.channels, geometry.kernel)
    let result = Tensor.uninitialised([geometry.outputs, channels, kernel, kernel])
    transposeBlocks(packed, blocks: geometry.outputs, rows: kernel * kernel, columns: channels, into: result)
    return result
  }

  /// The weights of the transposed convolution as the right-hand side of a product: `[patchLength of it,
  /// channels]`, by flipped kernel row, flipped kernel column, output.
  func flipped() -> Tensor {
    let (channels, outputs, area) = (geometry.channels, geometry.outputs, geometry.kernel * geometry.kernel)
    let result = Tensor.uninitialised([area * outputs, channels])
    Parallel.forEach(area * outputs, grain: 1 + elementwiseGrain / channels) { range in
      for row in range {
        let (place, output) = (row / outputs, row % outputs)
        (result.pointer + row * channels).update(
          from: rows.pointer + output * area * channels + (area - 1 - place) * channels, count: channels)
      }
    }
    return result
  }

  private static func transposeBlocks(
    _ source: Tensor, blocks: Int, rows: Int, columns: Int, into target: Tensor
  ) {
    let size = rows * columns
    Parallel.forEach(blocks, grain: 1 + elementwiseGrain / max(1, size)) { range in
      for block in range {
        let (from, to) = (source.pointer + block * size, target.pointer + block * size)
        for column in 0..<columns {
          for row in 0..<rows { to[column * rows + row] = from[row * columns + column] }
        }
      }
    }
  }
}
