import Basics
import Tensors

/// An affine map of the last axis: `x weight^T + bias`, `[..., in]` to `[..., out]`.
///
/// Members: `weight` `[out, in]`, drawn from a normal distribution of deviation 0.02 cut at two deviations,
/// and `bias` `[out]`, 0 at first.
public final class Linear: Layer {
  /// `[out, in]`, as PyTorch stores it.
  public let weight: Tensor
  /// `[out]`; nil where the layer was made without one.
  public let bias: Tensor?

  /// - Parameters:
  ///   - inputs, outputs: the length of the last axis before and after
  ///   - bias: false where what follows would take a shift away again
  ///   - generator: draws the weights
  public init(_ inputs: Int, _ outputs: Int, bias: Bool = true, using generator: inout RandomGenerator) {
    weight = parameter(.truncatedNormal([outputs, inputs], deviation: 0.02, using: &generator))
    self.bias = bias ? parameter(.zeros([outputs])) : nil
  }

  public var members: [Member] {
    [.parameter("weight", weight)] + (bias.map { [.parameter("bias", $0)] } ?? [])
  }

  /// `[..., in]` to `[..., out]`; a rank of 1 is a single row. Complexity as for `Tensor.linear`.
  public func callAsFunction(_ x: Tensor, _ pass: inout Pass) -> Tensor {
    Tensor.linear(x, weight: weight, bias: bias)
  }
}

/// Layer normalisation over the last axis, with a trained scale (`weight`) and shift (`bias`).
public final class LayerNorm: Layer {
  /// The scale, `[width]`, 1 at first.
  public let weight: Tensor
  /// The shift, `[width]`, 0 at first.
  public let bias: Tensor
  /// Added to a row's variance, so that a row of equal values gives the shift and no division by 0.
  public let epsilon: Float

  /// For rows of `width` values. The default `epsilon` is PyTorch's.
  public init(_ width: Int, epsilon: Float = 1e-5) {
    weight = parameter(.ones([width]))
    bias = parameter(.zeros([width]))
    self.epsilon = epsilon
  }

  public var members: [Member] { [.parameter("weight", weight), .parameter("bias", bias)] }

  /// `[..., width]` to the same shape: each row by its own mean and (biased) variance, alike in training and
  /// evaluation.
  public func callAsFunction(_ x: Tensor, _ pass: inout Pass) -> Tensor {
    Tensor.layerNorm(x, scale: weight, shift: bias, epsilon: epsilon)
  }
}

/// In training, sets elements to 0 with `probability` and divides the others by `1 - probability`.
public final class Dropout: Layer {
  /// That an element is set to 0, in [0, 1).
  public let probability: Float

  /// Stops the program when `probability` is not in [0, 1).
  public init(_ probability: Float) {
    require(probability >= 0 && probability < 1, "dropout probability \(probability) is not in [0, 1)")
    self.probability = probability
  }

  public var members: [Member] { [] }

  /// Any shape to the same. Takes one value from the pass's generator; in evaluation, or with probability 0,
  /// it takes none and returns `x` itself.
  public func callAsFunction(_ x: Tensor, _ pass: inout Pass) -> Tensor {
    pass.isTraining && probability > 0 ? x.dropout(probability, using: &pass.generator) : x
  }
}

/// Stochastic depth: in training, sets a whole sample (an entry of the first axis) to 0 with `probability`
/// and divides the others by `1 - probability`. For the branch beside a residual connection.
/// - Source: Huang et al. 2016.
public final class DropPath: Layer {
  /// That a sample is set to 0, in [0, 1).
  public let probability: Float

  /// Stops the program when `probability` is not in [0, 1).
  public init(_ probability: Float) {
    require(probability >= 0 && probability < 1, "drop path probability \(probability) is not in [0, 1)")
    self.probability = probability
  }

  public var members: [Member] { [] }

  /// `[samples, ...]` to the same shape. Takes one value from the pass's generator for each sample; in
  /// evaluation, or with probability 0, it takes none and returns `x` itself.
  public func callAsFunction(_ x: Tensor, _ pass: inout Pass) -> Tensor {
    guard let scales = scales(x.shape[0], &pass) else { return x }
    return x * Tensor(scales, shape: [x.shape[0]] + [Int](repeating: 1, count: x.rank - 1))
  }

  /// 0 or `1 / (1 - probability)` for each sample; nil when nothing is dropped.
  func scales(_ samples: Int, _ pass: inout Pass) -> [Float]? {
    guard pass.isTraining && probability > 0 else { return nil }
    return (0..<samples).map { _ in pass.generator.bool(probability: probability) ? 0 : 1 / (1 - probability)
    }
  }
}

/// Multi-head self-attention: queries, keys and values from one map without bias, no output projection.
///
/// Member: `qkv.weight` `[3 width, width]`; its rows are queries, keys, values, each by heads. Scores are
/// scaled by `1 / sqrt(width / heads)`.
/// - Source: Vaswani et al. 2017; the absence of an output projection follows the public code of the paper's
///   authors.
public final class MultiHeadSelfAttention: Layer {
  /// From `[..., width]` to `[..., 3 width]`: queries, keys, values.
  public let qkv: Linear
  /// Divides the width; a head sees `width / heads` values of each position.
  public let heads: Int
  /// Dropout of attention weights.
  public let dropout: Float
  /// Probability that all scores of a position are set to 0 (which makes its attention uniform).
  public let headDropout: Float

  /// - Parameters:
  ///   - width: values of a position; stops the program where `heads` does not divide it
  ///   - dropout, headDropout: probabilities in [0, 1), of effect in training only
  ///   - generator: draws the weights of `qkv`
  public init(
    _ width: Int, heads: Int, dropout: Float = 0, headDropout: Float = 0,
    using generator: inout RandomGenerator
  ) {
    require(heads > 0 && width % heads == 0, "\(heads) heads do not divide the width \(width)")
    qkv = Linear(width, 3 * width, bias: false, using: &generator)
    self.heads = heads
    self.dropout = dropout
    self.headDropout = headDropout
  }

  public var members: [Member] { [.module("qkv", qkv)] }

  /// - Parameter x: `[batch, positions, width]`
  /// - Returns: the same shape.
  public func callAsFunction(_ x: Tensor, _ pass: inout Pass) -> Tensor {
    let projected = qkv(x, &pass)
    return selfAttention(projected, heads: heads, dropout: dropout, headDropout: headDropout, &pass)
  }
}
