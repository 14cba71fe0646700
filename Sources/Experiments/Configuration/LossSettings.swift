import ContrastiveLosses

/// The contrastive term.
public struct LossSettings: Sendable, Equatable {
  /// A configuration can name every loss that there is.
  public typealias Name = ContrastiveLoss
  /// Which similarities of the two views are compared.
  public typealias Layout = ContrastiveLayout

  /// The loss of this run. A file that names none stands for several configurations, one for each of its
  /// `losses`.
  public var name = Name.spread
  /// Divides the cosine similarities; above 0.
  public var temperature = 0.5
  /// L_spread = alpha L_attract + (1 - alpha) L_repel.
  public var alpha = 0.5
  /// Cross view: view 1 against view 2. Pooled: all rows of both views against each other.
  public var layout = Layout.crossView
  /// Cross view: the mean with the views exchanged.
  public var symmetric = false
  /// Bound on a positive's similarity in a numerator; the authors' public code has 1. Nil: none.
  public var positiveClamp: Double?

  /// Each field at the default that stands with it.
  public init() {}

  /// The loss with these settings.
  public var objective: ContrastiveObjective {
    ContrastiveObjective(
      name, temperature: Float(temperature), alpha: Float(alpha), layout: layout, symmetric: symmetric,
      positiveClamp: positiveClamp.map { Float($0) })
  }
}

extension ContrastiveLoss {
  /// The loss of a name as people write it: `selfSupervised`, `self_supervised`, `L_SS`, whatever the case.
  public init?(name: String) {
    func plain(_ text: String) -> String { text.lowercased().filter { $0 != "_" && $0 != "-" } }
    guard
      let loss = Self.allCases.first(where: { [plain($0.rawValue), plain($0.symbol)].contains(plain(name)) })
    else { return nil }
    self = loss
  }
}

extension ContrastiveLoss: ConfigurationChoice {
  /// For tables and messages.
  public var symbol: String {
    switch self {
    case .selfSupervised: "L_SS"
    case .supcon: "L_SC"
    case .attract: "L_attract"
    case .repel: "L_repel"
    case .spread: "L_spread"
    }
  }
}

extension ContrastiveLayout: ConfigurationChoice {}

extension LossSettings: ConfigurationSection {
  package static var fields: [ConfigurationField<Self>] {
    [
      .value(
        "name", \.name, "The loss. Where a file names none, each one listed in `losses` is trained in turn."),
      .value("temperature", \.temperature, .positive(upTo: 100), "Divides the cosine similarities."),
      .value(
        "alpha", \.alpha, .within(0...1), "Weight of L_attract in L_spread; L_repel has the rest.",
        when: { $0.name == .spread }),
      .value("layout", \.layout, "crossView: view 1 against view 2. pooled: all rows of both views."),
      .value(
        "symmetric", \.symmetric, "Average with the views exchanged.", when: { $0.layout == .crossView }),
      .value(
        "positiveClamp", \.positiveClamp, Limits<Double>.within(-100...100).orAbsent(),
        "Bound on a positive's similarity in a numerator, 1 in the authors' public code; absent: none.",
        when: { $0.name != .repel }),
    ]
  }
}

/// The head between the encoder and the contrastive loss. The classifier, and everything that is measured, sees the
/// embedding before it.
public struct ProjectionSettings: Sendable, Equatable {
  /// Length of what the loss sees; 0: no head, the loss sees the embedding itself, as in the paper.
  public var width = 0
  /// Length between the head's two maps.
  public var hiddenWidth = 512

  /// Each field at the default that stands with it.
  public init() {}

  /// Whether there is a head.
  var isOn: Bool { width > 0 }
}

extension ProjectionSettings: ConfigurationSection {
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

  /// Each field at the default that stands with it.
  public init() {}
}

extension ClassifierSettings: ConfigurationSection {
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
