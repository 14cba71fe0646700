import Foundation
import Testing

extension ProgramTests {
  @Suite struct DryRunCommandTests {
    @Test func aDryRunPrintsEveryRunAndLeavesTheFolderAsItWas() throws {
      let folder = try tinyFolder()
      let arguments = ["--config", "tiny", "--seed", "0", "--seed", "4"]
      func dryRun() throws -> String {
        let outcome = try Program.experiments.run(arguments + ["--dry-run"], in: folder.url)
        #expect(outcome.code == 0 && outcome.errors.isEmpty, "\(outcome)")
        return outcome.output
      }
      let fresh = try dryRun()
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["tiny.json"])
      #expect(
        fresh.matches(
          of: /seed [04]: runs\/tiny\/quick\/\w+-[0-9a-f]{8}\/seed-[04], not begun, about \d+ s to go\n/
        ).count == 4)
      #expect(
        fresh.contains(
          /step: 32 images in two views, \d+\.\d million multiply-adds, \d+\.\d ms with 1 threads/))
      #expect(fresh.contains("2 epochs of 5 steps, 10 in all") && fresh.contains("4 runs to do"))
      // The folders that it names are those that training makes.
      #expect(try Program.experiments.run(arguments + ["--loss", "spread"], in: folder.url).code == 0)
      for run in RunFiles.folders(in: folder.url.appendingPathComponent("runs")) {
        let path = run.pathComponents.suffix(4).joined(separator: "/")
        #expect(fresh.contains("runs/\(path), not begun"))
        #expect(try dryRun().contains("runs/\(path), complete\n"))
      }
      #expect(try dryRun().contains("2 runs to do"))
    }
  }
}
