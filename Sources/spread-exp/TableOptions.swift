import ArgumentParser
import Basics
import Experiments
import Foundation
import Reports

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
