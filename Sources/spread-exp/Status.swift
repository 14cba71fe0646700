import ArgumentParser
import Basics
import Foundation
import Scheduling

struct Status: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Shows which runs go on where, how far they are, and which were stopped or failed.",
    discussion: """
      It reads the run folders alone, so it may be asked from anywhere that sees them, while runs go on.

      EXAMPLES
        spread-exp status
        watch spread-exp status --runs /mnt/runs
      """)

  @Option(help: ArgumentHelp("Where run folders are.", valueName: "folder"))
  var runs = UserPath("runs")

  func run() throws {
    try StandardOutput.write(RunInventory(runs.folder).status)
  }
}
