import TestSupport
import Testing

@testable import Tensors

@Suite("Linear algebra")
struct LinearAlgebraTests {
  static func random(_ shape: [Int], seed: UInt64 = 1) -> Tensor {
    var generator = RandomGenerator(seed: seed)
    return Tensor.normal(shape, using: &generator)
  }

  static func identity(_ n: Int) -> Tensor { diagonal([Float](repeating: 1, count: n)) }

  static func diagonal(_ values: [Float]) -> Tensor {
    let result = Tensor.zeros([values.count, values.count])
    result.withUnsafeMutableData {
      for (i, value) in values.enumerated() { $0[i * values.count + i] = value }
    }
    return result
  }

  /// `B B^T / n + I / 10`
  static func positiveDefinite(_ n: Int) -> Tensor {
    let b = random([n, n], seed: UInt64(n))
    return Tensor.matmul(b, b, transposeB: true) / Float(n) + identity(n) * 0.1
  }

  /// The same with nan above the diagonal, which must not be read.
  static func lowerOnly(_ matrix: Tensor) -> Tensor {
    let n = matrix.shape[0]
    let result = matrix.copy()
    result.withUnsafeMutableData {
      for i in 0..<n { for j in (i + 1)..<max(n, i + 1) { $0[i * n + j] = .nan } }
    }
    return result
  }

  @Test("A worked Cholesky factor")
  func knownFactor() throws {
    let a = Tensor([4, 12, -16, 12, 37, -43, -16, -43, 98], shape: [3, 3])
    let expected = Tensor([2, 0, 0, 6, 1, 0, -8, 5, 3], shape: [3, 3])
    expectClose(try LinearAlgebra.cholesky(a), expected, tolerance: 1e-6)
    expectClose(try LinearAlgebra.cholesky(Self.lowerOnly(a)), expected, tolerance: 1e-6)
    #expect(a.scalars() == [4, 12, -16, 12, 37, -43, -16, -43, 98])
  }

  @Test("L L^T gives the matrix back, and solves", arguments: [1, 2, 5, 33, 100])
  func cholesky(n: Int) throws {
    let a = Self.positiveDefinite(n)
    let factor = try LinearAlgebra.cholesky(a)
    for i in 0..<n { for j in (i + 1)..<max(n, i + 1) { #expect(factor[i, j] == 0) } }
    expectClose(Tensor.matmul(factor, factor, transposeB: true), a, tolerance: 2e-6)
    let x = Self.random([n, 3], seed: 7)
    let right = Tensor.matmul(a, x)
    expectClose(try LinearAlgebra.solvePositiveDefinite(Self.lowerOnly(a), right), x, tolerance: 1e-4)
    expectClose(try LinearAlgebra.solve(factor: factor, right), x, tolerance: 1e-4)
    let vector = right.sliced(axis: 1, 1..<2).reshaped([n])
    expectClose(
      try LinearAlgebra.solve(factor: factor, vector), x.sliced(axis: 1, 1..<2).reshaped([n]), tolerance: 1e-4
    )
  }

  @Test("The first leading block that is not positive definite is named")
  func notPositiveDefinite() {
    #expect(throws: LinearAlgebraError.notPositiveDefinite(order: 3)) {
      try LinearAlgebra.cholesky(Self.diagonal([1, 2, -1, 4]))
    }
    #expect(throws: LinearAlgebraError.notPositiveDefinite(order: 2)) {
      try LinearAlgebra.solvePositiveDefinite(Tensor([1, 2, 2, 1], shape: [2, 2]), Tensor([1, 1]))
    }
    #expect("\(LinearAlgebraError.notPositiveDefinite(order: 3))".contains("3 x 3"))
  }

  @Test("Eigenvalues ascend, vectors are orthonormal columns", arguments: [1, 2, 6, 40])
  func eigen(n: Int) throws {
    let b = Self.random([n, n], seed: 3)
    let a = b + b.transposed()
    let (values, vectors) = try LinearAlgebra.symmetricEigen(Self.lowerOnly(a))
    #expect(values.scalars() == values.scalars().sorted())
    expectClose(Tensor.matmul(vectors, vectors, transposeA: true), Self.identity(n), tolerance: 1e-5)
    expectClose(Tensor.matmul(vectors * values, vectors, transposeB: true), a, tolerance: 4e-6)
    expectClose(Tensor.matmul(a, vectors), vectors * values, tolerance: 4e-6)
  }

