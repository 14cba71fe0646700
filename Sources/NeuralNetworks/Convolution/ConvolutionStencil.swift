import CKernels
import Tensors

/// Which pixels of a source each pixel of a target is a sum over: the sizes of a convolution, or of one that
/// gives a part of its input's gradient. Both lie channels last.
struct ConvolutionStencil: Sendable {
  /// Images, and the source's sides and channels.
  var batch: Int
  var sourceHeight: Int
  var sourceWidth: Int
  var channels: Int
  /// Rows and columns of source pixels that a target pixel sees.
  var rows: Int
  var columns: Int
  /// Source pixels from one target pixel to the next.
  var step: Int
  /// The first source row and column that target pixel (0, 0) sees; before 0 in the zeros around the image.
  var originY: Int
  var originX: Int
  /// The target's pixels, where they lie, and their channels. Strides count floats.
  var height: Int
  var width: Int
  var outputs: Int
  var targetStart: Int
  var imageStride: Int
  var rowStride: Int
  var columnStride: Int

  /// The forward convolution.
  init(_ geometry: ConvolutionGeometry) {
    (batch, sourceHeight, sourceWidth) = (geometry.batch, geometry.height, geometry.width)
    (channels, outputs) = (geometry.channels, geometry.outputs)
    (rows, columns, step) = (geometry.kernel, geometry.kernel, geometry.stride)
    (originY, originX) = (-geometry.padding, -geometry.padding)
    (height, width) = (geometry.outputHeight, geometry.outputWidth)
    targetStart = 0
    columnStride = outputs
    rowStride = width * columnStride
    imageStride = height * rowStride
  }

  /// The gradient at the input pixels whose row and column leave `phase` when divided by the stride: a
  /// convolution of the output's gradient with those taps that reach them. `nil` where none does.
  ///
  /// Input row y takes part in output row `(y + padding - tap) / stride` for the taps that make it whole:
  /// `phaseTap + stride t`. By falling t, and for rising y of one phase, these are neighbouring output rows.
  init?(gradientOf geometry: ConvolutionGeometry, phase: (y: Int, x: Int)) {
    let stride = geometry.stride
    func axis(_ phase: Int, _ side: Int) -> (taps: Int, origin: Int, count: Int) {
      let first = (phase + geometry.padding) % stride
      let taps = first < geometry.kernel ? (geometry.kernel - first + stride - 1) / stride : 0
      return (
        taps, (phase + geometry.padding - first) / stride - (taps - 1), (side - phase + stride - 1) / stride
      )
    }
    let (y, x) = (axis(phase.y, geometry.height), axis(phase.x, geometry.width))
    guard y.taps > 0, x.taps > 0, y.count > 0, x.count > 0 else { return nil }
    (batch, sourceHeight, sourceWidth) = (geometry.batch, geometry.outputHeight, geometry.outputWidth)
    (channels, outputs) = (geometry.outputs, geometry.channels)
    (rows, columns, step) = (y.taps, x.taps, 1)
    (originY, originX) = (y.origin, x.origin)
    (height, width) = (y.count, x.count)
    let inputRow = geometry.width * outputs
    targetStart = phase.y * inputRow + phase.x * outputs
    columnStride = stride * outputs
    rowStride = stride * inputRow
    imageStride = geometry.height * inputRow
  }

  /// What a row of taps sees of the source: its pixels' channels, one after the other.
  var rowLength: Int { columns * channels }
  /// Blocks of outputs whose weights lie together.
  var blocks: Int { (outputs + Int(CK_CONVOLUTION_BLOCK) - 1) / Int(CK_CONVOLUTION_BLOCK) }
  /// Floats of a block's weights, `[rows, rowLength, CK_CONVOLUTION_BLOCK]`.
  var blockSize: Int { rows * rowLength * Int(CK_CONVOLUTION_BLOCK) }

  /// Columns of the source that a row of targets sees, zeros around the image included.
  private var seenWidth: Int { (width - 1) * step + columns }
  /// Some target sees beyond the source's sides.
  private var needsZeros: Bool {
    originY < 0 || originX < 0 || originY + (height - 1) * step + rows > sourceHeight
      || originX + seenWidth > sourceWidth
  }

