import Basics

/// A section that is one of several, each a section of its own; the key `name` says which.
package protocol ConfigurationVariants: ConfigurationSection {
  /// In the order in which they are listed.
  static var variants: [ConfigurationVariant<Self>] { get }

  /// What the key `name` chooses.
  static var summaryOfName: String { get }
}

/// One of the sections that another may be.
package struct ConfigurationVariant<Choice: Sendable>: Sendable {
  let name: String
  let makeDefault: @Sendable () -> Choice
  let isChosen: @Sendable (Choice) -> Bool
  let fields: @Sendable () -> [ConfigurationField<Choice>]
  let conflict: @Sendable (Choice) -> (key: String, problem: String)?

  /// - Parameters:
  ///   - choice: puts the section into the choice.
  ///   - section: the section of a choice; nil where the choice is another.
  package init<Section: ConfigurationSection>(
    _ name: String, _ choice: @escaping @Sendable (Section) -> Choice,
    _ section: @escaping @Sendable (Choice) -> Section?
  ) {
    self.name = name
    makeDefault = { choice(Section.defaults) }
    isChosen = { section($0) != nil }
    fields = { Section.fields.map { $0.lifted(choice, section) } }
    conflict = { section($0)?.conflict }
  }
}

extension ConfigurationVariants {
  package static var fields: [ConfigurationField<Self>] { [nameField] + variants.flatMap { $0.fields() } }

  package var conflict: (key: String, problem: String)? { variant?.conflict(self) }

  /// Which of the variants it is, as the key `name` has it.
  package var name: String { variant?.name ?? "" }

  private var variant: ConfigurationVariant<Self>? { Self.variants.first { $0.isChosen(self) } }

  private static var nameField: ConfigurationField<Self> {
    let names = variants.map(\.name)
    return ConfigurationField(
      key: "name", summary: summaryOfName,
      schema: { .object([("enum", .array(names.map(JSONNode.string)))]) },
      read: { node, path, section in
        guard let text = node.text, let variant = variants.first(where: { $0.name == text }) else {
          let expected = names.map { "\"\($0)\"" }.joined(separator: ", ")
          let hint = node.text.flatMap { nearest(to: $0, among: names) }.map { "; nearest: \"\($0)\"" } ?? ""
          throw ConfigurationError(
            origin: node.origin, path: path, problem: "expected one of \(expected), found \(node.kind)\(hint)"
          )
        }
        if !variant.isChosen(section) { section = variant.makeDefault() }
      },
      write: { .string($0.name) })
  }
}

extension ConfigurationField {
  /// The field as one of a choice of sections.
  fileprivate func lifted<Choice>(
    _ choice: @escaping (Section) -> Choice, _ section: @escaping (Choice) -> Section?
  ) -> ConfigurationField<Choice> {
    ConfigurationField<Choice>(
      key: key, summary: summary, applies: { section($0).map(applies) ?? false }, innerPaths: innerPaths,
      schema: schema,
      read: { node, path, chosen in
        guard var inner = section(chosen) else { return }
        try read(node, path, &inner)
        chosen = choice(inner)
      },
      write: { section($0).flatMap(write) })
  }
}
