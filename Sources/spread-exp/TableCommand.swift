import ArgumentParser
import Experiments
import Foundation
import Reports

struct TableCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "table",
    abstract: "Prints a table of the paper from the run folders that are there, training nothing.",
    discussion: """
      Only runs whose saved configuration is what the experiment says now (with --set, as given here) are taken.

      EXAMPLES
        spread-exp table 2
        spread-exp table 4 --format latex --output table4.tex
        spread-exp table 2 --profile paper --runs /mnt/runs --output table2.md
      """)

  @Argument(help: "The table's number in the paper: \(TableDefinition.numbers).")
  var number: String

  @OptionGroup var form: TableOptions

  @OptionGroup var options: RunOptions

  func run() throws {
    try form.check()
    let table = try ResultTable(
      TableDefinition.find(number), profile: options.profile, overrides: options.overrides,
      seeds: options.seeds,
      runs: options.runsFolder)
    try form.show(table)
  }
}
