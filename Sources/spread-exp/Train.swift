import ArgumentParser
import Basics
import ContrastiveLosses
import Experiments
import Foundation
import Reports
import Scheduling

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Trains the losses of an experiment, seed by seed, and prints the row of the table.",
    discussion: """
      An experiment is a JSON file. A bare name is looked for in the working directory, then in Experiments/ there, then \
      in Experiments/ beside the package that the program was built in; .json may be left out. Without a loss.name in the \
      file, every loss that it lists is trained in turn.

      Layers, each winning over those before it: defaults, the file, its profile, its entry for the loss, --set. An \
      unknown key is an error that names the nearest valid one. What results is saved in the run's folder as \
      configuration.json, and --print-configuration shows it without training.

      Each run's folder also holds event files for TensorBoard, unless tensorBoard.enabled is false.

      Progress goes to standard error, the row of the table to standard output.

      --grid runs every combination of the values of one or more settings, several at a time as `reproduce` does, and ends in \
      a table of accuracies and of how far classes collapse. Beside the runs it leaves sweep-SETTING.csv, a line a run, and \
      sweep-SETTING.svg, a plot that a browser shows.

      EXAMPLES
        spread-exp train --config glyphs-coarse.json
        spread-exp train --config mnist-coarse.json --data ~/data --profile paper --loss spread --seed 0
        spread-exp train --config glyphs-coarse --set epochs=20 --print-configuration
        spread-exp train --config cifar10-coarse --data ~/data --profile paper --dry-run
        tensorboard --logdir runs
        spread-exp train --config glyphs-coarse --loss spread --grid loss.alpha=0,0.25,0.5,0.75,1
      """)

  @Option(
    help: ArgumentHelp("The experiment: a file, or the name of one in Experiments/.", valueName: "file"))
  var config: UserPath

  @Option(name: .customLong("loss"), help: "Train this loss only; may be repeated.")
  var losses: [ContrastiveLoss] = []

  @Option(
    name: .customLong("grid"),
    help: ArgumentHelp(
      "Try each of these values: loss.alpha=0,0.5,1; repeated, every combination.", valueName: "path=values"))
  var grids: [String] = []

  @OptionGroup var options: RunOptions
  @OptionGroup var queue: QueueOptions
  @OptionGroup var machine: MachineOptions

  func validate() throws {
    guard Set(losses).count == losses.count else { throw ValidationError("a --loss is given twice") }
  }

  @Flag(help: "Print the configuration of each loss with every default in place, and train nothing.")
  var printConfiguration = false

  @Flag(
    help: ArgumentHelp(
      "Print what each run would be and train nothing: parameters, multiply-adds and time of a step, memory, steps, about how "
        + "long it takes, its folder and what is there already."))
  var dryRun = false

  func run() throws {
    let file = try ExperimentFile(contentsOf: ExperimentLookup.find(config.path))
    if !grids.isEmpty { return try sweep(file) }
    let configurations = try file.configurations(
      profile: options.profile, overrides: options.overrides, losses: losses)
    if printConfiguration {
      for configuration in configurations { try StandardOutput.json(configuration.json) }
      return
    }
    try noteDefaults(of: file)
    if dryRun { return try showDryRun(configurations) }
    if queue.jobs != nil {
      let outcome = try RunQueue(
        configurations[0].experiment, PlannedRun.order([configurations], seeds: options.seeds),
        runs: options.runsFolder, options: queue.options(machine)
      ).run()
      try showRow(configurations)
      return try queue.report(outcome)
    }
    let runner = ExperimentRunner(
      runs: options.runsFolder, dataFolder: machine.dataFolder, threads: machine.threads)
    try runner.run(configurations, seeds: options.seeds)
    try showRow(configurations)
  }

  /// Tells what decides much and was not asked for.
  private func noteDefaults(of file: ExperimentFile) throws {
    if let note = try file.noteOnDataSet(profile: options.profile, overrides: options.overrides) {
      StandardError.line("note: \(note)")
    }
    machine.noteSlowKernels()
  }

  private func showDryRun(_ configurations: [ExperimentConfiguration]) throws {
    let dryRun = DryRun(runs: options.runsFolder, dataFolder: machine.dataFolder, threads: machine.threads)
    try StandardOutput.write(dryRun.report(configurations, seeds: options.seeds))
  }

  private func showRow(_ configurations: [ExperimentConfiguration]) throws {
    try StandardOutput.write(
      ResultTable(experiment: configurations, seeds: options.seeds, runs: options.runsFolder).markdown)
  }

  private func sweep(_ file: ExperimentFile) throws {
    let sweep = try Sweep(
      file, grid: Grid(grids), profile: options.profile, overrides: options.overrides, losses: losses,
      seeds: options.seeds, runs: options.runsFolder)
    if printConfiguration {
      for run in sweep.planned { try StandardOutput.json(run.configuration.json) }
      return
    }
    try noteDefaults(of: file)
    if dryRun { return try showDryRun(sweep.configurations) }
    let outcome = try RunQueue(
      "sweep of \(sweep.grid.axes.map(\.path).joined(separator: ", "))", sweep.planned,
      runs: options.runsFolder,
      options: queue.options(machine)
    ).run()
    let table = try SweepTable(sweep)
    try table.write()
    try StandardOutput.write(table.markdown)
    for suffix in [".csv", ".svg"] {
      let file = sweep.file(suffix)
      if FileManager.default.fileExists(atPath: file.path) { try StandardOutput.write("\n\(file.path)") }
    }
    try StandardOutput.line()
    try queue.report(outcome)
  }
}
