import Basics
import CKernels
import Tensors

/// `x + path(dropout(attention(norm(x))))` over `[batch, positions, width]`, as one node.
///
/// - Complexity: 6 rows width^2 operations and those of attention, twice that backward. Keeps queries, keys
///   and values and two numbers a row; normalised rows and scores are computed again in the backward pass.
func attentionBranch(
  _ x: Tensor, norm: LayerNorm, attention: MultiHeadSelfAttention, dropout: Float, path: DropPath,
  _ pass: inout Pass
) -> Tensor {
  let node = AttentionNode(x, norm: norm, attention: attention, dropout: dropout, path: path, &pass)
  let output = node.forward()
  return Tensor.record(
    output, from: [x, norm.weight, norm.bias, attention.qkv.weight], backward: node.backward)
}

private struct AttentionNode {
  let x: Tensor
  let scale: Tensor
  let shift: Tensor
  let weight: Tensor
  let epsilon: Float
  let kernel: AttentionKernel
  let residual: ResidualDropout
  let tiles: ImageTiles
  // Kept for the backward pass.
  let qkv: Tensor
  let mean: Tensor
  let inverseDeviation: Tensor

  private var positions: Int { x.shape[1] }
  private var width: Int { x.shape[2] }
  private var tileRows: Int { tiles.imagesPerTile * positions }

  init(
    _ x: Tensor, norm: LayerNorm, attention: MultiHeadSelfAttention, dropout: Float, path: DropPath,
    _ pass: inout Pass
  ) {
    require(
      x.rank == 3 && attention.qkv.weight.shape[1] == x.shape[2],
      "attention of weight \(attention.qkv.weight.shape) does not fit x of shape \(x.shape)")
    self.x = x.detached()
    (scale, shift) = (norm.weight.detached(), norm.bias.detached())
    weight = attention.qkv.weight.detached()
    epsilon = norm.epsilon
    kernel = AttentionKernel(
      x.shape, heads: attention.heads, dropout: attention.dropout, headDropout: attention.headDropout, &pass)
    residual = ResidualDropout(dropout: dropout, path: path, shape: x.shape, &pass)
    tiles = ImageTiles(images: x.shape[0], positions: x.shape[1])
    qkv = Tensor.uninitialised([x.shape[0], x.shape[1], 3 * x.shape[2]])
    mean = Tensor.uninitialised([x.shape[0] * x.shape[1]])
    inverseDeviation = Tensor.uninitialised([x.shape[0] * x.shape[1]])
  }

  func forward() -> Tensor {
    let output = Tensor.uninitialised(x.shape)
    tiles.forEachPart { _, tiles in
      withScratch(tileRows * width + kernel.scratchCount) { scratch in
        for images in tiles { forward(images, output, scratch, scratch + tileRows * width) }
      }
    }
    return output
  }

  private func forward(
    _ images: Range<Int>, _ output: Tensor, _ branch: UnsafeMutablePointer<Float>,
    _ scores: UnsafeMutablePointer<Float>
  ) {
    let (row, rows) = (images.lowerBound * positions, images.count * positions)
    let source = x.pointer + row * width
    ck_layer_norm_rows(
      rows, width, source, scale.pointer, shift.pointer, epsilon, branch, mean.pointer + row,
      inverseDeviation.pointer + row)
    BLAS.gemm(
      transposeB: true, m: rows, n: 3 * width, k: width, a: branch, lda: width, b: weight.pointer, ldb: width,
      c: qkv.pointer + row * 3 * width, ldc: 3 * width)
    for image in images {
      kernel.forward(
        image: image, qkv: qkv.pointer + image * positions * 3 * width,
        output: branch + (image - images.lowerBound) * positions * width, scratch: scores)
    }
    residual.add(images, branch: branch, residual: source, result: output.pointer + row * width)
  }

  func backward(_ upstream: Tensor) -> [Tensor?] {
    let gradient = Tensor.uninitialised(x.shape)
    let shapes = [[width], [width], [3 * width, width]]
    let sums = PartialSums(parts: tiles.partCount, count: 2 * width + 3 * width * width)
    tiles.forEachPart { part, tiles in
      withScratch(tileRows * 5 * width + 3 * kernel.scratchCount) { scratch in
        for images in tiles { backward(images, upstream, gradient, sums.part(part), scratch) }
      }
    }
    return [gradient] + sums.total().pieces(shapes)
  }

  private func backward(
    _ images: Range<Int>, _ upstream: Tensor, _ gradient: Tensor, _ sums: UnsafeMutablePointer<Float>,
    _ scratch: UnsafeMutablePointer<Float>
  ) {
    let (row, rows) = (images.lowerBound * positions, images.count * positions)
    let (dScale, dShift, dWeight) = (sums, sums + width, sums + 2 * width)
    let (dBranch, normalised) = (scratch, scratch + tileRows * width)
    let dProjected = normalised + tileRows * width
    let scores = dProjected + tileRows * 3 * width
    let (source, dOutput) = (x.pointer + row * width, upstream.pointer + row * width)

    residual.backward(images, upstream: dOutput, branch: dBranch)
    for image in images {
      let local = (image - images.lowerBound) * positions * width
      kernel.backward(
        image: image, qkv: qkv.pointer + image * positions * 3 * width, upstream: dBranch + local,
        gradient: dProjected + 3 * local, scratch: scores)
    }
    ck_layer_norm_again_rows(
      rows, width, source, scale.pointer, shift.pointer, mean.pointer + row, inverseDeviation.pointer + row,
      normalised)
    BLAS.gemm(
      transposeA: true, m: 3 * width, n: width, k: rows, a: dProjected, lda: 3 * width, b: normalised,
      ldb: width,
      beta: 1, c: dWeight, ldc: width)
    BLAS.gemm(
      m: rows, n: width, k: 3 * width, a: dProjected, lda: 3 * width, b: weight.pointer, ldb: width,
      c: dBranch,
      ldc: width)
    ck_layer_norm_gradient_rows(
      rows, width, source, scale.pointer, mean.pointer + row, inverseDeviation.pointer + row, dBranch,
      dOutput,
      gradient.pointer + row * width, dScale, dShift)
  }
}
