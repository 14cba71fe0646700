/// A JSON value that knows where it was written, so that an error can say so.
///
/// Members keep their order: what is saved reads in the order in which it is declared.
package struct JSONNode: Sendable {
  package enum Value: Sendable {
    case null
    case bool(Bool)
    /// The digits as written: an integer is not passed through a floating-point number.
    case number(String)
    case string(String)
    case array([JSONNode])
    case object([Member])
  }

  package struct Member: Sendable {
    package var key: String
    package var node: JSONNode
    /// Where the key stands.
    package var origin: Origin?

    package init(key: String, node: JSONNode, origin: Origin? = nil) {
      (self.key, self.node, self.origin) = (key, node, origin)
    }
  }

  /// A file's line, or an argument.
  package struct Origin: Sendable, Equatable, CustomStringConvertible {
    package var source: String
    package var line: Int?

    package init(source: String, line: Int? = nil) { (self.source, self.line) = (source, line) }

    package var description: String { line.map { "\(source), line \($0)" } ?? source }
  }

  package var value: Value
  package var origin: Origin?

  package init(_ value: Value, origin: Origin? = nil) {
    self.value = value
    self.origin = origin
  }

  package static func object(_ members: [(String, JSONNode)]) -> JSONNode {
    JSONNode(.object(members.map { Member(key: $0.0, node: $0.1) }))
  }

  package static func array(_ nodes: [JSONNode]) -> JSONNode { JSONNode(.array(nodes)) }
  package static func string(_ text: String) -> JSONNode { JSONNode(.string(text)) }
  package static func integer(_ number: Int) -> JSONNode { JSONNode(.number(String(number))) }
  package static func bool(_ flag: Bool) -> JSONNode { JSONNode(.bool(flag)) }

  /// The shortest digits that give the same number back. Not-a-number and infinities have none: they become
  /// null.
  package static func number(_ number: Double) -> JSONNode {
    guard number.isFinite else { return JSONNode(.null) }
    if number == number.rounded(), abs(number) < 1e15 { return integer(Int(number)) }
    return JSONNode(.number("\(number)"))
  }

  /// The same; null for nil.
  package static func number(_ number: Double?) -> JSONNode { number.map { .number($0) } ?? JSONNode(.null) }

  /// The values within nested objects, by their dotted paths.
  package var leaves: [(path: String, node: JSONNode)] {
    (members ?? []).flatMap { member in
      member.node.members == nil
        ? [(member.key, member.node)] : member.node.leaves.map { ("\(member.key).\($0.path)", $0.node) }
    }
  }

  /// An object's members, or nil for anything else.
  package var members: [Member]? {
    guard case .object(let members) = value else { return nil }
    return members
  }

  /// An object's member of this name.
  package subscript(key: String) -> JSONNode? { members?.first { $0.key == key }?.node }

  /// What this is, in words, for messages.
  package var kind: String {
    switch value {
    case .null: "null"
    case .bool(let flag): "\(flag)"
    case .number(let digits): "the number \(digits)"
    case .string(let text): "the text \"\(text)\""
    case .array(let nodes): "a list of \(nodes.count)"
    case .object: "an object"
    }
  }

  /// This object without one member.
  package func removing(_ key: String) -> JSONNode {
    guard let members else { return self }
    return JSONNode(.object(members.filter { $0.key != key }), origin: origin)
  }

  /// This object with one member replaced, or added at the end.
  package func setting(_ key: String, to node: JSONNode, origin keyOrigin: Origin? = nil) -> JSONNode {
    var changed = members ?? []
    let member = Member(key: key, node: node, origin: keyOrigin ?? node.origin)
    if let index = changed.firstIndex(where: { $0.key == key }) {
      changed[index] = member
    } else {
      changed.append(member)
    }
    return JSONNode(.object(changed), origin: origin)
  }

  /// This object overlaid with another: objects member by member, everything else replaced. Where the overlay
  /// names another variant (`name` differs), it replaces the whole object, since the settings of one variant
  /// mean nothing to another.
  package func merged(with overlay: JSONNode) -> JSONNode {
    guard members != nil, let changes = overlay.members else { return overlay }
    if let name = self["name"]?.text, let other = overlay["name"]?.text, name != other { return overlay }
    var result = self
    for change in changes {
      let node = result[change.key]?.merged(with: change.node) ?? change.node
      result = result.setting(change.key, to: node, origin: change.origin)
    }
    return result
  }

  /// Where the value at a path was written, or as much of the path as exists.
  package func nearestOrigin(to path: String) -> Origin? {
    var node = self
    var best = origin
    for key in path.split(separator: ".") {
      guard let next = node[String(key)] else { return best }
      node = next
      best = node.origin ?? best
    }
    return best
  }

  /// The text of a string.
  package var text: String? {
    guard case .string(let text) = value else { return nil }
    return text
  }

  /// The elements of an array.
  package var elements: [JSONNode]? {
    guard case .array(let nodes) = value else { return nil }
    return nodes
  }

  /// A number as a floating-point one.
  package var double: Double? {
    guard case .number(let digits) = value, let number = Double(digits), number.isFinite else { return nil }
    return number
  }

  /// A number written as an integer.
  package var int: Int? {
    guard case .number(let digits) = value else { return nil }
    return Int(digits)
  }
}

/// Equal values; where they were written does not count.
extension JSONNode: Equatable {
  package static func == (a: JSONNode, b: JSONNode) -> Bool {
    switch (a.value, b.value) {
    case (.null, .null): true
    case (.bool(let x), .bool(let y)): x == y
    case (.number(let x), .number(let y)): x == y || Double(x) == Double(y)
    case (.string(let x), .string(let y)): x == y
    case (.array(let x), .array(let y)): x == y
    case (.object(let x), .object(let y)): x.map(\.key) == y.map(\.key) && x.map(\.node) == y.map(\.node)
    default: false
    }
  }
}

// MARK: - Writing

extension JSONNode {
  /// On several lines, indented by two; what fits on a line (numbers, short lists and objects) stays on one.
  package var prettyText: String { written(indent: "", width: 100) + "\n" }

  /// On one line.
  package var compactText: String { oneLine(separator: ",", colon: ":") }

  private func written(indent: String, width: Int) -> String {
    let line = oneLine(separator: ", ", colon: ": ")
    let isTopLevel = indent.isEmpty
    switch value {
    case .array(let nodes) where line.count + indent.count > width && !nodes.isEmpty:
      let inner = indent + "  "
      return "[\n" + nodes.map { inner + $0.written(indent: inner, width: width) }.joined(separator: ",\n")
        + "\n\(indent)]"
    case .object(let members) where (isTopLevel || line.count + indent.count > width) && !members.isEmpty:
      let inner = indent + "  "
      let rows = members.map { "\(inner)\(quoted($0.key)): \($0.node.written(indent: inner, width: width))" }
      return "{\n" + rows.joined(separator: ",\n") + "\n\(indent)}"
    default:
      return line
    }
  }

  private func oneLine(separator: String, colon: String) -> String {
    switch value {
    case .null: return "null"
    case .bool(let flag): return "\(flag)"
    case .number(let digits): return digits
    case .string(let text): return quoted(text)
    case .array(let nodes):
      return "[" + nodes.map { $0.oneLine(separator: separator, colon: colon) }.joined(separator: separator)
        + "]"
    case .object(let members):
      let parts = members.map { quoted($0.key) + colon + $0.node.oneLine(separator: separator, colon: colon) }
      return "{" + parts.joined(separator: separator) + "}"
    }
  }

  private func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case let control where control.value < 0x20:
        let digits = String(control.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
