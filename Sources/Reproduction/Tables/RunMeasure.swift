import Evaluation
import Foundation

/// A figure of a run, as tables show it.
struct RunMeasure: Sendable {
  var name: String
  /// Decimals that are shown.
  var digits: Int
  var value: @Sendable (RunResult) -> Double?

  /// In percent.
  static let accuracies = [
    RunMeasure(name: "fine", digits: 1) { 100 * $0.fineAccuracy },
    RunMeasure(name: "k-NN", digits: 1) { 100 * $0.neighbourAccuracy },
    RunMeasure(name: "coarse", digits: 1) { 100 * $0.coarseAccuracy },
  ]
  static let collapse = [
    RunMeasure(name: "class cosine", digits: 3) { $0.classCollapse.withinCosine },
    RunMeasure(name: "stratum cosine", digits: 3) { $0.stratumCollapse.withinCosine },
    RunMeasure(name: "within variance", digits: 3) { $0.classCollapse.withinVarianceShare },
  ]
  static let all = accuracies + collapse

  /// Over those of some runs that have it.
  func statistics(_ results: [RunResult]) -> Statistics { Statistics(results.compactMap(value)) }
}

/// Mean and deviation of a sample.
struct Statistics: Sendable, Equatable {
  var mean: Double?
  /// With n - 1; nil with fewer than two.
  var deviation: Double?

  init(_ values: [Double]) {
    guard !values.isEmpty else { return }
    let mean = values.reduce(0, +) / Double(values.count)
    self.mean = mean
    guard values.count > 1 else { return }
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    deviation = (squares / Double(values.count - 1)).squareRoot()
  }
}

extension RunResult {
  /// Its accuracies for the person who waits.
  var accuracyText: String {
    let reason = undefined?["areaUnderROC"].map { ", area under the ROC curve undefined: \($0)" } ?? ""
    return
      "fine \(ResultTable.oneDecimal(100 * fineAccuracy))%, coarse \(ResultTable.oneDecimal(100 * coarseAccuracy))%\(reason)"
  }

  /// The results of a configuration's complete runs, and the seeds of those that are not.
  /// - Parameter seeds: empty: the configuration's own.
  static func complete(
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
