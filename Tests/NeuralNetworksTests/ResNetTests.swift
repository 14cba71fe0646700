import Basics
import Tensors
import TestSupport
import Testing

@testable import NeuralNetworks

/// A small network in a state far from its initial one.
private func small(_ configuration: ResNet.Configuration = .init(width: 4, blocks: [1, 1]))
  -> ResNet
{
  var generator = RandomGenerator(seed: 400)
  let network = ResNet(configuration, channels: 2, using: &generator)
  // Scales far from 0 and 1, running statistics that are not the initial ones.
  for (name, tensor) in network.state() where tensor.rank == 1 {
    let centre: Float = name.hasSuffix("bias") || name.hasSuffix("mean") ? 0 : 1
    tensor.withUnsafeMutableData { data in
      for i in data.indices { data[i] = centre + generator.uniform(-0.4..<0.4) }
    }
  }
  return network
}

private func pass(training: Bool) -> Pass { training ? .training(RandomGenerator(seed: 1)) : .evaluation }

/// A ReLU's bias of +6 or -6, by turns: what is before it stays on one side of the kink.
private func moveFromKinks(_ norms: [BatchNorm2d]) {
  for norm in norms {
    norm.bias.withUnsafeMutableData { data in for i in data.indices { data[i] = i % 3 == 2 ? -6 : 6 } }
    norm.weight.withUnsafeMutableData { data in for i in data.indices { data[i] = 0.7 + 0.1 * Float(i % 4) } }
  }
}

