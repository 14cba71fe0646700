import ArgumentParser
import Foundation
import Reproduction

extension TableFormat: ExpressibleByArgument {}

/// How a command shows its table.
struct TableOptions: ParsableArguments {
  @Option(help: "markdown, csv (a line for each data set and loss), latex (for booktabs) or json.")
  var format = TableFormat.markdown

  @Option(help: ArgumentHelp("Also write the table to this file.", valueName: "file"))
  var output: String?

  func show(_ table: ResultTable) throws {
    print(table.text(format), terminator: "")
    if let output { try table.write(format, to: URL(fileURLWithPath: output)) }
  }
}

struct Reproduce: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs what is missing of a table of the paper, and prints it.",
    discussion: """
      Every row whose data are found is trained, in an order that shows something of each early: seed by seed, row by \
      row, loss by loss. A run that fails is told at the end and does not stop the others. A row whose data are missing \
      says which file it needs and where that comes from.

      EXAMPLES
        spread-exp reproduce 2
        spread-exp reproduce 2 --profile smoke --output table2.md
      """)

  @Argument(help: "The table's number in the paper: 2, 4 or A2.")
  var table: String

  @OptionGroup var form: TableOptions

  @OptionGroup var options: RunOptions
  @OptionGroup var machine: MachineOptions

  func run() throws {
    let definition = try TableDefinition.find(table)
    let runner = ExperimentRunner(
      runs: options.runsFolder, dataFolder: machine.dataFolder, threads: machine.threads)
    let outcome = try runner.run(
      definition, profile: options.profile, overrides: options.overrides, seeds: options.seeds)
    try form.show(outcome.table)
    guard outcome.failures.isEmpty else {
      let list = outcome.failures.map { "  \($0)\n" }.joined()
      FileHandle.standardError.write(Data("Failed:\n\(list)".utf8))
      throw ExitCode.failure
    }
  }
}

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

  @Argument(help: "The table's number in the paper: 2, 4 or A2.")
  var number: String

  @OptionGroup var form: TableOptions

  @OptionGroup var options: RunOptions

  func run() throws {
    let table = try ResultTable(
      TableDefinition.find(number), profile: options.profile, overrides: options.overrides,
      seeds: options.seeds,
      runs: options.runsFolder)
    try form.show(table)
  }
}

struct Schema: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prints the JSON schema of experiment files, for editors.")

  func run() throws { print(ExperimentFile.schema, terminator: "") }
}
