import Basics
import ContrastiveLosses
import Experiments
import Foundation

/// A table of the paper: which experiments make its rows, which measure it shows, and the paper's figures.
public struct TableDefinition: Sendable, Equatable {
  /// The paper's figures of one row, in percent; nil where it has none.
  public struct PaperFigures: Sendable, Equatable {
    private var percent: [ContrastiveLoss: Double] = [:]

    /// None.
    public init() {}

    /// The figure of a loss; nil where the paper has none.
    public subscript(loss: ContrastiveLoss) -> Double? {
      get { percent[loss] }
      set { percent[loss] = newValue }
    }
  }

  /// One data set.
  public struct Row: Sendable, Equatable {
    /// The data set's name in the table.
    public var title = ""
    /// The experiment file's name; nil while the data set cannot be read by this version.
    public var experiment: String?
    /// Without an experiment: why, which file it would need, and where that comes from.
    public var missing: String?
    /// Nil: the table's.
    public var measure: Measure?
    /// What the paper has for this data set, shown beside ours.
    public var paper = PaperFigures()

    /// Creates one with default values.
    public init() {}
  }

  /// The paper's number of the table, such as "2" or "A2".
  public var number = ""
  /// What the table shows: its heading, after the number.
  public var title = ""
  /// The figure of a run that is shown, in rows that do not name their own.
  public var measure = Measure.fineAccuracy
  /// The columns from left to right; these are trained. By default those of table 2.
  public var losses: [ContrastiveLoss] = [.selfSupervised, .supcon, .spread]
  /// The data sets from top to bottom.
  public var rows: [Row] = []

  /// Creates one with default values.
  public init() {}

  /// Those that have a file, for help texts: "2, 4, A2".
  package static var numbers: String {
    let known = ExperimentLookup.tables()
    return known.isEmpty ? "one that has a file table<number>.json" : known.joined(separator: ", ")
  }

  /// Reads `Experiments/table<number>.json`.
  /// - Throws: `ConfigurationError` when there is none, or naming line and key of what is wrong.
  public static func find(_ number: String) throws -> TableDefinition {
    let known = ExperimentLookup.tables()
    guard known.contains(number) else {
      let list = known.isEmpty ? "none" : known.joined(separator: ", ")
      throw ConfigurationError(
        place: "table \(number)", problem: "there is no such table; those that can be made: \(list)")
    }
    let file = try ExperimentLookup.find("table\(number)")
    return try TableDefinition(
      json: ConfigurationError.text(of: file), source: file.lastPathComponent)
  }

  /// Reads a definition; unknown keys and wrong values are errors with their line.
  public init(json text: String, source: String) throws {
    try self.init(node: JSONNode(parsing: text, source: source), path: "")
  }
}

extension TableDefinition.PaperFigures: ConfigurationSection {
  package static var defaults: Self { Self() }

  package static var fields: [ConfigurationField<Self>] {
    ContrastiveLoss.allCases.map { loss in
      .value(
        loss.rawValue, \.[loss], Limits<Double>.within(0...100).orAbsent(),
        "The paper's figure for \(loss.symbol).")
    }
  }
}

extension TableDefinition.Row: ConfigurationSection {
  package static var defaults: Self { Self() }

  package static var fields: [ConfigurationField<Self>] {
    [
      .value("title", \.title, "The data set's name in the table."),
      .value("experiment", \.experiment, "The experiment file's name."),
      .value(
        "missing", \.missing, "Why there is no experiment, and which file it would need.",
        when: { $0.experiment == nil }),
      .value(
        "measure", \.measure, "The figure of a run that this row shows; absent: the table's.",
        when: { $0.experiment != nil }),
      .section("paper", \.paper, "The paper's figures in percent."),
    ]
  }

  package var conflict: (key: String, problem: String)? {
    guard experiment == nil, missing == nil else { return nil }
    return ("missing", "a row without `experiment` must say in `missing` why, and what it needs")
  }
}

extension TableDefinition: ConfigurationSection {
  package static var defaults: Self { Self() }

  package static var fields: [ConfigurationField<Self>] {
    let losses = Limits<[ContrastiveLoss]>(
      text: "one or more different losses", allow: { !$0.isEmpty && Set($0).count == $0.count })
    return [
      .value("number", \.number, "The paper's number of the table."),
      .value("title", \.title, "What the table shows."),
      .value("measure", \.measure, "The figure of a run that is shown."),
      .value("losses", \.losses, losses, "The columns."),
      .sections("rows", \.rows, "The data sets."),
    ]
  }
}
