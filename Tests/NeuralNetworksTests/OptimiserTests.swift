import Basics
import Tensors
import TestSupport
import Testing

@testable import NeuralNetworks

/// An optimiser of PyTorch's and ours with the same settings.
struct OptimiserCase: Sendable, CustomTestStringConvertible {
  let name: String
  var maximumNorm: Float?
  let make: @Sendable ([(name: String, tensor: Tensor)]) -> any Optimiser

  static let all = [
    OptimiserCase(name: "adamw") { AdamW($0, .init(weightDecay: 0.1)) },
    OptimiserCase(name: "adamw-other") {
      var configuration = AdamW.Configuration(weightDecay: 0)
      (configuration.betas, configuration.epsilon) = ([0.8, 0.95], 1e-3)
      return AdamW($0, configuration)
    },
    OptimiserCase(name: "adamw-clipped", maximumNorm: 2.5) { AdamW($0, .init(weightDecay: 0.01)) },
    OptimiserCase(name: "sgd") { SGD($0, .init(momentum: 0)) },
    OptimiserCase(name: "sgd-momentum") { SGD($0, .init(momentum: 0.9, weightDecay: 0.05)) },
    OptimiserCase(name: "sgd-nesterov") { SGD($0, .init(momentum: 0.8, weightDecay: 0.05, nesterov: true)) },
    OptimiserCase(name: "sgd-clipped", maximumNorm: 2.5) { SGD($0, .init(momentum: 0.9)) },
  ]

  var testDescription: String { name }
}

@Suite struct OptimiserTests {
  private func row(_ tensor: Tensor, _ i: Int) -> Tensor {
    tensor.sliced(i..<(i + 1)).reshaped(Array(tensor.shape.dropFirst())).copy()
  }

  private func rate(_ step: Int) -> Float { 0.05 / Float(1 + step) }

