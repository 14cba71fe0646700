import Basics
import ContrastiveLosses
import Foundation
import ResultSamples
import TestSupport
import Testing

@testable import Experiments
@testable import Reports

@Suite struct ResultTableTests {
  func configuration(_ loss: ContrastiveLoss) -> ExperimentConfiguration {
    var configuration = ExperimentConfiguration()
    (configuration.experiment, configuration.title, configuration.profile) = ("digits", "Digits", "quick")
    configuration.objective.loss = loss
    return configuration
  }

  /// A complete run, as far as tables look at it.
  func add(
    _ loss: ContrastiveLoss, seed: Int, fine: Double, coarse: Double = 0.5, images: Int = 54_000,
    area: Double? = nil, undefined: String? = nil, to runs: URL,
    of other: ExperimentConfiguration? = nil
  ) throws {
    let configuration = other ?? configuration(loss)
    var figures = [
      "fineAccuracy": fine, "coarseAccuracy": coarse, "neighbourAccuracy": 0.25, "classCosine": 0,
    ]
    figures["areaUnderROC"] = area
    try RunResult.sample(
      configuration, seed: seed, encoder: "ViT 4 x 96", trainingImages: images, figures: figures,
      undefined: undefined.map { ["areaUnderROC": $0] } ?? [:]
    ).complete(configuration, in: runs)
  }

  func table(
    _ runs: URL, seeds: [Int] = [0, 1, 2], measure: Measure = .fineAccuracy
  ) throws -> ResultTable {
    let definition = try TableDefinition(
      json: """
        {
          "number": "2", "title": "Fine accuracy", "losses": ["selfSupervised", "supcon", "spread"],
          "measure": "\(measure.rawValue)",
          "rows": [
            {"title": "Digits", "experiment": "digits", "paper": {"supcon": 52.5, "spread": 76.1}},
            {"title": "Absent", "missing": "it needs a file"}
          ]
        }
        """, source: "t.json")
    let losses = definition.losses
    let planned = definition.rows.map { row in
      PlannedRow(
        row: row, configurations: row.experiment == nil ? [] : losses.map(configuration), missing: row.missing
      )
    }
    return try ResultTable(definition, planned: planned, seeds: seeds, runs: runs)
  }

