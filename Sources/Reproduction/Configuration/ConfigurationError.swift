import Foundation
import Tensors

/// What is wrong with a configuration: where, which key, and what was expected.
public struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The file and line, or the argument; nil for a value that was never written down.
  public let place: String?
  /// The key's path, such as `loss.temperature`; empty for the whole.
  public let path: String
  /// What was wrong and what was expected.
  public let problem: String

  init(origin: JSONNode.Origin? = nil, path: String, problem: String) {
    place = origin?.description
    self.path = path
    self.problem = problem
  }

  /// A file that is not JSON.
  init(_ error: JSONSyntaxError) { self.init(origin: error.origin, path: "", problem: error.problem) }

  init(place: String?, path: String = "", problem: String) {
    self.place = place
    self.path = path
    self.problem = problem
  }

  /// For example ``mnist-coarse.json, line 12: `loss.tempreature`: there is no such key; nearest:
  /// `loss.temperature` ``.
  public var description: String {
    [place, path.isEmpty ? nil : "`\(path)`", problem].compactMap { $0 }.joined(separator: ": ")
  }
}

extension ConfigurationError {
  /// The text of a configuration's file, with an error as all of a configuration's are.
  static func text(of file: URL) throws -> String {
    do { return try WholeFile.readText(file.path) } catch let error as FileFormatError {
      throw ConfigurationError(place: error.file, problem: error.reason)
    }
  }
}

/// Steps from one word to another: letters inserted, left out, replaced, or two neighbours exchanged (optimal
/// string alignment).
/// - Complexity: O(length of a times length of b).
func editDistance(_ a: String, _ b: String) -> Int {
  let (a, b) = (Array(a.lowercased()), Array(b.lowercased()))
  if a.isEmpty || b.isEmpty { return max(a.count, b.count) }
  var twoBack = [Int](repeating: 0, count: b.count + 1)
  var previous = Array(0...b.count)
  for i in 1...a.count {
    var row = [i] + [Int](repeating: 0, count: b.count)
    for j in 1...b.count {
      row[j] = min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
      if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] { row[j] = min(row[j], twoBack[j - 2] + 1) }
    }
    (twoBack, previous) = (previous, row)
  }
  return previous[b.count]
}

/// The candidate with the fewest steps from `word`, the first among equals.
package func nearest(to word: String, among candidates: [String]) -> String? {
  candidates.map { ($0, editDistance(word, $0)) }.min { $0.1 < $1.1 }?.0
}

extension JSONNode {
  /// `JSONParser.parse`, with an error as all of a configuration's are.
  init(parsing text: String, source: String) throws {
    do {
      self = try JSONParser.parse(text, source: source)
    } catch let error as JSONSyntaxError {
      throw ConfigurationError(error)
    }
  }
}
