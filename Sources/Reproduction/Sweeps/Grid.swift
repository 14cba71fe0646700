import Foundation
import Tensors

/// Settings that are each to take several values: every combination is an experiment.
public struct Grid: Sendable, Equatable {
  /// One setting.
  public struct Axis: Sendable, Equatable {
    /// The setting's path, for example `loss.alpha`.
    public var path: String
    /// As written; each is JSON or a bare word.
    public var values: [String]

    /// Reads `path=value,value,...`; commas within brackets, braces and quotes belong to a value.
    /// - Throws: `ConfigurationError` for a text of another form, or a value that is there twice.
    public init(_ text: String) throws {
      func mistake(_ problem: String) -> ConfigurationError {
        ConfigurationError(place: "--grid \(text.prefix(100))", problem: problem)
      }
      guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
        throw mistake("expected path=value,value,..., for example loss.alpha=0,0.5,1")
      }
      path = String(text[..<equals])
      values = Self.split(text[text.index(after: equals)...]).map {
        $0.trimmingCharacters(in: .whitespaces)
      }
      guard values.allSatisfy({ !$0.isEmpty }) else { throw mistake("a value is empty") }
      let resolved = values.map { ExperimentFile.value(ofOverride: $0, source: "--grid") }
      for (index, value) in resolved.enumerated() {
        guard let first = resolved[..<index].firstIndex(of: value) else { continue }
        throw mistake(
          values[first] == values[index]
            ? "the value \(values[index]) is there twice"
            : "a value is there twice: \(values[first]) and \(values[index]) are the same")
      }
    }

    private static func split(_ text: Substring) -> [String] {
      var (parts, depth, isQuoted) = ([""], 0, false)
      for character in text {
        switch character {
        case "\"": isQuoted.toggle()
        case "[", "{": depth += isQuoted ? 0 : 1
        case "]", "}": depth -= isQuoted ? 0 : 1
        case "," where depth == 0 && !isQuoted:
          parts.append("")
          continue
        default: break
        }
        parts[parts.count - 1].append(character)
      }
      return parts
    }

    /// The values as numbers; nil unless all are.
    var numbers: [Double]? {
      let numbers = values.compactMap { Double($0) }.filter(\.isFinite)
      return numbers.count == values.count ? numbers : nil
    }
  }

  /// The settings, the first the slowest to change.
  public var axes: [Axis]

  /// - Throws: `ConfigurationError` when a setting is there twice, or there are more than 10,000 combinations.
  public init(_ texts: [String]) throws {
    axes = try texts.map(Axis.init)
    guard Set(axes.map(\.path)).count == axes.count else {
      throw ConfigurationError(
        place: "--grid", problem: "a setting is given twice; list all its values in one")
    }
    let count = axes.reduce(1.0) { $0 * Double($1.values.count) }
    guard count <= 10_000 else {
      throw ConfigurationError(
        place: "--grid", problem: "\(JSONNode.number(count).compactText) combinations are more than 10,000")
    }
  }

  /// Every combination, the last setting changing fastest; each has a value for each axis.
  public var points: [[String]] {
    axes.reduce([[]]) { points, axis in points.flatMap { point in axis.values.map { point + [$0] } } }
  }

  /// The overrides of a combination, as `--set` takes them.
  func overrides(_ point: [String]) -> [String] { zip(axes, point).map { "\($0.path)=\($1)" } }
}

/// The runs of a grid.
public struct Sweep: Sendable {
  /// A combination of settings with one loss.
  struct Point: Sendable {
    var values: [String]
    var configuration: ExperimentConfiguration
  }

  /// The settings and their values.
  public let grid: Grid
  let points: [Point]
  let seeds: [Int]
  let runs: URL

  /// - Parameters:
  ///   - overrides: hold for all combinations.
  ///   - losses, seeds: empty: the file's.
  /// - Throws: `ConfigurationError` for a setting that there is not, or a value that it cannot take.
  public init(
    _ file: ExperimentFile, grid: Grid, profile: String?, overrides: [String], losses: [LossSettings.Name],
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
  public var planned: [PlannedRun] {
    PlannedRun.order(
      grid.points.map { values in points.filter { $0.values == values }.map(\.configuration) }, seeds: seeds)
  }

  /// The configurations of the planned runs, each once.
  public var configurations: [ExperimentConfiguration] {
    var seen: Set<String> = []
    return planned.map(\.configuration).filter { seen.insert($0.identity.json).inserted }
  }

  /// Where the table and the plot of the sweep are put: beside the runs, named after the settings.
  public func file(_ suffix: String) -> URL {
    let first = points[0].configuration
    let name = "sweep-" + grid.axes.map(\.path).joined(separator: "-") + suffix
    return runs.appendingPathComponent(first.experiment).appendingPathComponent(first.profile)
      .appendingPathComponent(name)
  }
}
