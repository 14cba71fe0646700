import Basics
import Evaluation
import Foundation

/// A figure of a run, as tables show it.
package struct RunMeasure: Sendable {
  package var name: String
  /// Decimals that are shown.
  package var digits: Int
  package var value: @Sendable (RunResult) -> Double?

  /// In percent.
  package static let accuracies = [
    RunMeasure(name: "fine", digits: 1) { 100 * $0.fineAccuracy },
    RunMeasure(name: "k-NN", digits: 1) { 100 * $0.neighbourAccuracy },
    RunMeasure(name: "coarse", digits: 1) { 100 * $0.coarseAccuracy },
  ]
  package static let collapse = [
    RunMeasure(name: "class cosine", digits: 3) { $0.classCollapse.withinCosine },
    RunMeasure(name: "stratum cosine", digits: 3) { $0.stratumCollapse.withinCosine },
    RunMeasure(name: "within variance", digits: 3) { $0.classCollapse.withinVarianceShare },
  ]
  package static let all = accuracies + collapse

  /// Over those of some runs that have it.
  package func statistics(_ results: [RunResult]) -> Statistics { Statistics(results.compactMap(value)) }
}

extension RunResult {
  /// Its accuracies for the person who waits.
  package var accuracyText: String {
    let reason = undefined?["areaUnderROC"].map { ", area under the ROC curve undefined: \($0)" } ?? ""
    return
      "fine \(oneDecimal(100 * fineAccuracy))%, coarse \(oneDecimal(100 * coarseAccuracy))%\(reason)"
  }

  /// The results of a configuration's complete runs, and the seeds of those that are not.
  /// - Parameter seeds: empty: the configuration's own.
  package static func complete(
    _ configuration: ExperimentConfiguration, seeds: [Int], in runs: URL
  ) throws -> (results: [RunResult], missingSeeds: [Int]) {
    var (results, missing): ([RunResult], [Int]) = ([], [])
    for seed in seeds.isEmpty ? configuration.seeds : seeds {
      let folder = RunFolder.of(configuration, seed: seed, in: runs)
      if folder.isComplete {
        results.append(try folder.completeResult(of: configuration))
      } else {
        missing.append(seed)
      }
    }
    return (results, missing)
  }
}
