import ArgumentParser
import Basics
import Benchmarking
import Experiments

struct All: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Everything: products, convolutions, training steps, losses, views.",
    discussion: """
      Minutes. Each result is printed as it comes; with --json, an array of all of them at the end.

      EXAMPLES
        spread-bench all
        spread-bench all --runs 3 --json > machine.json
      """)

  @OptionGroup var common: CommonOptions

  func run() throws {
    common.apply()
    let machine = Machine.current
    if !common.json { try StandardOutput.line(machine.summary) }
    var results: [BenchmarkResult] = []
    try BenchmarkSuite.run(runs: common.runs, machine: machine) { result in
      results.append(result)
      if !common.json { try StandardOutput.line(result.row) }
    }
    if common.json { try StandardOutput.json(BenchmarkResult.json(results)) }
  }
}
