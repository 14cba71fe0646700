/// Rows of cells as a Markdown table, its columns aligned so that it also reads as plain text; the first row is the
/// head.
package func alignedTable(_ table: [[String]]) -> String {
  let table = table.map { $0.map(\.printableLine) }
  let widths = (0..<table[0].count).map { column in table.map { $0[column].count }.max() ?? 0 }
  func line(_ cells: [String]) -> String {
    "| "
      + zip(cells, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(
        separator: " | ") + " |"
  }
  let rule = "|" + widths.map { String(repeating: "-", count: $0 + 2) }.joined(separator: "|") + "|"
  return ([line(table[0]), rule] + table.dropFirst().map(line)).joined(separator: "\n")
}

/// Rows of cells as CSV (RFC 4180, with plain line breaks): what holds a comma, a quote or a line break is quoted.
package func commaSeparated(_ table: [[String]]) -> String {
  table.map { row in
    row.map { cell in
      cell.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline })
        ? "\"" + cell.replacingOccurrences(of: "\"", with: "\"\"") + "\"" : cell
    }.joined(separator: ",") + "\n"
  }.joined()
}
