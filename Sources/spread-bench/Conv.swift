import ArgumentParser
import Basics
import Benchmarking
import Experiments
import NeuralNetworks

struct Conv: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Convolutions: forward, the input's gradient and the weights' gradient.",
    discussion: """
      Images lie channels last; the padding is half of the kernel, rounded down. Without sizes: the different layers of ResNet18 (stem for \
      small images) at 64 images of 32 x 32. GFLOP/s count 2 outputs positions channels kernel^2 for each of the three, by the \
      definition, whatever an algorithm saves. The peak is that of multiply-adds in registers, measured first. With --algorithm all, \
      the algorithms' runs take turns.

      EXAMPLES
        spread-bench conv
        spread-bench conv --algorithm all
        spread-bench conv --batch 256 --size 28 --channels 16 --outputs 32 --kernel 3 --stride 2 --algorithm direct --json
      """)

  @Option(help: "Images.") var batch: Int?
  @Option(help: "Side of an image; with any of the sizes, only this layer is measured (default: 32).")
  var size: Int?
  @Option(help: "Channels of the input (default: 64).") var channels: Int?
  @Option(help: "Channels of the result (default: as the input has).") var outputs: Int?
  @Option(help: "Side of the kernel (default: 3).") var kernel: Int?
  @Option(help: "Stride (default: 1).") var stride: Int?
  @Option(help: "\(ConvolutionBenchmark.algorithms.joined(separator: ", ")), or all.") var algorithm = "auto"
  @OptionGroup var common: CommonOptions

  func validate() throws {
    guard [batch, size, channels, outputs, kernel, stride].allSatisfy({ (1...65_536).contains($0 ?? 1) })
    else { throw ValidationError("sizes must be in 1...65536") }
    let known = ConvolutionBenchmark.algorithms + ["all"]
    guard known.contains(algorithm) else {
      throw ValidationError(
        "--algorithm \(algorithm) is not one of \(known.joined(separator: ", "))")
    }
    if let kernel, kernel > (size ?? 32) + 2 * (kernel / 2) {
      throw ValidationError("--kernel \(kernel) is larger than the image with its padding")
    }
  }

  private var layers: [ConvolutionBenchmark.Layer] {
    if [size, channels, outputs, kernel, stride].allSatisfy({ $0 == nil }) {
      return ConvolutionBenchmark.layers(of: ResNet.Configuration(), batch: batch ?? 64, size: 32)
    }
    return [
      ConvolutionBenchmark.Layer(
        batch: batch ?? 64, size: size ?? 32, channels: channels ?? 64, outputs: outputs ?? channels ?? 64,
        kernel: kernel ?? 3, stride: stride ?? 1)
    ]
  }

  func run() throws {
    common.apply()
    let machine = Machine.current
    let peak = ProductBenchmark.peak()
    let algorithms =
      algorithm == "all" ? ConvolutionBenchmark.algorithms.filter { $0 != "auto" } : [algorithm]
    if !common.json {
      try StandardOutput.line(machine.summary)
      try StandardOutput.line("peak, multiply-adds in registers: \(peak.gflops) GFLOP/s")
    }
    var results: [BenchmarkResult] = []
    for layer in layers {
      let ofLayer = ConvolutionBenchmark.run(
        layer, algorithms: algorithms, runs: common.runs, peak: peak, machine: machine)
      if !common.json { for result in ofLayer { try StandardOutput.line(result.row) } }
      results += ofLayer
    }
    if common.json { try StandardOutput.json(BenchmarkResult.json(results)) }
  }
}
