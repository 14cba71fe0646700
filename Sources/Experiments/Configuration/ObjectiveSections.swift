import ContrastiveLosses
import NeuralNetworks

extension ContrastiveLoss: ConfigurationChoice {}
extension ContrastiveLayout: ConfigurationChoice {}

/// The contrastive term. A file that names no loss stands for several configurations, one for each of its `losses`.
extension ContrastiveObjective: ConfigurationSection {
  package static var defaults: Self { Self() }

  package static var fields: [ConfigurationField<Self>] {
    [
      .value(
        "name", \.loss, "The loss. Where a file names none, each one listed in `losses` is trained in turn."),
      .value("temperature", \.temperature, .positive(upTo: 100), "Divides the cosine similarities."),
      .value(
        "alpha", \.alpha, .within(0...1), "Weight of L_attract in L_spread; L_repel has the rest.",
        when: { $0.loss.usesAlpha }),
      .value("layout", \.layout, "crossView: view 1 against view 2. pooled: all rows of both views."),
      .value(
        "symmetric", \.symmetric, "Average with the views exchanged.", when: { $0.layout == .crossView }),
      .value(
        "positiveClamp", \.positiveClamp, Limits<Double>.within(-100...100).orAbsent(),
        "Bound on a positive's similarity in a numerator, 1 in the authors' public code; absent: none.",
        when: { $0.loss.usesPositiveClamp }),
    ]
  }
}

/// The head between the encoder and the contrastive loss. The classifier, and everything that is measured, sees the
/// embedding before it.
extension ProjectionHead.Configuration: ConfigurationSection {
  package static var defaults: Self { Self() }

  package static var fields: [ConfigurationField<Self>] {
    [
      .value(
        "width", \.width, .within(0...8192),
        "Length of what the contrastive loss sees; 0: no head, the loss sees the embedding itself."),
      .value(
        "hiddenWidth", \.hiddenWidth, .within(1...65_536), "Length between the head's two maps.", when: \.isOn
      ),
    ]
  }
}

/// The linear classifier trained with the encoder by cross entropy: the table's "end model".
public struct ClassifierSettings: Sendable, Equatable {
  /// Weight of the cross entropy beside the contrastive loss, whose own is 1. With 0 the classifier learns
  /// nothing, and the epoch that it chooses means nothing.
  public var weight = 1.0
  /// Share of the target, below 1, that is spread evenly over all classes, the right one included.
  public var labelSmoothing = 0.0

  /// Creates settings with default values.
  public init() {}
}

extension ClassifierSettings: ConfigurationSection {
  package static var defaults: Self { Self() }

  package static var fields: [ConfigurationField<Self>] {
    [
      .value(
        "weight", \.weight, .within(0...1000), "Weight of the cross entropy beside the contrastive loss."),
      .value(
        "labelSmoothing", \.labelSmoothing, .fraction(below: 1),
        "Share of the target spread over all classes."),
    ]
  }
}
