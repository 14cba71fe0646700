import Basics
import Experiments
import Foundation

/// How a table is written down. Every form has the profile line beside the figures, and says which runs are
/// missing.
public enum TableFormat: String, CaseIterable, Sendable {
  case markdown, csv, latex, json
}

extension ResultTable {
  /// The whole table as text, with a line break at its end.
  public func text(_ format: TableFormat) -> String {
    switch format {
    case .markdown: markdown
    case .csv: csv
    case .latex: latex
    case .json: json.prettyText
    }
  }

  /// Writes the table in the file's place.
  public func write(_ format: TableFormat = .markdown, to file: URL) throws {
    try WholeFile.write(Data(text(format).utf8), to: file.path)
  }

  /// Every cell with its row's title, its loss, and whether it is the row's best.
  private var entries: [Entry] {
    rows.flatMap { row in
      let best = measure(of: row).best(row.cells.map(\.mean))
      return zip(definition.losses, row.cells).enumerated().map { index, pair in
        Entry(row: row, symbol: pair.0.symbol, cell: pair.1, isBest: best.contains(index))
      }
    }
  }

  private struct Entry {
    var row: Row
    var symbol: String
    var cell: Cell
    var isBest: Bool

    func distinct(_ value: (RunResult) -> String) -> String { Row.distinct(cell.results, value) }
  }

  // MARK: - CSV

  /// One line for each data set and loss (RFC 4180): what a spreadsheet or a data frame takes as it is.
  private var csv: String {
    let head =
      [
        "table", "data set", "loss", "measure", "mean", "deviation", "best", "paper", "seeds",
        "missing seeds",
        "profile", "encoder", "epochs", "training images", "validation images",
      ] + Measure.details.map(\.column) + ["missing", "undefined"]
    let lines = entries.map { entry -> [String] in
      let (cell, results) = (entry.cell, entry.cell.results)
      return [
        definition.number, entry.row.title, entry.symbol,
        (entry.row.measure ?? definition.measure).key, Self.number(cell.mean),
        Self.number(cell.deviation), cell.mean == nil ? "" : "\(entry.isBest)",
        cell.paper.map(oneDecimal) ?? "",
        results.map { "\($0.seed)" }.joined(separator: " "),
        cell.missingSeeds.map(String.init).joined(separator: " "),
        entry.distinct(\.profile), entry.distinct(\.encoder), entry.distinct { "\($0.epochs)" },
        entry.distinct { "\($0.trainingImages)" }, entry.distinct { "\($0.validationImages)" },
      ] + Measure.details.map { Self.number($0.statistics(results).mean) }
        + [entry.row.missing ?? "", cell.undefined.joined(separator: "; ")]
    }
    return commaSeparated([head] + lines)
  }

  // MARK: - JSON

  private var json: JSONNode {
    .object([
      ("table", .string(definition.number)), ("title", .string(definition.title)),
      ("measure", .string(definition.measure.key)),
      ("unit", .string(definition.measure.unit == .percent ? "percent" : "none")),
      (
        "rows",
        .array(
          rows.map { row in
            .object(
              [
                ("title", .string(row.title)),
                ("measure", .string((row.measure ?? definition.measure).key)),
                ("settings", row.settings.map(JSONNode.string) ?? .init(.null)),
              ]
                + (row.missing.map { [("missing", .string($0))] } ?? [])
                + [("cells", .array(entries.filter { $0.row == row }.map(Self.json)))])
          })
      ),
    ])
  }

  private static func json(_ entry: Entry) -> JSONNode {
    let cell = entry.cell
    let undefined = cell.undefined.map(JSONNode.string)
    return .object(
      [
        ("loss", .string(entry.symbol)), ("mean", .number(cell.mean)), ("deviation", .number(cell.deviation)),
        ("best", .bool(entry.isBest)), ("paper", .number(cell.paper)),
        (
          "runs",
          .array(
            zip(cell.results, cell.values).map { result, value in
              .object(
                [
                  ("seed", .integer(result.seed)), ("value", .number(value)),
                  ("profile", .string(result.profile)),
                  ("encoder", .string(result.encoder)), ("epochs", .integer(result.epochs)),
                  ("trainingImages", .integer(result.trainingImages)),
                  ("validationImages", .integer(result.validationImages)),
                ] + Measure.all.map { ($0.key, .number(result[$0])) })
            })
        ),
        ("missingSeeds", .array(cell.missingSeeds.map(JSONNode.integer))),
      ] + (undefined.isEmpty ? [] : [("undefined", .array(undefined))]))
  }

  // MARK: - LaTeX

  /// A floating table for the package booktabs: ours and the paper's side by side, what each row was made with
  /// and what is missing below.
  private var latex: String {
    let losses = definition.losses
    let heading = definition.number.isEmpty ? "" : "Table \(definition.number) of the paper: "
    var lines = [
      "% Needs \\usepackage{booktabs}.", "\\begin{table}", "\\centering",
      "\\caption{\(Self.escaped(heading + definition.title + unitText)). Mean and standard deviation over seeds; best in bold.}",
      "\\begin{tabular}{l" + String(repeating: "rr", count: losses.count) + "}", "\\toprule",
      "Data set" + losses.map { " & \(Self.latexSymbol($0.symbol)) & paper" }.joined() + " \\\\", "\\midrule",
    ]
    for row in rows {
      let best = measure(of: row).best(row.cells.map(\.mean))
      let bestOfPaper = measure(of: row).best(row.cells.map(\.paper))
      let cells = row.cells.enumerated().map { index, cell in
        " & \(Self.latexCell(cell, measure(of: row), isBest: best.contains(index))) & "
          + (cell.paper.map { Self.latexBold(measure(of: row).text($0), bestOfPaper.contains(index)) } ?? "")
      }
      lines.append(Self.escaped(row.title) + cells.joined() + " \\\\")
    }
    lines += ["\\bottomrule", "\\end{tabular}"]
    let notes =
      rows.compactMap { row in row.settings.map { "\(row.title): \($0)." } } + undefinedSentences
      + missingSentences
    if !notes.isEmpty {
      lines += ["\\par\\smallskip\\footnotesize\\raggedright"]
      lines += notes.map { Self.escaped($0) + "\\\\" }
    }
    return (lines + ["\\end{table}"]).joined(separator: "\n") + "\n"
  }

  private static func latexCell(_ cell: Cell, _ measure: Measure, isBest: Bool) -> String {
    guard let mean = cell.mean else { return "--" }
    let deviation = cell.deviation.map { " $\\pm$ " + measure.text($0) } ?? ""
    return latexBold(measure.text(mean) + deviation, isBest) + cell.partText
  }

  private static func latexBold(_ text: String, _ isBold: Bool) -> String {
    isBold ? "\\textbf{\(text)}" : text
  }

  /// `L_spread` as mathematics.
  private static func latexSymbol(_ symbol: String) -> String {
    let parts = symbol.split(separator: "_", maxSplits: 1)
    return parts.count == 2 ? "$\(parts[0])_{\\mathrm{\(parts[1])}}$" : escaped(symbol)
  }

  /// Text whose characters mean themselves.
  private static func escaped(_ text: String) -> String {
    text.map { character in
      switch character {
      case "\\": "\\textbackslash{}"
      case "~": "\\textasciitilde{}"
      case "^": "\\textasciicircum{}"
      case "&", "%", "$", "#", "_", "{", "}": "\\\(character)"
      default: String(character)
      }
    }.joined()
  }

  // MARK: - Numbers

  /// Enough digits to compute with.
  package static func number(_ value: Double?) -> String { value.map { decimals($0, 4) } ?? "" }
}
