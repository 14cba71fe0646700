import Basics
import Foundation

/// What is wrong with a configuration: where, which key, and what was expected.
public struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The file and line, or the argument; nil for a value that was never written down.
  public let place: String?
  /// The key's path, such as `loss.temperature`; empty for the whole.
  public let path: String
  /// What was wrong and what was expected.
  public let problem: String

  package init(origin: JSONNode.Origin? = nil, path: String, problem: String) {
    place = origin?.description
    self.path = path
    self.problem = problem
  }

  /// A file that is not JSON.
  package init(_ error: JSONSyntaxError) { self.init(origin: error.origin, path: "", problem: error.problem) }

  package init(place: String?, path: String = "", problem: String) {
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
  package static func text(of file: URL) throws -> String {
    do { return try WholeFile.readText(file.path) } catch let error as FileFormatError {
      throw ConfigurationError(place: error.file, problem: error.reason)
    }
  }
}

extension JSONNode {
  /// `JSONParser.parse`, with an error as all of a configuration's are.
  package init(parsing text: String, source: String) throws {
    do {
      self = try JSONParser.parse(text, source: source)
    } catch let error as JSONSyntaxError {
      throw ConfigurationError(error)
    }
  }
}
