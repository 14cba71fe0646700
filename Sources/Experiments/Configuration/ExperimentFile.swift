import Basics
import ContrastiveLosses
import Foundation

/// An experiment as written down: a configuration, what its profiles change, and what each loss changes.
///
/// ```json
/// {
///   "experiment": "mnist-coarse",
///   "data": {"name": "mnist"},
///   "loss": {"temperature": 0.5},
///   "losses": {"selfSupervised": {}, "supcon": {"temperature": 0.1}, "spread": {"alpha": 0.4}},
///   "profiles": {"quick": {"epochs": 5}, "paper": {"epochs": 600}}
/// }
/// ```
///
/// The layers, each winning over those before it: defaults, the file, the profile, the loss's entry in
/// `losses`, arguments. Objects merge key by key; anything else replaces, and so does an object that names
/// another variant (`"name"`).
public struct ExperimentFile: Sendable {
  /// What to call the file in messages.
  public let source: String
  /// The profiles it defines, in its order.
  public let profiles: [String]

  private let base: JSONNode
  private let changes: [JSONNode.Member]

  static let ownKeys = ["losses", "profiles", "$schema"]
  static let preferredProfile = "quick"
  static let defaultLosses: [ContrastiveLoss] = [.selfSupervised, .supcon, .spread]

  /// Reads a file.
  /// - Throws: `ConfigurationError` when it cannot be read, is not JSON, or any of its profiles is wrong.
  public init(contentsOf file: URL) throws {
    try self.init(json: ConfigurationError.text(of: file), source: file.lastPathComponent)
  }

  /// Reads an experiment from text, every profile of it, so that a mistake in one that is not used now is
  /// found now.
  public init(json text: String, source: String) throws {
    let tree = try JSONNode(parsing: text, source: source)
    guard tree.members != nil else {
      throw ConfigurationError(
        origin: tree.origin, path: "", problem: "expected an object, found \(tree.kind)")
    }
    self.source = source
    base = tree.removing("profiles").removing("$schema")
    if let node = tree["profiles"] {
      guard let members = node.members else {
        throw ConfigurationError(
          origin: node.origin, path: "profiles", problem: "expected an object, found \(node.kind)")
      }
      changes = members
    } else {
      changes = []
    }
    profiles = changes.map(\.key)
    for profile in profiles { _ = try configurations(profile: profile) }
    if profiles.isEmpty { _ = try configurations() }
  }

  /// The configurations that a command runs, one for each loss.
  ///
  /// - Parameters:
  ///   - profile: nil: `quick` where the file has it, else its first.
  ///   - overrides: arguments `path=value`; the value is JSON, or a bare word.
  ///   - losses: only these; empty: the file's.
  /// - Throws: `ConfigurationError` with the file and line, or the argument, and the key.
  public func configurations(
    profile: String? = nil, overrides: [String] = [], losses chosen: [ContrastiveLoss] = []
  ) throws -> [ExperimentConfiguration] {
    try configurations(profile: profile, overrides: overrides, gridValues: [], losses: chosen)
  }

  /// The same, with values of a grid, which win over the other arguments and have their own name in errors.
  package func configurations(
    profile: String?, overrides: [String], gridValues: [String], losses chosen: [ContrastiveLoss]
  ) throws -> [ExperimentConfiguration] {
    let arguments = try Self.node(ofOverrides: overrides).merged(
      with: Self.node(ofOverrides: gridValues, option: "--grid"))
    var tree = try tree(of: profile)
    let layers = try LossLayers(tree: tree, arguments: arguments, chosen: chosen)
    tree = tree.merged(with: arguments.removing("loss")).removing("losses")
    return try layers.names.map { name in
      try ExperimentConfiguration(node: tree.setting("loss", to: layers.settings(of: name)), path: "")
    }
  }

