import Basics

/// A type that a setting can have.
package protocol ConfigurationValue: Sendable, Equatable {
  /// Nil when the node is of another type.
  init?(node: JSONNode)
  /// Nil when there is nothing to write.
  var node: JSONNode? { get }
  /// What a reader is told to write, for example "an integer".
  static var expectation: String { get }
  static func schema(limits: Limits<Self>) -> JSONNode
}

extension ConfigurationValue {
  /// More for the message about a wrong type, for example the nearest valid word.
  package static func hint(for node: JSONNode) -> String {
    guard let choices = (Self.self as? any ConfigurationChoice.Type)?.words, let text = node.text,
      let best = nearest(to: text, among: choices)
    else { return "" }
    return "; nearest: \"\(best)\""
  }
}

/// Which values are accepted, and how to say so.
package struct Limits<Value: Sendable>: Sendable {
  package var text: String
  package var allow: @Sendable (Value) -> Bool
  package var schema: [(String, JSONNode)]

  package init(
    text: String, allow: @escaping @Sendable (Value) -> Bool, schema: [(String, JSONNode)] = []
  ) {
    (self.text, self.allow, self.schema) = (text, allow, schema)
  }

  package static var any: Limits { Limits(text: "", allow: { _ in true }) }
}

extension Limits where Value == Int {
  package static func within(_ range: ClosedRange<Int>) -> Limits {
    Limits(
      text: "in \(range.lowerBound)...\(range.upperBound)", allow: { range.contains($0) },
      schema: [("minimum", .integer(range.lowerBound)), ("maximum", .integer(range.upperBound))])
  }
}

extension Limits where Value: BinaryFloatingPoint {
  package static func within(_ range: ClosedRange<Double>) -> Limits {
    Limits(
      text: "in \(plain(range.lowerBound))...\(plain(range.upperBound))",
      allow: { range.contains(Double($0)) },
      schema: [("minimum", .number(range.lowerBound)), ("maximum", .number(range.upperBound))])
  }

  /// More than zero, up to a bound that no sensible setting reaches.
  package static func positive(upTo bound: Double) -> Limits {
    Limits(
      text: "above 0 and at most \(plain(bound))", allow: { $0 > 0 && Double($0) <= bound },
      schema: [("exclusiveMinimum", .integer(0)), ("maximum", .number(bound))])
  }

  /// At least zero, less than a bound: probabilities that may not reach 1.
  package static func fraction(below bound: Double) -> Limits {
    Limits(
      text: "at least 0 and below \(plain(bound))", allow: { $0 >= 0 && Double($0) < bound },
      schema: [("minimum", .integer(0)), ("exclusiveMaximum", .number(bound))])
  }

  private static func plain(_ number: Double) -> String { JSONNode.number(number).compactText }
}

extension Limits where Value == [Int] {
  /// A list of distinct integers.
  package static func distinct(_ range: ClosedRange<Int>, atLeast count: Int = 1) -> Limits {
    let items = "\(count) or more different integers in \(range.lowerBound)...\(range.upperBound)"
    return Limits(
      text: items,
      allow: { $0.count >= count && Set($0).count == $0.count && $0.allSatisfy(range.contains) },
      schema: [("minItems", .integer(count)), ("uniqueItems", .bool(true))])
  }

  /// A list of integers, possibly the same ones.
  package static func each(_ range: ClosedRange<Int>, count: ClosedRange<Int>) -> Limits {
    let number =
      count.lowerBound == count.upperBound
      ? "\(count.lowerBound)" : "\(count.lowerBound) to \(count.upperBound)"
    return Limits(
      text: "\(number) integers in \(range.lowerBound)...\(range.upperBound)",
      allow: { count.contains($0.count) && $0.allSatisfy(range.contains) },
      schema: [("minItems", .integer(count.lowerBound)), ("maxItems", .integer(count.upperBound))])
  }
}

extension Limits where Value == ClosedRange<Double> {
  /// Two bounds, the lower first.
  package static func interval(within range: ClosedRange<Double>) -> Limits {
    Limits(
      text: "within \(range.lowerBound)...\(range.upperBound)",
      allow: { range.contains($0.lowerBound) && range.contains($0.upperBound) })
  }
}

extension Limits where Value == String {
  /// A name that is also a folder's.
  package static var folderName: Limits {
    Limits(
      text: "a name of letters, digits, '-', '_' and '.' that starts with a letter or digit, at most 64 long",
      allow: { text in
        guard let first = text.utf8.first, isLetterOrDigit(first), text.utf8.count <= 64 else { return false }
        return text.utf8.allSatisfy { isLetterOrDigit($0) || $0 == 0x2D || $0 == 0x5F || $0 == 0x2E }
      })
  }

  private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    default: false
    }
  }
}

// MARK: - The types