@Suite struct ResNetTests {
  /// A state_dict as PyTorch saved it: the same embeddings, and after a step of training the same gradients
  /// and running statistics.
  @Test(arguments: [("resnet", ResNet.Stem.small), ("resnet-large", .large)])
  func agreesWithPyTorch(_ network: (name: String, stem: ResNet.Stem)) throws {
    let state = try networkFixture("\(network.name)-state")
    let fixture = try networkFixture(network.name)
    func tensor(_ key: String) throws -> Tensor { try #require(fixture.tensors[key], "\(key)") }
    var generator = RandomGenerator(seed: 401)
    let network = ResNet(
      .init(width: 2, blocks: [2, 2, 2, 2], stem: network.stem), using: &generator)
    #expect(state.tensors["layer4.1.bn2.num_batches_tracked"] != nil, "what is ignored is there")
    try network.load(state.tensors)
    let images = try tensor("images")
    images.requiresGradient = true
    var (evaluation, training) = (pass(training: false), pass(training: true))
    expectClose(network(images, &evaluation), try tensor("evaluation"), tolerance: 5e-6, "evaluation")
    let embedding = network(images, &training)
    expectClose(embedding, try tensor("training"), tolerance: 5e-6, "training")
    (embedding * (try tensor("slope"))).sum().backward()
    expectClose(try #require(images.gradient), try tensor("gradient.images"), tolerance: 2e-5, "images")
    for (name, parameter) in network.parameters() {
      let gradient = try #require(parameter.gradient, "\(name)")
      expectClose(gradient, try tensor("gradient.\(name)"), tolerance: 2e-5, name)
    }
    for (name, buffer) in network.buffers() {
      expectClose(buffer, try tensor("after.\(name)"), tolerance: 2e-6, name)
    }
  }

  /// ResNet18 at its full size, its state from a formula that the fixtures' script shares. Of a gradient its
  /// norm and its inner product with a formula are compared.
  @Test func theFullSizeAgreesWithPyTorch() throws {
    let fixture = try networkFixture("resnet18")
    func tensor(_ key: String) throws -> Tensor { try #require(fixture.tensors[key], "\(key)") }
    var generator = RandomGenerator(seed: 402)
    let network = ResNet(using: &generator)
    var state: [String: Tensor] = [:]
    for (number, (name, tensor)) in network.state().enumerated() {
      var (centre, deviation): (Float, Float) = name.hasSuffix("running_var") ? (1, 0.25) : (0, 0.25)
      if tensor.rank == 4 {
        deviation = tensor.shape[2] == 1 ? 0.125 : 0.03125
      } else if name.hasSuffix("weight") {
        (centre, deviation) = (1, 0.5)
      }
      state[name] = formula(tensor.shape, seed: UInt32(number)) * deviation + centre
    }
    try network.load(state)
    let images = formula([4, 3, 32, 32], seed: 1000) * 2
    images.requiresGradient = true
    var (evaluation, training) = (pass(training: false), pass(training: true))
    let evaluated = withoutGradient { network(images, &evaluation) }
    expectClose(evaluated, try tensor("evaluation"), tolerance: 1e-4, "evaluation")
    let embedding = network(images, &training)
    expectClose(embedding, try tensor("training"), tolerance: 1e-4, "training")
    (embedding * formula([4, 512], seed: 1001)).sum().backward()
    func expectSame(_ gradient: Tensor, _ name: String) throws {
      let expected = try tensor("gradient.\(name)")
      let (values, direction) = (gradient.doubles, formula(gradient.shape, seed: 1002).doubles)
      let norm = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
      let along = zip(values, direction).reduce(0) { $0 + $1.0 * $1.1 }
      // In float32 some of the ReLUs that are almost at 0 open or close, and each takes a share of a gradient
      // with it: PyTorch's own float32 is off by up to 1.1e-3 and 1.4e-2 here.
      #expect(abs(norm - Double(expected[0])) < 2e-3 * norm, "norm of \(name): \(norm), not \(expected[0])")
      #expect(abs(along - Double(expected[1])) < 2e-2 * norm, "\(name): \(along), not \(expected[1])")
    }
    try expectSame(try #require(images.gradient), "images")
    for (name, parameter) in network.parameters() {
      try expectSame(try #require(parameter.gradient), name)
    }
    for (name, buffer) in network.buffers() {
      let along = zip(buffer.doubles, formula(buffer.shape, seed: 1003).doubles).reduce(0) {
        $0 + $1.0 * $1.1
      }
      let scale = buffer.doubles.reduce(0) { $0 + $1 * $1 }.squareRoot()
      #expect(abs(along - Double(try tensor("after.\(name)").item())) < 1e-5 * scale, "\(name)")
    }
  }

  @Test func torchvisionsNamesAndShapes() {
    var generator = RandomGenerator(seed: 403)
    let network = ResNet(using: &generator)
    let shapes = Dictionary(uniqueKeysWithValues: network.state().map { ($0.name, $0.tensor.shape) })
    let expected: [String: [Int]] = [
      "conv1.weight": [64, 3, 3, 3], "bn1.running_var": [64], "layer1.0.conv1.weight": [64, 64, 3, 3],
      "layer2.0.conv1.weight": [128, 64, 3, 3], "layer2.0.downsample.0.weight": [128, 64, 1, 1],
      "layer2.0.downsample.1.running_mean": [128], "layer3.1.bn2.bias": [256],
      "layer4.1.conv2.weight": [512, 512, 3, 3],
    ]
    for (name, shape) in expected { #expect(shapes[name] == shape, "\(name)") }
    #expect(shapes["layer1.0.downsample.0.weight"] == nil && shapes["layer3.1.downsample.0.weight"] == nil)
    #expect(network.embeddingDimension == 512)
    // torchvision's ResNet18 has 11,689,512; less 513,000 of `fc`, and a stem of 3 x 3 instead of 7 x 7.
    #expect(network.parameterCount == 11_689_512 - 513_000 - 64 * 3 * (49 - 9))
    var large = ResNet.Configuration()
    large.stem = .large
    let torchvisions = ResNet(large, using: &generator)
    #expect(torchvisions.parameterCount == 11_689_512 - 513_000)
    #expect(torchvisions.conv1.weight.shape == [64, 3, 7, 7])
    #expect(network.buffers().count == 40)
  }

  @Test(arguments: [(1, 6), (2, 6), (1, 4)], [true, false])
  func aBlocksGradientsAreDifferences(_ sizes: (stride: Int, outputs: Int), _ training: Bool) {
    var generator = RandomGenerator(seed: 404)
    let block = BasicBlock(4, sizes.outputs, stride: sizes.stride, using: &generator)
    #expect((block.downsample == nil) == (sizes == (1, 4)))
    moveFromKinks([block.bn1, block.bn2])
    let x = leaf([3, 5, 4, 4], deviation: 0.5, seed: 405)
    expectGradients(of: [("x", x)] + block.parameters()) {
      var pass = pass(training: training)
      return block(x, &pass)
    }
  }

  @Test(arguments: [true, false]) func gradientsAreDifferences(_ training: Bool) {
    let network = small()
    moveFromKinks([network.bn1] + network.stages.joined().flatMap { [$0.bn1, $0.bn2] })
    let images = leaf([4, 2, 6, 6], deviation: 0.5, seed: 406)
    // Running statistics like the batch's, so that evaluation stays away from the kinks too.
    for _ in 0..<60 {
      var pass = pass(training: true)
      _ = network(images, &pass)
    }
    // The values' own rounding is 5e-3 of such a difference, a little more or less by instruction set.
    expectGradients(
      of: [("images", images)] + network.parameters(), step: training ? 0.03 : 0.01, tolerance: 1e-2
    ) {
      var pass = pass(training: training)
      return network(images, &pass)
    }
  }

  /// A block is what its formula says, from the layers' own operations.
  @Test func aBlockIsItsFormula() {
    let network = small()
    for (block, channels) in [(network.stages[0][0], 4), (network.stages[1][0], 4)] {
      let x = leaf([2, 7, 6, channels], seed: 407).detached()
      var pass = Pass.evaluation
      let hidden = block.bn1(block.conv1(x, &pass), &pass).relu()
      let shortcut = block.downsample.map { $0.norm($0.convolution(x, &pass), &pass) } ?? x
      let expected = (block.bn2(block.conv2(hidden, &pass), &pass) + shortcut).relu()
      expectClose(block(x, &pass), expected, tolerance: 2e-6)
    }
  }

  @Test(arguments: [true, false]) func permutingABatchPermutesTheEmbeddings(_ training: Bool) {
    let network = small()
    let images = leaf([5, 2, 8, 8], seed: 408).detached()
    let order = [2, 4, 0, 3, 1]
    var pass = pass(training: training)
    let embeddings = network(images, &pass)
    expectClose(network(images.gathered(order), &pass), embeddings.gathered(order), tolerance: 5e-6)
  }

  /// In evaluation an embedding does not depend on what else is in the batch, and nothing changes; in
  /// training it does, and the running statistics move.
  @Test func evaluationAndTraining() {
    let network = small()
    let images = leaf([4, 2, 8, 8], seed: 409).detached()
    func buffers() -> [[Float]] { network.buffers().map { $0.tensor.scalars() } }
    let before = buffers()
    var (evaluation, training) = (pass(training: false), pass(training: true))
    let whole = network(images, &evaluation)
    expectClose(network(images.sliced(1..<3), &evaluation), whole.sliced(1..<3), tolerance: 2e-6)
    #expect(buffers() == before)
    let trained = network(images, &training)
    let part = network(images.sliced(1..<3), &training)
    #expect(relativeError(part, trained.sliced(1..<3).doubles) > 1e-3)
    #expect(zip(buffers(), before).allSatisfy { $0 != $1 }, "every running statistic moves")
  }

  @Test func otherSizesFit() {
    var generator = RandomGenerator(seed: 410)
    let network = ResNet(.small, channels: 1, using: &generator)
    var pass = Pass.evaluation
    #expect(network.embeddingDimension == 64)
    for side in [28, 9, 1] {
      #expect(network(.ones([2, 1, side, side + 1]), &pass).shape == [2, 64])
    }
  }

  @Test func bitsRepeatAndThreadsChangeOnlyRounding() {
    let images = leaf([6, 2, 9, 9], seed: 411).detached()
    func run(_ threads: Int) -> [(name: String, tensor: Tensor)] {
      withThreadCount(threads) {
        let network = small(.init(width: 16, blocks: [1, 2]))
        var pass = pass(training: true)
        let embeddings = network(images, &pass)
        (embeddings * embeddings).sum().backward()
        return [("embeddings", embeddings)] + network.parameters().map { ($0.name, $0.tensor.gradient!) }
          + network.buffers()
      }
    }
    let (alone, shared, again) = (run(1), run(2), run(2))
    for index in alone.indices {
      let name = alone[index].name
      #expect(shared[index].tensor.scalars() == again[index].tensor.scalars(), "\(name)")
      expectClose(shared[index].tensor, alone[index].tensor, tolerance: 2e-5, name)
    }
  }

  /// Eight random images with random labels are learned by heart.
  @Test func aSmallNetworkLearns() {
    var generator = RandomGenerator(seed: 412)
    let network = ResNet(.init(width: 8, blocks: [1, 1]), channels: 1, using: &generator)
    let head = Linear(16, 3, using: &generator)
    let images = Tensor.normal([8, 1, 8, 8], using: &generator)
    let labels = [0, 1, 2, 0, 1, 2, 2, 0]
    let oneHot = Tensor(labels.flatMap { label in (0..<3).map { $0 == label ? 1 : 0 } }, shape: [8, 3])
    let optimiser = AdamW(network.parameters() + head.parameters(), .init(weightDecay: 0))
    var losses: [Float] = []
    for _ in 0..<40 {
      var pass = Pass.training(generator.split())
      let loss = -(head(network(images, &pass), &pass).logSoftmax() * oneHot).sum() * (1 / 8)
      losses.append(loss.item())
      loss.backward()
      optimiser.step(rate: 1e-2)
    }
    #expect(losses[0] > 0.8, "first loss \(losses[0])")
    #expect(losses.last! < 0.1, "last loss \(losses.last!)")
  }
}
