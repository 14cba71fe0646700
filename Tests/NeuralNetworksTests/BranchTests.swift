import Tensors
import TestSupport
import Testing

@testable import NeuralNetworks

/// How much the parts of a block drop.
struct Drops: Sendable, CustomTestStringConvertible {
  var dropout: Float = 0
  var head: Float = 0
  var path: Float = 0
  var isTraining = true

  static let cases = [
    Drops(dropout: 0.3, head: 0.3, path: 0.3, isTraining: false), Drops(), Drops(dropout: 0.3),
    Drops(head: 0.4),
    Drops(path: 0.5), Drops(dropout: 0.3, head: 0.4, path: 0.5),
  ]

  var testDescription: String { "dropout \(dropout), head \(head), path \(path), training \(isTraining)" }

  var pass: Pass { isTraining ? .training(RandomGenerator(seed: 21)) : .evaluation }
}

@Suite struct AttentionTests {
  private func layer(_ width: Int, heads: Int, _ drops: Drops) -> MultiHeadSelfAttention {
    var generator = RandomGenerator(seed: 22)
    return MultiHeadSelfAttention(
      width, heads: heads, dropout: drops.dropout, headDropout: drops.head, using: &generator)
  }

  @Test(arguments: Drops.cases) func agreesWithPlainOperations(_ drops: Drops) {
    let x = leaf([3, 5, 12], seed: 23)
    let layer = layer(12, heads: 3, drops)
    randomise(layer.parameters(), seed: 24)
    var (pass, reference) = (drops.pass, drops.pass)
    let y = layer(x, &pass)
    let slope = leaf(y.shape, seed: 25).detached()
    (y * slope).sum().backward()
    let gradients = [x, layer.qkv.weight].map { $0.gradient! }
    (x.gradient, layer.qkv.weight.gradient) = (nil, nil)
    let qkv = Tensor.linear(x, weight: layer.qkv.weight)
    let expected = referenceAttention(
      qkv, heads: 3, dropout: drops.dropout, headDropout: drops.head, &reference)
    (expected * slope).sum().backward()
    expectClose(y, expected)
    expectClose(gradients[0], x.gradient!, "x")
    expectClose(gradients[1], layer.qkv.weight.gradient!, "qkv.weight")
    #expect(pass.generator == reference.generator)
  }

  @Test(arguments: Drops.cases) func gradients(_ drops: Drops) {
    let qkv = leaf([2, 4, 18], seed: 26)
    expectGradients(of: [("qkv", qkv)]) {
      var pass = drops.pass
      return selfAttention(qkv, heads: 2, dropout: drops.dropout, headDropout: drops.head, &pass)
    }
  }

  /// All scores of a dropped query are 0, in every head, so it sees every position alike.
  @Test func headDropoutMakesAQuerysAttentionUniform() {
    let (batch, positions, width) = (40, 6, 8)
    let qkv = leaf([batch, positions, 3 * width], deviation: 2, seed: 27).detached()
    var pass = Pass.training(RandomGenerator(seed: 28))
    let y = selfAttention(qkv, heads: 2, dropout: 0, headDropout: 0.25, &pass)
    let values = qkv.sliced(axis: 2, 2 * width..<3 * width)
    var uniform = 0
    for image in 0..<batch {
      for position in 0..<positions {
        let matches = (0..<width).filter { column in
          let mean = (0..<positions).reduce(0) { $0 + values[image, $1, column] } / Float(positions)
          return abs(y[image, position, column] - mean) < 1e-5
        }.count
        #expect(matches == 0 || matches == width || matches < 3, "part of the heads dropped")
        if matches == width { uniform += 1 }
      }
    }
    #expect((30...90).contains(uniform), "\(uniform) of 240 queries dropped, expected about 60")
  }

  @Test func permutingPositionsPermutesTheResult() {
    let layer = layer(16, heads: 4, Drops())
    randomise(layer.parameters(), seed: 29)
    var pass = Pass.evaluation
    let x = leaf([1, 7, 16], seed: 30).detached()
    let order = [3, 0, 6, 1, 5, 2, 4]
    let permuted = Tensor.concatenated(order.map { x.sliced(axis: 1, $0..<($0 + 1)) }, axis: 1)
    let y = layer(x, &pass)
    let expected = Tensor.concatenated(order.map { y.sliced(axis: 1, $0..<($0 + 1)) }, axis: 1)
    expectClose(layer(permuted, &pass), expected)
  }

