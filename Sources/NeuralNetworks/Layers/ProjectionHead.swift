import Basics
import Tensors

/// What stands between an encoder and a contrastive loss, and is thrown away after training: `output(relu(norm(
/// hidden(x))))`, two affine maps with a batch normalisation between them. The loss then shapes the head's output,
/// and what it would have the encoder forget may stay in the embedding before it.
///
/// Members: `hidden` (without a bias, which the normalisation would take away again), `norm`, `output`.
/// - Source: Chen et al. 2020 (SimCLR), section 4.2.
public final class ProjectionHead: Layer {
  /// `[batch, inputs]` to `[batch, hiddenWidth]`.
  public let hidden: Linear
  /// Of the `hiddenWidth` values, each over the batch: training needs batches of two at least.
  public let norm: BatchNorm2d
  /// `[batch, hiddenWidth]` to `[batch, outputs]`, with a bias.
  public let output: Linear

  /// The lengths of a head's values.
  public struct Configuration: Sendable, Equatable {
    /// Of what the loss sees; 0: no head, the loss sees the embedding itself, as in the paper.
    public var width = 0
    /// Between the two maps.
    public var hiddenWidth = 512

    /// No head.
    public init() {}

    /// Whether there is a head.
    public var isOn: Bool { width > 0 }

    /// A new head for embeddings of `inputs` values; nil where there is none.
    public func head(_ inputs: Int, using generator: inout RandomGenerator) -> ProjectionHead? {
      isOn ? ProjectionHead(inputs, hiddenWidth: hiddenWidth, outputs: width, using: &generator) : nil
    }
  }

  /// - Parameters:
  ///   - inputs: the embedding's length.
  ///   - hiddenWidth: the length between the two maps.
  ///   - outputs: the length of what the loss sees.
  public init(_ inputs: Int, hiddenWidth: Int, outputs: Int, using generator: inout RandomGenerator) {
    require(
      inputs > 0 && hiddenWidth > 0 && outputs > 0,
      "a projection head from \(inputs) by \(hiddenWidth) to \(outputs) values")
    hidden = Linear(inputs, hiddenWidth, bias: false, using: &generator)
    norm = BatchNorm2d(hiddenWidth)
    output = Linear(hiddenWidth, outputs, using: &generator)
  }

  public var members: [Member] {
    [.module("hidden", hidden), .module("norm", norm), .module("output", output)]
  }

  /// `[batch, inputs]` to `[batch, outputs]`.
  public func callAsFunction(_ x: Tensor, _ pass: inout Pass) -> Tensor {
    output(norm(hidden(x, &pass), relu: true, &pass), &pass)
  }
}
