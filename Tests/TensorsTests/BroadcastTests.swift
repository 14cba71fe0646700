import TestSupport
import Testing

@testable import Tensors

@Suite("Broadcasting and products against plain loops")
struct BroadcastTests {
  /// a, b and the shape that they combine to.
  static let shapes: [([Int], [Int], [Int])] = [
    ([], [], []),
    ([], [3], [3]),
    ([3], [], [3]),
    ([1], [4], [4]),
    ([4], [1], [4]),
    ([3, 4], [4], [3, 4]),
    ([3, 4], [3, 1], [3, 4]),
    ([3, 1], [1, 4], [3, 4]),
    ([2, 3, 4], [3, 4], [2, 3, 4]),
    ([2, 3, 4], [2, 1, 4], [2, 3, 4]),
    ([2, 1, 4], [3, 1], [2, 3, 4]),
    ([2, 1, 3, 1], [4, 1, 5], [2, 4, 3, 5]),
    ([1, 1, 1], [2, 3], [1, 2, 3]),
    ([5, 1, 1, 2], [5, 3, 4, 1], [5, 3, 4, 2]),
    ([0, 3], [3], [0, 3]),
    ([1, 3], [0, 1], [0, 3]),
    ([3, 0], [1], [3, 0]),
    ([2, 1, 2, 1, 2], [1, 2, 1, 2, 1], [2, 2, 2, 2, 2]),
  ]

  @Test("By table", arguments: shapes)
  func table(_ shapeA: [Int], _ shapeB: [Int], _ expected: [Int]) {
    var generator = RandomGenerator(seed: 1)
    let a = Tensor.normal(shapeA, using: &generator)
    let b = Tensor.normal(shapeB, using: &generator)
    let sum = a - b
    #expect(sum.shape == expected)
    var values: [Float] = []
    for place in 0..<elementCount(expected) {
      values.append(
        a.scalars()[Self.place(place, in: expected, of: shapeA)]
          - b.scalars()[Self.place(place, in: expected, of: shapeB)])
    }
    #expect(sum.scalars() == values)
    // The gradient of a repeated element counts its repetitions.
    guard !values.isEmpty else { return }
    a.requiresGradient = true
    b.requiresGradient = true
    (a - b).sum().backward()
    #expect(a.gradient!.scalars() == [Float](repeating: Float(values.count / a.count), count: a.count))
    #expect(b.gradient!.scalars() == [Float](repeating: -Float(values.count / b.count), count: b.count))
  }

  /// Where element `place` of `whole` comes from in a tensor of `shape`.
  static func place(_ place: Int, in whole: [Int], of shape: [Int]) -> Int {
    var rest = place
    var result = 0
    var step = 1
    for axis in stride(from: whole.count - 1, through: 0, by: -1) {
      let index = rest % whole[axis]
      rest /= whole[axis]
      let own = axis - (whole.count - shape.count)
      guard own >= 0 else { continue }
      if shape[own] != 1 { result += index * step }
      step *= shape[own]
    }
    return result
  }

  struct Product: Sendable, CustomTestStringConvertible {
    let (lead, sharesB): ([Int], Bool)
    let (m, n, k): (Int, Int, Int)
    let (transposeA, transposeB): (Bool, Bool)
    var testDescription: String { "\(lead) \(m)x\(k)x\(n) \(sharesB) \(transposeA) \(transposeB)" }
  }

  static let products: [Product] = [(1, 1, 1), (3, 5, 2), (17, 33, 20), (130, 9, 70)].flatMap { m, n, k in
    [([], true), ([4], true), ([4], false), ([2, 3], false)].flatMap { lead, sharesB in
      [(false, false), (false, true), (true, false), (true, true)].map {
        Product(lead: lead, sharesB: sharesB, m: m, n: n, k: k, transposeA: $0.0, transposeB: $0.1)
      }
    }
  }

  @Test("Products of every form", arguments: products)
  func product(_ p: Product) {
    var generator = RandomGenerator(seed: 3)
    let a = Tensor.normal(p.lead + (p.transposeA ? [p.k, p.m] : [p.m, p.k]), using: &generator)
    let leadB = p.sharesB ? [] : p.lead
    let b = Tensor.normal(leadB + (p.transposeB ? [p.n, p.k] : [p.k, p.n]), using: &generator)
    let found = Tensor.matmul(a, b, transposeA: p.transposeA, transposeB: p.transposeB)
    let (x, y) = (a.scalars(), b.scalars())
    var expected: [Float] = []
    for batch in 0..<p.lead.reduce(1, *) {
      let (startA, startB) = (batch * p.m * p.k, p.sharesB ? 0 : batch * p.k * p.n)
      for i in 0..<p.m {
        for j in 0..<p.n {
          var sum = 0.0
          for l in 0..<p.k {
            let valueA = x[startA + (p.transposeA ? l * p.m + i : i * p.k + l)]
            sum += Double(valueA) * Double(y[startB + (p.transposeB ? j * p.k + l : l * p.n + j)])
          }
          expected.append(Float(sum))
        }
      }
    }
    expectClose(found, Tensor(expected, shape: p.lead + [p.m, p.n]), tolerance: 1e-6)
  }
}
