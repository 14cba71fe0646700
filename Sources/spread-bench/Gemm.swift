import ArgumentParser
import Basics
import Benchmarking
import Experiments
import Programs
import Tensors

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
