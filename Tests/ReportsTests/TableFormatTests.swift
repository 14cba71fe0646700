import Basics
import ContrastiveLosses
import Evaluation
import Foundation
import TestSupport
import Testing

@testable import Experiments
@testable import Reports

/// Tables in the forms that other programs take.
extension ResultTableTests {
  private func filled(_ runs: URL) throws -> ResultTable {
    for (seed, fine) in [0.91, 0.93, 0.98].enumerated() {
      try add(.spread, seed: seed, fine: fine, to: runs)
    }
    try add(.supcon, seed: 1, fine: 0.5, to: runs)
    return try table(runs)
  }

  @Test func csvHasALineForEachDataSetAndLoss() throws {
    try withFolder { runs in
      let lines = try filled(runs).text(.csv).split(separator: "\n").map {
        $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      }
      #expect(lines.count == 1 + 2 * 3)
      #expect(lines.allSatisfy { $0.count == lines[0].count })
      func value(_ line: Int, _ column: String) throws -> String {
        lines[line][try #require(lines[0].firstIndex(of: column))]
      }
      #expect(try value(3, "loss") == "L_spread" && value(3, "mean") == "94.0000")
      #expect(try value(3, "deviation") == "3.6056" && value(3, "best") == "true")
      #expect(
        try value(3, "paper") == "76.1" && value(3, "seeds") == "0 1 2" && value(3, "profile") == "quick")
      #expect(try value(3, "epochs") == "20" && value(3, "training images") == "54000")
      #expect(try value(2, "missing seeds") == "0 2" && value(2, "best") == "false")
      #expect(try value(1, "mean") == "" && value(1, "missing seeds") == "0 1 2")
      #expect(try value(6, "data set") == "Absent" && value(6, "missing") == "it needs a file")
    }
  }

  @Test(arguments: [
    ("a,b", "\"a,b\"\n"), ("say \"a\"", "\"say \"\"a\"\"\"\n"), ("a\nb", "\"a\nb\"\n"), ("a b", "a b\n"),
  ]) func whatWouldBreakALineOfCSVIsQuoted(text: String, line: String) {
    #expect(commaSeparated([[text]]) == line)
  }

