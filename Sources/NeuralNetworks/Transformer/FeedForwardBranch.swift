import Basics
import CKernels
import Tensors

/// `x + path(dropout(fc2(dropout(gelu(fc1(norm(x)))))))` over `[batch, positions, width]`, as one node.
///
/// - Complexity: 4 rows width hidden operations, twice that backward. Keeps the activation before GELU and
///   two numbers a row; the normalised rows and GELU's results are computed again in the backward pass,
///   within the tile.
func feedForwardBranch(
  _ x: Tensor, norm: LayerNorm, fc1: Linear, fc2: Linear, dropout: Float, path: DropPath, _ pass: inout Pass
) -> Tensor {
  let node = FeedForwardNode(x, norm: norm, fc1: fc1, fc2: fc2, dropout: dropout, path: path, &pass)
  let output = node.forward()
  return Tensor.record(
    output, from: [x, norm.weight, norm.bias, fc1.weight, fc1.bias!, fc2.weight, fc2.bias!],
    backward: node.backward)
}

private struct FeedForwardNode {
  let x: Tensor
  let scale: Tensor
  let shift: Tensor
  let weight1: Tensor
  let bias1: Tensor
  let weight2: Tensor
  let bias2: Tensor
  let epsilon: Float
  let hiddenMask: DropoutMask
  let residual: ResidualDropout
  let tiles: ImageTiles
  // Kept for the backward pass.
  let preactivation: Tensor
  let mean: Tensor
  let inverseDeviation: Tensor

  private var positions: Int { x.shape[1] }
  private var width: Int { x.shape[2] }
  private var hidden: Int { weight1.shape[0] }
  private var tileRows: Int { tiles.imagesPerTile * positions }

  init(
    _ x: Tensor, norm: LayerNorm, fc1: Linear, fc2: Linear, dropout: Float, path: DropPath, _ pass: inout Pass
  ) {
    require(
      x.rank == 3 && fc1.weight.shape[1] == x.shape[2]
        && fc2.weight.shape == [x.shape[2], fc1.weight.shape[0]],
      "a feed-forward branch of weights \(fc1.weight.shape), \(fc2.weight.shape) does not fit x of shape \(x.shape)"
    )
    self.x = x.detached()
    (scale, shift) = (norm.weight.detached(), norm.bias.detached())
    (weight1, bias1) = (fc1.weight.detached(), fc1.bias!.detached())
    (weight2, bias2) = (fc2.weight.detached(), fc2.bias!.detached())
    epsilon = norm.epsilon
    hiddenMask = pass.isTraining && dropout > 0 ? DropoutMask(dropout, using: &pass.generator) : .none
    residual = ResidualDropout(dropout: dropout, path: path, shape: x.shape, &pass)
    tiles = ImageTiles(images: x.shape[0], positions: x.shape[1])
    preactivation = Tensor.uninitialised([x.shape[0], x.shape[1], fc1.weight.shape[0]])
    mean = Tensor.uninitialised([x.shape[0] * x.shape[1]])
    inverseDeviation = Tensor.uninitialised([x.shape[0] * x.shape[1]])
  }

  func forward() -> Tensor {
    let output = Tensor.uninitialised(x.shape)
    tiles.forEachPart { _, tiles in
      withScratch(tileRows * (width + hidden)) { scratch in
        let (branch, activation) = (scratch, scratch + tileRows * width)
        for images in tiles { forward(images, output, branch, activation) }
      }
    }
    return output
  }

  private func forward(
    _ images: Range<Int>, _ output: Tensor, _ branch: UnsafeMutablePointer<Float>,
    _ activation: UnsafeMutablePointer<Float>
  ) {
    let (row, rows) = (images.lowerBound * positions, images.count * positions)
    let source = x.pointer + row * width
    ck_layer_norm_rows(
      rows, width, source, scale.pointer, shift.pointer, epsilon, branch, mean.pointer + row,
      inverseDeviation.pointer + row)
    let before = preactivation.pointer + row * hidden
    BLAS.gemm(
      transposeB: true, m: rows, n: hidden, k: width, a: branch, lda: width, b: weight1.pointer, ldb: width,
      c: before,
      ldc: hidden)
    ck_bias_gelu_dropout_rows(
      rows, hidden, before, bias1.pointer, hiddenMask.key, UInt64(row * hidden),
      hiddenMask.threshold, hiddenMask.scale, before, activation)
    BLAS.gemm(
      transposeB: true, m: rows, n: width, k: hidden, a: activation, lda: hidden, b: weight2.pointer,
      ldb: hidden,
      c: branch, ldc: width)
    ck_add_row(rows, width, branch, bias2.pointer, branch)
    residual.add(images, branch: branch, residual: source, result: output.pointer + row * width)
  }

  func backward(_ upstream: Tensor) -> [Tensor?] {
    let gradient = Tensor.uninitialised(x.shape)
    let shapes = [[width], [width], [hidden, width], [hidden], [width, hidden], [width]]
    let sums = PartialSums(parts: tiles.partCount, count: shapes.reduce(0) { $0 + $1.reduce(1, *) })
    tiles.forEachPart { part, tiles in
      withScratch(tileRows * (2 * width + 2 * hidden)) { scratch in
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
    let (dScale, dShift) = (sums, sums + width)
    let dWeight1 = dShift + width
    let dBias1 = dWeight1 + hidden * width
    let dWeight2 = dBias1 + hidden
    let dBias2 = dWeight2 + width * hidden
    let (dBranch, normalised) = (scratch, scratch + tileRows * width)
    let activation = normalised + tileRows * width
    let dHidden = activation + tileRows * hidden
    let (source, dOutput) = (x.pointer + row * width, upstream.pointer + row * width)
    let before = preactivation.pointer + row * hidden

    residual.backward(images, upstream: dOutput, branch: dBranch)
    ck_accumulate_rows(rows, width, dBranch, dBias2)
    BLAS.gemm(
      m: rows, n: hidden, k: width, a: dBranch, lda: width, b: weight2.pointer, ldb: hidden, c: dHidden,
      ldc: hidden)
    ck_gelu_dropout_gradient(
      rows * hidden, hiddenMask.key, UInt64(row * hidden), hiddenMask.threshold,
      hiddenMask.scale, before, dHidden, activation, dHidden)
    BLAS.gemm(
      transposeA: true, m: width, n: hidden, k: rows, a: dBranch, lda: width, b: activation, ldb: hidden,
      beta: 1,
      c: dWeight2, ldc: hidden)
    ck_accumulate_rows(rows, hidden, dHidden, dBias1)
    ck_layer_norm_again_rows(
      rows, width, source, scale.pointer, shift.pointer, mean.pointer + row, inverseDeviation.pointer + row,
      normalised)
    BLAS.gemm(
      transposeA: true, m: hidden, n: width, k: rows, a: dHidden, lda: hidden, b: normalised, ldb: width,
      beta: 1,
      c: dWeight1, ldc: width)
    BLAS.gemm(
      m: rows, n: width, k: hidden, a: dHidden, lda: hidden, b: weight1.pointer, ldb: width, c: dBranch,
      ldc: width)
    ck_layer_norm_gradient_rows(
      rows, width, source, scale.pointer, mean.pointer + row, inverseDeviation.pointer + row, dBranch,
      dOutput,
      gradient.pointer + row * width, dScale, dShift)
  }
}