  /// A sentence for a person who may have forgotten to say which data set is meant; nil where the file, the profile or an
  /// argument does.
  public func noteOnDataSet(profile: String? = nil, overrides: [String] = []) throws -> String? {
    let tree = try tree(of: profile).merged(with: Self.node(ofOverrides: overrides))
    guard tree["data"]?["name"] == nil else { return nil }
    return
      "\(source) names no data set (data.name): \(DataSettings().name.rawValue) is used, which this program draws"
  }

  /// The file with the changes of a profile.
  private func tree(of profile: String?) throws -> JSONNode {
    guard let profile = try change(for: profile) else { return base }
    return base.merged(with: profile.node).setting("profile", to: .string(profile.key))
  }

  private static func node(ofOverrides overrides: [String], option: String = "--set") throws -> JSONNode {
    try overrides.map { try node(ofOverride: $0, option: option) }.reduce(JSONNode.object([])) {
      $0.merged(with: $1)
    }
  }

  /// JSON Schema (draft 2020-12) of experiment files, for editors.
  public static var schema: String {
    var settings = ExperimentConfiguration.schema["properties"] ?? .object([])
    let partial = JSONNode.object([
      ("type", .string("object")), ("properties", settings), ("additionalProperties", .bool(false)),
    ])
    let loss = ContrastiveObjective.schema.setting(
      "properties", to: (ContrastiveObjective.schema["properties"] ?? .object([])).removing("name"))
    let losses = JSONNode.object([
      (
        "description",
        .string("What is trained where `loss` has no name, and what each loss changes of `loss`.")
      ),
      ("type", .string("object")),
      ("properties", .object(ContrastiveLoss.allCases.map { ($0.rawValue, loss) })),
      ("additionalProperties", .bool(false)),
    ])
    settings = settings.setting("losses", to: losses).setting(
      "profiles",
      to: .object([
        ("description", .string("What each profile changes: smoke, quick (the default), paper, or others.")),
        ("type", .string("object")), ("additionalProperties", partial),
      ]))
    settings = settings.setting("$schema", to: .object([("type", .string("string"))]))
    return JSONNode.object([
      ("$schema", .string("https://json-schema.org/draft/2020-12/schema")),
      ("title", .string("An experiment of spread-exp")), ("type", .string("object")),
      ("properties", settings),
      ("additionalProperties", .bool(false)),
    ]).prettyText
  }

  /// The changes of a profile; nil when the file has none and none was asked for.
  private func change(for profile: String?) throws -> JSONNode.Member? {
    guard let profile else {
      return changes.first { $0.key == Self.preferredProfile } ?? changes.first
    }
    if let found = changes.first(where: { $0.key == profile }) { return found }
    // A saved configuration has no profiles left; asking for the one it was resolved for is not a mistake.
    if changes.isEmpty, base["profile"]?.text == profile { return nil }
    let known =
      changes.isEmpty ? "it has no profiles" : "it has \(profiles.joined(separator: ", "))"
    let best = nearest(to: profile, among: profiles).map { "; nearest: \"\($0)\"" } ?? ""
    throw ConfigurationError(place: source, problem: "there is no profile \"\(profile)\": \(known)\(best)")
  }

  /// What is not JSON is a bare word, so that a shell needs no quotes within quotes.
  package static func value(ofOverride text: String, source: String) -> JSONNode {
    (try? JSONNode(parsing: text, source: source)) ?? .string(text)
  }

  /// `a.b=value` as the object `{"a": {"b": value}}`.
  package static func node(ofOverride argument: String, option: String = "--set") throws -> JSONNode {
    let shown = argument.count > 100 ? "\(argument.prefix(100))..." : argument
    let origin = JSONNode.Origin(source: "\(option) \(shown)")
    guard let equals = argument.firstIndex(of: "=") else {
      throw ConfigurationError(
        origin: origin, path: "", problem: "expected path=value, for example loss.temperature=0.2")
    }
    let keys = argument[..<equals].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard keys.allSatisfy({ !$0.isEmpty }) else {
      throw ConfigurationError(origin: origin, path: "", problem: "an empty key in the path before '='")
    }
    // As deep as a file may be: what follows goes down the path key by key.
    guard keys.count <= JSONParser.deepest else {
      throw ConfigurationError(
        origin: origin, path: "", problem: "a path of more than \(JSONParser.deepest) keys")
    }
    let value = value(ofOverride: String(argument[argument.index(after: equals)...]), source: origin.source)
    return keys.reversed().reduce(JSONNode(value.value, origin: origin)) { inner, key in
      JSONNode(.object([JSONNode.Member(key: key, node: inner, origin: origin)]), origin: origin)
    }
  }
}