  @Test(arguments: OptimiserCase.all) func trajectoriesAgreeWithPyTorch(_ test: OptimiserCase) throws {
    let fixture = try networkFixture("optimisers")
    let (a, b) = (
      try #require(fixture.tensors["\(test.name).a"]), try #require(fixture.tensors["\(test.name).b"])
    )
    let slopes = (try #require(fixture.tensors["gradients.a"]), try #require(fixture.tensors["gradients.b"]))
    let norms = try #require(fixture.tensors["\(test.name).norms"])
    let parameters = [(name: "a", tensor: row(a, 0)), (name: "b", tensor: row(b, 0))]
    let optimiser = test.make(parameters)
    for step in 0..<norms.count {
      parameters[0].tensor.gradient = row(slopes.0, step)
      parameters[1].tensor.gradient = row(slopes.1, step)
      let norm = optimiser.step(rate: rate(step), maximumNorm: test.maximumNorm)
      #expect(abs(norm - norms[step]) < 1e-5 * norm)
      expectClose(parameters[0].tensor, row(a, step + 1), "a after \(step + 1) steps")
      expectClose(parameters[1].tensor, row(b, step + 1), "b after \(step + 1) steps")
      #expect(parameters.allSatisfy { $0.tensor.gradient == nil }, "gradients are used up")
    }
  }

  /// A run that is stopped, saved to a file and resumed takes the same steps, bit for bit.
  @Test(arguments: OptimiserCase.all) func resumesExactly(_ test: OptimiserCase) throws {
    let slopes = try #require(try networkFixture("optimisers").tensors["gradients.b"])
    func take(_ steps: Range<Int>, _ optimiser: any Optimiser, _ parameter: Tensor) {
      for step in steps {
        parameter.gradient = row(slopes, step)
        optimiser.step(rate: rate(step), maximumNorm: test.maximumNorm)
      }
    }
    let start = leaf([3, 5], seed: 81)
    let straight = start.copy()
    take(0..<10, test.make([("p", straight)]), straight)

    let folder = try TemporaryFolder()
    let path = folder.file("state.safetensors")
    let first = start.copy()
    let before = test.make([("p", first)])
    take(0..<4, before, first)
    try SafeTensors.write([("p", first)] + before.state(), to: path)

    let saved = try SafeTensors(path: path).tensors
    let second = try #require(saved["p"])
    let after = test.make([("p", second)])
    try after.load(saved)
    take(4..<10, after, second)
    #expect(second.scalars() == straight.scalars())
  }

  @Test func aStateThatDoesNotFitIsRefusedWhole() {
    let make = { (count: Int) -> AdamW in
      let optimiser = AdamW([("p", Tensor.ones([count])), ("q", Tensor.ones([2]))])
      return optimiser
    }
    func saved(_ optimiser: AdamW) -> [String: Tensor] {
      Dictionary(uniqueKeysWithValues: optimiser.state().map { ($0.name, $0.tensor.copy()) })
    }
    let optimiser = make(3)
    var other = saved(make(3)).mapValues { Tensor.full(7, $0.shape) }
    other["adamw.square.q"] = nil
    #expect(throws: StateError.self) { try optimiser.load(other) }
    #expect(saved(optimiser)["adamw.mean.p"]!.scalars() == [0, 0, 0], "nothing was changed")
    let error = #expect(throws: StateError.self) { try optimiser.load(saved(make(4))) }
    #expect(error?.description.contains("adamw.mean.p") == true)
    for steps in [Tensor([0, .nan]), Tensor([1e30, 0]), Tensor([-1, 0]), Tensor([0.5, 0]), Tensor([3])] {
      var state = saved(make(3))
      state["adamw.steps"] = steps
      #expect(throws: StateError.self, "steps \(steps)") { try optimiser.load(state) }
    }
  }

  @Test func theStepCountSurvives() throws {
    let optimiser = AdamW([("p", Tensor.ones([1]))])
    var state = Dictionary(uniqueKeysWithValues: optimiser.state().map { ($0.name, $0.tensor) })
    state["adamw.steps"] = Tensor([3, 5])
    try optimiser.load(state)
    #expect(optimiser.steps == 3 << 24 + 5)
    #expect(optimiser.state()[0].tensor.scalars() == [3, 5])
  }

  /// What `state()` gave does not change with later steps: a checkpoint can be written beside the training.
  @Test func aStateIsASnapshot() {
    let parameter = Tensor.ones([3])
    let optimiser = AdamW([("p", parameter)])
    parameter.gradient = Tensor([1, 2, 3])
    optimiser.step(rate: 0.1)
    let state = optimiser.state()
    let before = state.map { $0.tensor.scalars() }
    parameter.gradient = Tensor([3, 2, 1])
    optimiser.step(rate: 0.1)
    #expect(state.map { $0.tensor.scalars() } == before)
  }

  @Test func theNetworkSeesTheStep() {
    var generator = RandomGenerator(seed: 82)
    let layer = Linear(3, 2, using: &generator)
    let before = layer.weight.scalars()
    let optimiser = SGD(layer.parameters(), .init(momentum: 0))
    #expect(layer.weight.scalars() == before, "moving the parameters keeps their values")
    var pass = Pass.evaluation
    let x = Tensor([1, 2, 3], shape: [1, 3])
    layer(x, &pass).sum().backward()
    #expect(layer.weight.gradient!.scalars() == [1, 2, 3, 1, 2, 3])
    optimiser.step(rate: 0.5)
    expectClose(
      layer.weight, Tensor(before, shape: [2, 3]) - Tensor([0.5, 1, 1.5, 0.5, 1, 1.5], shape: [2, 3]))
    let y = layer(x, &pass)
    expectClose(y, Tensor.linear(x, weight: layer.weight.copy(), bias: layer.bias!.copy()))
    #expect(layer.weight.requiresGradient && y.requiresGradient)
  }

  /// Gradients add up over several backward passes until a step uses them.
  @Test func gradientsAccumulateUntilAStep() {
    let parameter = Tensor([1, 2])
    parameter.requiresGradient = true
    let optimiser = SGD([("p", parameter)], .init(momentum: 0))
    for _ in 0..<3 { (parameter * 2).sum().backward() }
    optimiser.step(rate: 0.1)
    expectClose(parameter, Tensor([1 - 0.6, 2 - 0.6]))
  }

  @Test func aParameterWithoutGradientKeepsItsValueWithoutDecay() {
    let (used, unused) = (Tensor([1, 1]), Tensor([2, 3]))
    let optimiser = AdamW([("used", used), ("unused", unused)], .init(weightDecay: 0))
    used.gradient = Tensor([1, -1])
    optimiser.step(rate: 0.1)
    #expect(unused.scalars() == [2, 3])
    expectClose(used, Tensor([0.9, 1.1]))
  }

  @Test func clippingBoundsTheNorm() {
    let (p, q) = (Tensor([0, 0]), Tensor([Float](repeating: 0, count: 70_000)))
    let optimiser = SGD([("p", p), ("q", q)], .init(momentum: 0))
    func step(_ maximumNorm: Float?) -> Float {
      p.gradient = Tensor([3, 4])
      q.gradient = Tensor.full(0.1, [70_000])
      return optimiser.step(rate: 1, maximumNorm: maximumNorm)
    }
    let norm = Float(25 + 700).squareRoot()
    #expect(abs(step(1000) - norm) < 1e-3)
    expectClose(p, Tensor([-3, -4]), "a norm below the bound is left")
    #expect(abs(step(norm / 2) - norm) < 1e-3)
    expectClose(p, Tensor([-4.5, -6]))
    expectClose(q, Tensor.full(-0.15, [70_000]))
  }
}
