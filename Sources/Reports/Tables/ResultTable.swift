import Basics
import Experiments
import Foundation

/// A table filled from run folders.
public struct ResultTable: Sendable, Equatable {
  /// The runs of one data set with one loss.
  public struct Cell: Sendable, Equatable {
    /// Those that are complete, by seed.
    public var results: [RunResult] = []
    /// Seeds that were asked for and are not complete.
    public var missingSeeds: [Int] = []
    /// The measure of each complete run, as it is shown; nil where it is undefined.
    public var values: [Double?] = []
    /// Why values are undefined, each reason once.
    public var undefined: [String] = []
    /// The paper's figure, in percent.
    public var paper: Double?

    /// Over seeds; nil while nothing is complete, or where no run has the measure.
    public var mean: Double? { Statistics(values.compactMap(\.self)).mean }

    /// Over seeds, of a sample (n - 1); nil with fewer than two.
    public var deviation: Double? { Statistics(values.compactMap(\.self)).deviation }

    /// " (2 of 3)" where runs are missing, or do not have the measure.
    var partText: String {
      let (all, defined) = (values.count + missingSeeds.count, values.compactMap(\.self).count)
      return all == defined ? "" : " (\(defined) of \(all))"
    }
  }

  /// One data set.
  public struct Row: Sendable, Equatable {
    /// The data set's name.
    public var title: String
    /// What the cells' values are of a run; nil where it is the table's measure.
    public var measure: Measure?
    /// One a loss, in the definition's order.
    public var cells: [Cell]
    /// Why there are no runs.
    public var missing: String?
    /// The profile line: profile, encoder, epochs, images, seeds. Nil while nothing is complete.
    public var settings: String?
  }

  /// Which rows and losses there are.
  public var definition: TableDefinition
  /// In the definition's order.
  public var rows: [Row]

  package init(definition: TableDefinition, rows: [Row]) {
    self.definition = definition
    self.rows = rows
  }

  /// Reads the runs of a table.
  ///
  /// - Parameters:
  ///   - profile: nil: each experiment's own preferred one, `quick`.
  ///   - overrides, seeds: as given to the command that made the runs; seeds empty: the experiments'.
  ///   - runs: the folder of the run folders.
  /// - Throws: `ConfigurationError` for an experiment that is wrong, `RunError` for a damaged result.
  public init(
    _ definition: TableDefinition, profile: String?, overrides: [String] = [], seeds: [Int] = [], runs: URL
  ) throws {
    try self.init(
      definition, planned: definition.planned(profile: profile, overrides: overrides), seeds: seeds,
      runs: runs)
  }

  init(_ definition: TableDefinition, planned: [PlannedRow], seeds: [Int], runs: URL) throws {
    self.definition = definition
    rows = try planned.map { planned in
      if planned.configurations.isEmpty {
        let cells = definition.losses.map { Cell(paper: planned.row.paper[$0]) }
        return Row(title: planned.row.title, cells: cells, missing: planned.missing)
      }
      var row = try Row(
        planned.row, of: definition.measure, configurations: planned.configurations, seeds: seeds, runs: runs)
      row.missing = planned.missing
      return row
    }
  }

  /// The row of one experiment by itself, with the measure and the paper's figures of the table that it belongs to:
  /// one that shows all its losses before one that does not.
  public init(experiment configurations: [ExperimentConfiguration], seeds: [Int] = [], runs: URL) throws {
    require(!configurations.isEmpty, "a row needs at least one configuration")
    let first = configurations[0]
    let losses = configurations.map(\.objective.loss)
    let known = ExperimentLookup.tables().compactMap { try? TableDefinition.find($0) }.filter { table in
      table.rows.contains { $0.experiment == first.experiment }
    }
    let table = known.first { Set(losses).isSubset(of: $0.losses) } ?? known.first
    definition = TableDefinition()
    var row = table?.rows.first { $0.experiment == first.experiment } ?? TableDefinition.Row()
    definition.measure = row.measure ?? table?.measure ?? .fineAccuracy
    definition.title = definition.measure.title
    definition.losses = losses
    row.title = first.title.isEmpty ? first.experiment : first.title
    rows = [
      try Row(row, of: definition.measure, configurations: configurations, seeds: seeds, runs: runs)
    ]
  }
}

extension ResultTable.Row {
  /// The row of one experiment, a cell a configuration.
  package init(
    _ row: TableDefinition.Row, of measure: Measure,
    configurations: [ExperimentConfiguration],
    seeds: [Int], runs: URL
  ) throws {
    title = row.title
    self.measure = row.measure
    let measure = row.measure ?? measure
    cells = try configurations.map { configuration in
      var cell = ResultTable.Cell(paper: row.paper[configuration.objective.loss])
      (cell.results, cell.missingSeeds) = try RunResult.complete(configuration, seeds: seeds, in: runs)
      cell.values = cell.results.map(measure.value)
      var seen: Set<String> = []
      cell.undefined = cell.results.filter { $0[measure] == nil }.map {
        $0.undefined?[measure.key] ?? measure.requirement ?? "a result of another version"
      }.filter { seen.insert($0).inserted }
      return cell
    }
    settings = Self.settings(
      of: cells.flatMap(\.results), published: configurations.first?.data.publishedTrainingImages)
  }

  /// One line for all runs of a row; what differs between them is listed.
  /// - Parameter published: training images of the data set as it was published; nil where nobody published any.
  package static func settings(of results: [RunResult], published: Int?) -> String? {
    guard !results.isEmpty else { return nil }
    let seeds = Set(results.map(\.seed)).sorted().map(String.init).joined(separator: ", ")
    var images = distinct(results) { grouped($0.trainingImages) } + " training images"
    if let published, results.contains(where: { $0.trainingImages + $0.validationImages < published }) {
      images +=
        " (and \(distinct(results) { grouped($0.validationImages) }) for validation) of \(grouped(published))"
    }
    if results.contains(where: { $0.skippedImages != nil }) {
      images += " (\(distinct(results) { grouped($0.skippedImages ?? 0) }) damaged ones left out)"
    }
    return [
      "profile " + distinct(results, \.profile),
      distinct(results, \.encoder),
      distinct(results) { "\($0.epochs)" } + " epochs",
      images,
      seeds.contains(",") ? "seeds \(seeds)" : "seed \(seeds)",
    ].joined(separator: "; ")
  }

  /// The different values of runs, in their order.
  package static func distinct(_ results: [RunResult], _ value: (RunResult) -> String) -> String {
    var seen: Set<String> = []
    return results.map(value).filter { seen.insert($0).inserted }.joined(separator: " / ")
  }
}

/// A row of a table with the runs that make it.
struct PlannedRow {
  var row: TableDefinition.Row
  /// One a loss; none when there is no experiment.
  var configurations: [ExperimentConfiguration]
  /// Why nothing can be run.
  var missing: String?
}

extension TableDefinition {
  /// Reads the experiments of all rows.
  func planned(profile: String?, overrides: [String]) throws -> [PlannedRow] {
    try rows.map { row in
      guard let name = row.experiment else {
        return PlannedRow(row: row, configurations: [], missing: row.missing)
      }
      let file = try ExperimentFile(contentsOf: ExperimentLookup.find(name))
      return PlannedRow(
        row: row,
        configurations: try file.configurations(profile: profile, overrides: overrides, losses: losses))
    }
  }
}
