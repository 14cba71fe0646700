import ContrastiveLosses
import Experiments
import NeuralNetworks

/// Every benchmark with its usual sizes, one after the other.
package enum BenchmarkSuite {
  /// Runs them all on this machine.
  ///
  /// - Parameter report: called with each result as soon as it is there.
  package static func run(runs: Int, machine: Machine, report: (BenchmarkResult) throws -> Void) throws {
    let peak = ProductBenchmark.peak()
    for shape in ProductBenchmark.squares + ProductBenchmark.ownShapes {
      try report(ProductBenchmark.run(shape, runs: runs, peak: peak, machine: machine))
    }
    for layer in ConvolutionBenchmark.layers(of: ResNet.Configuration(), batch: 64, size: 32) {
      try ConvolutionBenchmark.run(layer, algorithms: ["auto"], runs: runs, peak: peak, machine: machine)
        .forEach(report)
    }
    try report(
      StepBenchmark.visionTransformer(
        VisionTransformer.Configuration(), images: 128, runs: runs, peak: peak, machine: machine))
    try report(
      StepBenchmark.residualNetwork(
        ResNet.Configuration(), images: 64, runs: runs, peak: peak, machine: machine))
    for loss in ContrastiveLoss.allCases {
      for batch in loss == .spread ? [512, 2048, 4096, 8192] : [4096] {
        try report(
          LossBenchmark.run(
            ContrastiveObjective(loss), batch: batch, dimension: 128, runs: runs, peak: peak, machine: machine
          ))
      }
    }
    for (size, view, channels) in [(32, 32, 3), (28, 28, 1), (256, 224, 3)] {
      try report(
        AugmentBenchmark.run(
          size: size, view: view, channels: channels, images: size > 100 ? 16 : 128, threads: 1, runs: runs,
          machine: machine))
    }
    try DecodeBenchmark.run(
      width: 400, height: 300, size: 256, images: 200, runs: runs, machine: machine
    ).forEach(report)
  }
}
