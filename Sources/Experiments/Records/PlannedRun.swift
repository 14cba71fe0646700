import Foundation

/// A configuration with one of its seeds: what is trained in one run folder.
public struct PlannedRun: Sendable, Equatable {
  /// What is trained.
  public var configuration: ExperimentConfiguration
  /// The one of the configuration's seeds.
  public var seed: Int

  /// One run of an experiment.
  public init(configuration: ExperimentConfiguration, seed: Int) {
    (self.configuration, self.seed) = (configuration, seed)
  }

  /// For a person: "mnist-coarse L_SC seed 0".
  public var label: String {
    "\(configuration.experiment) \(configuration.objective.loss.symbol) seed \(seed)"
  }

  package func folder(in runs: URL) -> RunFolder { RunFolder.of(configuration, seed: seed, in: runs) }

  /// What a person who wanted more epochs should know as this run starts: that there are runs which differ in nothing
  /// else, and are not continued. Nil when there are none.
  package func noteOnOtherEpochs(in runs: URL) -> String? {
    let entries = RunFolder.ofOtherEpochs(configuration, seed: seed, in: runs).compactMap {
      try? RunEntry($0, name: "")
    }
    let others = entries.sorted { $0.configuration.epochs < $1.configuration.epochs }.map {
      "\($0.configuration.epochs) epochs (\($0.state.rawValue), \($0.folder.url.path))"
    }
    guard !others.isEmpty else { return nil }
    return
      "there \(others.count == 1 ? "is a run" : "are runs") of the same settings with \(others.joined(separator: ", ")); "
      + "this one has \(configuration.epochs) and starts from the beginning, because the number of epochs is one of a run's "
      + "settings"
  }

  /// All runs of several rows, each run once, in an order that shows something of every row early: first seeds, second
  /// seeds, and so on; within these row by row, loss by loss.
  /// - Parameter seeds: empty: each configuration's own.
  public static func order(_ rows: [[ExperimentConfiguration]], seeds: [Int]) -> [PlannedRun] {
    func wanted(_ configuration: ExperimentConfiguration) -> [Int] {
      seeds.isEmpty ? configuration.seeds : seeds
    }
    let configurations = rows.flatMap { $0 }
    let rounds = configurations.map { wanted($0).count }.max() ?? 0
    var seen: Set<String> = []
    return (0..<rounds).flatMap { round in
      configurations.compactMap { configuration in
        let seeds = wanted(configuration)
        guard round < seeds.count,
          seen.insert("\(seeds[round]) \(configuration.identity.json)").inserted
        else { return nil }
        return PlannedRun(configuration: configuration, seed: seeds[round])
      }
    }
  }
}
