import Evaluation
import Experiments
import Foundation
import Tensors

extension RunResult {
  /// A complete run's result, as far as tests of records and tables look at it.
  package static func sample(
    _ configuration: ExperimentConfiguration, seed: Int, encoder: String = "ViT", trainingImages: Int = 10,
    validationImages: Int = 1,
    figures: [String: Double] = [
      "fineAccuracy": 0.1 + 0.2, "coarseAccuracy": 1e-7, "neighbourAccuracy": 0.25,
    ],
    undefined: [String: String] = [:]
  ) -> RunResult {
    let collapse = Collapse(Tensor([1, 0, 0, 1], shape: [2, 2]), groups: [0, 0])
    return RunResult(
      configuration, seed: seed, encoder: encoder, parameters: 1, epochs: 20, trainingImages: trainingImages,
      validationImages: validationImages, testImages: 1, bestEpoch: 1, validationAccuracy: 1.0 / 3,
      figures: figures, undefined: undefined, classCollapse: collapse, stratumCollapse: collapse)
  }

  /// Puts it where a run of the configuration would leave it.
  package func complete(_ configuration: ExperimentConfiguration, in runs: URL) throws {
    let folder = RunFolder.of(configuration, seed: seed, in: runs)
    let lock = try folder.locked()
    defer { withExtendedLifetime(lock) {} }
    try folder.prepare(configuration, seed: seed)
    try write(to: folder.result)
  }
}
