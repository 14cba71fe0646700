import Tensors
import Testing

@testable import NeuralNetworks

/// Two linear layers and a buffer.
private final class Pair: Module {
  let first: Linear
  let second: Linear
  let mean = Tensor([1, 2, 3])

  init(seed: UInt64) {
    var generator = RandomGenerator(seed: seed)
    first = Linear(2, 3, using: &generator)
    second = Linear(3, 1, bias: false, using: &generator)
  }

  var members: [Member] { [.module("first", first), .buffer("mean", mean), .module("second", second)] }
}

@Suite struct ModuleTests {
  @Test func namesAreDottedAndInOrder() {
    let pair = Pair(seed: 1)
    #expect(pair.parameters().map(\.name) == ["first.weight", "first.bias", "second.weight"])
    #expect(pair.buffers().map(\.name) == ["mean"])
    #expect(pair.state().map(\.name) == ["first.weight", "first.bias", "mean", "second.weight"])
    #expect(pair.parameterCount == 6 + 3 + 3)
    #expect(pair.parameters().map(\.tensor.requiresGradient) == [true, true, true])
    #expect(pair.parameters()[0].tensor === pair.first.weight)
  }

  private func saved(_ pair: Pair) -> [String: Tensor] {
    Dictionary(uniqueKeysWithValues: pair.state().map { ($0.name, $0.tensor.copy()) })
  }

  @Test func aStateMovesToAnotherModule() throws {
    let (source, target) = (Pair(seed: 1), Pair(seed: 2))
    source.mean.withUnsafeMutableData { $0[0] = 9 }
    #expect(source.first.weight.scalars() != target.first.weight.scalars())
    try target.load(saved(source))
    for ((name, a), (_, b)) in zip(source.state(), target.state()) {
      #expect(a.scalars() == b.scalars(), "\(name)")
    }
    source.first.weight.withUnsafeMutableData { $0[0] = 5 }
    #expect(target.first.weight[0, 0] != 5, "the values are copied")
  }

  @Test func aStateThatDoesNotFitIsRefusedWhole() {
    let pair = Pair(seed: 1)
    let before = pair.first.weight.scalars()
    var state = saved(Pair(seed: 2))
    state["mean"] = nil
    state["extra.weight"] = Tensor([1])
    state["first.bias"] = Tensor.zeros([4])
    let error = #expect(throws: StateError.self) { try pair.load(state) }
    #expect(error?.description.contains("missing: mean") == true)
    #expect(error?.description.contains("unexpected: extra.weight") == true)
    #expect(error?.description.contains("first.bias is [4], expected [3]") == true)
    #expect(error?.description.contains("second") == false)
    #expect(pair.first.weight.scalars() == before)
  }

  @Test func countersOfOtherFrameworksAndAxesOfLengthOneAreForgiven() throws {
    let pair = Pair(seed: 1)
    var state = saved(Pair(seed: 2))
    state["first.num_batches_tracked"] = Tensor(7)
    state["mean"] = Tensor([4, 5, 6], shape: [1, 3, 1])
    try pair.load(state)
    #expect(pair.mean.scalars() == [4, 5, 6])
    #expect(throws: StateError.self) { try pair.load(state, ignoring: []) }
    state["second.weight"] = Tensor([1, 2, 3], shape: [3])
    try pair.load(state)
    state["first.weight"] = Tensor.zeros([3, 2]).transposed()
    #expect(throws: StateError.self) { try pair.load(state) }
  }

  @Test func gradientsAreForgotten() {
    let pair = Pair(seed: 1)
    var pass = Pass.evaluation
    pair.second(pair.first(Tensor.ones([4, 2]), &pass), &pass).sum().backward()
    #expect(pair.parameters().allSatisfy { $0.tensor.gradient != nil })
    pair.clearGradients()
    #expect(pair.parameters().allSatisfy { $0.tensor.gradient == nil })
  }
}
