import Basics
import CLAPACKE

/// Why a factorisation could not be made.
public enum LinearAlgebraError: Error, CustomStringConvertible, Equatable {
  /// The leading square block of `order` rows is the first that is not positive definite.
  case notPositiveDefinite(order: Int)
  /// The iteration of `routine` stopped before it was accurate; `remaining` is LAPACK's count of what was
  /// left.
  case noConvergence(routine: String, remaining: Int)
  /// An argument of `routine` holds an infinity or a nan.
  case notFinite(routine: String)

  public var description: String {
    switch self {
    case .notPositiveDefinite(let order):
      return "the matrix is not positive definite: its leading block of \(order) x \(order) is not; "
        + "add to its diagonal, or use the eigenvalues or singular values"
    case .noConvergence(let routine, let remaining):
      return "\(routine) did not converge: \(remaining) values were left"
    case .notFinite(let routine):
      return "\(routine) was given a matrix with infinite or nan elements"
    }
  }
}

/// Factorisations of dense matrices, by LAPACK, in single precision on one thread. Not differentiable:
/// results are outside any graph.
public enum LinearAlgebra {
  /// `L` with `A = L L^T`.
  ///
  /// - Parameter matrix: `A`, `[n, n]`, symmetric positive definite; only its lower triangle is read.
  /// - Returns: `[n, n]`, lower triangular, zeros above the diagonal.
  /// - Throws: `LinearAlgebraError.notPositiveDefinite`, `.notFinite`.
  /// - Complexity: n^3 / 3 operations, one copy. LAPACK's spotrf.
  public static func cholesky(_ matrix: Tensor) throws -> Tensor {
    let n = order(of: matrix, "cholesky")
    let factor = matrix.copy()
    for row in 0..<n {
      (factor.pointer + row * n + row + 1).update(repeating: 0, count: n - row - 1)
    }
    try requireFinite(factor, "cholesky")
    guard n > 0 else { return factor }
    let status = LAPACKE_spotrf(columnMajor, upper, lapack_integer(n), factor.pointer, lapack_integer(n))
    if status > 0 { throw LinearAlgebraError.notPositiveDefinite(order: Int(status)) }
    try check(status, "cholesky")
    return factor
  }

  /// `X` with `A X = B`, by Cholesky's factorisation.
  ///
  /// - Parameters:
  ///   - matrix: `A`, `[n, n]`, symmetric positive definite; only its lower triangle is read.
  ///   - right: `B`, `[n, columns]` or `[n]`
  /// - Returns: the shape of `right`.
  /// - Throws: as `cholesky`.
  /// - Complexity: n^3 / 3 + 2 n^2 columns operations. LAPACK's spotrf and spotrs.
  public static func solvePositiveDefinite(_ matrix: Tensor, _ right: Tensor) throws -> Tensor {
    try solve(factor: cholesky(matrix), right)
  }

  /// `X` with `L L^T X = B`, from the factor that `cholesky` gave, for several right-hand sides in turn.
  ///
  /// - Parameters:
  ///   - factor: `L`, `[n, n]`
  ///   - right: `B`, `[n, columns]` or `[n]`
  /// - Returns: the shape of `right`.
  public static func solve(factor: Tensor, _ right: Tensor) throws -> Tensor {
    let n = order(of: factor, "solve")
    requireRows(n, right, factor, "solve")
    try requireFinite(right, "solve")
    guard n > 0, right.count > 0 else { return right.copy() }
    let columns = right.count / n
    let solution = right.detached().reshaped([n, columns]).transposed()
    try check(
      LAPACKE_spotrs(
        columnMajor, upper, lapack_integer(n), lapack_integer(columns), factor.pointer, lapack_integer(n),
        solution.pointer,
        lapack_integer(n)), "solve")
    return solution.transposed().reshaped(right.shape)
  }

  /// The eigenvalues of a symmetric matrix, ascending, and its eigenvectors: `A = V diag(values) V^T`.
  ///
  /// - Parameter matrix: `A`, `[n, n]`; only its lower triangle is read.
  /// - Returns: `values`, `[n]`, and `vectors`, `[n, n]`, orthonormal columns in the order of the values, of
  ///   either sign.
  /// - Throws: `LinearAlgebraError.noConvergence`, `.notFinite`.
  /// - Complexity: about 9 n^3 operations. LAPACK's ssyevd (divide and conquer).
  public static func symmetricEigen(_ matrix: Tensor) throws -> (values: Tensor, vectors: Tensor) {
    let n = order(of: matrix, "symmetricEigen")
    let work = matrix.copy()
    // What is not read must not decide whether the matrix is accepted.
    for row in 0..<n { (work.pointer + row * n + row + 1).update(repeating: 0, count: n - row - 1) }
    try requireFinite(work, "symmetricEigen")
    let values = Tensor.uninitialised([n])
    guard n > 0 else { return (values, work) }
    let status = LAPACKE_ssyevd(
      columnMajor, letter("V"), upper, lapack_integer(n), work.pointer, lapack_integer(n), values.pointer)
    try check(status, "symmetricEigen")
    return (values, work.transposed())
  }

