import Basics
import Foundation
import Tensors
import TestSupport
import Testing

@testable import NeuralNetworks

private func small(
  _ images: ImageShape = ImageShape(size: 8),
  _ change: (inout VisionTransformer.Configuration) -> Void = { _ in }
) -> VisionTransformer {
  var configuration = VisionTransformer.Configuration()
  (configuration.width, configuration.depth, configuration.heads, configuration.mlpWidth) = (12, 3, 2, 18)
  change(&configuration)
  var generator = RandomGenerator(seed: 61)
  let network = VisionTransformer(configuration, images: images, using: &generator)
  randomise(network.parameters(), deviation: 0.5, seed: 62)
  return network
}

private func withoutDropping(_ configuration: inout VisionTransformer.Configuration) {
  (configuration.dropout, configuration.embeddingDropout) = (0, 0)
  (configuration.headDropout, configuration.stochasticDepth) = (0, 0)
}

@Suite struct VisionTransformerTests {
  /// Embeddings and the gradients of everything agree with PyTorch, computed in float64.
  @Test(arguments: ["transformer", "transformer-grey"]) func agreesWithPyTorch(_ name: String) throws {
    let fixture = try networkFixture(name)
    let text = try #require(fixture.metadata["sizes"])
    let sizes = try JSONDecoder().decode([String: Int].self, from: Data(text.utf8))
    func size(_ key: String) throws -> Int { try #require(sizes[key]) }
    var configuration = VisionTransformer.Configuration()
    let shape = ImageShape(size: try size("size"), channels: try size("channels"))
    configuration.patchSize = try size("patch")
    configuration.width = try size("width")
    configuration.depth = try size("depth")
    configuration.heads = try size("heads")
    configuration.mlpWidth = try size("hidden")
    var generator = RandomGenerator(seed: 63)
    let network = VisionTransformer(configuration, images: shape, using: &generator)
    try network.load(fixture.under("state."))
    let images = try #require(fixture.tensors["images"])
    images.requiresGradient = true
    var pass = Pass.evaluation
    let embedding = network(images, &pass)
    expectClose(embedding, try #require(fixture.tensors["embedding"]), "embedding")
    (embedding * (try #require(fixture.tensors["slope"]))).sum().backward()
    expectClose(images.gradient!, try #require(fixture.tensors["gradient.images"]), "images")
    for (name, parameter) in network.parameters() {
      let expected = try #require(fixture.tensors["gradient.\(name)"])
      expectClose(try #require(parameter.gradient), expected, tolerance: 2e-5, name)
    }
  }

  @Test func namesAndShapes() {
    let network = small { $0.depth = 1 }
    let table: [(String, [Int])] = [
      ("embed.proj.weight", [12, 48]), ("embed.proj.bias", [12]), ("embed.norm.weight", [12]),
      ("embed.norm.bias", [12]), ("cls", [12]), ("pos", [5, 12]), ("blocks.0.norm1.weight", [12]),
      ("blocks.0.norm1.bias", [12]), ("blocks.0.qkv.weight", [36, 12]), ("blocks.0.norm2.weight", [12]),
      ("blocks.0.norm2.bias", [12]), ("blocks.0.fc1.weight", [18, 12]), ("blocks.0.fc1.bias", [18]),
      ("blocks.0.fc2.weight", [12, 18]), ("blocks.0.fc2.bias", [12]), ("norm.weight", [12]),
      ("norm.bias", [12]),
    ]
    let parameters = network.parameters()
    #expect(parameters.map(\.name) == table.map(\.0))
    #expect(parameters.map(\.tensor.shape) == table.map(\.1))
    #expect(network.buffers().isEmpty)
    #expect(network.embeddingDimension == 12)
  }

  /// The paper's sizes: PyTorch counts the same for the network of the fixtures' script.
  @Test func thePapersNetworkHasTheRightSize() {
    var generator = RandomGenerator(seed: 64)
    let network = VisionTransformer(.init(), using: &generator)
    #expect(network.parameterCount == 3_254_272)
    let paths = network.blocks.map(\.dropPath.probability)
    #expect(paths.first == 0 && abs(paths.last! - 0.05) < 1e-7 && abs(paths[3] - 0.025) < 1e-7)
    // Class token and positions: 0.1 x normal values clamped to [-1, 1], of which 31.7% end at a bound.
    let positions = network.positions.scalars()
    let bounded = Double(positions.filter { abs(abs($0) - 0.1) < 1e-7 }.count) / Double(positions.count)
    #expect(positions.allSatisfy { abs($0) <= 0.1 } && abs(bounded - 0.3173) < 0.02)
  }

  /// The last block computes the class token's row only where that is all that is read.
  @Test func theShortcutInTheLastBlockChangesNothing() throws {
    let network = small()
    let images = leaf([3, 3, 8, 8], seed: 65)
    var pass = Pass.evaluation
    let embedding = network(images, &pass)
    let slope = leaf(embedding.shape, seed: 66).detached()
    (embedding * slope).sum().backward()
    let gradients = try network.parameters().map { try #require($0.tensor.gradient) }
    network.clearGradients()
    var tokens = withClassToken(network.embed(images, &pass), network.classToken, network.positions)
    for block in network.blocks { tokens = block(tokens, &pass) }
    let whole = firstPosition(network.norm(tokens, &pass)).reshaped([3, 12])
    (whole * slope).sum().backward()
    expectClose(embedding, whole)
    for ((name, parameter), gradient) in zip(network.parameters(), gradients) {
      expectClose(gradient, parameter.gradient!, tolerance: 2e-5, name)
    }
  }

  @Test func gradientsInTraining() {
    let network = small {
      ($0.width, $0.depth, $0.mlpWidth) = (6, 2, 7)
      ($0.dropout, $0.headDropout, $0.stochasticDepth) = (0.2, 0.3, 0.4)
    }
    let images = leaf([3, 3, 8, 8], seed: 67)
    expectGradients(of: [("images", images)] + network.parameters(), step: 0.02, tolerance: 5e-3) {
      var pass = Pass.training(RandomGenerator(seed: 68))
      return network(images, &pass)
    }
  }

  @Test func permutingABatchPermutesTheEmbeddings() {
    let network = small()
    let images = leaf([4, 3, 8, 8], seed: 69).detached()
    let order = [2, 0, 3, 1]
    var pass = Pass.evaluation
    expectClose(network(images.gathered(order), &pass), network(images, &pass).gathered(order))
  }

  @Test func evaluationIsDeterministicAndTrainingIsNot() {
    let network = small()
    let images = leaf([1, 3, 8, 8], seed: 70).detached()
    func embedding(_ pass: Pass) -> [Float] {
      var pass = pass
      return withThreadCount(2) { withoutGradient { network(images, &pass).scalars() } }
    }
    func training(_ seed: UInt64) -> [Float] { embedding(.training(RandomGenerator(seed: seed))) }
    #expect(embedding(.evaluation) == embedding(.evaluation))
    #expect(training(1) == training(1))
    #expect(training(1) != training(2))
    #expect(training(1) != embedding(.evaluation))
  }

  @Test func trainingWithoutDroppingIsEvaluation() {
    let network = small { withoutDropping(&$0) }
    let images = leaf([3, 3, 8, 8], seed: 71).detached()
    var (training, evaluation) = (Pass.training(RandomGenerator(seed: 1)), Pass.evaluation)
    expectClose(network(images, &training), network(images, &evaluation))
  }

  @Test func otherSizesFit() {
    let network = small(ImageShape(size: 28, channels: 1)) { ($0.patchSize, $0.depth) = (7, 2) }
    var pass = Pass.evaluation
    #expect(network(leaf([2, 1, 28, 28], seed: 72), &pass).shape == [2, 12])
    #expect(network.positions.shape == [17, 12])
    #expect(small { $0.depth = 0 }(leaf([2, 3, 8, 8], seed: 73), &pass).shape == [2, 12])
  }

  /// Without gradients nothing is recorded; with them the embedding depends on every parameter.
  @Test func gradientsReachEveryParameterOnlyWhenWanted() {
    let network = small()
    let images = leaf([2, 3, 8, 8], seed: 74).detached()
    var pass = Pass.evaluation
    #expect(!withoutGradient { network(images, &pass) }.requiresGradient)
    let embedding = network(images, &pass)
    (embedding * embedding * embedding).sum().backward()
    for (name, parameter) in network.parameters() {
      let gradient = parameter.gradient?.scalars() ?? []
      #expect(gradient.contains { $0 != 0 } && gradient.allSatisfy(\.isFinite), "\(name)")
    }
  }
}

/// Training as a whole, and what the number of threads may change: rounding.
@Suite(.serialized) struct TransformerTrainingTests {
  @Test func resultsAgreeForEveryThreadCount() {
    let network = small { ($0.dropout, $0.headDropout, $0.stochasticDepth) = (0.2, 0.2, 0.3) }
    let images = leaf([5, 3, 8, 8], seed: 75).detached()
    func run(_ threads: Int) -> (embedding: Tensor, gradients: [Tensor]) {
      withThreadCount(threads) {
        network.clearGradients()
        var pass = Pass.training(RandomGenerator(seed: 76))
        let embedding = network(images, &pass)
        (embedding * embedding * embedding).sum().backward()
        return (embedding, network.parameters().map { $0.tensor.gradient! })
      }
    }
    let one = run(1)
    for threads in 2...4 {
      let several = run(threads)
      expectClose(several.embedding, one.embedding, "embedding with \(threads) threads")
      for (i, (name, _)) in network.parameters().enumerated() {
        expectClose(
          several.gradients[i], one.gradients[i], tolerance: 2e-5, "\(name) with \(threads) threads")
      }
    }
  }

  /// As many pixels in another shape would be cut into patches whose positions mean something else.
  @Test func imagesThatAreNotSquareStopTheProgram() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var pass = Pass.evaluation
      _ = small()(Tensor.zeros([1, 3, 4, 16]), &pass)
    }
    let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(text.contains("[1, 3, 4, 16]"), "\(text)")
  }

  /// Eight random images with random labels are learned by heart.
  @Test func aSmallNetworkLearns() {
    var configuration = VisionTransformer.Configuration()
    (configuration.width, configuration.depth) = (16, 2)
    (configuration.heads, configuration.mlpWidth) = (2, 32)
    withoutDropping(&configuration)
    var generator = RandomGenerator(seed: 77)
    let network = VisionTransformer(configuration, images: ImageShape(size: 8), using: &generator)
    let head = Linear(16, 3, using: &generator)
    let images = Tensor.normal([8, 3, 8, 8], using: &generator)
    let labels = [0, 1, 2, 0, 1, 2, 2, 0]
    let oneHot = Tensor(labels.flatMap { label in (0..<3).map { $0 == label ? 1 : 0 } }, shape: [8, 3])
    let optimiser = AdamW(network.parameters() + head.parameters(), .init(weightDecay: 0))
    var losses: [Float] = []
    for _ in 0..<60 {
      var pass = Pass.training(generator.split())
      let loss = -(head(network(images, &pass), &pass).logSoftmax() * oneHot).sum() * (1 / 8)
      losses.append(loss.item())
      loss.backward()
      optimiser.step(rate: 3e-3, maximumNorm: 5)
    }
    #expect(abs(losses[0] - Float(3).logarithm) < 0.2, "first loss \(losses[0])")
    #expect(losses.last! < 0.1, "last loss \(losses.last!)")
  }
}

extension Float {
  fileprivate var logarithm: Float { Float(Foundation.log(Double(self))) }
}
