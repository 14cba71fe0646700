import ArgumentParser
import Basics
import Benchmarking
import Experiments
import Programs
import Tensors

/// What every benchmark takes.
struct CommonOptions: ParsableArguments {
  @Option(help: "Counted runs of each measurement.")
  var runs = 7

  @Option(help: "Threads (default: SPREAD_THREADS, else the cores this process may use).")
  var threads: Int?

  @Flag(help: "Print JSON: one object, or an array of them; `median_seconds` is the figure.")
  var json = false

  func validate() throws {
    guard runs >= 1 else { throw ValidationError("--runs must be at least 1") }
    if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads must be in 1...1024") }
    if threads == nil, let problem = Parallel.environmentProblem { throw ValidationError(problem) }
  }

  /// Prints results, as a table or as JSON, with the memory that the process came to need.
  func report(_ results: [BenchmarkResult], _ machine: Machine) throws {
    if json { return try StandardOutput.json(BenchmarkResult.json(results)) }
    try StandardOutput.line(machine.summary)
    for result in results { try StandardOutput.line(result.row) }
    try StandardOutput.line("peak memory of the process: \(Machine.peakMegabytes) MB" + memory(results))
  }

  private func memory(_ results: [BenchmarkResult]) -> String {
    let blocks = results.compactMap(\.systemAllocations)
    let faults = results.compactMap(\.pageFaults)
    guard !blocks.isEmpty else { return "" }
    return
      "; in the counted runs \(blocks.reduce(0, +)) blocks asked of the system, \(faults.reduce(0, +)) page faults"
  }

  func apply() {
    if let threads { Parallel.setThreadCount(threads) }
  }
}