  @Test func latexIsATableWithItsSettings() throws {
    try withFolder { runs in
      var table = try filled(runs)
      table.rows[1].title = "50% of A_B & C"
      let text = table.text(.latex)
      for part in [
        "\\begin{tabular}{lrrrrrr}", "$L_{\\mathrm{SS}}$ & paper & $L_{\\mathrm{SC}}$ & paper",
        "Digits & -- &  & 50.0 (1 of 3) & 52.5 & \\textbf{94.0 $\\pm$ 3.6} & \\textbf{76.1} \\\\",
        "50\\% of A\\_B \\& C & --", "Digits: profile quick; ViT 4 x 96; 20 epochs; 54,000 training images",
        "Digits, L\\_SS: no complete run with seed 0, 1, 2.",
      ] { #expect(text.contains(part), "\(part) in \(text)") }
      #expect(text.components(separatedBy: "\\begin{").count == text.components(separatedBy: "\\end{").count)
    }
  }

  @Test func jsonHoldsEveryRun() throws {
    try withFolder { runs in
      let json = try JSONParser.parse(filled(runs).text(.json), source: "table")
      #expect(json["table"]?.text == "2" && json["measure"]?.text == "fineAccuracy")
      let rows = try #require(json["rows"]?.elements)
      #expect(rows[0]["settings"]?.text?.hasPrefix("profile quick; ") == true)
      #expect(rows[1]["missing"]?.text == "it needs a file")
      let spread = try #require(rows[0]["cells"]?.elements?[2])
      #expect(spread["best"] == .bool(true) && spread["paper"]?.double == 76.1)
      #expect(try abs(#require(spread["mean"]?.double) - 94) < 1e-9)
      #expect(spread["runs"]?.elements?.map { $0["seed"]?.int } == [0, 1, 2])
      #expect(spread["runs"]?.elements?.first?["trainingImages"]?.int == 54_000)
      #expect(rows[0]["cells"]?.elements?[1]["missingSeeds"]?.elements?.map(\.int) == [0, 2])
    }
  }

  /// The first of two seeds lacks the figure: it must not take the other's, nor be lost.
  @Test func aRunWithoutTheFigureIsKeptInEveryForm() throws {
    try withFolder { runs in
      try add(.spread, seed: 0, fine: 0.1, undefined: "no malignant test image", to: runs)
      try add(.spread, seed: 1, fine: 0.1, area: 0.75, to: runs)
      try add(.supcon, seed: 0, fine: 0.1, undefined: "no malignant test image", to: runs)
      let table = try table(runs, seeds: [0, 1], measure: .areaUnderROC)
      let json = try JSONParser.parse(table.text(.json), source: "table")
      let cells = try #require(json["rows"]?.elements?[0]["cells"]?.elements)
      #expect(cells[2]["runs"]?.elements?.map { $0["value"] } == [JSONNode(.null), .integer(75)])
      #expect(cells[2]["mean"]?.double == 75 && cells[2]["missingSeeds"]?.elements?.isEmpty == true)
      #expect(cells[1]["runs"]?.elements?.count == 1 && cells[1]["mean"] == JSONNode(.null))
      #expect(cells[1]["undefined"]?.elements?.map(\.text) == ["no malignant test image"])
      #expect(cells[0]["undefined"] == nil)
      let line = "Digits, L_SC, seed 0: undefined: no malignant test image."
      let markdown = table.markdown
      #expect(markdown.contains("### Undefined\n\n* \(line)\n") && markdown.contains("75.0 (1 of 2)"))
      #expect(markdown.contains("* Digits, L_SC: no complete run with seed 1."))
      #expect(table.text(.latex).contains(line.replacing("_", with: "\\_")))
      #expect(table.text(.csv).contains("L_SC,areaUnderROC,,,,52.5,0,1,"))
      #expect(table.text(.csv).contains(",no malignant test image\n"))
    }
  }

  @Test func aPartOfAPublishedDataSetIsSaidToBeOne() throws {
    func settings(_ images: Int, _ change: (inout ExperimentConfiguration) -> Void) throws -> String {
      try withFolder { runs in
        var configuration = configuration(.spread)
        change(&configuration)
        try add(.spread, seed: 0, fine: 0.9, images: images, to: runs, of: configuration)
        let row = try ResultTable(experiment: [configuration], seeds: [0], runs: runs).rows[0]
        return try #require(row.settings)
      }
    }
    let part = "1,800 training images (and 1 for validation) of 50,000; "
    #expect(try settings(1800) { $0.data.name = .init(rawValue: "cifar10")! }.contains(part))
    #expect(
      try settings(49_999) { $0.data.name = .init(rawValue: "cifar10")! }.contains("49,999 training images; ")
    )
    let unbalanced = "18,000 training images (and 1 for validation) of 19,000; "
    #expect(
      try settings(18_000) {
        ($0.data.name, $0.data.labels) = (.init(rawValue: "cifar100")!, .coarseUnbalanced)
      }.contains(
        unbalanced))
    #expect(try settings(1800) { _ in }.contains("1,800 training images; "))
  }

  /// The row that an experiment ends in is one of the table that shows it.
  @Test(arguments: [
    ("cifar10-coarse", ["supcon"], "fineAccuracy", 52.5), ("cifar10", ["supcon"], "coarseAccuracy", 90.9),
    ("cifar10", ["attract"], "coarseAccuracy", 91.3), ("isic", ["supcon"], "areaUnderROC", 88.7),
    ("elsewhere", ["supcon"], "fineAccuracy", nil),
  ]) func anExperimentFindsItsTable(name: String, losses: [String], measure: String, paper: Double?) throws {
    try withFolder { runs in
      let configurations = losses.map { loss in
        var configuration = configuration(ContrastiveLoss(rawValue: loss)!)
        configuration.experiment = name
        return configuration
      }
      let table = try ResultTable(experiment: configurations, runs: runs)
      #expect(table.definition.measure.rawValue == measure && table.rows[0].cells[0].paper == paper)
    }
  }

  /// What is shipped, against the paper's own tables.
  @Test(arguments: [("2", 5, 3), ("4", 10, 3), ("A2", 3, 4)])
  func shippedTablesGoWithTheirExperiments(number: String, rows: Int, losses: Int) throws {
    let table = try TableDefinition.find(number)
    #expect(table.number == number && table.rows.count == rows && table.losses.count == losses)
    for profile in ["smoke", "quick", "efficient", "paper"] {
      for planned in try table.planned(profile: profile, overrides: []) where planned.row.experiment != nil {
        #expect(planned.configurations.map(\.objective.loss) == table.losses)
        #expect(planned.configurations.allSatisfy { $0.experiment == planned.row.experiment })
        // A row of another measure says so behind the data set's name.
        let title = planned.row.title.replacingOccurrences(of: " (AUROC)", with: "")
        #expect(planned.configurations.allSatisfy { $0.title == title })
        #expect((title != planned.row.title) == (planned.row.measure == .areaUnderROC))
      }
    }
    // The runs that tables share are the same runs.
    let own = try ExperimentFile(contentsOf: ExperimentLookup.find("cifar10")).configurations()
    let planned = try TableDefinition.find("4").planned(profile: nil, overrides: [])
    let shared = try #require(planned.first { $0.row.experiment == "cifar10" }).configurations
    #expect(Set(shared.map(\.fingerprint)).isSubset(of: Set(own.map(\.fingerprint))))
  }

  /// What editors are pointed to; `spread-exp schema > Experiments/schema.json` makes it anew.
  @Test func theShippedSchemaIsThePrograms() throws {
    let folder = try ExperimentLookup.find("glyphs-coarse").deletingLastPathComponent()
    #expect(try folder.appendingPathComponent("schema.json").text() == ExperimentFile.schema)
    for name in [
      "cifar10", "cifar10-coarse", "cifar100", "cifar100-coarse", "cifar100-coarse-u", "mnist",
      "mnist-coarse",
    ] {
      #expect(
        try folder.appendingPathComponent("\(name).json").text().contains("\"$schema\": \"schema.json\""))
    }
  }
}
