import Evaluation

/// The part of the training images that chooses the checkpoint, where the data set has no validation part of
/// its own.
public struct ValidationSettings: Sendable, Equatable {
  /// Share of the training images that is held out, rounded to whole ones.
  public var share = 0.1
  /// The same split for every seed of training, so that seeds differ in training alone.
  public var seed = 42

  /// Creates settings with default values.
  public init() {}
}

extension ValidationSettings: ConfigurationSection {
  package static var defaults: Self { Self() }

  package static var fields: [ConfigurationField<Self>] {
    [
      .value(
        "share", \.share, .within(0.001...0.9),
        "Share of the training images held out to choose the best epoch, unless the data set has a validation part of its own."
      ),
      .value(
        "seed", \.seed, .within(0...Int(Int32.max)), "Seed of the split, the same for every seed of training."
      ),
    ]
  }
}

/// The linear classifier trained on the frozen embeddings: coarse-to-fine transfer.
extension LinearProbe.Configuration: ConfigurationSection {
  package static var defaults: Self { Self() }

  package static var fields: [ConfigurationField<Self>] {
    [
      .value(
        "rate", \.rate, .positive(upTo: 1000), "Learning rate of the linear classifier on frozen embeddings."),
      .value("epochs", \.epochs, .within(1...100_000), "Its epochs."),
      .value("batchSize", \.batchSize, .within(1...1_000_000), "Its batch size."),
      .value("weightDecay", \.weightDecay, .within(0...10), "Its weight decay."),
      .value(
        "standardise", \.standardise,
        "Scale every coordinate of the embeddings to mean 0 and deviation 1 first."),
    ]
  }
}

/// Classification by the nearest training embeddings (cosine similarity).
public struct NeighbourSettings: Sendable, Equatable {
  /// Training images that vote on the fine label of a test image; all of them when there are fewer.
  public var k = 20

  /// Creates settings with default values.
  public init() {}
}

extension NeighbourSettings: ConfigurationSection {
  package static var defaults: Self { Self() }

  package static var fields: [ConfigurationField<Self>] {
    [.value("k", \.k, .within(1...10_000), "Neighbours that vote.")]
  }
}
