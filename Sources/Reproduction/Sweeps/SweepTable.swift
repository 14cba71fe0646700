import Evaluation
import Foundation
import Tensors

/// What a sweep gave, from run folders alone.
public struct SweepTable: Sendable {
  /// A combination with one loss.
  struct Row: Sendable {
    var values: [String]
    var configuration: ExperimentConfiguration
    var results: [RunResult]
    var missingSeeds: [Int]
  }

  let sweep: Sweep
  let rows: [Row]

  /// - Throws: `RunError` for a damaged result.
  public init(_ sweep: Sweep) throws {
    self.sweep = sweep
    rows = try sweep.points.map { point in
      var row = Row(values: point.values, configuration: point.configuration, results: [], missingSeeds: [])
      for seed in sweep.seeds.isEmpty ? point.configuration.seeds : sweep.seeds {
        let folder = RunFolder.of(point.configuration, seed: seed, in: sweep.runs)
        if folder.isComplete {
          row.results.append(try RunResult.read(folder.result))
        } else {
          row.missingSeeds.append(seed)
        }
      }
      return row
    }
  }

  /// A figure of a run against the setting.
  struct Measure: Sendable {
    var name: String
    var digits: Int
    var value: @Sendable (RunResult) -> Double?
  }

  static let accuracies = [
    Measure(name: "fine", digits: 1) { 100 * $0.fineAccuracy },
    Measure(name: "k-NN", digits: 1) { 100 * $0.neighbourAccuracy },
    Measure(name: "coarse", digits: 1) { 100 * $0.coarseAccuracy },
  ]
  static let collapse = [
    Measure(name: "class cosine", digits: 3) { $0.classCollapse.withinCosine },
    Measure(name: "stratum cosine", digits: 3) { $0.stratumCollapse.withinCosine },
    Measure(name: "within variance", digits: 3) { $0.classCollapse.withinVarianceShare },
  ]

  /// For a person.
  public var markdown: String {
    let measures = Self.accuracies + Self.collapse
    let head = sweep.grid.axes.map(\.path) + ["loss"] + measures.map(\.name)
    let body = rows.map { row in
      row.values + [row.configuration.loss.name.symbol] + measures.map { Self.text(row.results, $0) }
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
      "* \(sweep.grid.overrides(row.values).joined(separator: ", ")), \(row.configuration.loss.name.symbol): no complete run "
        + "with seed \(row.missingSeeds.map(String.init).joined(separator: ", "))."
    }
    if !missing.isEmpty { parts.append("### Missing\n\n" + missing.joined(separator: "\n")) }
    return parts.joined(separator: "\n\n") + "\n"
  }

  /// One line a run.
  public var csv: String {
    let measures = Self.accuracies + Self.collapse
    let head =
      sweep.grid.axes.map(\.path) + ["loss", "seed"] + measures.map(\.name) + [
        "profile", "epochs", "training images",
      ]
    return commaSeparated(
      [head]
        + rows.flatMap { row in
          row.results.map { result in
            row.values + [row.configuration.loss.name.symbol, "\(result.seed)"]
              + measures.map { ResultTable.number($0.value(result)) }
              + [result.profile, "\(result.epochs)", "\(result.trainingImages)"]
          }
        })
  }

  /// A plot against the first setting as SVG: accuracies above, collapse below; a line for each loss and each combination
  /// of the other settings. Nil while nothing is complete.
  public var svg: String? {
    guard rows.contains(where: { !$0.results.isEmpty }) else { return nil }
    let first = sweep.points[0].configuration
    let title = first.title.isEmpty ? first.experiment : first.title
    return LinePlot(
      title: "\(title), profile \(first.profile)", axis: sweep.grid.axes[0].path,
      ticks: sweep.grid.axes[0].values,
      positions: sweep.grid.axes[0].numbers,
      panels: [
        LinePlot.Panel(title: "accuracy, %", series: series(Self.accuracies)),
        LinePlot.Panel(title: "collapse of the test embeddings", series: series(Self.collapse)),
      ]
    ).svg
  }

  /// Puts the CSV and the plot beside the runs, in the place of older ones.
  public func write() throws {
    try AtomicFile.makeFolder(sweep.file("").deletingLastPathComponent())
    try AtomicFile.write(csv, to: sweep.file(".csv"))
    if let svg { try AtomicFile.write(svg, to: sweep.file(".svg")) }
  }

  private func series(_ measures: [Measure]) -> [LinePlot.Series] {
    var groups: [String] = []
    var members: [String: [Row]] = [:]
    for row in rows {
      let others = zip(sweep.grid.axes, row.values).dropFirst().map { "\($0.path)=\($1)" }
      let group = ([row.configuration.loss.name.symbol] + others).joined(separator: ", ")
      if members[group] == nil { groups.append(group) }
      members[group, default: []].append(row)
    }
    return measures.enumerated().flatMap { style, measure in
      groups.enumerated().map { colour, group in
        LinePlot.Series(
          name: groups.count > 1 ? "\(measure.name), \(group)" : measure.name,
          colour: groups.count > 1 ? colour : style, dash: groups.count > 1 ? style : 0,
          points: members[group, default: []].map { row in
            Statistics(row.results.compactMap(measure.value))
          })
      }
    }
  }

  private static func text(_ results: [RunResult], _ measure: Measure) -> String {
    let statistics = Statistics(results.compactMap(measure.value))
    guard let mean = statistics.mean else { return "-" }
    return ResultTable.decimals(mean, measure.digits)
      + (statistics.deviation.map { " ± " + ResultTable.decimals($0, measure.digits) } ?? "")
  }
}

/// Mean and deviation of a sample.
struct Statistics: Sendable, Equatable {
  var mean: Double?
  /// With n - 1; nil with fewer than two.
  var deviation: Double?

  init(_ values: [Double]) {
    guard !values.isEmpty else { return }
    let mean = values.reduce(0, +) / Double(values.count)
    self.mean = mean
    guard values.count > 1 else { return }
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    deviation = (squares / Double(values.count - 1)).squareRoot()
  }
}
