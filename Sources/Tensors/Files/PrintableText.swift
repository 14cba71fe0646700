extension String {
  /// The text as a terminal may show it: control characters and those that turn the direction of writing stand as their
  /// numbers, such as `\u{1b}`. Line breaks and tabs stay.
  ///
  /// Names of files and classes, labels and answers of servers may hold anything.
  package var printable: String { escaped(isKept: { $0 == "\n" || $0 == "\t" }) { "\\u{\($0)}" } }

  /// The same, for a name within a line: line breaks and tabs are shown as numbers, too.
  package var printableLine: String { escaped(isKept: { _ in false }) { "\\u{\($0)}" } }

  /// JSON with such characters, which only its strings can hold, written as JSON's own escapes.
  package var printableJSON: String {
    escaped(isKept: { $0 == "\n" || $0 == "\t" }) {
      "\\u" + String(repeating: "0", count: 4 - $0.count) + $0
    }
  }

  private func escaped(isKept: (Unicode.Scalar) -> Bool, as escape: (_ hexadecimal: String) -> String)
    -> String
  {
    guard unicodeScalars.contains(where: { $0.isControl && !isKept($0) }) else { return self }
    var result = ""
    for scalar in unicodeScalars {
      if scalar.isControl && !isKept(scalar) {
        result += escape(String(scalar.value, radix: 16))
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}

extension Unicode.Scalar {
  /// C0, DEL, C1, the separators of lines and paragraphs, and what overrides or isolates a direction of writing.
  fileprivate var isControl: Bool {
    switch value {
    case 0...0x1f, 0x7f...0x9f, 0x2028...0x202e, 0x2066...0x2069: true
    default: false
    }
  }
}
