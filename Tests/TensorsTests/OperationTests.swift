import Basics
import Foundation
import TestSupport
import Testing

@testable import Tensors

/// One operation on its inputs, under the name that it has in `Tests/Fixtures/make_tensor_fixtures.py`.
struct OperationCase: Sendable, CustomTestStringConvertible {
  let name: String
  let function: @Sendable ([Tensor]) -> Tensor

  init(_ name: String, _ function: @escaping @Sendable ([Tensor]) -> Tensor) {
    self.name = name
    self.function = function
  }

  var testDescription: String { name }

  static let all: [OperationCase] = elementwise + shaping + rows + products

  static let elementwise: [OperationCase] = [
    .init("add") { $0[0] + $0[1] },
    .init("subtract") { $0[0] - $0[1] },
    .init("multiply") { $0[0] * $0[1] },
    .init("multiplySame") { $0[0] * $0[1] },
    .init("divide") { $0[0] / $0[1] },
    .init("maximum") { Tensor.maximum($0[0], $0[1]) },
    .init("numbers") { 3 - 2 * ($0[0] + 0.5) / 4 - 1 },
    .init("reciprocal") { 2 / $0[0] },
    .init("negated") { -$0[0] },
    .init("exp") { $0[0].exp() },
    .init("log") { $0[0].log() },
    .init("sqrt") { $0[0].sqrt() },
    .init("tanh") { $0[0].tanh() },
    .init("squared") { $0[0].squared() },
    .init("gelu") { $0[0].gelu() },
    .init("relu") { $0[0].relu() },
    .init("shared") { inputs in
      let (x, y) = (inputs[0], inputs[1])
      let product = x * y
      return (product + x).exp() * x - product * product
    },
  ]

  static let shaping: [OperationCase] = [
    .init("reshaped") { $0[0].reshaped([4, -1]) },
    .init("transposed") { $0[0].transposed() },
    .init("permuted") { $0[0].transposed([2, 0, 3, 1]) },
    .init("slicedFirst") { $0[0].sliced(1..<3) },
    .init("slicedMiddle") { $0[0].sliced(axis: 1, 1..<4) },
    .init("concatenatedFirst") { Tensor.concatenated($0) },
    .init("concatenatedLast") { Tensor.concatenated($0, axis: -1) },
    .init("gathered") { $0[0].gathered([2, 0, 2, 2, 1]) },
  ]

  static let rows: [OperationCase] = [
    .init("sum") { $0[0].sum() },
    .init("sumFirst") { $0[0].sum(axis: 0) },
    .init("sumMiddleKept") { $0[0].sum(axis: 1, keepingAxis: true) },
    .init("mean") { $0[0].mean() },
    .init("meanLast") { $0[0].mean(axis: -1) },
    .init("maxMiddle") { $0[0].max(axis: 1) },
    .init("softmax") { $0[0].softmax() },
    .init("softmaxWide") { $0[0].softmax() },
    .init("logSoftmax") { $0[0].logSoftmax() },
    .init("logSumExp") { $0[0].logSumExp() },
    .init("normalised") { $0[0].normalised() },
    .init("layerNorm") { Tensor.layerNorm($0[0], scale: $0[1], shift: $0[2]) },
    .init("layerNormWide") { Tensor.layerNorm($0[0], scale: $0[1], shift: $0[2]) },
  ]

  static let products: [OperationCase] =
    [
      .init("linear") { Tensor.linear($0[0], weight: $0[1], bias: $0[2]) },
      .init("linearPlain") { Tensor.linear($0[0], weight: $0[1]) },
    ]
    + ["plain", "batched", "shared"].flatMap { kind in
      [(false, false), (false, true), (true, false), (true, true)].map { a, b in
        OperationCase("matmul.\(kind).\(a ? "T" : "N")\(b ? "T" : "N")") {
          Tensor.matmul($0[0], $0[1], transposeA: a, transposeB: b)
        }
      }
    }
}

