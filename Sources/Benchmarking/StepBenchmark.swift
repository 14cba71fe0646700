import ContrastiveLosses
import Experiments
import Foundation
import NeuralNetworks
import Tensors

/// One training step as the experiments take it: two views forward, L_spread, backward, AdamW.
package enum StepBenchmark {
  /// Times steps of a vision transformer on random images.
  ///
  /// - Parameters:
  ///   - configuration: the network
  ///   - images: points a batch; each has two views
  ///   - peak: operations a second to set the result beside
  package static func visionTransformer(
    _ configuration: VisionTransformer.Configuration, images: Int, of shape: ImageShape = ImageShape(),
    runs: Int, peak: Double?, machine: Machine
  ) throws -> BenchmarkResult {
    var generator = RandomGenerator(seed: 1)
    let network = VisionTransformer(configuration, images: shape, using: &generator)
    let views = Tensor.normal([2 * images, shape.channels, shape.size, shape.size], using: &generator)
    let timing = try time(network, views: views, runs: runs, generator: generator)
    return BenchmarkResult(
      "vit step",
      sizes: [
        "images": images, "width": configuration.width, "depth": configuration.depth,
        "patch": configuration.patchSize,
      ], timing: timing, operations: 2 * network.multiplyAdds(images: views.shape), peak: peak,
      machine: machine)
  }

  /// Times steps of a residual network on random images.
  ///
  /// - Parameters:
  ///   - images: in all; the second half are the second views of the first half
  package static func residualNetwork(
    _ configuration: ResNet.Configuration, images: Int, of shape: ImageShape = ImageShape(), runs: Int,
    peak: Double?, machine: Machine
  ) throws -> BenchmarkResult {
    var generator = RandomGenerator(seed: 1)
    let network = ResNet(configuration, channels: shape.channels, using: &generator)
    let views = Tensor.normal([images, shape.channels, shape.size, shape.size], using: &generator)
    let timing = try time(network, views: views, runs: runs, generator: generator)
    return BenchmarkResult(
      "resnet step",
      sizes: [
        "images": images, "width": configuration.width, "size": shape.size, "channels": shape.channels,
      ],
      timing: timing, operations: 2 * network.multiplyAdds(images: views.shape), peak: peak,
      machine: machine)
  }

  package static func time(_ network: any Encoder, views: Tensor, runs: Int, generator: RandomGenerator)
    throws
    -> Timing
  {
    let images = views.shape[0] / 2
    let optimiser = AdamW(network.parameters())
    let objective = ContrastiveObjective(.spread)
    let labels = (0..<images).map { $0 % 2 }
    var pass = Pass.training(generator)
    var failure: Error?
    let timing = Timing.measure(runs: runs, warmUp: 2) {
      do {
        let embeddings = network(views, &pass)
        let loss = try objective(
          embeddings.sliced(0..<images), embeddings.sliced(images..<(2 * images)), labels: labels)
        loss.backward()
        optimiser.step(rate: 3e-4)
      } catch { failure = error }
    }
    if let failure { throw failure }
    return timing
  }
}

/// A contrastive loss with its gradients, on random rows of ten classes; scaling them to unit length is timed with it.
package enum LossBenchmark {
  /// Times the loss forward and backward.
  ///
  /// - Parameters:
  ///   - batch: points, with a row in each view
  ///   - dimension: length of a row
  ///   - peak: operations a second to set the result beside
  /// - Throws: `ContrastiveLossError` when the loss's settings and the batch do not go together.
  package static func run(
    _ objective: ContrastiveObjective, batch: Int, dimension: Int, runs: Int, peak: Double?, machine: Machine
  ) throws -> BenchmarkResult {
    var generator = RandomGenerator(seed: 1)
    let view1 = Tensor.normal([batch, dimension], using: &generator)
    let view2 = Tensor.normal([batch, dimension], using: &generator)
    view1.requiresGradient = true
    view2.requiresGradient = true
    let labels = (0..<batch).map { _ in generator.below(10) }
    try objective.check(view1, view2, labels: labels)
    let timing = Timing.measure(runs: runs) {
      (try? objective(view1, view2, labels: labels))?.backward()
      view1.gradient = nil
      view2.gradient = nil
    }
    let rows = Double(batch) * (objective.layout == .pooled ? 2 : 1)
    let operations = 6 * rows * rows * Double(dimension) * (objective.symmetric ? 2 : 1)
    return BenchmarkResult(
      "loss \(objective.loss.rawValue)", sizes: ["batch": batch, "dimension": dimension], timing: timing,
      operations: operations, peak: peak, machine: machine)
  }
}
