import Foundation
import TestSupport
import Testing

extension ProgramTests {
  @Suite struct SweepCommandTests {
    let folder: TemporaryFolder

    init() throws { folder = try tinyFolder() }

    private func train(_ arguments: String...) throws -> Outcome {
      try Program.experiments.run(["--config", "tiny"] + arguments, in: folder.url)
    }

    @Test func aSweepEndsInATableAndAPlot() throws {
      let arguments = ["--grid", "loss.alpha=0,0.5,1", "--grid", "epochs=1,2"]
      let outcome = try train(arguments[0], arguments[1], arguments[2], arguments[3], "--jobs", "2")
      #expect(outcome.code == 0, "\(outcome)")
      // L_spread at six points, and L_SC, which has no alpha, at two.
      #expect(
        outcome.errors.contains("sweep of loss.alpha, epochs: 8 runs, 0 of them complete already"),
        "\(outcome.errors)")
      let rows = outcome.output.split(separator: "\n").filter { $0.hasPrefix("| ") }
      #expect(rows.count == 1 + 12 && rows[0].hasPrefix("| loss.alpha | epochs | loss "))
      #expect(rows.dropFirst().allSatisfy { !$0.contains(" - ") })
      let beside = "runs/tiny/quick/sweep-loss.alpha-epochs"
      #expect(outcome.output.hasSuffix("\n\(folder.file(beside)).csv\n\(folder.file(beside)).svg\n"))
      #expect(folder.text("\(beside).csv").split(separator: "\n").count == 13)
      let svg = folder.text("\(beside).svg")
      #expect(svg.hasPrefix("<svg ") && svg.hasSuffix("</svg>\n") && svg.contains("fine, L_spread, epochs=2"))
      // The point of a sweep is the run of these settings.
      let single = try train("--loss", "spread", "--set", "loss.alpha=0.5", "--set", "epochs=2")
      #expect(single.code == 0 && single.errors.contains("complete already"))
      let again = try train(arguments[0], arguments[1], arguments[2], arguments[3])
      #expect(again.output == outcome.output && again.errors.contains("8 runs, 8 of them complete already"))
    }

    @Test func aDryRunOfASweepTrainsNothing() throws {
      let outcome = try train("--grid", "loss.alpha=0,0.5,1", "--seed", "0", "--dry-run")
      // L_spread at three points, and L_SC, which has no alpha.
      #expect(outcome.code == 0 && outcome.output.contains("4 runs to do"), "\(outcome)")
      #expect(!FileManager.default.fileExists(atPath: folder.file("runs")))
    }

    @Test func aMistakeInAGridIsUsage() throws {
      expectError(try train("--grid", "loss.alpa=0,1"), code: 64, naming: "nearest: `loss.alpha`")
      expectError(try train("--grid", "loss.alpha"), code: 64, naming: "--grid loss.alpha", "path=value")
      expectError(try train("--grid", "loss.alpha=0,2"), code: 64, naming: "loss.alpha", "0...1")
      #expect(!FileManager.default.fileExists(atPath: folder.file("runs")))
    }

    @Test func anExperimentGoesThroughTheQueueWhenAskedTo() throws {
      let queued = try train("--jobs", "2")
      #expect(
        queued.code == 0 && queued.errors.contains("tiny: 2 runs, 0 of them complete already"), "\(queued)")
      #expect(try train("--runs", "others").output == queued.output)
    }
  }
}
