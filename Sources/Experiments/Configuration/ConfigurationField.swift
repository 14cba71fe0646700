import Basics

/// A group of settings, one JSON object. Its fields are declared once, and from that declaration come strict
/// reading, writing with every default in place, suggestions for mistyped keys, and the schema for editors.
package protocol ConfigurationSection: Sendable, Equatable {
  /// What holds where nothing is written.
  static var defaults: Self { get }

  /// In the order in which they are read and written. A field that chooses a variant comes before those that
  /// depend on it.
  static var fields: [ConfigurationField<Self>] { get }

  /// A key and what is wrong with its value beside the others; nil when they go together.
  var conflict: (key: String, problem: String)? { get }
}

extension ConfigurationSection {
  package var conflict: (key: String, problem: String)? { nil }
}

/// One key of a section.
package struct ConfigurationField<Section> {
  package var key: String
  package var summary: String
  /// Whether the key means anything beside the fields before it.
  package var applies: (Section) -> Bool = { _ in true }
  /// Paths below this key, for suggestions.
  package var innerPaths: () -> [String] = { [] }
  /// What the schema says of the value.
  package var schema: () -> JSONNode
  package var read: (JSONNode, _ path: String, inout Section) throws -> Void
  /// The value, or nil when there is none to write.
  package var write: (Section) -> JSONNode?

  /// A plain value of any size.
  package static func value<Value: ConfigurationValue>(
    _ key: String, _ member: WritableKeyPath<Section, Value>, _ summary: String,
    when applies: @escaping (Section) -> Bool = { _ in true }
  ) -> ConfigurationField {
    .value(key, member, .any, summary, when: applies)
  }

  /// A plain value, within limits.
  package static func value<Value: ConfigurationValue>(
    _ key: String, _ member: WritableKeyPath<Section, Value>, _ limits: Limits<Value>, _ summary: String,
    when applies: @escaping (Section) -> Bool = { _ in true }
  ) -> ConfigurationField {
    ConfigurationField(
      key: key, summary: summary, applies: applies,
      schema: { Value.schema(limits: limits) },
      read: { node, path, section in
        guard let value = Value(node: node) else {
          let expected = Value.expectation + (limits.text.isEmpty ? "" : ", \(limits.text)")
          throw ConfigurationError(
            origin: node.origin, path: path,
            problem: "expected \(expected), found \(node.kind)\(Value.hint(for: node))")
        }
        guard limits.allow(value) else {
          throw ConfigurationError(
            origin: node.origin, path: path, problem: "\(node.compactText) is not \(limits.text)")
        }
        section[keyPath: member] = value
      },
      write: { $0[keyPath: member].node })
  }

  /// A group within the group.
  package static func section<Inner: ConfigurationSection>(
    _ key: String, _ member: WritableKeyPath<Section, Inner>, _ summary: String,
    when applies: @escaping (Section) -> Bool = { _ in true }
  ) -> ConfigurationField {
    ConfigurationField(
      key: key, summary: summary, applies: applies, innerPaths: { Inner.paths }, schema: { Inner.schema },
      read: { node, path, section in section[keyPath: member] = try Inner(node: node, path: path) },
      write: { $0[keyPath: member].node })
  }

  /// A list of groups.
  package static func sections<Inner: ConfigurationSection>(
    _ key: String, _ member: WritableKeyPath<Section, [Inner]>, _ summary: String
  ) -> ConfigurationField {
    ConfigurationField(
      key: key, summary: summary, innerPaths: { Inner.paths },
      schema: { .object([("type", .string("array")), ("items", Inner.schema)]) },
      read: { node, path, section in
        guard let nodes = node.elements else {
          throw ConfigurationError(
            origin: node.origin, path: path, problem: "expected a list of objects, found \(node.kind)")
        }
        section[keyPath: member] = try nodes.enumerated().map { try Inner(node: $1, path: "\(path)[\($0)]") }
      },
      write: { .array($0[keyPath: member].map(\.node)) })
  }
}

