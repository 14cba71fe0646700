import Basics
import CKernels

extension Tensor {
  /// The matrix product `op(a) op(b)`.
  ///
  /// - Parameters:
  ///   - a: `[..., m, k]`, or `[..., k, m]` with `transposeA`
  ///   - b: `[..., k, n]` with the same leading axes as `a`, or `[k, n]` for all of them; transposed with
  ///     `transposeB`
  /// - Returns: `[..., m, n]`
  /// - Complexity: 2 m n k operations a matrix; the gradient twice that. No operand is copied.
  public static func matmul(
    _ a: Tensor, _ b: Tensor, transposeA: Bool = false, transposeB: Bool = false
  ) -> Tensor {
    let plan = ProductPlan(a.shape, b.shape, transposeA: transposeA, transposeB: transposeB)
    let result = Tensor.uninitialised(plan.lead + [plan.m, plan.n])
    plan.multiply(a.pointer, b.pointer, into: result.pointer)
    let (savedA, savedB) = (a.detached(), b.detached())
    let (needsA, needsB) = (a.requiresGradient, b.requiresGradient)
    return record(result, from: [a, b]) { upstream in
      [
        needsA ? plan.gradientOfA(upstream, savedA, savedB) : nil,
        needsB ? plan.gradientOfB(upstream, savedA, savedB) : nil,
      ]
    }
  }

  /// An affine map of the last axis: `x weight^T + bias`.
  ///
  /// - Parameters:
  ///   - x: `[..., in]`
  ///   - weight: `[out, in]`
  ///   - bias: `[out]`, or none
  /// - Returns: `[..., out]`
  /// - Complexity: 2 rows in out operations; the gradient twice that. The bias is added while the product is
  ///   in cache.
  public static func linear(_ x: Tensor, weight: Tensor, bias: Tensor? = nil) -> Tensor {
    require(
      weight.rank == 2 && x.rank >= 1 && x.shape.last == weight.shape[1],
      "linear: x of shape \(x.shape) does not fit a weight of shape \(weight.shape) ([out, in])")
    let (width, inputs) = (weight.shape[0], weight.shape[1])
    require(
      bias == nil || bias!.shape == [width], "linear: the bias has shape \(bias!.shape), expected [\(width)]")
    let rows = inputs == 0 ? x.shape.dropLast().reduce(1, *) : x.count / inputs
    let result = Tensor.uninitialised(x.shape.dropLast() + [width])
    forEachRowBlock(rows, columns: width) { start, count in
      let target = result.pointer + start * width
      BLAS.gemm(
        transposeB: true, m: count, n: width, k: inputs, a: x.pointer + start * inputs, lda: inputs,
        b: weight.pointer, ldb: inputs, c: target, ldc: width)
      if let bias { ck_add_row(count, width, target, bias.pointer, target) }
    }
    let (savedX, savedWeight) = (x.detached(), weight.detached())
    let hasBias = bias != nil
    let needs = (
      x: x.requiresGradient, weight: weight.requiresGradient, bias: bias?.requiresGradient ?? false
    )
    return record(result, from: [x, weight] + (bias.map { [$0] } ?? [])) { upstream in
      let gradients = [
        needs.x ? linearInputGradient(upstream, weight: savedWeight) : nil,
        needs.weight ? linearWeightGradient(upstream, savedX) : nil,
      ]
      guard hasBias else { return gradients }
      return gradients + [needs.bias ? columnSums(upstream, width) : nil]
    }
  }

  /// `upstream weight`: `[..., out]` and `[out, in]` to `[..., in]`.
  package static func linearInputGradient(_ upstream: Tensor, weight: Tensor) -> Tensor {
    let (width, inputs) = (weight.shape[0], weight.shape[1])
    let gradient = Tensor.uninitialised(upstream.shape.dropLast() + [inputs])
    BLAS.parallelGemm(
      m: upstream.count / Swift.max(1, width), n: inputs, k: width, a: upstream.pointer, lda: width,
      b: weight.pointer, ldb: inputs, c: gradient.pointer, ldc: inputs)
    return gradient
  }

