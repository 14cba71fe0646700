import CBLAS

/// Single-precision matrix products, row-major.
package enum BLAS {
  /// `C = alpha op(A) op(B) + beta C`, `C: [m, n]`, `op(A): [m, k]`, `op(B): [k, n]`; on the calling thread
  /// only.
  package static func gemm(
    transposeA: Bool = false, transposeB: Bool = false, m: Int, n: Int, k: Int, alpha: Float = 1,
    a: UnsafePointer<Float>, lda: Int, b: UnsafePointer<Float>, ldb: Int, beta: Float = 0,
    c: UnsafeMutablePointer<Float>, ldc: Int
  ) {
    guard m > 0, n > 0 else { return }
    OpenBLAS.prepare()
    cblas_sgemm(
      CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
      blasint(m), blasint(n), blasint(k), alpha, a, blasint(max(1, lda)), b, blasint(max(1, ldb)), beta, c,
      blasint(max(1, ldc)))
  }

  /// The same, its output split over the cores along its longer side; one-threaded BLAS on each.
  package static func parallelGemm(
    transposeA: Bool = false, transposeB: Bool = false, m: Int, n: Int, k: Int, alpha: Float = 1,
    a: UnsafePointer<Float>, lda: Int, b: UnsafePointer<Float>, ldb: Int, beta: Float = 0,
    c: UnsafeMutablePointer<Float>, ldc: Int
  ) {
    let block = 16  // the widest register tile of OpenBLAS's kernels: a range never cuts one
    // A part should be worth starting a thread for: about a million multiplications.
    let workPerBlock = max(1, block * k * (m >= n ? n : m))
    let grain = max(1, 1_000_000 / workPerBlock)
    let blocks = (max(m, n) + block - 1) / block
    Parallel.forEach(blocks, grain: grain) { range in
      let low = range.lowerBound * block
      let high = min(range.upperBound * block, max(m, n))
      if m >= n {
        gemm(
          transposeA: transposeA, transposeB: transposeB, m: high - low, n: n, k: k, alpha: alpha,
          a: a + (transposeA ? low : low * lda), lda: lda, b: b, ldb: ldb, beta: beta, c: c + low * ldc,
          ldc: ldc)
      } else {
        gemm(
          transposeA: transposeA, transposeB: transposeB, m: m, n: high - low, k: k, alpha: alpha,
          a: a, lda: lda, b: b + (transposeB ? low * ldb : low), ldb: ldb, beta: beta, c: c + low, ldc: ldc)
      }
    }
  }
}
