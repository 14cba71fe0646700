import Basics
import Tensors

/// The vision transformer of the paper: patches, a class token, learned positions, pre-norm blocks, and the
/// class token's row as the embedding.
///
/// The names of its members: `embed.proj`, `embed.norm`, `cls`, `pos`, `blocks.N.norm1`, `blocks.N.qkv`,
/// `blocks.N.norm2`, `blocks.N.fc1`, `blocks.N.fc2`, `norm` (each with `.weight` and, but for `qkv`,
/// `.bias`).
///
/// Because only the class token's row is read at the end, the last block's feed-forward part is computed for
/// that row alone; the embedding is the same.
/// - Source: Dosovitskiy et al. 2021, with the details of the public code of the paper's authors (no output
///   projection in attention, dropout of a query's scores, layer normalisation of the patches).
public final class VisionTransformer: Encoder {
  /// Sizes and probabilities; the paper's where not given.
  public struct Configuration: EncoderConfiguration {
    /// The side of a patch in pixels; divides the image's side.
    public var patchSize = 4
    /// Values of a token, and of the embedding.
    public var width = 256
    /// The number of blocks.
    public var depth = 7
    /// Of the attention in each block; divides the width.
    public var heads = 8
    /// Values of a token between the two maps of a block's feed-forward part.
    public var mlpWidth = 512
    /// Within blocks: attention weights, hidden activations, branch results.
    public var dropout: Float = 0.05
    /// After the patch embedding.
    public var embeddingDropout: Float = 0.1
    /// Probability that a position's scores are all set to 0.
    public var headDropout: Float = 0.1
    /// Stochastic depth: 0 in the first block, growing linearly to this in the last.
    public var stochasticDepth: Float = 0.05

    /// Creates settings with default values.
    public init() {}

    public var embeddingDimension: Int { width }

    public func encoder(for images: ImageShape, using generator: inout RandomGenerator) -> any Encoder {
      VisionTransformer(self, images: images, using: &generator)
    }
  }

  /// The sizes and probabilities that the network was made with.
  public let configuration: Configuration
  /// The form of the images that it takes.
  public let images: ImageShape
  /// Images to tokens, `[batch, patches, width]`, before the class token is put in front of them.
  public let embed: PatchEmbedding
  /// `[width]`
  public let classToken: Tensor
  /// `[1 + patches, width]`, the class token's first.
  public let positions: Tensor
  /// `depth` of them, in the order in which tokens pass.
  public let blocks: [TransformerBlock]
  /// Of the class token's row behind the last block.
  public let norm: LayerNorm

  /// Stops the program when patches do not tile the images, or heads do not divide the width.
  ///
  /// - Parameter generator: draws the weights, member by member. The class token and the positions are normal
  ///   values cut to [-1, 1], times 0.1.
  public init(
    _ configuration: Configuration = Configuration(), images: ImageShape = ImageShape(),
    using generator: inout RandomGenerator
  ) {
    let width = configuration.width
    (self.configuration, self.images) = (configuration, images)
    embed = PatchEmbedding(configuration, images: images, using: &generator)
    classToken = parameter(clampedNormal([width], using: &generator))
    positions = parameter(clampedNormal([1 + embed.patchCount, width], using: &generator))
    let depth = configuration.depth
    blocks = (0..<depth).map { index in
      let share = depth > 1 ? Float(index) / Float(depth - 1) : 0
      return TransformerBlock(
        configuration, stochasticDepth: share * configuration.stochasticDepth, using: &generator)
    }
    norm = LayerNorm(width)
  }

  public var embeddingDimension: Int { configuration.width }

  public var members: [Member] {
    [.module("embed", embed), .parameter("cls", classToken), .parameter("pos", positions)]
      + blocks.enumerated().map { .module("blocks.\($0)", $1) } + [.module("norm", norm)]
  }

  /// Counts the matrix products that are done: forward once, backward twice, and the scores that are computed again. The last
  /// block's feed-forward part runs on one position an image, and is counted so.
  public func multiplyAdds(images: [Int]) -> Double {
    let c = configuration
    let patches = embed.patchCount
    let (tokens, width, hidden) = (Double(patches + 1), Double(c.width), Double(c.mlpWidth))
    let embedding = Double(patches) * width * Double(c.patchSize * c.patchSize * self.images.channels)
    let projection = tokens * 3 * width * width
    let scores = tokens * tokens * width
    let feedForward = 2 * width * hidden
    let blocks = Double(c.depth)
    // Images need no gradient, so the embedding's backward pass is one product, not two.
    let forward = blocks * (projection + 2 * scores) + ((blocks - 1) * tokens + 1) * feedForward
    return Double(images[0]) * (2 * embedding + 3 * forward + blocks * scores)
  }

