import ArgumentParser
import Basics
import Benchmarking
import Experiments
import Foundation

struct Reading: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data",
    abstract: "Reading of a data set from its files into memory.",
    discussion: """
      Decompression, every check and the copying of the pixels to their place. --beside FILE times `gzip -dc FILE` in turn with it.

      EXAMPLES
        spread-bench data mnist --data ~/data
        spread-bench data cifar10 --data ~/data --beside ~/data/cifar10/cifar-10-binary.tar.gz
      """)

  @Argument(help: "The data set: \(DataSettings.Name.allCases.map(\.rawValue).joined(separator: ", ")).")
  var name: DataSettings.Name
  @Option(
    help: ArgumentHelp(
      "Where data sets are (default: the environment variable SPREAD_DATA).", valueName: "folder"))
  var data: UserPath?
  @Option(help: ArgumentHelp("A gzipped file to decompress in turn with the reading.", valueName: "file"))
  var beside: UserPath?
  @OptionGroup var common: CommonOptions

  func run() throws {
    common.apply()
    let machine = Machine.current
    let folder = data?.path ?? DataSettings.folderOfEnvironment
    let results = try ReadingBenchmark.run(
      name.rawValue, folder: folder, beside: beside?.path, runs: common.runs, machine: machine)
    try common.report(results, machine)
    if results.count == 2, !common.json {
      let ratio = results[0].medianSeconds / results[1].medianSeconds
      try StandardOutput.line("ratio of the medians: \(String(format: "%.2f", ratio))")
    }
  }
}

extension DataSettings.Name: ExpressibleByArgument {}
