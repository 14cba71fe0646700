import Basics
import Evaluation
import Tensors

/// A figure of a complete run. `all` is the one list: what is evaluated, what `result.json` holds, which measures a table
/// can show, the columns of tables, lists, comparisons and plots, and what TensorBoard is told come from it.
public struct Measure: Sendable {
  /// What its values are.
  public enum Unit: Sendable {
    /// A share in 0...1, shown in percent.
    case percent
    /// A number, shown as it is.
    case plain
  }

  /// Which of two values is the better one.
  public enum Direction: Sendable { case higher, lower }

  /// Measures that are drawn in one panel.
  package enum Group: String, CaseIterable, Sendable {
    case accuracy = "accuracy, %"
    case collapse = "collapse of the test embeddings"
  }

  /// What a run has of it.
  package enum Figure: Equatable {
    case value(Double)
    /// The run should have one, and why it does not.
    case undefined(String)
    /// It means nothing for this run.
    case none

    init(_ value: Double?) { self = value.map { .value($0) } ?? .none }
  }

  /// Its name in `result.json`, in table definitions and in tables as JSON.
  public let key: String
  /// The heading of a table that shows it.
  public let title: String
  /// The head of its column, in CSV too.
  public let column: String
  /// What the column shows, for the line below a table.
  public let legend: String
  /// With which others it is drawn.
  package let group: Group
  /// What its values are.
  public let unit: Unit
  /// Digits behind the point that are shown.
  public let digits: Int
  /// Which of two values is the better one; nil where neither is.
  public let better: Direction?
  /// What a run must be to have it, for tables in which one has not; nil where all have it.
  package let requirement: String?
  /// Whether tables show it among the details of their runs, beside the measure that they are about.
  public let isDetail: Bool
  let evaluate: @Sendable (EvaluatedRun) throws -> Figure

  init(
    _ key: String, title: String, column: String, legend: String, group: Group = .accuracy,
    unit: Unit = .percent, digits: Int = 1, better: Direction?, isDetail: Bool = true,
    requirement: String? = nil, evaluate: @escaping @Sendable (EvaluatedRun) throws -> Figure
  ) {
    (self.key, self.title, self.column, self.legend) = (key, title, column, legend)
    (self.group, self.unit, self.digits, self.better) = (group, unit, digits, better)
    (self.isDetail, self.requirement, self.evaluate) = (isDetail, requirement, evaluate)
  }

  /// Every measure, in the order of columns.
  public static let all = [
    fineAccuracy, neighbourAccuracy, coarseAccuracy, areaUnderROC, classCosine, stratumCosine,
    withinVarianceShare,
  ]

  /// The linear probe's accuracy on the fine test labels.
  public static let fineAccuracy = Measure(
    "fineAccuracy", title: "Fine accuracy after coarse-to-fine transfer", column: "fine",
    legend: "linear probe on frozen embeddings", better: .higher
  ) { run in
    run.progress.update("training the probe")
    let (training, test) = (run.training, run.test)
    var generator = RandomGenerator(seed: UInt64(run.seed)).stream(RandomStream.probe)
    let probe = LinearProbe(
      embeddings: training.embeddings, labels: training.images.strata,
      classes: training.images.stratumNames.count,
      configuration: run.configuration.probe, using: &generator)
    return .value(probe.accuracy(test.embeddings, labels: test.images.strata))
  }

  /// Accuracy on the fine test labels by nearest training embeddings.
  public static let neighbourAccuracy = Measure(
    "neighbourAccuracy", title: "Fine accuracy by nearest neighbours", column: "k-NN",
    legend: "fine labels by nearest neighbours", better: .higher
  ) { run in
    run.progress.update("searching nearest neighbours")
    let predicted = NearestNeighbours.predict(
      run.test.embeddings, training: run.training.embeddings, labels: run.training.images.strata,
      k: run.configuration.neighbours.k)
    return .value(accuracy(predicted, labels: run.test.images.strata))
  }

