import ArgumentParser
import Basics
import Experiments
import Foundation
import Reports
import Scheduling

extension TableFormat: ExpressibleByArgument {}

/// How a command shows its table.
struct TableOptions: ParsableArguments {
  @Option(help: "markdown, csv (a line for each data set and loss), latex (for booktabs) or json.")
  var format = TableFormat.markdown

  @Option(help: ArgumentHelp("Also write the table to this file.", valueName: "file"))
  var output: UserPath?

  /// Finds out whether the table could be written, before runs are run for it.
  func check() throws {
    guard let output else { return }
    let experiments = ExperimentLookup.allFiles.map { (option: "an experiment", path: $0.path) }
    if let clash = WholeFile.clash(outputs: [("--output", output.path)], inputs: experiments) {
      throw ValidationError(clash)
    }
    try WholeFile.check(output.path)
  }

  func show(_ table: ResultTable) throws {
    if let output { try table.write(format, to: output.file) }
    let text = table.text(format)
    if format == .json { try StandardOutput.json(text) } else { try StandardOutput.write(text) }
  }
}

struct Reproduce: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs what is missing of a table of the paper, and prints it.",
    discussion: """
      Every row whose data are found is trained, in an order that shows something of each early: seed by seed, row by \
      row, loss by loss. Several runs go side by side, each in a process of its own that writes to run.log in its folder. A \
      run that fails is told at the end, with its log, and does not stop the others. A row whose data are missing \
      says which file it needs and where that comes from.

      Ctrl-C, or SIGTERM, saves every run; the same command goes on. The same command given twice, also on machines that \
      share the folder of runs, shares the work: a run that another process works on is passed over, and waited for at \
      the end. Run folders made elsewhere count when they are copied here.

      EXAMPLES
        spread-exp reproduce 2
        spread-exp reproduce 4 --jobs 4 --threads 2
        spread-exp reproduce 2 --profile smoke --output table2.md
        spread-exp reproduce 2 --profile paper --slice 3/10      # on the third of ten machines
      """)

  @Argument(help: "The table's number in the paper: 2, 4 or A2.")
  var table: String

  @OptionGroup var form: TableOptions
  @OptionGroup var options: RunOptions
  @OptionGroup var queue: QueueOptions
  @OptionGroup var machine: MachineOptions

  @Option(
    help: ArgumentHelp(
      "Run only the i-th of n parts of the table, which together are the whole: one for each of n machines.",
      valueName: "i/n"),
    transform: RunSlice.init(argument:))
  var slice: RunSlice?

  func run() throws {
    try form.check()
    let definition = try TableDefinition.find(table)
    let plan = try TablePlan(
      definition, profile: options.profile, overrides: options.overrides, seeds: options.seeds,
      runs: options.runsFolder, dataFolder: machine.dataFolder)
    for note in plan.notes { StandardError.line(note) }
    machine.noteSlowKernels()
    let part = slice.map { ", part \($0.number) of \($0.count)" } ?? ""
    let outcome = try RunQueue(
      "table \(table)\(part)", plan.planned { slice?.of($0) ?? $0 }, runs: options.runsFolder,
      options: queue.options(machine)
    ).run()
    try form.show(plan.table())
    try queue.report(outcome, failures: plan.failures)
  }
}

extension RunSlice {
  fileprivate init(argument: String) throws {
    guard let slice = RunSlice(argument) else {
      throw ValidationError("\"\(argument)\" is not a part i/n, with i in 1...n, such as 3/10")
    }
    self = slice
  }
}

/// How several runs are run at a time.
struct QueueOptions: ParsableArguments {
  @Option(
    help:
      "Runs side by side (default: the cores divided by --threads; without --threads a run for each core).")
  var jobs: Int?

  @Flag(help: "At the end do not wait for runs that other processes work on; say which.")
  var noWait = false

  func validate() throws {
    if let jobs, !(1...1024).contains(jobs) { throw ValidationError("--jobs must be in 1...1024") }
  }

  func options(_ machine: MachineOptions) -> RunQueue.Options {
    var options = RunQueue.Options()
    (options.jobs, options.threads, options.waits) = (jobs, machine.threads, !noWait)
    options.dataFolder = machine.dataFolder?.path
    return options
  }

  /// Tells what is not done; a failure has the code 1.
  func report(_ outcome: RunQueue.Outcome, failures: [String] = []) throws {
    func tell(_ head: String, _ lines: [String]) {
      guard !lines.isEmpty else { return }
      StandardError.line("\(head):\n" + lines.map { "  \($0)" }.joined(separator: "\n"))
    }
    tell("Other processes still work on", outcome.elsewhere)
    let failures = failures + outcome.failures
    tell("Failed", failures)
    if !failures.isEmpty { throw ExitCode.failure }
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
    try form.check()
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

  func run() throws { try StandardOutput.json(ExperimentFile.schema) }
}