  /// A band of target rows as the kernels take it.
  struct Band {
    var positions: Int
    var sources: UnsafeMutablePointer<Int>
    var targets: UnsafeMutablePointer<Int>
    var x: UnsafePointer<Float>
    var rowOffsets: [Int]
  }

  /// Calls `body` with one band of rows after the other. Where a target sees zeros around the image, the
  /// band's source pixels are copied with them to a scratch of about `scratch` floats.
  ///
  /// - Parameter targetRows: numbered over the batch, `height` of them an image.
  func forEachBand(
    _ targetRows: Range<Int>, source: UnsafePointer<Float>, scratch limit: Int, _ body: (Band) -> Void
  ) {
    guard !targetRows.isEmpty else { return }
    let copies = needsZeros
    let line = (copies ? seenWidth : sourceWidth) * channels
    // An image's first band row takes `rows` source rows, the others `step` each.
    let perRow = copies ? step + Swift.max(0, rows - step) / Swift.max(1, Swift.min(height, limit / line)) : 0
    let perBand = Swift.max(
      1, Swift.min(targetRows.count, 4096 / width, copies ? limit / (line * Swift.max(1, perRow)) : .max))
    let images = perBand / height + 2
    let scratchRows = copies ? perBand * step + images * Swift.max(rows, step) : 0
    let rowOffsets = (0..<rows).map { $0 * line }
    let capacity = perBand * width
    withScratch(scratchRows * line) { zeroed in
      withUnsafeTemporaryAllocation(of: Int.self, capacity: 2 * capacity) { table in
        var band = Band(
          positions: 0, sources: table.baseAddress!, targets: table.baseAddress! + capacity,
          x: copies ? UnsafePointer(zeroed) : source, rowOffsets: rowOffsets)
        var first = targetRows.lowerBound
        while first < targetRows.upperBound {
          let last = Swift.min(first + perBand, targetRows.upperBound)
          band.positions = 0
          var used = 0
          var row = first
          while row < last {
            let image = row / height
            let end = Swift.min(last, (image + 1) * height)
            let inImage = row - image * height..<end - image * height
            let start: Int
            if copies {
              copyRows(inImage, ofImage: image, from: source, to: zeroed + used)
              start = used
              used += ((inImage.count - 1) * step + rows) * line
            } else {
              start =
                ((image * sourceHeight + originY + inImage.lowerBound * step) * sourceWidth + originX)
                * channels
            }
            addPositions(inImage, ofImage: image, start: start, line: line, to: &band)
            row = end
          }
          body(band)
          first = last
        }
      }
    }
  }

  private func addPositions(
    _ rows: Range<Int>, ofImage image: Int, start: Int, line: Int, to band: inout Band
  ) {
    var position = band.positions
    for (index, row) in rows.enumerated() {
      var source = start + index * step * line
      var target = targetStart + image * imageStride + row * rowStride
      for _ in 0..<width {
        band.sources[position] = source
        band.targets[position] = target
        position += 1
        source += step * channels
        target += columnStride
      }
    }
    band.positions = position
  }

  /// The source rows that some target rows see, with zeros where they are beyond the image.
  private func copyRows(
    _ targets: Range<Int>, ofImage image: Int, from source: UnsafePointer<Float>,
    to scratch: UnsafeMutablePointer<Float>
  ) {
    let line = seenWidth * channels
    let left = Swift.min(Swift.max(0, -originX), seenWidth)
    let inside = Swift.max(0, Swift.min(seenWidth - left, sourceWidth - Swift.max(0, originX)))
    let first = originY + targets.lowerBound * step
    for index in 0..<(targets.count - 1) * step + rows {
      let target = scratch + index * line
      let y = first + index
      guard y >= 0, y < sourceHeight, inside > 0 else {
        target.update(repeating: 0, count: line)
        continue
      }
      let from = source + ((image * sourceHeight + y) * sourceWidth + Swift.max(0, originX)) * channels
      if left > 0 { target.update(repeating: 0, count: left * channels) }
      (target + left * channels).update(from: from, count: inside * channels)
      let right = seenWidth - left - inside
      if right > 0 { (target + (left + inside) * channels).update(repeating: 0, count: right * channels) }
    }
  }
}
