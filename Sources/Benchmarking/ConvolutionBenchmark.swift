import Experiments
import NeuralNetworks
import Tensors

/// The three products of convolutions, by one algorithm or by several side by side.
package enum ConvolutionBenchmark {
  /// One convolution; its padding is half of the kernel, rounded down.
  package struct Layer: Sendable, Equatable {
    /// Images that go through at a time.
    package var batch: Int
    /// The image's side.
    package var size: Int
    /// Channels of the input.
    package var channels: Int
    /// Channels of the output.
    package var outputs: Int
    /// The kernel's side.
    package var kernel: Int
    /// Pixels from one window to the next, down and across.
    package var stride: Int
    /// How often a network has it.
    package var count: Int

    package init(
      batch: Int, size: Int, channels: Int, outputs: Int, kernel: Int, stride: Int, count: Int = 1
    ) {
      (self.batch, self.size, self.channels, self.outputs) = (batch, size, channels, outputs)
      (self.kernel, self.stride, self.count) = (kernel, stride, count)
    }
  }

  /// The algorithms by name: `auto` is what the networks use.
  package static var algorithms: [String] { ConvolutionMethod.allCases.map(\.rawValue) }

  /// The different convolutions of a residual network, the stem first.
  package static func layers(of network: ResNet.Configuration, batch: Int, size: Int) -> [Layer] {
    network.convolutions(of: ImageShape(size: size)).map {
      Layer(
        batch: batch, size: $0.size, channels: $0.channels, outputs: $0.outputs, kernel: $0.kernel,
        stride: $0.stride, count: $0.count)
    }
  }

  /// Times a layer's products. Runs of all algorithms take turns, so that what else the machine does falls on
  /// all alike; an algorithm that does not apply to a layer is left out.
  ///
  /// - Parameter algorithms: of `ConvolutionBenchmark.algorithms`
  package static func run(
    _ layer: Layer, algorithms: [String], runs: Int, peak: Double?, machine: Machine
  ) -> [BenchmarkResult] {
    var generator = RandomGenerator(seed: 1)
    let sample = ConvolutionSample(
      batch: layer.batch, size: layer.size, channels: layer.channels, outputs: layer.outputs,
      kernel: layer.kernel, stride: layer.stride, using: &generator)
    let methods = algorithms.compactMap(ConvolutionMethod.init)
    var results: [BenchmarkResult] = []
    for product in ConvolutionProduct.allCases {
      let able = methods.filter { sample.run(product, by: $0) != nil }  // the first run of each, not counted
      var seconds = able.map { _ in [Double]() }
      for _ in 0..<max(1, runs) {
        for (index, method) in able.enumerated() {
          seconds[index] += Timing.measure(runs: 1, warmUp: 0) { _ = sample.run(product, by: method) }.seconds
        }
      }
      for (method, seconds) in zip(able, seconds) {
        results.append(
          BenchmarkResult(
            "\(product.rawValue), \(method.rawValue)",
            sizes: [
              "batch": layer.batch, "size": layer.size, "in": layer.channels, "out": layer.outputs,
              "kernel": layer.kernel, "stride": layer.stride,
            ], timing: Timing(seconds: seconds), operations: sample.operations, peak: peak,
            machine: machine))
      }
    }
    return results
  }
}