  /// - Parameter x: images, `[batch, channels, size, size]`
  /// - Returns: `[batch, width]`
  public func callAsFunction(_ x: Tensor, _ pass: inout Pass) -> Tensor {
    var tokens = withClassToken(embed(x, &pass), classToken, positions)
    for block in blocks.dropLast() { tokens = block(tokens, &pass) }
    if let last = blocks.last {
      tokens = last.feedForward(firstPosition(last.attend(tokens, &pass)), &pass)
    } else {
      tokens = firstPosition(tokens)
    }
    return norm(tokens.reshaped([x.shape[0], configuration.width]), &pass)
  }
}

/// Patches of an image, each mapped to a vector, normalised, with dropout.
///
/// Members: `proj` (weight `[width, patch * patch * channels]`; a patch's values by row, column, channel),
/// `norm`.
public final class PatchEmbedding: Layer {
  /// `[batch, patches, patch * patch * channels]` to `[batch, patches, width]`, with a bias.
  public let projection: Linear
  /// Of each patch's `width` values.
  public let norm: LayerNorm
  /// Of the normalised values, with the configuration's `embeddingDropout`.
  public let dropout: Dropout
  let patchSize: Int
  let patchCount: Int

  init(
    _ configuration: VisionTransformer.Configuration, images: ImageShape,
    using generator: inout RandomGenerator
  ) {
    let (size, patch) = (images.size, configuration.patchSize)
    require(
      patch > 0 && size % patch == 0, "patches of side \(patch) do not tile images of side \(size)")
    patchSize = patch
    patchCount = (size / patch) * (size / patch)
    projection = Linear(patch * patch * images.channels, configuration.width, using: &generator)
    norm = LayerNorm(configuration.width)
    dropout = Dropout(configuration.embeddingDropout)
  }

  public var members: [Member] { [.module("proj", projection), .module("norm", norm)] }

  /// `[batch, channels, size, size]` to `[batch, patches, width]`; patches by row, then column.
  public func callAsFunction(_ x: Tensor, _ pass: inout Pass) -> Tensor {
    require(
      x.rank == 4 && x.shape[2] == x.shape[3]
        && x.shape[2] * x.shape[3] == patchCount * patchSize * patchSize,
      "images of shape \(x.shape) are not squares of \(patchCount) patches of side \(patchSize)")
    return dropout(norm(projection(patches(x, side: patchSize), &pass), &pass), &pass)
  }
}

/// A pre-norm block: `x + attention(norm1(x))`, then `x + fc2(gelu(fc1(norm2(x))))`.
public final class TransformerBlock: Layer {
  /// Before the attention, over `width`.
  public let norm1: LayerNorm
  /// Between positions; its map has the name `qkv` among the block's members.
  public let attention: MultiHeadSelfAttention
  /// Before the feed-forward part, over `width`.
  public let norm2: LayerNorm
  /// From `width` to `mlpWidth` values of a position, with a bias; GELU follows.
  public let fc1: Linear
  /// From `mlpWidth` back to `width`, with a bias.
  public let fc2: Linear
  let dropout: Float
  let dropPath: DropPath

  init(
    _ configuration: VisionTransformer.Configuration, stochasticDepth: Float,
    using generator: inout RandomGenerator
  ) {
    let (width, hidden) = (configuration.width, configuration.mlpWidth)
    norm1 = LayerNorm(width)
    attention = MultiHeadSelfAttention(
      width, heads: configuration.heads, dropout: configuration.dropout,
      headDropout: configuration.headDropout,
      using: &generator)
    norm2 = LayerNorm(width)
    fc1 = Linear(width, hidden, using: &generator)
    fc2 = Linear(hidden, width, using: &generator)
    dropout = configuration.dropout
    dropPath = DropPath(stochasticDepth)
  }

  public var members: [Member] {
    [
      .module("norm1", norm1), .module("qkv", attention.qkv), .module("norm2", norm2), .module("fc1", fc1),
      .module("fc2", fc2),
    ]
  }

  /// `[batch, positions, width]` to the same.
  public func callAsFunction(_ x: Tensor, _ pass: inout Pass) -> Tensor {
    feedForward(attend(x, &pass), &pass)
  }

  func attend(_ x: Tensor, _ pass: inout Pass) -> Tensor {
    attentionBranch(x, norm: norm1, attention: attention, dropout: dropout, path: dropPath, &pass)
  }

  func feedForward(_ x: Tensor, _ pass: inout Pass) -> Tensor {
    feedForwardBranch(x, norm: norm2, fc1: fc1, fc2: fc2, dropout: dropout, path: dropPath, &pass)
  }
}

private func clampedNormal(_ shape: [Int], using generator: inout RandomGenerator) -> Tensor {
  let values = (0..<shape.reduce(1, *)).map { _ in 0.1 * min(max(generator.normal(), -1), 1) }
  return Tensor(values, shape: shape)
}
