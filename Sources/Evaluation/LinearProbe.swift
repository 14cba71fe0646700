import Basics
import NeuralNetworks
import Tensors

/// A linear classifier on frozen embeddings: how much of a task they hold in a form that a plane can
/// separate.
///
/// Multinomial logistic regression, trained by AdamW on shuffled batches. Features may be standardised by the
/// training set's mean and deviation, which makes one learning rate fit embeddings of any scale.
public struct LinearProbe: Sendable {
  /// How a probe is trained; the paper's rate and epochs where not given.
  public struct Configuration: Sendable, Equatable {
    /// AdamW's, the same at every step.
    public var rate: Float
    /// Passes over the training embeddings, each in another order; with 0, the probe's weights stay 0.
    public var epochs: Int
    /// Rows a step, at least 1; the last batch of an epoch may have fewer.
    public var batchSize: Int
    /// AdamW's, of weight and bias alike.
    public var weightDecay: Float
    /// Features are shifted and scaled to mean 0 and deviation 1 over the training embeddings.
    public var standardise: Bool

    /// Nothing is checked here. The default rate goes with `standardise`; else it must fit the embeddings.
    public init(
      rate: Float = 1e-3, epochs: Int = 100, batchSize: Int = 128, weightDecay: Float = 0.01,
      standardise: Bool = true
    ) {
      (self.rate, self.epochs, self.batchSize) = (rate, epochs, batchSize)
      (self.weightDecay, self.standardise) = (weightDecay, standardise)
    }
  }

  /// `[classes, d]`, on features as they are given to it (standardised where it was asked for).
  public let weight: Tensor
  /// `[classes]`
  public let bias: Tensor
  private let scaling: FeatureScaling?

  /// Trains a probe.
  ///
  /// - Parameters:
  ///   - embeddings: `[N, d]`
  ///   - labels: N classes in `0..<classes`
  ///   - generator: orders the batches
  /// - Complexity: 6 N d classes operations an epoch.
  public init(
    embeddings: Tensor, labels: [Int], classes: Int, configuration: Configuration = Configuration(),
    using generator: inout RandomGenerator
  ) {
    require(
      embeddings.rank == 2 && embeddings.shape[0] == labels.count && !labels.isEmpty,
      "a probe needs one label a row: \(labels.count) labels, embeddings of shape \(embeddings.shape)")
    require(
      configuration.batchSize > 0,
      "a probe's batch holds at least one embedding, not \(configuration.batchSize)")
    let (count, width) = (embeddings.shape[0], embeddings.shape[1])
    let scaling = configuration.standardise ? FeatureScaling(embeddings) : nil
    let features = scaling?.apply(embeddings) ?? embeddings.detached()
    let weight = Tensor.zeros([classes, width])
    let bias = Tensor.zeros([classes])
    weight.requiresGradient = true
    bias.requiresGradient = true
    let optimiser = AdamW(
      [(name: "weight", tensor: weight), (name: "bias", tensor: bias)],
      AdamW.Configuration(weightDecay: configuration.weightDecay))
    for _ in 0..<configuration.epochs {
      let order = generator.permutation(count)
      for start in stride(from: 0, to: count, by: configuration.batchSize) {
        let places = Array(order[start..<min(start + configuration.batchSize, count)])
        let logits = Tensor.linear(features.gathered(places), weight: weight, bias: bias)
        crossEntropy(logits, labels: places.map { labels[$0] }).backward()
        optimiser.step(rate: configuration.rate)
      }
    }
    self.weight = weight.detached()
    self.bias = bias.detached()
    self.scaling = scaling
  }

  /// `[N, d]` to `[N, classes]`
  public func logits(_ embeddings: Tensor) -> Tensor {
    withoutGradient { Tensor.linear(scaling?.apply(embeddings) ?? embeddings, weight: weight, bias: bias) }
  }

  /// The most probable class of each row.
  public func predict(_ embeddings: Tensor) -> [Int] { logits(embeddings).argmax() }

  /// The share of rows whose class is predicted.
  public func accuracy(_ embeddings: Tensor, labels: [Int]) -> Double {
    Evaluation.accuracy(predict(embeddings), labels: labels)
  }
}

/// The share of predictions that are right, in [0, 1].
public func accuracy(_ predictions: [Int], labels: [Int]) -> Double {
  require(
    predictions.count == labels.count, "\(predictions.count) predictions for \(labels.count) labels")
  guard !labels.isEmpty else { return 0 }
  return Double(zip(predictions, labels).reduce(0) { $0 + ($1.0 == $1.1 ? 1 : 0) }) / Double(labels.count)
}

/// Mean and deviation of each feature of a training set.
///
/// A feature whose deviation is under 1e-6 counts as constant and becomes 0. Embeddings of extraordinary size are
/// brought to an ordinary one first, by powers of two: features beyond 2^40 one by one, embeddings that are all
/// under 2^-20 together.
struct FeatureScaling: Sendable {
  /// Nil where all are of ordinary size.
  private let powers: Tensor?
  private let mean: Tensor
  private let inverseDeviation: Tensor

  init(_ features: Tensor) {
    powers = Self.powers(for: features)
    let features = Self.scaled(features, powers)
    mean = features.mean(axis: 0)
    let variance = (features - mean).squared().mean(axis: 0)
    // A feature that never changes says nothing, and is left at 0 rather than divided by 0.
    inverseDeviation = Tensor(variance.scalars().map { $0 > 1e-12 ? 1 / $0.squareRoot() : 0 })
  }

  func apply(_ features: Tensor) -> Tensor {
    withoutGradient { (Self.scaled(features, powers) - mean) * inverseDeviation }
  }

  private static func scaled(_ features: Tensor, _ powers: Tensor?) -> Tensor {
    // Twice, because a float holds no power of two that lifts the smallest ones in one step.
    powers.map { features.detached() * $0 * $0 } ?? features.detached()
  }

  /// Square roots of the powers of two, one a feature.
  private static func powers(for features: Tensor) -> Tensor? {
    let width = features.shape[1]
    var largest = [Float](repeating: 0, count: width)
    features.withUnsafeData { values in
      for start in stride(from: 0, to: values.count, by: width) {
        for k in 0..<width { largest[k] = max(largest[k], abs(values[start + k])) }
      }
    }
    let most = largest.max() ?? 0
    let (tiny, huge): (Float, Float) = (0x1p-20, 0x1p40)
    guard most > huge || (most > 0 && most < tiny) else { return nil }
    func root(_ size: Float) -> Float {
      Float(sign: .plus, exponent: -Int(size.exponent) / 2, significand: 1)
    }
    return Tensor(largest.map { most < tiny ? root(most) : $0 > huge ? root($0) : 1 })
  }
}
