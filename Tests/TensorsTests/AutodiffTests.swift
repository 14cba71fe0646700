import Foundation
import TestSupport
import Testing

@testable import Tensors

@Suite("Differentiation")
struct AutodiffTests {
  static func leaf(_ values: [Float]) -> Tensor {
    let x = Tensor(values)
    x.requiresGradient = true
    return x
  }

  @Test("Two backwards add up, and nil starts again")
  func accumulation() {
    let x = Self.leaf([1, 2, 3])
    x.squared().sum().backward()
    #expect(x.gradient?.scalars() == [2, 4, 6])
    (x * 3).sum().backward()
    #expect(x.gradient?.scalars() == [5, 7, 9])
    (x * 3).sum().backward()
    #expect(x.gradient?.scalars() == [8, 10, 12])
    x.gradient = nil
    x.sum().backward()
    #expect(x.gradient?.scalars() == [1, 1, 1])
  }

  @Test("Adding to a gradient does not change a tensor that it shares")
  func accumulationOwnsItsSum() {
    let (x, y) = (Self.leaf([1, 2]), Self.leaf([3, 4]))
    (x + y).sum().backward()  // one upstream tensor reaches both
    x.sum().backward()
    x.sum().backward()
    #expect(x.gradient?.scalars() == [3, 3])
    #expect(y.gradient?.scalars() == [1, 1])
    let given = Tensor([10, 20])
    x.gradient = given
    x.sum().backward()
    #expect(x.gradient?.scalars() == [11, 21])
    #expect(given.scalars() == [10, 20])
  }

  @Test("A tensor used many times gets the sum over its uses")
  func sharedUses() {
    let x = Self.leaf([2, -1])
    var y = x
    for _ in 0..<6 { y = y + y }  // 64 paths, 6 nodes
    y.sum().backward()
    #expect(x.gradient?.scalars() == [64, 64])
    let z = Self.leaf([3])
    let square = z * z
    (square * square + square).sum().backward()  // z^4 + z^2
    #expect(z.gradient?.scalars() == [4 * 27 + 2 * 3])
  }

  @Test("Only what requires a gradient is recorded")
  func recording() {
    let (x, constant) = (Self.leaf([1, 2]), Tensor([5, 6]))
    #expect(!(constant * 2).requiresGradient)
    #expect((x * constant).requiresGradient)
    #expect(!x.detached().requiresGradient)
    (x * x.detached()).sum().backward()
    #expect(x.gradient?.scalars() == [1, 2])
    #expect(constant.gradient == nil)
  }

