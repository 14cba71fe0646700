import Foundation
import TestSupport
import Testing

extension ProgramTests {
  @Suite struct TableTests {
    let folder: TemporaryFolder

    /// A table of the tests' own: the tiny experiment, one that diverges, and one that cannot be run.
    init() throws {
      folder = try tinyFolder()
      try folder.write(
        """
        {
          "number": "9", "title": "Small things", "losses": ["supcon", "spread"],
          "rows": [
            {"title": "Tiny", "experiment": "tiny", "paper": {"supcon": 52.5, "spread": 76.1}},
            {"title": "Absent", "missing": "it needs absent.tar.gz from https://example.org", "paper": {"spread": 3}}
          ]
        }
        """, "table9.json")
    }

    private func run(_ arguments: String...) throws -> Outcome {
      try Program.experiments.run(arguments, in: folder.url)
    }

    /// The cells of the first row that begins so.
    private func cells(_ output: String, _ title: String) throws -> [String] {
      let line = try #require(
        output.split(separator: "\n").first { $0.hasPrefix("| \(title) ") }, "\(output)")
      return line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
    }

    @Test func aTableIsMadeOfItsRuns() throws {
      let made = try run("reproduce", "9", "--seed", "0", "--seed", "1", "--seed", "2", "--output", "out.md")
      #expect(made.code == 0, "\(made)")
      #expect(folder.text("out.md") == made.output)
      #expect(made.output.hasPrefix("## Table 9: Small things (%)\n"))

      // Every figure again from the run folders, by themselves.
      let results = try RunFiles.folders(in: folder.url.appendingPathComponent("runs")).map {
        try RunFiles($0).json("result.json")
      }
      #expect(results.count == 6)
      func texts(_ loss: String) -> (mean: Double, text: String) {
        let values = results.filter { $0["loss"] as? String == loss }.map {
          100 * (($0["figures"] as? [String: Double])?["fineAccuracy"] ?? 0)
        }
        let mean = values.reduce(0, +) / 3
        let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 2).squareRoot()
        return (mean, String(format: "%.1f ± %.1f", mean, deviation))
      }
      let (supcon, spread) = (texts("supcon"), texts("spread"))
      func bold(_ text: String, _ isBest: Bool) -> String { isBest ? "**\(text)**" : text }
      let row = [
        "Tiny", bold(supcon.text, supcon.mean >= spread.mean - 0.04), "52.5",
        bold(spread.text, spread.mean >= supcon.mean - 0.04), "**76.1**",
      ]
      #expect(try cells(made.output, "Tiny") == row)
      #expect(try cells(made.output, "Absent") == ["Absent", "-", "", "-", "3.0"])
      #expect(made.output.contains("* Absent: it needs absent.tar.gz from https://example.org."))
      #expect(
        made.output.contains(
          "* Tiny: profile quick; ViT 1 x 16, 2 heads, patch 7; 2 epochs; 180 training images; seeds 0, 1, 2."
        ))

      // From the folders alone: also where nothing could be trained.
      let table = try run("table", "9", "--seed", "0", "--seed", "1", "--seed", "2")
      #expect(table.code == 0 && table.output == made.output && table.errors.isEmpty)
      // A seed that was never run is missed, in the cell and below the table.
      let more = try run("table", "9", "--seed", "0", "--seed", "8")
      #expect(try cells(more.output, "Tiny")[1].hasSuffix("(1 of 2)"))
      #expect(more.output.contains("* Tiny, L_SC: no complete run with seed 8."))
      // In the other forms, the same figures.
      let csv = try run("table", "9", "--format", "csv", "--output", "out.csv")
      #expect(csv.output.contains("9,Tiny,L_SC,fineAccuracy,") && folder.text("out.csv") == csv.output)
      let json = try run("table", "9", "--format", "json").json()
      #expect((json["rows"] as? [[String: Any]])?.map { $0["title"] as? String } == ["Tiny", "Absent"])
      #expect(try run("table", "9", "--format", "latex").output.contains("\\begin{tabular}{lrrrr}"))
      expectError(try run("table", "9", "--format", "docx"), code: 64, naming: "docx")
      // Other settings are other runs.
      let others = try run("table", "9", "--set", "epochs=3")
      #expect(try cells(others.output, "Tiny") == ["Tiny", "-", "52.5", "-", "**76.1**"])
      #expect(RunFiles.folders(in: folder.url.appendingPathComponent("runs")).count == 6)
    }

    @Test func aRunThatFailsIsToldAndDoesNotStopTheOthers() throws {
      try folder.write(
        tinyExperiment.replacingOccurrences(of: "\"tiny\"", with: "\"wild\"").replacingOccurrences(
          of: "\"seeds\"", with: "\"optimiser\": {\"rate\": 1000}, \"seeds\""), "wild.json")
      let rows = #"{"title": "Wild", "experiment": "wild"}, {"title": "Tiny","#
      try folder.write(
        folder.text("table9.json").replacingOccurrences(of: #"{"title": "Tiny","#, with: rows), "table9.json")
      let outcome = try run("reproduce", "9", "--set", "epochs=20")
      #expect(outcome.code == 1, "\(outcome)")
      #expect(try cells(outcome.output, "Wild")[1] == "-" && cells(outcome.output, "Tiny")[1] != "-")
      let failures = outcome.errors.components(separatedBy: "Failed:\n").last ?? ""
      let told = failures.split(separator: "\n")
      #expect(told.count == 2 && told.allSatisfy { $0.contains("optimiser.rate") }, "\(failures)")
      #expect(told.first?.hasPrefix("  wild L_SC seed 0: the ") == true, "\(failures)")
      // The log that is named says more.
      let log = try #require(told.first?.components(separatedBy: "log: ").last)
      let text = try String(contentsOfFile: log, encoding: .utf8)
      #expect(text.contains("wild L_SC seed 0: starts, 180 training images") && text.contains("Error: the "))
    }

    @Test func aDamagedResultIsNamed() throws {
      #expect(try run("reproduce", "9").code == 0)
      let run = RunFiles(RunFiles.folders(in: folder.url.appendingPathComponent("runs"))[0])
      try Data("{".utf8).write(to: run.file("result.json"))
      expectError(
        try self.run("table", "9"), code: 1, naming: run.file("result.json").path, "Remove it and")
    }

    @Test func unknownTablesAreUsage() throws {
      for command in ["reproduce", "table"] {
        expectError(try run(command, "77"), code: 64, naming: "table 77", "2, 4, 9, A2")
      }
    }

    /// The command of the README, as shipped.
    @Test func tableTwoIsReproducedInSmokeProfile() throws {
      let outcome = try run("reproduce", "2", "--profile", "smoke")
      #expect(outcome.code == 0, "\(outcome)")
      #expect(outcome.output.contains("| L_SS ") && outcome.output.contains("| L_spread "))
      let glyphs = try cells(outcome.output, "Glyphs-Coarse")
      for place in [1, 3, 5] {
        let text = glyphs[place].replacingOccurrences(of: "*", with: "")
        #expect((0...100).contains(try #require(Double(text), "\(glyphs)")))
      }
      #expect(
        try cells(outcome.output, "MNIST-Coarse") == [
          "MNIST-Coarse", "-", "97.1", "-", "98.8", "-", "**99.0**",
        ])
      let missing = try #require(
        outcome.output.split(separator: "\n").first { $0.hasPrefix("* MNIST-Coarse: ") })
      for part in ["train-images-idx3-ubyte.gz", "https://", "--data", "SPREAD_DATA"] {
        #expect(missing.contains(part))
      }
      #expect(!missing.hasSuffix(".."))
      #expect(outcome.output.contains("* Glyphs-Coarse: profile smoke; "))
      let table = try run("table", "2", "--profile", "smoke")
      #expect(try cells(table.output, "Glyphs-Coarse") == glyphs)
    }
  }
}
