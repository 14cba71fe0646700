/// Reads JSON (RFC 8259) into a tree that knows its lines. Stricter than the RFC in one thing: a key may
/// stand in an object once.
///
/// The system's decoder says neither the line of a wrong value nor that a key is unknown or given twice.
package struct JSONParser {
  private let bytes: [UInt8]
  private let source: String
  private var position = 0
  private var line = 1
  /// Nesting that no file of ours needs; it keeps a hostile file from exhausting the stack.
  package static let deepest = 64
  /// Values that are read, for the same reason: in memory a value is many times as large as in a file.
  package static let mostValues = 1 << 18
  private var values = 0

  private init(_ text: String, source: String) {
    bytes = Array(text.utf8)
    self.source = source
  }

  /// - Parameters:
  ///   - text: one JSON value.
  ///   - source: what to call it in errors: a file's name, or an argument.
  /// - Throws: `JSONSyntaxError` with the line and what was expected there.
  package static func parse(_ text: String, source: String) throws -> JSONNode {
    var parser = JSONParser(text, source: source)
    guard !parser.isNext("\u{FEFF}") else {
      throw parser.error("the text begins with a byte order mark; save it as UTF-8 without one")
    }
    parser.skipSpace()
    let node = try parser.parseValue(depth: 0)
    parser.skipSpace()
    guard parser.position == parser.bytes.count else {
      throw parser.expected("the end")
    }
    return node
  }

  private var origin: JSONNode.Origin { JSONNode.Origin(source: source, line: line) }
  private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

  private var found: String {
    guard let current else { return "the end" }
    return current < 0x80 ? "'\(Character(UnicodeScalar(current)))'" : "a byte \(current)"
  }

  private func error(_ problem: String, line: Int? = nil) -> JSONSyntaxError {
    JSONSyntaxError(
      origin: JSONNode.Origin(source: source, line: line ?? self.line),
      problem: "not JSON: \(problem)")
  }

  /// Whether these characters are next.
  private func isNext(_ text: String) -> Bool { bytes[position...].starts(with: text.utf8) }

  private mutating func skipSpace() {
    while let byte = current, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
      if byte == 0x0A { line += 1 }
      position += 1
    }
  }

  private mutating func take(_ character: Character) -> Bool {
    guard current == character.asciiValue else { return false }
    position += 1
    return true
  }

  private mutating func parseValue(depth: Int) throws -> JSONNode {
    guard depth < Self.deepest else { throw error("nested deeper than \(Self.deepest)") }
    values += 1
    guard values <= Self.mostValues else { throw error("more than \(Self.mostValues) values") }
    let start = origin
    switch current {
    case UInt8(ascii: "{"): return JSONNode(.object(try parseMembers(depth: depth)), origin: start)
    case UInt8(ascii: "["): return JSONNode(.array(try parseElements(depth: depth)), origin: start)
    case UInt8(ascii: "\""): return JSONNode(.string(try parseString()), origin: start)
    case let byte? where byte == UInt8(ascii: "-") || (0x30...0x39).contains(byte):
      return JSONNode(.number(try parseNumber()), origin: start)
    default:
      for (word, value) in [("true", JSONNode.Value.bool(true)), ("false", .bool(false)), ("null", .null)]
      where bytes[position...].starts(with: word.utf8) {
        position += word.utf8.count
        return JSONNode(value, origin: start)
      }
      throw expected("a value", isValue: true)
    }
  }

  private mutating func parseMembers(depth: Int) throws -> [JSONNode.Member] {
    position += 1
    var members: [JSONNode.Member] = []
    var keys: Set<String> = []
    var commaLine = line
    skipSpace()
    if take("}") { return members }
    while true {
      guard current == UInt8(ascii: "\"") else {
        if isNext("}") {
          throw error("a comma follows the last member; remove it", line: commaLine)
        }
        throw expected("a key in quotes", isKey: true)
      }
      let keyOrigin = origin
      let key = try parseString()
      guard keys.insert(key).inserted else {
        throw error("the key \"\(key)\" stands twice in one object")
      }
      skipSpace()
      guard take(":") else { throw expected("':' after the key \"\(key)\"") }
      skipSpace()
      members.append(JSONNode.Member(key: key, node: try parseValue(depth: depth + 1), origin: keyOrigin))
      skipSpace()
      if take("}") { return members }
      guard take(",") else { throw expected("',' or '}' after the value of \"\(key)\"") }
      commaLine = line
      skipSpace()
    }
  }

  private mutating func parseElements(depth: Int) throws -> [JSONNode] {
    position += 1
    var nodes: [JSONNode] = []
    skipSpace()
    if take("]") { return nodes }
    while true {
      nodes.append(try parseValue(depth: depth + 1))
      skipSpace()
      if take("]") { return nodes }
      guard take(",") else { throw expected("',' or ']' in a list") }
      let commaLine = line
      skipSpace()
      if isNext("]") {
        throw error("a comma follows the last element of a list; remove it", line: commaLine)
      }
    }
  }

  private mutating func parseNumber() throws -> String {
    let start = position
    func isDigit(_ byte: UInt8?) -> Bool { byte.map { (0x30...0x39).contains($0) } ?? false }
    _ = take("-")
    guard isDigit(current) else { throw expected("a digit", isValue: true) }
    if take("0") {
      if isDigit(current) { throw error("a number may not start with 0 and another digit") }
    } else {
      while isDigit(current) { position += 1 }
    }
    if take(".") {
      guard isDigit(current) else { throw error("expected a digit after the point, found \(found)") }
      while isDigit(current) { position += 1 }
    }
    if take("e") || take("E") {
      if !take("+") { _ = take("-") }
      guard isDigit(current) else { throw error("expected a digit in the exponent, found \(found)") }
      while isDigit(current) { position += 1 }
    }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  private mutating func parseString() throws -> String {
    position += 1
    var text: [UInt8] = []
    while true {
      guard let byte = current else { throw error("a text in quotes does not end") }
      position += 1
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"): text += try parseEscape()
      case 0..<0x20: throw error("a line break or control character within quotes; write it as an escape")
      default: text.append(byte)
      }
    }
  }

  private mutating func parseEscape() throws -> [UInt8] {
    guard let byte = current else { throw error("a text in quotes does not end") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0C]
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "u"): return try parseUnicodeEscape()
    default: throw error("there is no escape '\\\(Character(UnicodeScalar(byte)))'")
    }
  }

  private mutating func parseUnicodeEscape() throws -> [UInt8] {
    var code = try parseFourDigits()
    if (0xD800..<0xDC00).contains(code) {
      guard take("\\"), take("u") else { throw error("half of a surrogate pair") }
      let low = try parseFourDigits()
      guard (0xDC00..<0xE000).contains(low) else { throw error("half of a surrogate pair") }
      code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
    }
    guard let scalar = UnicodeScalar(code) else { throw error("half of a surrogate pair") }
    return Array(String(Character(scalar)).utf8)
  }

  private mutating func parseFourDigits() throws -> UInt32 {
    let end = position + 4
    let digits = bytes[position..<min(end, bytes.count)]
    guard digits.count == 4, digits.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }),
      let code = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw error("expected four hexadecimal digits after \\u") }
    position = end
    return code
  }
}