@Suite("Operations against float64 references and finite differences")
struct OperationTests {
  static let reference = Result { try SafeTensors(path: fixture("tensors/operations.safetensors")).tensors }

  static func inputs(_ name: String) throws -> [Tensor] {
    let all = try reference.get()
    return (0..<3).compactMap { all["\(name).input.\($0)"] }
  }

  @Test("Every case of the script is run here")
  func isComplete() throws {
    let names = try Self.reference.get().keys.filter { $0.hasSuffix(".value") }.map { String($0.dropLast(6)) }
    #expect(names.sorted() == OperationCase.all.map(\.name).sorted())
  }

  @Test("Values and gradients are those of float64", arguments: OperationCase.all)
  func agrees(_ operation: OperationCase) throws {
    let reference = try Self.reference.get()
    let inputs = try Self.inputs(operation.name).map { $0.copy() }
    let expected = try #require(reference["\(operation.name).value"])
    let upstream = try #require(reference["\(operation.name).upstream"])
    for input in inputs { input.requiresGradient = true }
    let value = operation.function(inputs)
    expectClose(value, expected, tolerance: 5e-7)
    (value * upstream).sum().backward()
    for (i, input) in inputs.enumerated() {
      let gradient = try #require(input.gradient)
      let expected = try #require(reference["\(operation.name).gradient.\(i)"])
      expectClose(gradient, expected, tolerance: 1e-6, "gradient of input \(i)")
    }
  }

  /// The steps are so short that none crosses a kink of `relu`, `maximum` or `max`.
  @Test("Gradients are central differences", arguments: OperationCase.all)
  func differences(_ operation: OperationCase) throws {
    let leaves = try Self.inputs(operation.name).map { $0.copy() }
    for leaf in leaves { leaf.requiresGradient = true }
    let named = leaves.enumerated().map { (name: "input \($0)", tensor: $1) }
    expectGradients(of: named, step: 0x1p-7, tolerance: 1e-3, operation.name) { operation.function(leaves) }
  }

