import ArgumentParser
import Basics
import Experiments
import Foundation
import Scheduling

extension RunEntry.State: ExpressibleByArgument {}

struct Runs: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lists runs with their figures, or compares two.",
    discussion: """
      A run's name is its folder below the folder of runs, as the list has it; --compare also takes paths. The comparison \
      shows the settings in which the two differ, and their figures side by side.

      EXAMPLES
        spread-exp runs --experiment mnist-coarse --loss spread
        spread-exp runs --state stopped --state failed
        spread-exp runs --json
        spread-exp runs --compare mnist-coarse/quick/supcon-1b2c3d4e/seed-0 mnist-coarse/quick/spread-5f6a7b8c/seed-0
      """)

  @OptionGroup var filter: RunFilter

  @Option(
    name: .customLong("state"), help: "complete, running, failed, stopped or waiting; may be repeated.")
  var states: [RunEntry.State] = []

  @Option(
    name: .customLong("compare"), parsing: .upToNextOption,
    help: ArgumentHelp("Compare two runs: --compare A B.", valueName: "run"))
  var compared: [UserPath] = []

  @Flag(help: "Print JSON: an array of runs.")
  var json = false

  func validate() throws {
    guard [0, 2].contains(compared.count) else { throw ValidationError("--compare takes two runs") }
    if json, !compared.isEmpty { throw ValidationError("--compare prints text; --json lists") }
  }

  func run() throws {
    let inventory = filter.inventory
    if compared.count == 2 {
      let (a, b) = (
        try inventory.entry(named: compared[0].path), try inventory.entry(named: compared[1].path)
      )
      try StandardOutput.write(RunEntry.comparison(a, b))
      return
    }
    let entries = inventory.entries.filter {
      filter.matches($0) && (states.isEmpty || states.contains($0.state))
    }
    if json {
      try StandardOutput.json(RunEntry.json(entries))
    } else {
      try StandardOutput.write(RunEntry.table(entries))
    }
    for run in inventory.damaged { StandardError.line("damaged: \(run.name): \(run.problem)") }
  }
}