/// The loss settings of one experiment: shared ones, those of each loss, and arguments.
private struct LossLayers {
  /// What is trained, in order.
  var names: [ContrastiveLoss]
  private var shared: JSONNode
  private var entries: [JSONNode.Member]
  private var arguments: JSONNode
  private var fileNamesOne: Bool

  init(tree: JSONNode, arguments: JSONNode, chosen: [ContrastiveLoss]) throws {
    func object(_ node: JSONNode?, _ path: String) throws -> JSONNode {
      guard let node else { return .object([]) }
      guard node.members != nil else {
        throw ConfigurationError(
          origin: node.origin, path: path, problem: "expected an object, found \(node.kind)")
      }
      return node
    }
    shared = try object(tree["loss"], "loss")
    self.arguments = try object(arguments["loss"], "loss")
    entries = try object(tree.merged(with: arguments)["losses"], "losses").members ?? []
    let named = try entries.map { entry in
      _ = try object(entry.node, "losses.\(entry.key)")
      return try Self.name(JSONNode(.string(entry.key), origin: entry.origin), path: "losses.\(entry.key)")
    }
    let single = self.arguments["name"] ?? shared["name"]
    fileNamesOne = shared["name"] != nil
    if !chosen.isEmpty {
      names = chosen
    } else if let single {
      names = [try Self.name(single, path: "loss.name")]
    } else {
      names = named.isEmpty ? ExperimentFile.defaultLosses : named
    }
  }

  /// What several losses share holds for those it means something to; an entry of its own must mean
  /// something.
  func settings(of name: ContrastiveLoss) throws -> JSONNode {
    var settings = fileNamesOne && names.count == 1 ? shared : without(shared, keysThatDoNotApplyTo: [name])
    settings = settings.removing("name")
    if let entry = entries.first(where: { $0.key == name.rawValue }) {
      settings = settings.merged(with: entry.node)
    }
    let others = Self.keysWithoutEffect(on: names)
    let mine = Self.keysWithoutEffect(on: [name]).subtracting(others)
    var given = arguments.removing("name")
    for key in mine { given = given.removing(key) }
    settings = settings.merged(with: given)
    let members = [JSONNode.Member(key: "name", node: .string(name.rawValue))] + (settings.members ?? [])
    guard settings["name"] == nil else {
      throw ConfigurationError(
        origin: settings["name"]?.origin, path: "losses.\(name.rawValue).name",
        problem: "the entry's key already names the loss")
    }
    return JSONNode(.object(members), origin: shared.origin)
  }

  private func without(_ node: JSONNode, keysThatDoNotApplyTo names: [ContrastiveLoss]) -> JSONNode {
    Self.keysWithoutEffect(on: names).reduce(node) { $0.removing($1) }
  }

  private static func keysWithoutEffect(on names: [ContrastiveLoss]) -> Set<String> {
    let settings = names.map { ContrastiveObjective($0) }
    return Set(
      ContrastiveObjective.fields.filter { field in !settings.contains(where: field.applies) }.map(\.key))
  }

  private static func name(_ node: JSONNode, path: String) throws -> ContrastiveLoss {
    guard let name = ContrastiveLoss(node: node) else {
      throw ConfigurationError(
        origin: node.origin, path: path,
        problem:
          "expected \(ContrastiveLoss.expectation), found \(node.kind)\(ContrastiveLoss.hint(for: node))")
    }
    return name
  }
}