  @Test("Gradients reach one input where the other needs none", arguments: OperationCase.all)
  func oneInputAtATime(_ operation: OperationCase) throws {
    let reference = try Self.reference.get()
    let upstream = try #require(reference["\(operation.name).upstream"])
    let originals = try Self.inputs(operation.name)
    for i in originals.indices {
      let inputs = originals.map { $0.copy() }
      inputs[i].requiresGradient = true
      (operation.function(inputs) * upstream).sum().backward()
      let expected = try #require(reference["\(operation.name).gradient.\(i)"])
      expectClose(try #require(inputs[i].gradient), expected, tolerance: 1e-6, "gradient of input \(i)")
      for (j, input) in inputs.enumerated() where j != i { #expect(input.gradient == nil) }
    }
  }
}

@Suite("Edges of the operations")
struct OperationEdgeTests {
  @Test("Equal elements: the gradient goes to one of them")
  func ties() {
    let (a, b) = (Tensor([1, 2]), Tensor([1, 3]))
    a.requiresGradient = true
    b.requiresGradient = true
    Tensor.maximum(a, b).sum().backward()
    #expect(a.gradient?.scalars() == [1, 0])
    #expect(b.gradient?.scalars() == [0, 1])
    let x = Tensor([2, 5, 5, 1], shape: [1, 4])
    x.requiresGradient = true
    x.max(axis: 1).sum().backward()
    #expect(x.gradient?.scalars() == [0, 1, 0, 0])
    #expect(Tensor([0, 3, 3, 7, 7, 1], shape: [2, 3]).argmax() == [1, 0])
  }

  @Test("IEEE values pass through")
  func extremes() {
    #expect(Tensor([-.infinity, 0, 200]).exp().scalars() == [0, 1, .infinity])
    let logarithms = Tensor([0, 1, -1]).log().scalars()
    #expect(logarithms[0] == -.infinity && logarithms[1] == 0 && logarithms[2].isNaN)
    #expect((Tensor([1, -1]) / Tensor([0, 0])).scalars() == [.infinity, -.infinity])
    #expect(Tensor([1e4, -1e4]).tanh().scalars() == [1, -1])
    #expect(Tensor([-50, 50]).gelu().scalars() == [0, 50])
    #expect(!Tensor([1, .nan]).isFinite && !Tensor([.infinity]).isFinite && Tensor([1]).isFinite)
  }

  @Test("Softmax does not overflow, and its rows add up to 1")
  func stableSoftmax() {
    let x = Tensor([1e4, 1e4 - 1, -1e4, -2e4, -2e4, -2e4], shape: [2, 3])
    let y = x.softmax()
    let third: Float = 1.0 / 3
    expectClose(y, Tensor([0.7310586, 0.2689414, 0, third, third, third], shape: [2, 3]), tolerance: 2e-6)
    expectClose(x.logSumExp(), Tensor([1e4 + 0.31326166, -2e4 + 1.0986123]), tolerance: 1e-7)
    #expect(x.logSoftmax().isFinite)
  }

  @Test("A row of zeros stays zero when normalised, and its gradient is finite")
  func zeroRow() {
    let x = Tensor([0, 0, 3, 4], shape: [2, 2])
    x.requiresGradient = true
    let y = x.normalised()
    expectClose(y, Tensor([0, 0, 0.6, 0.8], shape: [2, 2]), tolerance: 2e-6)
    (y * Tensor([1, 2, 1, 2], shape: [2, 2])).sum().backward()
    #expect(x.gradient!.isFinite)
  }

  @Test("Empty tensors go through")
  func empty() {
    let x = Tensor.zeros([0, 3])
    #expect((x + Tensor([1, 2, 3])).shape == [0, 3])
    #expect((x * 2).sum().item() == 0)
    #expect(x.sum(axis: 0).scalars() == [0, 0, 0])
    #expect(x.sum(axis: 1).shape == [0])
    #expect(x.transposed().shape == [3, 0])
    #expect(Tensor.matmul(x, Tensor.ones([3, 2])).shape == [0, 2])
    #expect(
      Tensor.matmul(Tensor.ones([2, 0]), Tensor.ones([0, 3])).scalars() == [Float](repeating: 0, count: 6))
    #expect(Tensor.linear(x, weight: Tensor.ones([5, 3])).shape == [0, 5])
    #expect(Tensor.concatenated([x, Tensor.ones([2, 3])]).shape == [2, 3])
    #expect(Tensor.ones([3, 2]).gathered([]).shape == [0, 2])
    #expect(x.softmax().shape == [0, 3])
  }

  @Test("A view shares its values, a copy does not")
  func views() {
    let x = Tensor([1, 2, 3, 4], shape: [2, 2])
    let (row, shape, copy) = (x.sliced(1..<2), x.reshaped([4]), x.copy())
    x.withUnsafeMutableData { $0[2] = 9 }
    #expect(row.scalars() == [9, 4])
    #expect(shape.scalars() == [1, 2, 9, 4])
    #expect(copy.scalars() == [1, 2, 3, 4])
    #expect(x[1, 0] == 9)
  }

  @Test("Dropout: zeros in their share, the rest scaled, and the gradient through the same mask")
  func dropout() {
    var generator = RandomGenerator(seed: 5)
    let x = Tensor.ones([200, 300])
    x.requiresGradient = true
    let y = x.dropout(0.25, using: &generator)
    let values = y.scalars()
    #expect(Set(values) == [0, 1 / 0.75])
    // 60,000 draws: six deviations are 0.0106.
    #expect(abs(Double(values.filter { $0 == 0 }.count) / 60_000 - 0.25) < 0.0107)
    y.sum().backward()
    #expect(x.gradient!.scalars() == values)
    #expect(x.dropout(0.25, using: &generator).scalars() != values)
    let before = generator
    #expect(x.dropout(0, using: &generator) === x)
    var repeated = RandomGenerator(seed: 5)
    #expect(x.dropout(0.25, using: &repeated).scalars() == values)
    #expect(before != repeated)
  }
}