extension ConfigurationField {
  /// The same field, not written where its value changes nothing.
  package func omitted(where isWithoutEffect: @escaping (Section) -> Bool) -> ConfigurationField {
    var field = self
    field.write = { [write] section in isWithoutEffect(section) ? nil : write(section) }
    return field
  }
}

// MARK: - Reading and writing a section

extension ConfigurationSection {
  /// Reads an object; keys that are absent keep their defaults.
  /// - Throws: `ConfigurationError` for an unknown key, a wrong type or value, a key that does not go with
  ///   the others.
  package init(node: JSONNode, path: String) throws {
    self = Self.defaults
    guard let members = node.members else {
      throw ConfigurationError(
        origin: node.origin, path: path, problem: "expected an object, found \(node.kind)")
    }
    let fields = Self.fields
    for member in members where !fields.contains(where: { $0.key == member.key }) {
      throw Self.unknownKey(member, in: path)
    }
    for field in fields {
      guard let member = members.first(where: { $0.key == field.key }) else { continue }
      let fieldPath = joined(path, field.key)
      guard field.applies(self) else {
        // Variants may have fields of one name; only theirs counts.
        if fields.contains(where: { $0.key == field.key && $0.applies(self) }) { continue }
        throw ConfigurationError(
          origin: member.origin, path: fieldPath,
          problem: "has no effect here: \(description(ofVariantIn: path))")
      }
      try field.read(member.node, fieldPath, &self)
    }
    if let conflict {
      throw ConfigurationError(
        origin: node.nearestOrigin(to: conflict.key), path: joined(path, conflict.key),
        problem: conflict.problem)
    }
  }

  /// Every setting that applies, defaults included.
  package var node: JSONNode {
    .object(
      Self.fields.filter { $0.applies(self) }.compactMap { field in field.write(self).map { (field.key, $0) }
      })
  }

  /// All keys, each once: variants may share some.
  private static var keys: [String] {
    var seen: Set<String> = []
    return fields.map(\.key).filter { seen.insert($0).inserted }
  }

  /// All keys' paths, from here.
  package static var paths: [String] {
    fields.flatMap { field in [field.key] + field.innerPaths().map { joined(field.key, $0) } }
  }

  /// JSON Schema (draft 2020-12) of the object.
  package static var schema: JSONNode {
    .object([
      ("type", .string("object")),
      (
        "properties",
        .object(
          Self.keys.map { key in
            let field = fields.first { $0.key == key }!
            return (key, field.schema().setting("description", to: .string(field.summary)))
          })
      ),
      ("additionalProperties", .bool(false)),
    ])
  }

  private func description(ofVariantIn path: String) -> String {
    let keys = Self.fields.filter { $0.applies(self) }.map(\.key).joined(separator: ", ")
    let name =
      Self.fields.first.flatMap { $0.write(self)?.text }.map { "`\(Self.fields[0].key)` is \"\($0)\", which" }
      ?? "it"
    return "\(name) takes \(keys)"
  }

  private static func unknownKey(_ member: JSONNode.Member, in path: String) -> ConfigurationError {
    let keys = Self.keys
    let best = nearest(to: member.key, among: keys)
    // Often the key is right and its place is not: then the other place is the better answer.
    let elsewhere = ExperimentConfiguration.paths.first {
      $0.split(separator: ".").last.map(String.init) == member.key
    }
    var problem = "there is no such key"
    if let best, elsewhere == nil || editDistance(member.key, best) <= 2 {
      problem += "; nearest: `\(joined(path, best))`"
    } else if let elsewhere {
      problem += " here; nearest: `\(elsewhere)`"
    }
    problem += path.isEmpty ? "" : " (`\(path)` takes \(keys.joined(separator: ", ")))"
    return ConfigurationError(origin: member.origin, path: joined(path, member.key), problem: problem)
  }
}

package func joined(_ path: String, _ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
