/// Which contrastive loss: the one list of them, by which configurations, programs, tables and plots go.
public enum ContrastiveLoss: String, Codable, Sendable, CaseIterable {
  /// L_SS: a point against everything but its own augmentation (InfoNCE, SimCLR). Needs no labels.
  case selfSupervised
  /// L_SC: supervised contrastive, the form with the mean outside the logarithm.
  case supcon
  /// L_attract: each positive against the points of other classes.
  case attract
  /// L_repel: a point's augmentation against the points of its class (class-conditional InfoNCE).
  case repel
  /// L_spread: `alpha L_attract + (1 - alpha) L_repel`.
  case spread

  /// What it is of one anchor.
  var term: any AnchorTerm.Type {
    switch self {
    case .selfSupervised: SelfSupervisedTerm.self
    case .supcon: SupConTerm.self
    case .attract: AttractTerm.self
    case .repel: RepelTerm.self
    case .spread: SpreadTerm.self
    }
  }
}

extension ContrastiveLoss {
  /// For tables and messages: "L_SC".
  public var symbol: String { term.symbol }
  /// Whether it is defined with labels only.
  public var needsLabels: Bool { term.needsLabels }
  /// Whether `ContrastiveObjective.alpha` means anything to it.
  public var usesAlpha: Bool { term.usesAlpha }
  /// Whether `ContrastiveObjective.positiveClamp` means anything to it.
  public var usesPositiveClamp: Bool { term.usesPositiveClamp }

  /// The loss of a name as people write it: `selfSupervised`, `self_supervised`, `L_SS`, whatever the case.
  public init?(name: String) {
    func plain(_ text: String) -> String { text.lowercased().filter { $0 != "_" && $0 != "-" } }
    guard
      let loss = Self.allCases.first(where: { [plain($0.rawValue), plain($0.symbol)].contains(plain(name)) })
    else { return nil }
    self = loss
  }

  /// All names, for help texts: "selfSupervised, supcon, attract, repel or spread".
  package static var names: String {
    let names = allCases.map(\.rawValue)
    return "\(names.dropLast().joined(separator: ", ")) or \(names.last!)"
  }

  /// For messages: "only selfSupervised".
  package static var withoutLabels: String {
    "only " + allCases.filter { !$0.needsLabels }.map(\.rawValue).joined(separator: " and ")
  }
}
