import Basics
import Datasets
import Experiments
import Foundation

/// The runs of a table, those left out whose data are not there.
package struct TablePlan {
  package let definition: TableDefinition
  package let seeds: [Int]
  package let runs: URL
  private(set) var rows: [PlannedRow]
  /// Rows whose data are damaged or cannot be used, with what is wrong.
  package private(set) var failures: [String] = []
  /// What to tell before the runs begin.
  package private(set) var notes: [String] = []

  /// Reads the experiments and looks for their data. A row whose data are not there is left out: the table says what it
  /// needs. One whose data are damaged has failed.
  ///
  /// - Parameters:
  ///   - profile: nil: each experiment's own preferred one, `quick`.
  ///   - seeds: empty: each experiment's own.
  ///   - runs: the folder of all run folders.
  ///   - dataFolder: nil: the configuration's folder, else the environment variable `SPREAD_DATA`.
  /// - Throws: `ConfigurationError` for an experiment that is wrong.
  package init(
    _ definition: TableDefinition, profile: String? = nil, overrides: [String] = [], seeds: [Int] = [],
    runs: URL, dataFolder: URL? = nil
  ) throws {
    (self.definition, self.seeds, self.runs) = (definition, seeds, runs)
    rows = try definition.planned(profile: profile, overrides: overrides)
    for index in rows.indices where !rows[index].configurations.isEmpty {
      let (title, configurations) = (rows[index].row.title, rows[index].configurations)
      do {
        let data = try ExperimentData(ExperimentData.Key(configurations[0]), folder: dataFolder)
        notes += data.notes.map { "\(title): \($0)" }
        noteRuns(of: configurations, madeWithOther: data, title: title)
      } catch let error as MissingDataError {
        rows[index].missing = "\(error)"
        notes.append("\(title): \(error)")
      } catch let error where error is FileFormatError || error is CacheError || error is UnusableDataError {
        rows[index].missing = "\(error)"
        failures.append("\(title): \(error)")
        notes.append("failed: \(title): \(error)")
      }
    }
  }

  /// Runs in an order that shows something of every row early.
  /// - Parameter part: chooses some of all runs, data or not, so that machines with different data share them the same way.
  package func planned(_ part: ([PlannedRun]) -> [PlannedRun] = { $0 }) -> [PlannedRun] {
    let present = rows.filter { $0.missing == nil }.flatMap(\.configurations).map(\.identity)
    return part(PlannedRun.order(rows.map(\.configurations), seeds: seeds)).filter {
      present.contains($0.configuration.identity)
    }
  }

  /// The table from the run folders as they are now.
  package func table() throws -> ResultTable {
    try ResultTable(definition, planned: rows, seeds: seeds, runs: runs)
  }

  /// The identity of a run does not know how many images the files held: a complete run that was made with a part of a
  /// data set stays complete when the whole is there.
  private mutating func noteRuns(
    of configurations: [ExperimentConfiguration], madeWithOther data: ExperimentData, title: String
  ) {
    for run in PlannedRun.order([configurations], seeds: seeds) {
      let folder = run.folder(in: runs)
      guard folder.isComplete, let result = try? folder.completeResult(),
        result.trainingImages != data.training.count
      else { continue }
      notes.append(
        "\(run.label): complete with \(grouped(result.trainingImages)) training images, and the data found now give "
          + "\(grouped(data.training.count)); remove \(folder.url.path) to train it anew")
    }
  }
}