  /// Scores of some hundreds must neither overflow nor become NaN.
  @Test func largeScoresStayFinite() {
    let qkv = leaf([1, 5, 24], deviation: 40, seed: 31)
    var pass = Pass.evaluation
    let y = selfAttention(qkv, heads: 2, dropout: 0, headDropout: 0, &pass)
    y.sum().backward()
    #expect(y.scalars().allSatisfy(\.isFinite) && qkv.gradient!.scalars().allSatisfy(\.isFinite))
  }
}

/// The fused halves of a block, over more images than one tile holds.
@Suite struct BranchTests {
  private func block(_ drops: Drops, width: Int, heads: Int, hidden: Int) -> TransformerBlock {
    var configuration = VisionTransformer.Configuration()
    (configuration.width, configuration.heads, configuration.mlpWidth) = (width, heads, hidden)
    (configuration.dropout, configuration.headDropout) = (drops.dropout, drops.head)
    var generator = RandomGenerator(seed: 41)
    let block = TransformerBlock(configuration, stochasticDepth: drops.path, using: &generator)
    randomise(block.parameters(), seed: 42)
    return block
  }

  private func compare(
    _ leaves: [(name: String, tensor: Tensor)], _ fused: () -> Tensor, _ reference: () -> Tensor
  ) {
    let y = fused()
    let slope = leaf(y.shape, seed: 43).detached()
    (y * slope).sum().backward()
    let gradients = leaves.map { $0.tensor.gradient! }
    for (_, tensor) in leaves { tensor.gradient = nil }
    let expected = reference()
    (expected * slope).sum().backward()
    expectClose(y, expected)
    for ((name, tensor), gradient) in zip(leaves, gradients) {
      expectClose(gradient, tensor.gradient!, tolerance: 2e-5, name)
    }
  }

  @Test(arguments: Drops.cases) func attentionAgreesWithPlainOperations(_ drops: Drops) {
    let block = block(drops, width: 20, heads: 2, hidden: 9)
    let x = leaf([7, 110, 20], seed: 44)
    let leaves = [
      ("x", x), ("scale", block.norm1.weight), ("shift", block.norm1.bias),
      ("weight", block.attention.qkv.weight),
    ]
    compare(leaves) {
      var pass = drops.pass
      return block.attend(x, &pass)
    } _: {
      var pass = drops.pass
      return referenceAttentionBranch(
        x, norm: block.norm1, attention: block.attention, dropout: drops.dropout, path: DropPath(drops.path),
        &pass)
    }
  }

  @Test(arguments: Drops.cases) func feedForwardAgreesWithPlainOperations(_ drops: Drops) {
    let block = block(drops, width: 20, heads: 2, hidden: 27)
    let x = leaf([7, 110, 20], seed: 45)
    let leaves =
      [("x", x)] + [("norm2.weight", block.norm2.weight), ("norm2.bias", block.norm2.bias)]
      + block.fc1.parameters().map { ("fc1." + $0.name, $0.tensor) }
      + block.fc2.parameters().map { ("fc2." + $0.name, $0.tensor) }
    compare(leaves) {
      var pass = drops.pass
      return block.feedForward(x, &pass)
    } _: {
      var pass = drops.pass
      return referenceFeedForwardBranch(
        x, norm: block.norm2, fc1: block.fc1, fc2: block.fc2, dropout: drops.dropout,
        path: DropPath(drops.path),
        &pass)
    }
  }

  @Test(arguments: [Drops(isTraining: false), Drops(dropout: 0.3, head: 0.4, path: 0.5)])
  func gradients(_ drops: Drops) {
    let block = block(drops, width: 6, heads: 2, hidden: 9)
    let x = leaf([4, 3, 6], seed: 46)
    expectGradients(of: [("x", x)] + block.parameters()) {
      var pass = drops.pass
      return block(x, &pass)
    }
  }

  /// An image whose branches are both dropped comes through as it is.
  @Test func aDroppedPathLeavesTheImage() {
    let block = block(Drops(path: 0.6), width: 8, heads: 2, hidden: 9)
    let x = leaf([60, 3, 8], seed: 47).detached()
    var pass = Pass.training(RandomGenerator(seed: 48))
    let y = block(x, &pass)
    let same = (0..<60).filter { image in
      x.sliced(image..<(image + 1)).scalars() == y.sliced(image..<(image + 1)).scalars()
    }.count
    #expect((8...36).contains(same), "\(same) of 60 images unchanged, expected about 22")
  }
}
