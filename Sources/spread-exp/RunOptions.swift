import ArgumentParser
import Basics
import Foundation

/// What every command takes that runs experiments or looks at runs.
struct RunOptions: ParsableArguments {
  @Option(
    help:
      "smoke (seconds), quick (minutes; the default where the file has it), efficient (an hour or two), paper (days), or another of the file's."
  )
  var profile: String?

  @Option(
    name: .customLong("seed"), help: "A seed to train with instead of the experiment's; may be repeated.")
  var seeds: [Int] = []

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Override one setting: loss.temperature=0.2, seeds=[1,2], optimiser.name=sgd; may be repeated.",
      valueName: "path=value"))
  var overrides: [String] = []

  @Option(help: ArgumentHelp("Where run folders are.", valueName: "folder"))
  var runs = UserPath("runs")

  func validate() throws {
    guard seeds.allSatisfy({ (0...Int(Int32.max)).contains($0) }) else {
      throw ValidationError("--seed must be in 0...\(Int32.max)")
    }
    guard Set(seeds).count == seeds.count else { throw ValidationError("a --seed is given twice") }
  }

  var runsFolder: URL { runs.folder }
}
