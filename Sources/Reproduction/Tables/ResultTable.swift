import ContrastiveLosses
import Datasets
import Foundation
import Tensors

/// A table filled from run folders.
public struct ResultTable: Sendable, Equatable {
  /// The runs of one data set with one loss.
  public struct Cell: Sendable, Equatable {
    /// Those that are complete, by seed.
    public var results: [RunResult] = []
    /// Seeds that were asked for and are not complete.
    public var missingSeeds: [Int] = []
    /// The measure of each complete run, in percent.
    public var values: [Double] = []
    /// The paper's figure, in percent.
    public var paper: Double?

    public var mean: Double? { values.isEmpty ? nil : values.reduce(0, +) / Double(values.count) }

    /// Over seeds, of a sample (n - 1); nil with fewer than two.
    public var deviation: Double? {
      guard let mean, values.count > 1 else { return nil }
      let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      return (squares / Double(values.count - 1)).squareRoot()
    }
  }

  public struct Row: Sendable, Equatable {
    public var title: String
    public var cells: [Cell]
    /// Why there are no runs.
    public var missing: String?
    /// The profile line: profile, encoder, epochs, images, seeds. Nil while nothing is complete.
    public var settings: String?
  }

  public var definition: TableDefinition
  public var rows: [Row]

  init(definition: TableDefinition, rows: [Row]) {
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

  /// The row of one experiment by itself, with the paper's figures where table 2 has them.
  public init(experiment configurations: [ExperimentConfiguration], seeds: [Int] = [], runs: URL) throws {
    require(!configurations.isEmpty, "a row needs at least one configuration")
    let first = configurations[0]
    let known = (try? TableDefinition.find("2"))?.rows.first { $0.experiment == first.experiment }
    definition = TableDefinition()
    definition.title = definition.measure.title
    definition.losses = configurations.map(\.loss.name)
    var row = known ?? TableDefinition.Row()
    row.title = first.title.isEmpty ? first.experiment : first.title
    rows = [
      try Row(row, of: definition.measure, configurations: configurations, seeds: seeds, runs: runs)
    ]
  }
}

extension ResultTable {
  /// Writes the table as Markdown in the file's place.
  public func write(to file: URL) throws { try AtomicFile.write(markdown, to: file) }
}

extension ResultTable.Row {
  /// The row of one experiment, a cell a configuration.
  init(
    _ row: TableDefinition.Row, of measure: TableDefinition.Measure,
    configurations: [ExperimentConfiguration],
    seeds: [Int], runs: URL
  ) throws {
    title = row.title
    cells = try configurations.map { configuration in
      var cell = ResultTable.Cell(paper: row.paper[configuration.loss.name])
      for seed in seeds.isEmpty ? configuration.seeds : seeds {
        let folder = RunFolder.of(configuration, seed: seed, in: runs)
        if folder.isComplete {
          let result = try RunResult.read(folder.result)
          cell.results.append(result)
          cell.values.append(100 * measure.value(of: result))
        } else {
          cell.missingSeeds.append(seed)
        }
      }
      return cell
    }
    settings = Self.settings(of: cells.flatMap(\.results))
  }

  /// One line for all runs of a row; what differs between them is listed.
  private static func settings(of results: [RunResult]) -> String? {
    guard !results.isEmpty else { return nil }
    func distinct<T: Hashable>(_ values: [T], _ text: (T) -> String) -> String {
      var seen: Set<T> = []
      return values.filter { seen.insert($0).inserted }.map(text).joined(separator: " / ")
    }
    let seeds = Set(results.map(\.seed)).sorted().map(String.init).joined(separator: ", ")
    return [
      "profile " + distinct(results.map(\.profile)) { $0 },
      distinct(results.map(\.encoder)) { $0 },
      distinct(results.map(\.epochs)) { "\($0)" } + " epochs",
      distinct(results.map(\.trainingImages)) { grouped($0) } + " training images",
      seeds.contains(",") ? "seeds \(seeds)" : "seed \(seeds)",
    ].joined(separator: "; ")
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

extension TableDefinition.Measure {
  var title: String {
    switch self {
    case .fineAccuracy: "Fine accuracy after coarse-to-fine transfer"
    case .coarseAccuracy: "End-model accuracy"
    case .neighbourAccuracy: "Fine accuracy by nearest neighbours"
    }
  }

  func value(of result: RunResult) -> Double {
    switch self {
    case .fineAccuracy: result.fineAccuracy
    case .coarseAccuracy: result.coarseAccuracy
    case .neighbourAccuracy: result.neighbourAccuracy
    }
  }
}
