import Basics
import Foundation
import Tensors

/// The memory of a run, estimated from its settings and the sizes of its data before a network is made.
///
/// Training and evaluation are not in use at once, but the memory pool keeps up to a gigabyte of what one gave back
/// while the other works.
struct RunMemory {
  /// Trained values, their gradients, and the optimiser's state.
  let network: Double
  /// A training step: batches in flight, activations, gradients, the loss.
  let step: Double
  /// Validation and what comes after the last epoch: a pass over images without gradients, the best network once more,
  /// all embeddings.
  let evaluation: Double
  /// Pixels in this process's own memory; those of a mapped file are not among them.
  let images: Double

  /// Bytes that are yet to be taken once the images are there.
  var tensors: Double { network + max(step, evaluation) + min(step, evaluation, 0x1p30) }

  init(_ configuration: ExperimentConfiguration, data: ExperimentData) {
    var images = data.whole.store.residentBytes
    if data.test.store !== data.whole.store { images += data.test.store.residentBytes }
    self.init(
      configuration, task: data.task, training: data.training.count, test: data.test.count, images: images)
  }

  /// - Parameters:
  ///   - training, test: numbers of images.
  ///   - images: bytes of their pixels in this process's own memory.
  init(
    _ configuration: ExperimentConfiguration, task: TaskShape, training: Int, test: Int, images: Int
  ) {
    let batch = min(configuration.batchSize, training)
    let (encoder, head, shape) = (configuration.encoder.configuration, configuration.projection, task.images)
    let dimension = encoder.embeddingDimension
    var whole = encoder.memory(images: 2 * batch, of: shape)
      .appending(rows: 2 * batch, inputs: dimension, outputs: task.classes)
    if head.isOn {
      // The hidden values once more behind their normalisation.
      whole = whole.appending(rows: 4 * batch, inputs: dimension, outputs: head.hiddenWidth)
        .appending(rows: 2 * batch, inputs: head.hiddenWidth, outputs: head.width)
    }
    network = Double(2 + type(of: configuration.optimiser.settings).stateCount) * whole.parameters
    let views = MemoryPool.bytes(
      forElements: Double(2 * batch * shape.channels) * Double(shape.size * shape.size))
    step =
      whole.training + Double(batchesAhead) * views
      + Self.loss(configuration, batch: batch, dimension: head.isOn ? head.width : dimension)
    // The probe and the search for neighbours work on scaled copies.
    let embeddings = Double(4 * training + 3 * test) * 4 * Double(dimension)
    let pass = encoder.memory(
      images: min(evaluationBatch, max(training, test)), of: shape
    ).evaluation
    evaluation = max(pass, 4 * whole.parameters) + embeddings
    self.images = Double(images)
  }

  /// Rows by label and as they came, their gradients, and a strip of similarities for each core.
  private static func loss(_ configuration: ExperimentConfiguration, batch: Int, dimension: Int) -> Double {
    let rows = Double(configuration.objective.layout == .pooled ? 2 * batch : batch)
    let strips = min(rows * rows, Double(Parallel.threadCount) * 0x1p21)
    return 10 * MemoryPool.bytes(forElements: Double(2 * batch * dimension)) + 4 * strips
  }

  /// - Throws: `RunError` with the estimate, the limit and the settings that help, when the run would not fit.
  func check(_ configuration: ExperimentConfiguration, data: ExperimentData) throws {
    guard let budget = try MemoryBudget.current(), tensors > budget.bytes else { return }
    throw RunError(
      "this run needs about \(Self.text(tensors)) of memory (a training step \(Self.text(step)), evaluation "
        + "\(Self.text(evaluation)), network and optimiser \(Self.text(network))), and \(Self.text(budget.bytes)) "
        + "\(budget.reason); \(advice(configuration, data)). \(MemoryBudget.variable)=unchecked runs it all the same"
    )
  }

  private func advice(_ configuration: ExperimentConfiguration, _ data: ExperimentData) -> String {
    let size = data.imageSize
    let settings =
      ["a smaller batchSize (it is \(configuration.batchSize))"]
      + configuration.encoder.configuration.memoryAdvice(for: data.task.images)
    return (settings + ["a smaller data.imageSize (it is \(size))"]).joined(separator: ", ") + " needs less"
  }

  /// "23.8 GB", "640 MB".
  static func text(_ bytes: Double) -> String {
    bytes >= 1e9 ? "\(decimals(bytes / 1e9, 1)) GB" : "\(decimals(bytes / 1e6, 0)) MB"
  }
}

/// Batches that wait while a step runs, as `BatchLoader` has it.
private let batchesAhead = 3
/// Images of a pass without gradients, as `embed` has it.
private let evaluationBatch = 512
