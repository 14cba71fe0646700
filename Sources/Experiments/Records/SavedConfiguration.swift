import Basics
import Foundation

/// `configuration.json` of a run folder. The fingerprint in the folder's name is that of its settings, and so protects
/// them: a file that says other settings is never believed.
extension RunFolder {
  /// The configuration as saved.
  /// - Throws: `ConfigurationError` when there is none, or one that this version cannot read; `RunError` for one whose
  ///   settings or seed are not those that the folder is named after.
  public func savedConfiguration() throws -> ExperimentConfiguration {
    let (saved, node) = try readConfiguration()
    if let named = fingerprintOfName, named != ExperimentConfiguration.fingerprint(asWritten: node),
      named != saved.fingerprint
    {
      throw RunError(
        "\(configuration.path) has other settings than those that the folder's name stands for (\(named)). "
          + configurationAdvice)
    }
    if let seed = seedOfName, saved.seeds != [seed] {
      let seeds = saved.seeds.map(String.init).joined(separator: ", ")
      throw RunError(
        "\(configuration.path) has the seed \(seeds), and the folder's name another. " + configurationAdvice)
    }
    return saved
  }

  /// Checks that the saved configuration, where it can be read, is that of a run.
  /// - Throws: `RunError` with the settings that differ.
  func requireSettings(of run: ExperimentConfiguration) throws {
    guard let saved = try? readConfiguration().saved, saved.identity.json != run.identity.json else { return }
    let differing = saved.identity.node.differences(from: run.identity.node).prefix(3).map {
      "\($0.path) is \($0.own ?? "absent") there, and \($0.other ?? "absent") in this run"
    }
    throw RunError(
      "\(configuration.path) has other settings than the run of this folder: \(differing.joined(separator: "; ")). "
        + configurationAdvice)
  }

  /// Saves the configuration where it is missing, cannot be read, or differs in what does not decide the result.
  ///
  /// It needs no lock: whoever is to work on this run writes the same.
  /// - Returns: what was wrong with the file that it replaces, in a sentence; nil when nothing was.
  /// - Throws: `RunError` when the folder's configuration has other settings than the run.
  @discardableResult
  package func announce(_ run: ExperimentConfiguration, seed: Int) throws -> String? {
    try requireSettings(of: run)
    var resolved = run
    resolved.seeds = [seed]
    var note: String?
    do {
      let node = try readConfiguration().saved.node
      let differing = node.differences(from: resolved.node).map(\.path)
      guard !differing.isEmpty else { return nil }
      note = "had other values of \(differing.joined(separator: ", ")), and now has those of this start"
    } catch let error as ConfigurationError {
      if FileManager.default.fileExists(atPath: configuration.path) {
        note = "could not be read, and is written anew (\(error.problem))"
      } else if isStarted {
        note = "was missing, and is written anew"
      }
    }
    try AtomicFile.makeFolder(url)
    try AtomicFile.write(resolved.json, to: configuration)
    return note.map { "\(configuration.path) \($0)" }
  }

  private func readConfiguration() throws -> (saved: ExperimentConfiguration, node: JSONNode) {
    let text: String?
    do {
      text = String(validating: try WholeFile.read(configuration.path), as: UTF8.self)
    } catch let error as FileFormatError {
      throw ConfigurationError(place: configuration.path, problem: error.reason)
    }
    guard let text else {
      throw ConfigurationError(place: configuration.path, problem: "it is not UTF-8 text")
    }
    let node = try JSONNode(parsing: text, source: configuration.path)
    return (try ExperimentConfiguration(node: node, path: ""), node)
  }

  private var configurationAdvice: String {
    "Put the right file back, or remove it: the command that trained the run writes it anew"
  }

  /// The eight digits at the end of `LOSS-FINGERPRINT`, the folder above; nil where it is called otherwise.
  var fingerprintOfName: String? {
    guard seedOfName != nil,
      let digits = url.deletingLastPathComponent().lastPathComponent.split(separator: "-").last,
      digits.utf8.count == 8, digits.allSatisfy(\.isHexDigit)
    else { return nil }
    return String(digits)
  }

  /// N of `seed-N`; nil where the folder is called otherwise.
  var seedOfName: Int? {
    let name = url.lastPathComponent
    return name.hasPrefix("seed-") ? Int(name.dropFirst("seed-".count)) : nil
  }
}

extension JSONNode {
  /// The leaves in which two objects differ, as text; nil where one has none.
  package func differences(from other: JSONNode) -> [(path: String, own: String?, other: String?)] {
    let (left, right) = (leaves, other.leaves)
    let paths = left.map(\.path) + right.map(\.path).filter { path in !left.contains { $0.path == path } }
    return paths.compactMap { path in
      let (x, y) = (left.first { $0.path == path }?.node, right.first { $0.path == path }?.node)
      guard x != y else { return nil }
      func text(_ node: JSONNode?) -> String? { node.map { $0.text ?? $0.compactText } }
      return (path, text(x), text(y))
    }
  }
}
