import Basics
import Experiments
import Foundation

extension ResultTable {
  /// The table as Markdown, its columns aligned so that it also reads as plain text: ours with the deviation
  /// over seeds, the paper's beside it, the best of each in bold; below, what each row was made with, more
  /// figures of the same runs, and what is missing.
  public var markdown: String {
    let heading = definition.number.isEmpty ? "" : "Table \(definition.number): "
    var parts = ["## \(heading)\(definition.title)\(unitText)", alignedTable(mainRows)]
    let settings = rows.compactMap { row in row.settings.map { "* \(row.title): \($0)." } }
    if !settings.isEmpty {
      parts.append(
        "Mean and standard deviation over seeds; best in bold; \"paper\" is the paper's figure, made with its own\n"
          + "settings (profile paper). Made with:\n\n" + settings.joined(separator: "\n"))
    }
    if rows.contains(where: { $0.cells.contains { !$0.results.isEmpty } }) {
      parts.append(
        "### The same runs in more detail\n\n" + alignedTable(detailRows) + "\n\n" + Self.detailLegend)
    }
    if !undefinedSentences.isEmpty {
      parts.append("### Undefined\n\n" + undefinedSentences.map { "* \($0)" }.joined(separator: "\n"))
    }
    if !missingSentences.isEmpty {
      parts.append("### Missing\n\n" + missingSentences.map { "* \($0)" }.joined(separator: "\n"))
    }
    return parts.joined(separator: "\n\n") + "\n"
  }

  /// Head and body of the main table.
  private var mainRows: [[String]] {
    let head = ["data set"] + definition.losses.flatMap { [$0.symbol, "paper"] }
    return [head]
      + rows.map { row in
        let best = measure(of: row).best(row.cells.map(\.mean))
        let bestOfPaper = measure(of: row).best(row.cells.map(\.paper))
        return [row.title]
          + row.cells.enumerated().flatMap { index, cell in
            [
              Self.text(cell, measure(of: row), isBest: best.contains(index)),
              cell.paper.map { Self.bold(measure(of: row).text($0), bestOfPaper.contains(index)) } ?? "",
            ]
          }
      }
  }

  /// What the columns of details are, in lines of up to 120 characters.
  static var detailLegend: String {
    let words = Measure.details.map { "\($0.column): \($0.legend)" }.joined(separator: "; ").split(
      separator: " ")
    var lines = [""]
    for word in words {
      if lines[lines.count - 1].count + word.count >= 120 { lines.append("") }
      lines[lines.count - 1] += (lines[lines.count - 1].isEmpty ? "" : " ") + word
    }
    return lines.joined(separator: "\n") + "."
  }

  private var detailRows: [[String]] {
    var table = [["data set", "loss"] + Measure.details.map(\.column)]
    for row in rows {
      for (loss, cell) in zip(definition.losses, row.cells) where !cell.results.isEmpty {
        table.append(
          [row.title, loss.symbol]
            + Measure.details.map { measure in
              measure.statistics(cell.results).mean.map { decimals($0, measure.digits) } ?? "-"
            })
      }
    }
    return table
  }

  /// Which runs do not have the figure of their cell, and why.
  var undefinedSentences: [String] {
    rows.flatMap { row in
      zip(definition.losses, row.cells).filter { !$1.undefined.isEmpty }.map { loss, cell in
        let seeds = zip(cell.results, cell.values).filter { $1 == nil }.map { "\($0.0.seed)" }
        return
          "\(row.title), \(loss.symbol), seed \(seeds.joined(separator: ", ")): undefined: "
          + "\(cell.undefined.joined(separator: "; "))."
      }
    }
  }

  /// What there are no figures of, and why.
  var missingSentences: [String] {
    rows.flatMap { row -> [String] in
      if let missing = row.missing {
        return ["\(row.title): \(missing)\(missing.hasSuffix(".") ? "" : ".")"]
      }
      return zip(definition.losses, row.cells).compactMap { loss, cell in
        guard !cell.missingSeeds.isEmpty else { return nil }
        let seeds = cell.missingSeeds.map(String.init).joined(separator: ", ")
        return "\(row.title), \(loss.symbol): no complete run with seed \(seeds)."
      }
    }
  }

  private static func text(_ cell: Cell, _ measure: Measure, isBest: Bool) -> String {
    guard let mean = cell.mean else { return "-" }
    let deviation = cell.deviation.map { " ± " + measure.text($0) } ?? ""
    return bold(measure.text(mean) + deviation, isBest) + cell.partText
  }

  /// What a row's cells are of.
  func measure(of row: Row) -> Measure { row.measure ?? definition.measure }

  /// Behind a heading.
  var unitText: String { definition.measure.unit == .percent ? " (%)" : "" }

  private static func bold(_ text: String, _ isBold: Bool) -> String { isBold ? "**\(text)**" : text }
}
