extension String {
  /// The text as a terminal may show it: control characters and those that turn the direction of writing stand as their
  /// numbers, such as `\u{1b}`. Line breaks and tabs stay.
  ///
  /// Names of files and classes, labels and answers of servers may hold anything.
  package var printable: String { escaped(keepsBreaks: true) { "\\u{\($0)}" } }

  /// The same, for a name within a line: line breaks and tabs are shown as numbers, too.
  package var printableLine: String { escaped(keepsBreaks: false) { "\\u{\($0)}" } }

  /// JSON with such characters, which only its strings can hold, written as JSON's own escapes.
  package var printableJSON: String {
    escaped(keepsBreaks: true) { "\\u" + String(repeating: "0", count: 4 - $0.count) + $0 }
  }

  private func escaped(keepsBreaks: Bool, as escape: (_ hexadecimal: String) -> String) -> String {
    func isShown(_ scalar: Unicode.Scalar) -> Bool {
      scalar.isControl && !(keepsBreaks && (scalar == "\n" || scalar == "\t"))
    }
    guard unicodeScalars.contains(where: isShown) else { return self }
    var result = ""
    for scalar in unicodeScalars {
      if isShown(scalar) {
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