  /// `upstream^T x`: `[rows, out]` and `[rows, in]` to `[out, in]`.
  package static func linearWeightGradient(_ upstream: Tensor, _ x: Tensor) -> Tensor {
    let (width, inputs) = (upstream.shape.last!, x.shape.last!)
    let gradient = Tensor.uninitialised([width, inputs])
    BLAS.parallelGemm(
      transposeA: true, m: width, n: inputs, k: x.count / Swift.max(1, inputs), a: upstream.pointer,
      lda: width,
      b: x.pointer, ldb: inputs, c: gradient.pointer, ldc: inputs)
    return gradient
  }

  /// The sums over all axes but the last: the gradient of a bias.
  package static func columnSums(_ x: Tensor, _ columns: Int) -> Tensor {
    let result = Tensor.zeros([columns])
    sumOverRowBlocks(x.count / Swift.max(1, columns), width: columns, into: result.pointer) {
      start, count, sums in
      ck_accumulate_rows(count, columns, x.pointer + start * columns, sums)
    }
    return result
  }
}

/// Calls `body(start, count)` for blocks of rows over the cores; a block's result stays in a core's cache.
package func forEachRowBlock(_ rows: Int, columns: Int, _ body: (Int, Int) -> Void) {
  let block = Swift.max(16, (1 << 18) / Swift.max(1, columns) / 16 * 16)
  Parallel.forEach(rows, grain: Swift.max(1, elementwiseGrain / Swift.max(1, columns))) { range in
    for start in stride(from: range.lowerBound, to: range.upperBound, by: block) {
      body(start, Swift.min(block, range.upperBound - start))
    }
  }
}

/// Adds up row vectors over blocks of a fixed size, so that the result does not depend on the thread count.
/// `body(start, count, sums)` adds the contribution of some rows to `sums`, `width` floats; `result` is added
/// to.
package func sumOverRowBlocks(
  _ rows: Int, width: Int, into result: UnsafeMutablePointer<Float>,
  _ body: (Int, Int, UnsafeMutablePointer<Float>) -> Void
) {
  let block = Swift.max(64, (rows + 63) / 64)
  let blocks = (rows + block - 1) / block
  withScratch(Swift.max(1, blocks * width)) { partial in
    let grain = Swift.max(1, elementwiseGrain / Swift.max(1, block * width))
    Parallel.forEach(blocks, grain: grain) { range in
      for b in range {
        (partial + b * width).update(repeating: 0, count: width)
        body(b * block, Swift.min(block, rows - b * block), partial + b * width)
      }
    }
    ck_accumulate_rows(blocks, width, partial, result)
  }
}

/// The sizes of a matrix product, and its three forms (the value and the two gradients).
private struct ProductPlan: Sendable {
  let transposeA: Bool
  let transposeB: Bool
  let lead: [Int]
  let m: Int
  let n: Int
  let k: Int
  let batches: Int
  let sharesB: Bool

  init(_ a: [Int], _ b: [Int], transposeA: Bool, transposeB: Bool) {
    let described = "matmul: \(a)\(transposeA ? "^T" : "") and \(b)\(transposeB ? "^T" : "")"
    require(a.count >= 2 && b.count >= 2, "\(described): both need at least two axes")
    self.transposeA = transposeA
    self.transposeB = transposeB
    lead = Array(a.dropLast(2))
    sharesB = b.count == 2
    require(sharesB || Array(b.dropLast(2)) == lead, "\(described): the leading axes differ")
    let (rowsA, columnsA) = (a[a.count - 2], a[a.count - 1])
    let (rowsB, columnsB) = (b[b.count - 2], b[b.count - 1])
    (m, k) = transposeA ? (columnsA, rowsA) : (rowsA, columnsA)
    n = transposeB ? rowsB : columnsB
    let inner = transposeB ? columnsB : rowsB
    require(k == inner, "\(described): the inner lengths \(k) and \(inner) differ")
    batches = lead.reduce(1, *)
  }

