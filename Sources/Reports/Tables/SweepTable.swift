import Basics
import Experiments
import Foundation

/// What a sweep gave, from run folders alone.
package struct SweepTable: Sendable {
  /// A combination with one loss.
  package struct Row: Sendable {
    package var values: [String]
    package var configuration: ExperimentConfiguration
    package var results: [RunResult]
    package var missingSeeds: [Int]
  }

  package let sweep: Sweep
  package let rows: [Row]

  /// - Throws: `RunError` for a damaged result.
  package init(_ sweep: Sweep) throws {
    self.sweep = sweep
    rows = try sweep.points.map { point in
      let runs = try RunResult.complete(point.configuration, seeds: sweep.seeds, in: sweep.runs)
      return Row(
        values: point.values, configuration: point.configuration, results: runs.results,
        missingSeeds: runs.missingSeeds)
    }
  }

  /// For a person.
  package var markdown: String {
    let measures = Measure.details
    let head = sweep.grid.axes.map(\.path) + ["loss"] + measures.map(\.column)
    let body = rows.map { row in
      row.values + [row.configuration.objective.loss.symbol] + measures.map { Self.text(row.results, $0) }
    }
    let first = sweep.points[0].configuration
    let title = first.title.isEmpty ? first.experiment : first.title
    var parts = [
      "## \(title): \(sweep.grid.axes.map(\.path).joined(separator: " and "))", alignedTable([head] + body),
    ]
    let results = rows.flatMap(\.results)
    if let settings = ResultTable.Row.settings(of: results, published: first.data.publishedTrainingImages) {
      parts.append(
        "Accuracies in percent, mean and standard deviation over seeds. Made with: \(settings).\n\n\(ResultTable.detailLegend)"
      )
    }
    let missing = rows.filter { !$0.missingSeeds.isEmpty }.map { row in
      "* \(sweep.grid.overrides(row.values).joined(separator: ", ")), \(row.configuration.objective.loss.symbol): no complete run "
        + "with seed \(row.missingSeeds.map(String.init).joined(separator: ", "))."
    }
    if !missing.isEmpty { parts.append("### Missing\n\n" + missing.joined(separator: "\n")) }
    return parts.joined(separator: "\n\n") + "\n"
  }

  /// One line a run.
  package var csv: String {
    let measures = Measure.details
    let head =
      sweep.grid.axes.map(\.path) + ["loss", "seed"] + measures.map(\.column) + [
        "profile", "epochs", "training images",
      ]
    return commaSeparated(
      [head]
        + rows.flatMap { row in
          row.results.map { result in
            row.values + [row.configuration.objective.loss.symbol, "\(result.seed)"]
              + measures.map { ResultTable.number($0.value(of: result)) }
              + [result.profile, "\(result.epochs)", "\(result.trainingImages)"]
          }
        })
  }

  /// A plot against the first setting as SVG: accuracies above, collapse below; a line for each loss and each combination
  /// of the other settings. Nil while nothing is complete.
  package var svg: String? {
    guard rows.contains(where: { !$0.results.isEmpty }) else { return nil }
    let first = sweep.points[0].configuration
    let title = first.title.isEmpty ? first.experiment : first.title
    return LinePlot(
      title: "\(title), profile \(first.profile)", axis: sweep.grid.axes[0].path,
      ticks: sweep.grid.axes[0].values,
      positions: sweep.grid.axes[0].numbers,
      panels: Measure.Group.allCases.map { group in
        LinePlot.Panel(
          title: group.rawValue, series: series(Measure.details.filter { $0.group == group }))
      }
    ).svg
  }

  /// Puts the CSV and the plot beside the runs, in the place of older ones.
  package func write() throws {
    try AtomicFile.makeFolder(sweep.file("").deletingLastPathComponent())
    try AtomicFile.write(csv, to: sweep.file(".csv"))
    if let svg { try AtomicFile.write(svg, to: sweep.file(".svg")) }
  }

  private func series(_ measures: [Measure]) -> [LinePlot.Series] {
    var groups: [String] = []
    var members: [String: [Row]] = [:]
    for row in rows {
      let others = zip(sweep.grid.axes, row.values).dropFirst().map { "\($0.path)=\($1)" }
      let group = ([row.configuration.objective.loss.symbol] + others).joined(separator: ", ")
      if members[group] == nil { groups.append(group) }
      members[group, default: []].append(row)
    }
    return measures.enumerated().flatMap { style, measure in
      groups.enumerated().map { colour, group in
        LinePlot.Series(
          name: groups.count > 1 ? "\(measure.column), \(group)" : measure.column,
          colour: groups.count > 1 ? colour : style, dash: groups.count > 1 ? style : 0,
          points: members[group, default: []].map { row in
            measure.statistics(row.results)
          })
      }
    }
  }

  private static func text(_ results: [RunResult], _ measure: Measure) -> String {
    let statistics = measure.statistics(results)
    guard let mean = statistics.mean else { return "-" }
    return decimals(mean, measure.digits)
      + (statistics.deviation.map { " ± " + decimals($0, measure.digits) } ?? "")
  }
}
