import ArgumentParser
import Basics
import Benchmarking
import Experiments
import Programs
import Tensors

@main
struct SpreadBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "spread-bench",
    abstract: "Measures this machine and this library.",
    discussion: """
      Every figure is the median of several runs after a warm-up; the spread stands beside it. Machines are shared: compare within \
      one run, and quote ratios.
      """,
    version: CommandLineProgram.version(of: "spread-bench"),
    subcommands: [
      Gemm.self, Conv.self, Step.self, Loss.self, Augment.self, Reading.self, Decode.self,
      All.self,
    ])

  static func main() {
    let commands = configuration.subcommands.map { $0._commandName } + ["help"]
    CommandLineProgram("spread-bench", commands: commands) {
      (fullMessage(for: $0), exitCode(for: $0).rawValue)
    }
    .run {
      var command = try parseAsRoot(CommandLineProgram.arguments)
      try command.run()
    }
  }
}

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

struct Gemm: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Matrix products: squares, and the shapes of this project, against the machine's peak.",
    discussion: """
      The peak is measured: fused multiply-adds in registers on all threads. OpenBLAS's version and kernels are shown, and the \
      kernels it would have chosen by itself; OPENBLAS_CORETYPE chooses others.

      EXAMPLES
        spread-bench gemm
        spread-bench gemm --m 16640 --n 768 --k 256 --json
        OPENBLAS_CORETYPE=Haswell spread-bench gemm --threads 1
      """)

  @Option(help: "Rows of the result; with --n and --k, only this product is measured.")
  var m: Int?

  @Option(help: "Columns of the result.")
  var n: Int?

  @Option(help: "Length of the sums.")
  var k: Int?

  @OptionGroup var common: CommonOptions

  func validate() throws {
    let given = [m, n, k].compactMap { $0 }
    guard given.isEmpty || given.count == 3 else { throw ValidationError("--m, --n and --k go together") }
    guard given.allSatisfy({ (1...65_536).contains($0) }) else {
      throw ValidationError("--m, --n and --k must be in 1...65536")
    }
  }

  func run() throws {
    common.apply()
    let machine = Machine.current
    let peak = ProductBenchmark.peak()
    var shapes = ProductBenchmark.squares + ProductBenchmark.ownShapes
    if let m, let n, let k { shapes = [ProductBenchmark.Shape(name: "product", m: m, n: n, k: k)] }
    if !common.json {
      try StandardOutput.line(machine.summary)
      try StandardOutput.line("peak, multiply-adds in registers: \(peak.gflops) GFLOP/s")
    }
    var results: [BenchmarkResult] = []
    for shape in shapes {
      let result = ProductBenchmark.run(shape, runs: common.runs, peak: peak, machine: machine)
      results.append(result)
      if !common.json { try StandardOutput.line(result.row) }
    }
    if common.json { try StandardOutput.json(BenchmarkResult.json(results)) }
  }
}