  func multiply(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into c: UnsafeMutablePointer<Float>) {
    let (lda, ldb) = (transposeA ? m : k, transposeB ? k : n)
    if sharesB && !transposeA {
      // One matrix of all the rows.
      BLAS.parallelGemm(
        transposeB: transposeB, m: batches * m, n: n, k: k, a: a, lda: lda, b: b, ldb: ldb, c: c, ldc: n)
    } else if batches == 1 {
      BLAS.parallelGemm(
        transposeA: transposeA, transposeB: transposeB, m: m, n: n, k: k, a: a, lda: lda, b: b, ldb: ldb,
        c: c, ldc: n)
    } else {
      forEachMatrix { i in
        BLAS.gemm(
          transposeA: transposeA, transposeB: transposeB, m: m, n: n, k: k, a: a + i * m * k, lda: lda,
          b: b + (sharesB ? 0 : i * k * n), ldb: ldb, c: c + i * m * n, ldc: n)
      }
    }
  }

  /// `op(A) op(B) = C`: dA = dC op(B)^T, or its transpose op(B) dC^T when A is read transposed.
  func gradientOfA(_ upstream: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor {
    let gradient = Tensor.uninitialised(a.shape)
    let ldb = transposeB ? k : n
    if sharesB && !transposeA {
      BLAS.parallelGemm(
        transposeB: !transposeB, m: batches * m, n: k, k: n, a: upstream.pointer, lda: n, b: b.pointer,
        ldb: ldb,
        c: gradient.pointer, ldc: k)
      return gradient
    }
    forEachMatrix { i in
      let dC = upstream.pointer + i * m * n
      let matrixB = b.pointer + (sharesB ? 0 : i * k * n)
      let dA = gradient.pointer + i * m * k
      if transposeA {
        product(transposeB, true, k, m, n, matrixB, ldb, dC, n, dA, m)
      } else {
        product(false, !transposeB, m, k, n, dC, n, matrixB, ldb, dA, k)
      }
    }
    return gradient
  }

  /// dB = op(A)^T dC, or its transpose when B is read transposed; summed over the batch when B is shared.
  func gradientOfB(_ upstream: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor {
    let gradient = Tensor.uninitialised(b.shape)
    let lda = transposeA ? m : k
    if sharesB && !transposeA {
      // The sum over the batch is part of the product.
      let rows = batches * m
      let (left, right) = transposeB ? (upstream.pointer, a.pointer) : (a.pointer, upstream.pointer)
      let (width, height) = transposeB ? (k, n) : (n, k)
      BLAS.parallelGemm(
        transposeA: true, m: height, n: width, k: rows, a: left, lda: height, b: right, ldb: width,
        c: gradient.pointer, ldc: width)
      return gradient
    }
    if sharesB { gradient.pointer.update(repeating: 0, count: gradient.count) }
    func accumulate(_ i: Int) {
      let dC = upstream.pointer + i * m * n
      let matrixA = a.pointer + i * m * k
      let dB = gradient.pointer + (sharesB ? 0 : i * k * n)
      let beta: Float = sharesB ? 1 : 0
      if transposeB {
        product(true, transposeA, n, k, m, dC, n, matrixA, lda, dB, k, beta)
      } else {
        product(!transposeA, false, k, n, m, matrixA, lda, dC, n, dB, n, beta)
      }
    }
    if sharesB { for i in 0..<batches { accumulate(i) } } else { forEachMatrix(accumulate) }
    return gradient
  }

  /// Over the cores when there are many; a single product is split instead.
  private func forEachMatrix(_ body: (Int) -> Void) {
    if batches == 1 { return body(0) }
    Parallel.forEach(batches, grain: Swift.max(1, 100_000 / Swift.max(1, m * n * k))) { range in
      for i in range { body(i) }
    }
  }

  /// One matrix of the batch: over the cores when it is the only one.
  private func product(
    _ transposeA: Bool, _ transposeB: Bool, _ m: Int, _ n: Int, _ k: Int, _ a: UnsafePointer<Float>,
    _ lda: Int,
    _ b: UnsafePointer<Float>, _ ldb: Int, _ c: UnsafeMutablePointer<Float>, _ ldc: Int, _ beta: Float = 0
  ) {
    let multiply = batches == 1 ? BLAS.parallelGemm : BLAS.gemm
    multiply(transposeA, transposeB, m, n, k, 1, a, lda, b, ldb, beta, c, ldc)
  }
}
