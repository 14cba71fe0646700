import ArgumentParser
import Basics
import Experiments
import Foundation
import Reports
import Scheduling

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

  @Argument(help: "The table's number in the paper: \(TableDefinition.numbers).")
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