extension Int: ConfigurationValue {
  package init?(node: JSONNode) {
    guard let number = node.int else { return nil }
    self = number
  }
  package var node: JSONNode? { .integer(self) }
  package static var expectation: String { "an integer" }
  package static func schema(limits: Limits<Int>) -> JSONNode {
    .object([("type", .string("integer"))] + limits.schema)
  }
}

extension Double: ConfigurationValue {
  package init?(node: JSONNode) {
    guard let number = node.double else { return nil }
    self = number
  }
  package var node: JSONNode? { .number(self) }
  package static var expectation: String { "a number" }
  package static func schema(limits: Limits<Double>) -> JSONNode {
    .object([("type", .string("number"))] + limits.schema)
  }
}

/// Written with the shortest digits that give the same float back.
extension Float: ConfigurationValue {
  package init?(node: JSONNode) {
    guard let number = node.double, Float(number).isFinite else { return nil }
    self = Float(number)
  }
  package var node: JSONNode? { .number(Double("\(self)") ?? Double(self)) }
  package static var expectation: String { "a number" }
  package static func schema(limits: Limits<Float>) -> JSONNode {
    .object([("type", .string("number"))] + limits.schema)
  }
}

/// A list of two numbers.
extension ClosedRange<Double>: ConfigurationValue {
  package init?(node: JSONNode) {
    let bounds = (node.elements ?? []).compactMap(\.double)
    guard bounds.count == 2, node.elements?.count == 2, bounds[0] <= bounds[1] else { return nil }
    self = bounds[0]...bounds[1]
  }
  package var node: JSONNode? { .array([.number(lowerBound), .number(upperBound)]) }
  package static var expectation: String { "a list of two numbers, the smaller first" }
  package static func schema(limits: Limits<ClosedRange<Double>>) -> JSONNode {
    .object([
      ("type", .string("array")), ("items", .object([("type", .string("number"))])),
      ("minItems", .integer(2)), ("maxItems", .integer(2)),
    ])
  }
}

extension Bool: ConfigurationValue {
  package init?(node: JSONNode) {
    guard case .bool(let flag) = node.value else { return nil }
    self = flag
  }
  package var node: JSONNode? { .bool(self) }
  package static var expectation: String { "true or false" }
  package static func schema(limits: Limits<Bool>) -> JSONNode { .object([("type", .string("boolean"))]) }
}

extension String: ConfigurationValue {
  package init?(node: JSONNode) {
    guard let text = node.text else { return nil }
    self = text
  }
  package var node: JSONNode? { .string(self) }
  package static var expectation: String { "a text in quotes" }
  package static func schema(limits: Limits<String>) -> JSONNode { .object([("type", .string("string"))]) }
}

extension Array: ConfigurationValue where Element: ConfigurationValue {
  package init?(node: JSONNode) {
    guard let nodes = node.elements else { return nil }
    let values = nodes.compactMap(Element.init(node:))
    guard values.count == nodes.count else { return nil }
    self = values
  }
  package var node: JSONNode? { .array(compactMap(\.node)) }
  package static var expectation: String { "a list, each element \(Element.expectation)" }
  package static func schema(limits: Limits<[Element]>) -> JSONNode {
    .object([("type", .string("array")), ("items", Element.schema(limits: .any))] + limits.schema)
  }
}

/// A value that may be absent: null stands for its absence.
extension Optional: ConfigurationValue where Wrapped: ConfigurationValue {
  package init?(node: JSONNode) {
    if case .null = node.value {
      self = Wrapped?.none
    } else if let value = Wrapped(node: node) {
      self = .some(value)
    } else {
      return nil
    }
  }
  package var node: JSONNode? { self?.node }
  package static var expectation: String { "\(Wrapped.expectation) or null" }
  package static func schema(limits: Limits<Wrapped?>) -> JSONNode {
    .object([("anyOf", .array([Wrapped.schema(limits: .any), .object([("type", .string("null"))])]))])
  }
}

extension Limits {
  /// The limits of a value that may be absent.
  package func orAbsent() -> Limits<Value?> {
    let allow = allow
    return Limits<Value?>(text: text, allow: { $0.map(allow) ?? true })
  }
}

/// One word out of a few.
package protocol ConfigurationChoice: ConfigurationValue, RawRepresentable<String>, CaseIterable {}

extension ConfigurationChoice {
  package init?(node: JSONNode) {
    guard let text = node.text else { return nil }
    self.init(rawValue: text)
  }
  package var node: JSONNode? { .string(rawValue) }
  package static var words: [String] { allCases.map(\.rawValue) }
  package static var expectation: String { "one of " + words.map { "\"\($0)\"" }.joined(separator: ", ") }
  package static func schema(limits: Limits<Self>) -> JSONNode {
    .object([("enum", .array(words.map(JSONNode.string)))])
  }
}
