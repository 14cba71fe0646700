import ContrastiveLosses
import Foundation

/// The runs of a grid.
package struct Sweep: Sendable {
  /// A combination of settings with one loss.
  package struct Point: Sendable {
    package var values: [String]
    package var configuration: ExperimentConfiguration
  }

  /// The settings and their values.
  package let grid: Grid
  package let points: [Point]
  package let seeds: [Int]
  package let runs: URL

  /// - Parameters:
  ///   - overrides: hold for all combinations.
  ///   - losses, seeds: empty: the file's.
  /// - Throws: `ConfigurationError` for a setting that there is not, or a value that it cannot take.
  package init(
    _ file: ExperimentFile, grid: Grid, profile: String?, overrides: [String], losses: [ContrastiveLoss],
    seeds: [Int], runs: URL
  ) throws {
    (self.grid, self.seeds, self.runs) = (grid, seeds, runs)
    points = try grid.points.flatMap { values in
      try file.configurations(
        profile: profile, overrides: overrides, gridValues: grid.overrides(values), losses: losses
      ).map { Point(values: values, configuration: $0) }
    }
    try requireDifferentRuns()
  }

  /// Two values of a setting that come to the same runs, whatever the other settings and the loss, are one value
  /// written in two ways, or those of a setting that does not decide the result.
  private func requireDifferentRuns() throws {
    let all = points.map { point in
      "\(seeds.isEmpty ? point.configuration.seeds : seeds) \(point.configuration.identity.json)"
    }
    for (place, axis) in grid.axes.enumerated() {
      // What all points with a value come to, in one order.
      let runs = axis.values.map { value in
        zip(points, all).filter { $0.0.values[place] == value }.map(\.1)
      }
      for (index, own) in runs.enumerated() {
        guard let first = runs[..<index].firstIndex(of: own) else { continue }
        throw ConfigurationError(
          place: "--grid \(axis.path)=\(axis.values.joined(separator: ",").prefix(100))",
          problem:
            "a value is there twice: \(axis.values[first]) and \(axis.values[index]) make the same runs, with every loss"
        )
      }
    }
  }

  /// First every combination with the first seed. A loss that a setting means nothing to is run once.
  package var planned: [PlannedRun] {
    PlannedRun.order(
      grid.points.map { values in points.filter { $0.values == values }.map(\.configuration) }, seeds: seeds)
  }

  /// The configurations of the planned runs, each once.
  package var configurations: [ExperimentConfiguration] {
    var seen: Set<String> = []
    return planned.map(\.configuration).filter { seen.insert($0.identity.json).inserted }
  }

  /// Where the table and the plot of the sweep are put: beside the runs, named after the settings.
  package func file(_ suffix: String) -> URL {
    let first = points[0].configuration
    let name = "sweep-" + grid.axes.map(\.path).joined(separator: "-") + suffix
    return runs.appendingPathComponent(first.experiment).appendingPathComponent(first.profile)
      .appendingPathComponent(name)
  }
}
