import Basics
import Datasets
import Evaluation
import Tensors

/// What measures are taken of: the embeddings that a run's best network gives, and what its classifier makes of them.
package final class EvaluatedRun {
  /// Images with their embeddings.
  package struct Part {
    package let images: ImageDataset
    /// `[count, d]`, not scaled to unit length.
    package let embeddings: Tensor

    package init(_ images: ImageDataset, embeddings: Tensor) {
      (self.images, self.embeddings) = (images, embeddings)
    }
  }

  package let configuration: ExperimentConfiguration
  package let seed: Int
  package let training: Part
  package let test: Part
  /// The classifier's results for the test images, `[count, classes]`.
  package let logits: Tensor
  /// Told what takes a while.
  package let progress: ProgressLine

  package init(
    _ configuration: ExperimentConfiguration, seed: Int, training: Part, test: Part, logits: Tensor,
    progress: ProgressLine
  ) {
    (self.configuration, self.seed, self.progress) = (configuration, seed, progress)
    (self.training, self.test, self.logits) = (training, test, logits)
  }

  /// Of the test embeddings: how far each class has drawn together.
  package lazy var classCollapse = Collapse(
    test.embeddings, groups: test.images.labels, names: test.images.classNames)

  /// The same by stratum.
  package lazy var stratumCollapse = Collapse(
    test.embeddings, groups: test.images.strata, names: test.images.stratumNames)

  /// The figures by key, and why some are undefined.
  /// - Throws: `InterruptedError` after a signal; what an evaluation throws.
  package func figures(
    _ measures: [Measure] = Measure.all
  ) throws -> (values: [String: Double], undefined: [String: String]) {
    var (values, undefined): ([String: Double], [String: String]) = ([:], [:])
    for measure in measures {
      try Interruption.check()
      switch try measure.evaluate(self) {
      case .value(let value): values[measure.key] = value
      case .undefined(let reason): undefined[measure.key] = reason
      case .none: break
      }
    }
    return (values, undefined)
  }
}
