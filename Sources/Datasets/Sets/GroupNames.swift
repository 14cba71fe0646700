import Basics
import Foundation

/// The names in a column of classes or strata, as they are used, and notes on those that may be meant for one.
///
/// Blanks at the ends are left out, and forms that Unicode takes for the same become one name (NFC). Names that
/// differ in letter case, inner blanks or characters that cannot be seen stay apart: people do mean that at times.
struct GroupNames {
  /// "class" or "stratum".
  private let what: String
  private let table: DelimitedTable
  /// The name for each text of the column.
  private var names: [ExactText: String] = [:]
  /// The first line and the number of rows of each text.
  private var lines: [ExactText: (first: Int, count: Int)] = [:]
  private var texts: [ExactText] = []

  /// - Parameter column: the place among the values of the table's rows
  /// - Throws: `FileFormatError` with the line of an empty name.
  init(_ what: String, of table: DelimitedTable, column: Int) throws {
    self.what = what
    self.table = table
    for row in table.rows {
      guard let value = row.values[column] else { continue }
      let text = ExactText(value)
      if lines[text] == nil {
        let name = Self.trimmed(value).precomposedStringWithCanonicalMapping
        guard !name.isEmpty else { throw table.error(row, "the \(what) is empty") }
        names[text] = name
        texts.append(text)
      }
      lines[text, default: (row.line, 0)].count += 1
    }
  }

  /// The name that a text of the column stands for.
  func name(_ text: String) -> String { names[ExactText(text)]! }

  private static func trimmed(_ text: String) -> String {
    let scalars = text.unicodeScalars
    guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
      let last = scalars.lastIndex(where: { !$0.properties.isWhitespace })
    else { return "" }
    return String(scalars[first...last])
  }

  /// On what was left out, and on names that look alike, each with lines of the table; the first ten, and the number
  /// of the others.
  var notes: [String] {
    let all = trimNotes + formNotes + similarityNotes
    guard all.count > 10 else { return all }
    return all.prefix(10) + ["\(table.path): \(all.count - 10) more notes on the names of \(plural)"]
  }

  private var plural: String { what == "class" ? "classes" : "strata" }

  private func place(_ some: [ExactText]) -> String {
    let lines = some.compactMap { self.lines[$0]?.first }
    return "\(table.path), \(lines.count == 1 ? "line" : "lines") "
      + lines.map(String.init).joined(separator: " and ")
  }

  private var trimNotes: [String] {
    let padded = texts.filter { ExactText(Self.trimmed($0.text)) != $0 }
    return padded.map { text in
      let count = lines[text]?.count ?? 0
      return "\(place([text])): blanks at an end of the \(what) \(quoted(text.text)) are left out"
        + (count > 1 ? " (in \(grouped(count)) rows)" : "")
    }
  }

  private var formNotes: [String] {
    let forms = Dictionary(grouping: texts) { name($0.text) }.values.compactMap { texts -> [ExactText]? in
      let different = Dictionary(grouping: texts) { ExactText(Self.trimmed($0.text)) }
      return different.count > 1 ? different.values.map { $0[0] }.sorted(by: isEarlier) : nil
    }
    return forms.sorted { isEarlier($0[0], $1[0]) }.map { texts in
      "\(place(texts)): the \(what) \(quoted(texts[0].text)) is written in two Unicode forms, which are taken for one"
    }
  }

  private func isEarlier(_ a: ExactText, _ b: ExactText) -> Bool {
    (lines[a]?.first ?? 0) < (lines[b]?.first ?? 0)
  }

  private var similarityNotes: [String] {
    // One text for each name.
    var seen: Set<String> = []
    let different = texts.filter { seen.insert(name($0.text)).inserted }
    let alike = Dictionary(grouping: different) { NameForms(name($0.text)).key }.values.filter {
      $0.count > 1
    }
    return alike.map { $0.sorted(by: isEarlier) }.sorted { isEarlier($0[0], $1[0]) }.map { texts in
      let names = texts.map { name($0.text) }
      let list = names.prefix(4).map { quoted($0) }
      let shown =
        names.count > 4
        ? list.joined(separator: ", ") + " and \(names.count - 4) others"
        : list.dropLast().joined(separator: ", ") + " and " + list[list.count - 1]
      return
        "\(place(Array(texts.prefix(4)))): the \(plural) \(shown) differ in \(NameForms.difference(names)) only; "
        + "they are kept apart"
    }
  }
}

/// What remains of a name when differences are taken away that are easily overlooked.
private struct NameForms {
  let withoutCase: String
  let withoutBlanks: String
  let withoutInvisible: String
  let compatible: String
  /// Without all of these; of a whole number its value.
  let key: String

  init(_ name: String) {
    func keeping(_ name: String, _ isKept: (Unicode.Scalar) -> Bool) -> String {
      var result = String.UnicodeScalarView()
      result.append(contentsOf: name.unicodeScalars.filter(isKept))
      return String(result)
    }
    func isBlank(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isWhitespace }
    func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
      scalar.properties.isDefaultIgnorableCodePoint
        || scalar.properties.generalCategory == .control && !isBlank(scalar)
    }
    withoutCase = name.lowercased()
    withoutBlanks = keeping(name) { !isBlank($0) }
    withoutInvisible = keeping(name) { !isInvisible($0) }
    compatible = name.precomposedStringWithCompatibilityMapping
    let bare = keeping(compatible) { !isBlank($0) && !isInvisible($0) }.lowercased().uppercased()
    key = Int(bare).map(String.init) ?? bare
  }

  /// In what names of one key differ.
  static func difference(_ names: [String]) -> String {
    let forms = names.map(NameForms.init)
    func agree(_ form: (NameForms) -> String) -> Bool { Set(forms.map(form)).count == 1 }
    if agree(\.withoutCase) { return "letter case" }
    if agree(\.withoutBlanks) { return "blanks" }
    if agree(\.withoutInvisible) { return "characters that cannot be seen" }
    if agree(\.compatible) { return "Unicode form" }
    if names.allSatisfy({ Int($0) != nil }) { return "the way a number is written" }
    return "letter case, blanks, Unicode form or characters that cannot be seen"
  }
}