  /// The trained classifier's accuracy on the test labels it was trained for: the end model.
  public static let coarseAccuracy = Measure(
    "coarseAccuracy", title: "End-model accuracy", column: "coarse",
    legend: "the classifier trained with the encoder", better: .higher
  ) { run in .value(accuracy(run.logits.argmax(), labels: run.test.images.labels)) }

  /// The same classifier's area under the ROC curve, the second class being the positive one.
  public static let areaUnderROC = Measure(
    "areaUnderROC", title: "Area under the ROC curve of the end model", column: "AUROC",
    legend: "area under the ROC curve of that classifier", better: .higher,
    isDetail: false, requirement: "it needs two classes, and a result of a version that measured it"
  ) { run in
    let labels = run.test.images.labels
    guard run.logits.shape[1] == 2 else { return .none }
    if let row = run.logits.firstRowNotFinite {
      throw RunError(
        "the classifier's result for image \(row) is not finite; a lower optimiser.rate may help")
    }
    if let reason = run.test.images.undefinedAreaReason { return .undefined(reason) }
    let scores = run.logits.scalars()
    let area = Evaluation.areaUnderROC(
      labels.indices.map { scores[2 * $0 + 1] - scores[2 * $0] }, positives: labels.map { $0 == 1 })
    return Figure(area)
  }

  /// The mean cosine between two test embeddings of a class.
  public static let classCosine = Measure(
    "classCosine", title: "Mean cosine within a class", column: "class cosine",
    legend: "mean cosine between two test embeddings of a class (1: collapsed)",
    group: .collapse, unit: .plain, digits: 3,
    better: nil
  ) { run in Figure(run.classCollapse.withinCosine) }

  /// The mean cosine between two test embeddings of a stratum.
  public static let stratumCosine = Measure(
    "stratumCosine", title: "Mean cosine within a stratum", column: "stratum cosine",
    legend: "the same within a stratum",
    group: .collapse, unit: .plain, digits: 3,
    better: nil
  ) { run in Figure(run.stratumCollapse.withinCosine) }

  /// The share of the variance of the test embeddings that lies within classes.
  public static let withinVarianceShare = Measure(
    "withinVarianceShare", title: "Share of the variance within classes", column: "within variance",
    legend: "share of the variance of the test embeddings that lies within classes (0: collapsed)",
    group: .collapse,
    unit: .plain, digits: 3, better: nil
  ) { run in Figure(run.classCollapse.withinVarianceShare) }
}

extension Measure {
  /// Those that tables show among the details of their runs.
  package static let details = all.filter(\.isDetail)

  /// As it is shown: in percent where that is the unit.
  package func shown(_ value: Double) -> Double { unit == .percent ? 100 * value : value }

  /// What a run has, as it is shown; nil where it has none.
  package func value(of result: RunResult) -> Double? { result[self].map(shown) }

  /// Over those of some runs that have it.
  package func statistics(_ results: [RunResult]) -> Statistics { Statistics(results.compactMap(value)) }

  /// A value that is shown, with its digits.
  package func text(_ shown: Double) -> String { decimals(shown, digits) }

  /// Places of the best of the shown values, as printed: equal figures are all best. None while there is only one value, or
  /// where no value is better than another.
  package func best(_ values: [Double?]) -> Set<Int> {
    let present = values.compactMap { $0 }
    guard present.count > 1, let better, let best = better == .higher ? present.max() : present.min() else {
      return []
    }
    return Set(values.indices.filter { values[$0].map { text($0) == text(best) } ?? false })
  }

  /// Its column with the unit, for lines of text.
  package var columnWithUnit: String { unit == .percent ? "\(column), %" : column }
}

/// By their keys.
extension Measure: Hashable {
  public static func == (a: Measure, b: Measure) -> Bool { a.key == b.key }
  public func hash(into hasher: inout Hasher) { hasher.combine(key) }
}

extension Measure: ConfigurationChoice {
  /// `all`, for who reads a configuration.
  public static var allCases: [Measure] { all }
  /// The key.
  public var rawValue: String { key }

  /// Nil where there is no measure of this key.
  public init?(rawValue key: String) {
    guard let measure = Self.all.first(where: { $0.key == key }) else { return nil }
    self = measure
  }
}
