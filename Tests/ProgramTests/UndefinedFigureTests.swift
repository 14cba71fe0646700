import Foundation
import TestSupport
import Testing

extension ProgramTests {
  /// A figure that a run cannot have is said to be undefined, and the run is kept.
  @Suite struct UndefinedFigureTests {
    let folder: TemporaryFolder

    /// ISIC's files, on pictures that are not of skin, without a malignant test image.
    init() throws {
      folder = try TemporaryFolder()
      let sheet = try Program.experiments.run(
        ["data", "glyphs", "--preview", "sheet.png", "--count", "1"], in: folder.url)
      #expect(sheet.code == 0, "\(sheet)")
      let picture = try Data(contentsOf: folder.url.appendingPathComponent("sheet.png"))
      var rows = ["image,malignant,patch,split"]
      for number in 0..<24 {
        let split = number < 12 ? "train" : number < 18 ? "validation" : "test"
        try folder.write(picture, "data/isic/images/ISIC_\(number).png")
        rows.append("ISIC_\(number),\(split == "test" ? 0 : number % 2),\(number / 2 % 2),\(split)")
      }
      try folder.write(rows.joined(separator: "\n"), "data/isic/labels.csv")
    }

    private func run(_ arguments: String...) throws -> Outcome {
      try Program.experiments.run(arguments, in: folder.url)
    }

    @Test func theReasonIsSaidAndTheRunKept() throws {
      let trained = try run(
        "--config", "isic", "--profile", "smoke", "--loss", "spread", "--data", "data")
      #expect(trained.code == 0, "\(trained)")
      let reason = "no malignant test image"
      let lines = trained.errors.split(separator: "\n")
      let warning = try #require(lines.firstIndex { $0.contains("warning: ") && $0.contains(reason) })
      let first = try #require(lines.firstIndex { $0.contains("epoch 1/") })
      #expect(warning < first && lines.last?.contains("undefined: \(reason), in ") == true, "\(trained)")
      #expect(trained.output.contains(/\| ISIC +\| - +\|/), "\(trained)")
      #expect(trained.output.contains("* ISIC, L_spread, seed 0: undefined: \(reason).\n"), "\(trained)")
      let result = try RunFiles(in: folder.url.appendingPathComponent("runs")).json("result.json")
      #expect(result["undefined"] as? [String: String] == ["areaUnderROC": reason])

      let table = try run("table", "4", "--profile", "smoke", "--format", "json").json()
      let rows = try #require(table["rows"] as? [[String: Any]])
      let row = try #require(rows.first { ($0["title"] as? String)?.hasPrefix("ISIC") == true })
      let cell = try #require(
        (row["cells"] as? [[String: Any]])?.first { $0["loss"] as? String == "L_spread" })
      let kept = try #require(cell["runs"] as? [[String: Any]])
      #expect(kept.count == 1 && kept[0]["value"] is NSNull && cell["mean"] is NSNull)
      #expect((cell["missingSeeds"] as? [Int])?.isEmpty == true)
      let csv = try run("table", "4", "--profile", "smoke", "--format", "csv").output
      #expect(
        csv.contains(/ISIC \(AUROC\),L_spread,areaUnderROC,,,,90.0,0,,smoke.*,no malignant test image\n/))
    }
  }
}