  @Test("Worked eigenvalues and singular values")
  func knownValues() throws {
    // The second difference matrix of 3 points: 2 - sqrt 2, 2, 2 + sqrt 2.
    let a = Tensor([2, -1, 0, -1, 2, -1, 0, -1, 2], shape: [3, 3])
    let root = Float(2).squareRoot()
    expectClose(try LinearAlgebra.symmetricEigen(a).values, Tensor([2 - root, 2, 2 + root]), tolerance: 1e-6)
    // A A^T = [[17, 8], [8, 17]], with the eigenvalues 25 and 9.
    let b = Tensor([3, 2, 2, 2, 3, -2], shape: [2, 3])
    expectClose(try LinearAlgebra.singularValues(b).values, Tensor([5, 3]), tolerance: 1e-6)
  }

  @Test(
    "U diag(s) V^T gives the matrix back",
    arguments: [[1, 1], [5, 3], [3, 5], [40, 7], [7, 40], [20, 20]])
  func singularValues(shape: [Int]) throws {
    let a = Self.random(shape, seed: 5)
    let (u, values, v) = try LinearAlgebra.singularValues(a)
    let k = shape.min()!
    #expect(u.shape == [shape[0], k] && values.shape == [k] && v.shape == [k, shape[1]])
    #expect(values.scalars() == values.scalars().sorted(by: >) && values.scalars().allSatisfy { $0 >= 0 })
    expectClose(Tensor.matmul(u, u, transposeA: true), Self.identity(k), tolerance: 1e-5)
    expectClose(Tensor.matmul(v, v, transposeB: true), Self.identity(k), tolerance: 1e-5)
    expectClose(Tensor.matmul(u * values, v), a, tolerance: 3e-6)
  }

  @Test("Least squares: the residual is orthogonal to the columns; of least norm when there is a choice")
  func leastSquares() throws {
    let (tall, right) = (Self.random([30, 4]), Self.random([30, 2], seed: 2))
    let x = try LinearAlgebra.leastSquares(tall, right)
    #expect(x.shape == [4, 2])
    let products = Tensor.matmul(tall, Tensor.matmul(tall, x) - right, transposeA: true)
    #expect(products.scalars().allSatisfy { abs($0) <= 3e-5 })
    // One equation, x + 2 y + 2 z = 9: the shortest answer lies along (1, 2, 2).
    let wide = Tensor([1, 2, 2], shape: [1, 3])
    expectClose(try LinearAlgebra.leastSquares(wide, Tensor([9])), Tensor([1, 2, 2]), tolerance: 1e-6)
    // Two equal columns share their weight.
    let deficient = Tensor([1, 1, 2, 2, 3, 3], shape: [3, 2])
    expectClose(
      try LinearAlgebra.leastSquares(deficient, Tensor([2, 4, 6]), cutoff: 1e-5), Tensor([1, 1]),
      tolerance: 1e-5)
  }

  @Test("Infinite and nan elements are refused, empty matrices pass")
  func edges() throws {
    let bad = Tensor([1, 0, .nan, 1], shape: [2, 2])
    #expect(throws: LinearAlgebraError.notFinite(routine: "cholesky")) { try LinearAlgebra.cholesky(bad) }
    #expect(throws: LinearAlgebraError.notFinite(routine: "symmetricEigen")) {
      try LinearAlgebra.symmetricEigen(bad)
    }
    #expect(throws: LinearAlgebraError.notFinite(routine: "singularValues")) {
      try LinearAlgebra.singularValues(bad)
    }
    #expect(throws: LinearAlgebraError.notFinite(routine: "leastSquares")) {
      try LinearAlgebra.leastSquares(Self.identity(2), Tensor([1, .infinity]))
    }
    let empty = Tensor.zeros([0, 0])
    #expect(try LinearAlgebra.cholesky(empty).shape == [0, 0])
    #expect(try LinearAlgebra.solvePositiveDefinite(empty, Tensor.zeros([0, 2])).shape == [0, 2])
    #expect(try LinearAlgebra.symmetricEigen(empty).values.count == 0)
    let (u, values, v) = try LinearAlgebra.singularValues(Tensor.zeros([3, 0]))
    #expect(u.shape == [3, 0] && values.count == 0 && v.shape == [0, 0])
    #expect(try LinearAlgebra.leastSquares(Tensor.zeros([0, 2]), Tensor.zeros([0])).scalars() == [0, 0])
  }

  @Test("Shapes that do not fit stop the program")
  func shapes() async {
    let square = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = try LinearAlgebra.cholesky(Tensor.ones([2, 3]))
    }
    AutodiffTests.expect(square, says: "[2, 3]")
    let rows = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = try LinearAlgebra.solvePositiveDefinite(LinearAlgebraTests.identity(2), Tensor.ones([3]))
    }
    AutodiffTests.expect(rows, says: "[3]", "[2, 2]")
  }
}
