import Basics

/// TensorBoard's event files beside `metrics.jsonl`.
public struct TensorBoardSettings: Sendable, Equatable {
  /// Whether event files are written.
  public var enabled = true
  /// Steps between figures of single steps; what is of an epoch is written after each.
  public var everySteps = 50

  /// The defaults.
  public init() {}
}

extension TensorBoardSettings: ConfigurationSection {
  package static var defaults: Self { Self() }

  package static var fields: [ConfigurationField<Self>] {
    [
      .value("enabled", \.enabled, "Write event files for TensorBoard into the run's folder."),
      .value(
        "everySteps", \.everySteps, .within(1...1_000_000),
        "Steps between the figures of single steps (loss, gradient norm, rate).", when: \.enabled),
    ]
  }
}

/// Accuracy by nearest neighbours while training goes on, of validation images among training images. It is only
/// looked at: neither the training nor the choice of the epoch depends on it.
public struct MonitorSettings: Sendable, Equatable {
  /// Epochs from one measurement to the next; after the last epoch there is always one. 0: none at all.
  public var everyEpochs = 2
  /// The training images among which neighbours are looked for, as a share of all.
  public var share = 0.1
  /// Training images that vote on a validation image.
  public var neighbours = 20

  /// The defaults.
  public init() {}
}

extension MonitorSettings: ConfigurationSection {
  package static var defaults: Self { Self() }

  package static var fields: [ConfigurationField<Self>] {
    let isOn: (Self) -> Bool = { $0.everyEpochs > 0 }
    return [
      .value(
        "everyEpochs", \.everyEpochs, .within(0...100_000),
        "Epochs between measurements of the validation images' accuracy by nearest neighbours; 0: never."),
      .value(
        "share", \.share, .within(0.001...1),
        "Share of the training images among which neighbours are looked for.",
        when: isOn),
      .value("neighbours", \.neighbours, .within(1...10_000), "Neighbours that vote.", when: isOn),
    ]
  }
}

/// Ends training when the validation accuracy has stopped rising. Off by default: the paper trains all epochs.
public struct EarlyStoppingSettings: Sendable, Equatable {
  /// Epochs in a row without an improvement after which training ends; nil: it never ends early.
  public var patience: Int?
  /// An accuracy counts as an improvement when it is higher by more than this than the last that did.
  public var minimumImprovement = 0.0

  /// The defaults.
  public init() {}

  var isOn: Bool { patience != nil }
}

extension EarlyStoppingSettings: ConfigurationSection {
  package static var defaults: Self { Self() }

  package static var fields: [ConfigurationField<Self>] {
    [
      .value(
        "patience", \.patience, Limits<Int>.within(1...100_000).orAbsent(),
        "Epochs in a row without improvement after which training ends; absent: all epochs are trained."),
      .value(
        "minimumImprovement", \.minimumImprovement, .within(0...1),
        "By how much the validation accuracy, a share, must rise to count as an improvement.",
        when: \.isOn),
    ]
  }
}

/// Which networks are kept beside the last (`checkpoint.safetensors`) and the best (`best.safetensors`).
public struct CheckpointSettings: Sendable, Equatable {
  /// The network of each so many epochs is kept in a file of its own; nil: of none.
  public var keepEvery: Int?

  /// The defaults.
  public init() {}
}

extension CheckpointSettings: ConfigurationSection {
  package static var defaults: Self { Self() }

  package static var fields: [ConfigurationField<Self>] {
    [
      .value(
        "keepEvery", \.keepEvery, Limits<Int>.within(1...100_000).orAbsent(),
        "Keep the network of every so many epochs as epoch-N.safetensors; absent: only the last and the best."
      )
    ]
  }
}
