import Basics
import CKernels
import Tensors

/// Attention within one image, over a row of `[positions, 3 width]` that holds queries, keys and values by
/// heads.
///
/// A head's scores stay in a core's cache and are never stored: the backward pass computes them again, which
/// costs one small product in six and saves `heads * positions^2` floats an image. Dropout masks are
/// functions of an element's position.
struct AttentionKernel: Sendable {
  let positions: Int
  let width: Int
  let heads: Int
  /// Dropout of the attention weights, `[batch, heads, positions, positions]`.
  let weightMask: DropoutMask
  /// 0 or `1 / (1 - p)` for each `[batch, position]`: what the scores of a query are multiplied by.
  let queryScales: Tensor?

  init(_ shape: [Int], heads: Int, dropout: Float, headDropout: Float, _ pass: inout Pass) {
    require(
      shape.count == 3 && shape[2] % heads == 0,
      "attention with \(heads) heads does not fit the shape \(shape)")
    positions = shape[1]
    width = shape[2]
    self.heads = heads
    weightMask =
      pass.isTraining && dropout > 0 ? DropoutMask(dropout, using: &pass.generator) : .none
    queryScales =
      pass.isTraining && headDropout > 0
      ? Tensor.ones([shape[0], shape[1]]).dropout(headDropout, using: &pass.generator) : nil
  }

  private var headWidth: Int { width / heads }
  private var scale: Float { 1 / Float(headWidth).squareRoot() }

  /// Floats of scratch that `forward` needs; `backward` needs three times as many.
  var scratchCount: Int { positions * positions }

  /// `output`, `[positions, width]`, from `qkv`, `[positions, 3 width]`, of image `image`.
  func forward(
    image: Int, qkv: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>,
    scratch weights: UnsafeMutablePointer<Float>
  ) {
    for head in 0..<heads {
      attend(image, head, qkv, weights, dropped: weights)
      BLAS.gemm(
        m: positions, n: headWidth, k: positions, a: weights, lda: positions,
        b: qkv + 2 * width + head * headWidth, ldb: 3 * width, c: output + head * headWidth, ldc: width)
    }
  }

  /// The gradient with respect to `qkv`, from the one with respect to the output, `upstream`, `[positions,
  /// width]`.
  func backward(
    image: Int, qkv: UnsafePointer<Float>, upstream: UnsafePointer<Float>,
    gradient: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let weights = scratch
    let dropped = weightMask.isActive ? weights + positions * positions : weights
    let slopes = scratch + 2 * positions * positions
    for head in 0..<heads {
      let offset = head * headWidth
      let (query, key, value) = (qkv + offset, qkv + width + offset, qkv + 2 * width + offset)
      let dOutput = upstream + offset
      attend(image, head, qkv, weights, dropped: dropped)
      // Through the values.
      BLAS.gemm(
        transposeA: true, m: positions, n: headWidth, k: positions, a: dropped, lda: positions, b: dOutput,
        ldb: width,
        c: gradient + 2 * width + offset, ldc: 3 * width)
      // Through the weights and the softmax to the scores.
      BLAS.gemm(
        transposeB: true, m: positions, n: positions, k: headWidth, a: dOutput, lda: width, b: value,
        ldb: 3 * width,
        c: slopes, ldc: positions)
      ck_softmax_dropout_gradient_rows(
        positions, positions, scale, scales(of: image), weights, dropped, slopes, slopes)
      BLAS.gemm(
        m: positions, n: headWidth, k: positions, a: slopes, lda: positions, b: key, ldb: 3 * width,
        c: gradient + offset, ldc: 3 * width)
      BLAS.gemm(
        transposeA: true, m: positions, n: headWidth, k: positions, a: slopes, lda: positions, b: query,
        ldb: 3 * width,
        c: gradient + width + offset, ldc: 3 * width)
    }
  }

  /// The attention weights of one head, before dropout and after it.
  private func attend(
    _ image: Int, _ head: Int, _ qkv: UnsafePointer<Float>, _ weights: UnsafeMutablePointer<Float>,
    dropped: UnsafeMutablePointer<Float>
  ) {
    let query = qkv + head * headWidth
    BLAS.gemm(
      transposeB: true, m: positions, n: positions, k: headWidth, a: query, lda: 3 * width, b: query + width,
      ldb: 3 * width, c: weights, ldc: positions)
    ck_softmax_dropout_rows(
      positions, positions, scale, scales(of: image), weights, weightMask.key,
      UInt64((image * heads + head) * positions * positions), weightMask.threshold, weightMask.scale, weights,
      dropped)
  }

  /// What the scores of an image's queries are multiplied by.
  private func scales(of image: Int) -> UnsafePointer<Float>? {
    queryScales.map { UnsafePointer($0.pointer + image * positions) }
  }
}

/// Attention over `[batch, positions, 3 width]`, as one node.
/// - Complexity: 4 batch positions^2 width operations, and 10 more backward; scratch of three heads' scores a
///   core.
func selfAttention(_ qkv: Tensor, heads: Int, dropout: Float, headDropout: Float, _ pass: inout Pass)
  -> Tensor
{
  let (batch, positions, width) = (qkv.shape[0], qkv.shape[1], qkv.shape[2] / 3)
  let kernel = AttentionKernel(
    [batch, positions, width], heads: heads, dropout: dropout, headDropout: headDropout, &pass)
  let output = Tensor.uninitialised([batch, positions, width])
  Parallel.forEach(batch) { images in
    withScratch(kernel.scratchCount) { scratch in
      for image in images {
        kernel.forward(
          image: image, qkv: qkv.pointer + image * positions * 3 * width,
          output: output.pointer + image * positions * width, scratch: scratch)
      }
    }
  }
  let saved = qkv.detached()
  return Tensor.record(output, from: [qkv]) { upstream in
    let gradient = Tensor.uninitialised(saved.shape)
    Parallel.forEach(batch) { images in
      withScratch(3 * kernel.scratchCount) { scratch in
        for image in images {
          kernel.backward(
            image: image, qkv: saved.pointer + image * positions * 3 * width,
            upstream: upstream.pointer + image * positions * width,
            gradient: gradient.pointer + image * positions * 3 * width, scratch: scratch)
        }
      }
    }
    return [gradient]
  }
}