// MARK: - Habits from elsewhere

extension JSONParser {
  /// The error where something else was expected; names the cause where that is a habit from another language.
  private func expected(_ what: String, isKey: Bool = false, isValue: Bool = false)
    -> JSONSyntaxError
  {
    if let habit = habit(isKey: isKey, isValue: isValue) { return error(habit) }
    return error("expected \(what), found \(found)")
  }

  private func habit(isKey: Bool, isValue: Bool) -> String? {
    if isNext("//") || isNext("/*") || isNext("#") {
      return "comments are not part of JSON; remove this one"
    }
    if isNext("'") || isNext("`") {
      return "texts and keys must be in double quotes (\"), not single ones"
    }
    if ["\u{201C}", "\u{201D}", "\u{201E}", "\u{2018}", "\u{2019}"].contains(where: isNext) {
      return "texts and keys must be in plain double quotes (\"), not typographic ones"
    }
    if isNext("\u{A0}") || isNext("\u{FEFF}") {
      return
        "an invisible character that is no plain space (a no-break space or a byte order mark); remove it"
    }
    let word = self.word
    if isKey, !word.isEmpty { return "keys must be in double quotes: \"\(word)\"" }
    guard isValue else { return nil }
    if isNext("+") { return "a number does not begin with '+'; remove it" }
    if isNext(".") { return "a number begins with a digit: 0.5, not .5" }
    switch word.lowercased() {
    case "": return nil
    case "nan", "inf", "infinity":
      return "\(word) is not a number in JSON; write a number, or remove the key"
    case "true", "false", "null": return "\(word) is written \(word.lowercased()) in JSON"
    case "none", "nil", "undefined": return "\(word) is written null in JSON"
    default:
      return "expected a value, found '\(word)'; text must be in double quotes: \"\(word)\""
    }
  }

  /// The letters, digits and underscores that are next, beginning with a letter or underscore; not more than can
  /// be shown.
  private var word: String {
    func isLetter(_ byte: UInt8) -> Bool { byte == 0x5F || (0x41...0x5A).contains(byte & 0xDF) }
    guard let first = current, isLetter(first) || first == UInt8(ascii: "$") else { return "" }
    let rest = bytes[(position + 1)...].prefix(39).prefix {
      isLetter($0) || (0x30...0x39).contains($0)
    }
    return String(decoding: [first] + rest, as: UTF8.self)
  }
}

/// Where a text stops being JSON, and why.
package struct JSONSyntaxError: Error, Sendable, CustomStringConvertible {
  package let origin: JSONNode.Origin
  /// What was expected and what was found.
  package let problem: String

  package var description: String { "\(origin): \(problem)" }
}
