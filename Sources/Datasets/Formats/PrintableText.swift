import Basics

/// A name from elsewhere within a message of one line: control characters, and those that cannot be seen, are
/// written as `\u{200b}`; long ones are cut.
///
/// - Parameter asASCII: writes all others than ASCII's so, to tell forms of Unicode apart
func printable(_ text: String, limit: Int = 200, asASCII: Bool = false) -> String {
  var result = ""
  for scalar in text.unicodeScalars.prefix(limit) {
    if isInvisible(scalar) || asASCII && !scalar.isASCII {
      result += "\\u{\(String(scalar.value, radix: 16))}"
    } else {
      result.unicodeScalars.append(scalar)
    }
  }
  return text.unicodeScalars.count > limit ? result + "..." : result
}

/// The same in quotes.
func quoted(_ text: String, asASCII: Bool = false) -> String {
  "\"\(printable(text, limit: 80, asASCII: asASCII))\""
}

/// Control and format characters, and blanks other than the usual one.
private func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.properties.generalCategory {
  case .control, .format, .lineSeparator, .paragraphSeparator: true
  case .spaceSeparator: scalar != " "
  default: false
  }
}

/// The first ten of what was found, and the number of the others: "a, b and 3 others".
func listed(_ items: [String], of total: Int? = nil) -> String {
  let shown = items.prefix(10)
  let rest = (total ?? items.count) - shown.count
  return shown.joined(separator: ", ")
    + (rest > 0 ? " and \(grouped(rest)) \(rest == 1 ? "other" : "others")" : "")
}

/// A text that equals another only where their bytes are the same, whatever Unicode takes for equal.
struct ExactText: Hashable {
  let text: String
  init(_ text: String) { self.text = text }

  static func == (a: ExactText, b: ExactText) -> Bool { a.text.utf8.elementsEqual(b.text.utf8) }
  func hash(into hasher: inout Hasher) {
    var text = text
    text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}