  /// ISIC's row of table 4 is the area under the ROC curve among accuracies.
  @Test func aRowCanShowAnotherMeasure() throws {
    try withFolder { runs in
      for (seed, area) in [0.8, 0.9].enumerated() {
        try add(.spread, seed: seed, fine: 0.1, coarse: 0.2, area: area, to: runs)
      }
      // Of a version that did not measure it: there is nothing to show, and nothing to fail at.
      try add(.supcon, seed: 0, fine: 0.1, coarse: 0.2, to: runs)
      var definition = try table(runs, measure: .coarseAccuracy).definition
      definition.rows[0].measure = .areaUnderROC
      let losses = definition.losses.map(configuration)
      let planned = [PlannedRow(row: definition.rows[0], configurations: losses)]
      let shown = try ResultTable(definition, planned: planned, seeds: [0, 1], runs: runs)
      #expect(abs(try #require(shown.rows[0].cells[2].mean) - 85) < 1e-9)
      #expect(shown.rows[0].cells[1].mean == nil)
      #expect(shown.text(.csv).contains("areaUnderROC,85.0000"))
      #expect(shown.text(.json).contains("\"measure\": \"areaUnderROC\""))
      let accuracies = try table(runs, seeds: [0, 1], measure: .coarseAccuracy)
      #expect(
        accuracies.rows[0].cells[2].mean == 20 && accuracies.text(.csv).contains("coarseAccuracy,20.0000"))
    }
  }

  @Test func meansAndSampleDeviationsOverSeeds() throws {
    try withFolder { runs in
      for (seed, fine) in [0.91, 0.93, 0.98].enumerated() {
        try add(.spread, seed: seed, fine: fine, to: runs)
      }
      try add(.supcon, seed: 1, fine: 0.5, to: runs)
      let cells = try table(runs).rows[0].cells
      #expect(abs(try #require(cells[2].mean) - 94) < 1e-9)
      #expect(abs(try #require(cells[2].deviation) - 13.0.squareRoot()) < 1e-9)
      #expect(cells[2].missingSeeds.isEmpty && cells[2].results.map(\.seed) == [0, 1, 2])
      #expect(cells[1].mean == 50 && cells[1].deviation == nil && cells[1].missingSeeds == [0, 2])
      #expect(cells[0].mean == nil && cells[0].missingSeeds == [0, 1, 2])
      #expect(cells.map(\.paper) == [nil, 52.5, 76.1])
    }
  }

  @Test func theTextShowsBestPaperProfileAndWhatIsMissing() throws {
    try withFolder { runs in
      for (seed, fine) in [0.91, 0.93, 0.98].enumerated() {
        try add(.spread, seed: seed, fine: fine, to: runs)
      }
      try add(.supcon, seed: 1, fine: 0.5, to: runs)
      let text = try table(runs).markdown
      let head = """
        ## Table 2: Fine accuracy (%)

        | data set | L_SS | paper | L_SC          | paper | L_spread       | paper    |
        |----------|------|-------|---------------|-------|----------------|----------|
        | Digits   | -    |       | 50.0 (1 of 3) | 52.5  | **94.0 ± 3.6** | **76.1** |
        | Absent   | -    |       | -             |       | -              |          |

        """
      #expect(text.hasPrefix(head), "\(text)")
      #expect(
        text.contains(
          "* Digits: profile quick; ViT 4 x 96; 20 epochs; 54,000 training images; seeds 0, 1, 2."))
      #expect(
        text.hasSuffix(
          """
          ### Missing

          * Digits, L_SS: no complete run with seed 0, 1, 2.
          * Digits, L_SC: no complete run with seed 0, 2.
          * Absent: it needs a file.

          """))
      #expect(text.contains("| Digits   | L_spread | 94.0 | 25.0 | 50.0   | 0.000 "))
      #expect(!text.contains("| Digits   | L_SS "))
    }
  }

  @Test func equalFiguresAreBothBestAndALoneOneIsNot() throws {
    try withFolder { runs in
      try add(.supcon, seed: 0, fine: 0.9002, to: runs)
      #expect(try !table(runs, seeds: [0]).markdown.contains("**90.0**"))
      try add(.spread, seed: 0, fine: 0.8998, to: runs)
      try add(.selfSupervised, seed: 0, fine: 0.8, to: runs)
      let text = try table(runs, seeds: [0]).markdown
      #expect(text.contains("| 80.0 |       | **90.0** | 52.5  | **90.0** | **76.1** |"), "\(text)")
      #expect(text.contains("seed 0.") && !text.contains("±"))
    }
  }

  @Test func whatDiffersBetweenRunsIsListed() throws {
    try withFolder { runs in
      try add(.supcon, seed: 0, fine: 0.9, images: 100, to: runs)
      try add(.spread, seed: 0, fine: 0.9, images: 2000, to: runs)
      #expect(try table(runs).markdown.contains("100 / 2,000 training images"))
    }
  }

  @Test func aTableShowsTheMeasureThatItIsAbout() throws {
    try withFolder { runs in
      try add(.spread, seed: 0, fine: 0.9, coarse: 0.75, to: runs)
      #expect(try table(runs, measure: .coarseAccuracy).rows[0].cells[2].values == [75])
      #expect(try table(runs, measure: .neighbourAccuracy).rows[0].cells[2].values == [25])
    }
  }

  @Test func anEmptyTableHasNoFiguresToExplain() throws {
    try withFolder { runs in
      let text = try table(runs).markdown
      #expect(!text.contains("Mean and standard deviation") && !text.contains("in more detail"))
      #expect(text.contains("| Digits   | -    |       | -    | 52.5  | -        | **76.1** |"), "\(text)")
    }
  }

  @Test func aSentenceEndsOnce() throws {
    var table = ResultTable(definition: TableDefinition(), rows: [])
    table.rows = [
      ResultTable.Row(title: "A", cells: [], missing: "Get it."), .init(title: "B", cells: [], missing: "no"),
    ]
    table.definition.losses = []
    #expect(table.markdown.hasSuffix("* A: Get it.\n* B: no.\n"))
  }

  @Test(arguments: [
    (0, "0"), (999, "999"), (1000, "1,000"), (54_000, "54,000"), (1_234_567, "1,234,567"), (-1000, "-1,000"),
  ])
  func thousandsStandApart(number: Int, text: String) { #expect(grouped(number) == text) }

  @Test(arguments: [
    ("{\"rows\": [{\"title\": \"A\"}]}", "must say in `missing` why"),
    ("{\"rows\": [{\"experiment\": \"a\", \"missing\": \"b\"}]}", "has no effect here"),
    ("{\"losses\": []}", "one or more different losses"), ("{\"measure\": \"fine\"}", "nearest"),
    ("{\"rows\": [{\"experiment\": \"a\", \"paper\": {\"spred\": 3}}]}", "nearest"),
    ("{\"rows\": [{\"experiment\": \"a\", \"paper\": {\"spread\": 101}}]}", "not in 0...100"),
  ]) func mistakesInADefinitionAreNamed(text: String, part: String) throws {
    let message = try #require(failure { try TableDefinition(json: text, source: "t.json") })
    #expect(message.hasPrefix("t.json, line 1") && message.contains(part), "\(message)")
  }
}