  @Test("withoutGradient holds for this thread, nests, and ends when its body throws")
  func pausing() throws {
    struct Stop: Error {}
    let x = Self.leaf([1])
    withoutGradient {
      withoutGradient { #expect(!(x * 2).requiresGradient) }
      #expect(!(x * 2).requiresGradient)
    }
    #expect((x * 2).requiresGradient)
    #expect(throws: Stop.self) { try withoutGradient { throw Stop() } }
    #expect((x * 2).requiresGradient)
    withoutGradient {
      let done = DispatchSemaphore(value: 0)
      nonisolated(unsafe) var recorded = false
      Thread {
        recorded = (x * 2).requiresGradient
        done.signal()
      }.start()
      done.wait()
      #expect(recorded)
    }
  }

  @Test("An operation of one's own: inputs in order, upstream given, nil for none")
  func ownOperation() {
    let (x, y, z) = (Self.leaf([1, 2]), Self.leaf([3, 4]), Self.leaf([5, 6]))
    let value = Tensor.record(Tensor([10, 20]), from: [x, y, z]) { [$0 * 2, nil, $0 * 7] }
    (value * Tensor([1, 10])).sum().backward()
    #expect(x.gradient?.scalars() == [2, 20])
    #expect(y.gradient == nil)
    #expect(z.gradient?.scalars() == [7, 70])
  }

  @Test("A scalar leaf is its own gradient's start")
  func scalarLeaf() {
    let x = Tensor(4)
    x.requiresGradient = true
    x.backward()
    #expect(x.gradient?.item() == 1)
  }

  @Test("A chain of 200,000 operations, backward and dropped, needs no stack")
  func longChain() {
    let x = Self.leaf([1])
    var y = x
    for _ in 0..<200_000 { y = y + 1 }
    #expect(y.item() == 200_001)
    y.sum().backward()
    #expect(x.gradient?.item() == 1)
    for _ in 0..<200_000 { y = y * 1 }
    y = x  // dropped with its backward run on a part only
    for _ in 0..<100_000 { y = (y + x) * 0.5 }
    y = x
    x.gradient = nil
    for _ in 0..<100_000 { y = y.reshaped([1]).exp().log() }
    y = x  // dropped without
    #expect(x.item() == 1)
  }

  @Test("A graph frees what it saved as backward uses it")
  func releases() {
    weak var saved: Tensor?
    let x = Self.leaf([1, 2, 3])
    let loss: Tensor
    do {
      let middle = x * 2
      saved = middle
      loss = middle.squared().sum()
    }
    #expect(saved != nil)
    loss.backward()
    #expect(saved == nil)
    #expect(x.gradient?.scalars() == [8, 16, 24])
  }

  @Test("A second backward says so")
  func secondBackward() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let x = AutodiffTests.leaf([1])
      let y = x.exp().sum()
      y.backward()
      y.backward()
    }
    Self.expect(result, says: "second time through the same graph")
  }

  @Test("A second backward through a shared part says so")
  func secondBackwardOfPart() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let shared = AutodiffTests.leaf([1]).exp()
      let (first, second) = ((shared * 2).sum(), (shared * 3).sum())
      first.backward()
      second.backward()
    }
    Self.expect(result, says: "second time through the same graph")
  }

  @Test("backward() of more than one element, or of no graph, says so")
  func backwardOfNoScalar() async {
    let vector = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      AutodiffTests.leaf([1, 2]).exp().backward()
    }
    Self.expect(vector, says: "[2]")
    let constant = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      Tensor(3).backward()
    }
    Self.expect(constant, says: "depends on no leaf")
    let inner = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      AutodiffTests.leaf([1]).exp().requiresGradient = true
    }
    Self.expect(inner, says: "on a leaf only")
  }

  /// The process ended with these words on its standard error.
  static func expect(
    _ result: ExitTest.Result?, says words: String..., sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    for part in words {
      #expect(text.contains(part), "\(text)", sourceLocation: sourceLocation)
    }
  }
}

@Suite("Shapes that do not fit stop the program with both in the message")
struct ShapeErrorTests {
  @Test("Arithmetic and products")
  func arithmetic() async {
    let sum = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.ones([2, 3]) + Tensor.ones([2, 4])
    }
    AutodiffTests.expect(sum, says: "[2, 3]", "[2, 4]")
    let product = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.matmul(Tensor.ones([2, 3]), Tensor.ones([4, 2]))
    }
    AutodiffTests.expect(product, says: "[2, 3]", "[4, 2]", "inner lengths 3 and 4")
    let batches = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.matmul(Tensor.ones([2, 3, 3]), Tensor.ones([4, 3, 3]))
    }
    AutodiffTests.expect(batches, says: "[2, 3, 3]", "[4, 3, 3]")
    let linear = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.linear(Tensor.ones([2, 3]), weight: Tensor.ones([3, 5]))
    }
    AutodiffTests.expect(linear, says: "[2, 3]", "[3, 5]")
    let norm = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.layerNorm(Tensor.ones([2, 3]), scale: Tensor.ones([2]), shift: Tensor.ones([3]))
    }
    AutodiffTests.expect(norm, says: "[2, 3]", "[2]")
  }

  @Test("Shaping")
  func shaping() async {
    let reshaped = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.ones([2, 3]).reshaped([4, -1])
    }
    AutodiffTests.expect(reshaped, says: "[2, 3]", "[4, -1]")
    let joined = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.concatenated([Tensor.ones([2, 3]), Tensor.ones([2, 4])])
    }
    AutodiffTests.expect(joined, says: "[2, 3]", "[2, 4]")
    let slice = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.ones([2, 3]).sliced(axis: 1, 2..<4)
    }
    AutodiffTests.expect(slice, says: "2..<4", "[2, 3]")
    let gathered = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.ones([2, 3]).gathered([0, 2])
    }
    AutodiffTests.expect(gathered, says: "index 2", "[2, 3]")
    let axis = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.ones([2, 3]).sum(axis: 2)
    }
    AutodiffTests.expect(axis, says: "axis 2", "[2, 3]")
    let filled = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor([1, 2, 3], shape: [2, 2])
    }
    AutodiffTests.expect(filled, says: "3 values", "[2, 2]")
    let huge = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Tensor.zeros([1 << 40, 1 << 40])
    }
    AutodiffTests.expect(huge, says: "more elements than can be counted")
  }
}