  /// The thin singular value decomposition `A = U diag(s) V^T`.
  ///
  /// - Parameter matrix: `A`, `[m, n]`
  /// - Returns: with k = min(m, n): `u`, `[m, k]`, orthonormal columns; `values`, `[k]`, descending, not
  ///   negative; `vTransposed`, `[k, n]`, orthonormal rows. A column and its row may change sign together.
  /// - Throws: `LinearAlgebraError.noConvergence`, `.notFinite`.
  /// - Complexity: O(m n k) operations. LAPACK's sgesdd (divide and conquer).
  public static func singularValues(
    _ matrix: Tensor
  ) throws -> (u: Tensor, values: Tensor, vTransposed: Tensor) {
    require(matrix.rank == 2, "singularValues needs a matrix, and the shape is \(matrix.shape)")
    try requireFinite(matrix, "singularValues")
    let (m, n) = (matrix.shape[0], matrix.shape[1])
    let k = min(m, n)
    let work = matrix.copy()
    let (u, values, v) = (
      Tensor.uninitialised([m, k]), Tensor.uninitialised([k]), Tensor.uninitialised([k, n])
    )
    guard k > 0 else { return (u, values, v) }
    // LAPACK sees A^T = V S U^T: what it calls U is V, and the reverse.
    let status = work.withUnsafeMutableData { work in
      LAPACKE_sgesdd(
        columnMajor, letter("S"), lapack_integer(n), lapack_integer(m), work.baseAddress, lapack_integer(n),
        values.pointer, v.pointer, lapack_integer(n), u.pointer, lapack_integer(k))
    }
    try check(status, "singularValues")
    return (u, values, v)
  }

  /// The `X` of least norm that minimises `|A X - B|`, column by column; `A` may be of any rank.
  ///
  /// - Parameters:
  ///   - matrix: `A`, `[m, n]`
  ///   - right: `B`, `[m, columns]` or `[m]`
  ///   - cutoff: singular values under this share of the largest count as 0; negative stands for the
  ///     machine's precision.
  /// - Returns: `[n, columns]`, or `[n]` for a vector.
  /// - Throws: `LinearAlgebraError.noConvergence`, `.notFinite`.
  /// - Complexity: O(m n min(m, n)) operations. LAPACK's sgelsd.
  public static func leastSquares(_ matrix: Tensor, _ right: Tensor, cutoff: Float = -1) throws -> Tensor {
    require(matrix.rank == 2, "leastSquares needs a matrix, and the shape is \(matrix.shape)")
    let (m, n) = (matrix.shape[0], matrix.shape[1])
    requireRows(m, right, matrix, "leastSquares")
    try requireFinite(matrix, "leastSquares")
    try requireFinite(right, "leastSquares")
    let shape = [n] + right.shape.dropFirst()
    let columns = right.rank == 2 ? right.shape[1] : 1
    guard m > 0, n > 0, columns > 0 else { return Tensor.zeros(shape) }
    let work = matrix.detached().transposed()
    // The solution replaces the right-hand sides, so each column has room for the longer of the two.
    let length = max(m, n)
    let columnsInPlace = Tensor.zeros([columns, length])
    for c in 0..<columns {
      for i in 0..<m { columnsInPlace.pointer[c * length + i] = right.pointer[i * columns + c] }
    }
    var singular = [Float](repeating: 0, count: min(m, n))
    var rank: lapack_integer = 0
    let status = work.withUnsafeMutableData { work in
      LAPACKE_sgelsd(
        columnMajor, lapack_integer(m), lapack_integer(n), lapack_integer(columns), work.baseAddress,
        lapack_integer(m), columnsInPlace.pointer, lapack_integer(length), &singular, cutoff, &rank)
    }
    try check(status, "leastSquares")
    return columnsInPlace.sliced(axis: 1, 0..<n).transposed().reshaped(shape)
  }
}

// MARK: - What the routines share

// LAPACK stores columns, tensors store rows: a matrix is handed over as its transpose, and the routine is
// asked for the transposed factorisation, which saves the copies that LAPACKE's row-major interface makes.
private let columnMajor = LAPACK_COL_MAJOR
/// The lower triangle by rows is the upper one by columns.
private let upper = letter("U")

private func letter(_ scalar: Unicode.Scalar) -> CChar { CChar(scalar.value) }

/// The number of rows of a square matrix. Also makes OpenBLAS ready: LAPACK rests on it.
private func order(of matrix: Tensor, _ routine: String) -> Int {
  OpenBLAS.prepare()
  require(
    matrix.rank == 2 && matrix.shape[0] == matrix.shape[1],
    "\(routine) needs a square matrix, and the shape is \(matrix.shape)")
  return matrix.shape[0]
}

private func requireRows(_ rows: Int, _ right: Tensor, _ matrix: Tensor, _ routine: String) {
  require(
    (right.rank == 1 || right.rank == 2) && right.shape[0] == rows,
    "\(routine): a right-hand side of shape \(right.shape) does not fit a matrix of shape \(matrix.shape)")
}

private func requireFinite(_ tensor: Tensor, _ routine: String) throws {
  OpenBLAS.prepare()
  guard tensor.count == 0 || tensor.isFinite else { throw LinearAlgebraError.notFinite(routine: routine) }
}

private func check(_ status: lapack_integer, _ routine: String) throws {
  if status > 0 { throw LinearAlgebraError.noConvergence(routine: routine, remaining: Int(status)) }
  if status <= -1010 {
    ResourceFailure.end("out of memory: \(routine) found none for its work space")
  }
  require(status == 0, "\(routine): LAPACK refused its argument \(-status)")
}
