import Basics
import Foundation

/// Settings that are each to take several values: every combination is an experiment.
package struct Grid: Sendable, Equatable {
  /// One setting.
  package struct Axis: Sendable, Equatable {
    /// The setting's path, for example `loss.alpha`.
    package var path: String
    /// As written; each is JSON or a bare word.
    package var values: [String]

    /// Reads `path=value,value,...`; commas within brackets, braces and quotes belong to a value.
    /// - Throws: `ConfigurationError` for a text of another form, or a value that is there twice.
    package init(_ text: String) throws {
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
    package var numbers: [Double]? {
      let numbers = values.compactMap { Double($0) }.filter(\.isFinite)
      return numbers.count == values.count ? numbers : nil
    }
  }

  /// The settings, the first the slowest to change.
  package var axes: [Axis]

  /// - Throws: `ConfigurationError` when a setting is there twice, or there are more than 10,000 combinations.
  package init(_ texts: [String]) throws {
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
  package var points: [[String]] {
    axes.reduce([[]]) { points, axis in points.flatMap { point in axis.values.map { point + [$0] } } }
  }

  /// The overrides of a combination, as `--set` takes them.
  package func overrides(_ point: [String]) -> [String] { zip(axes, point).map { "\($0.path)=\($1)" } }
}
