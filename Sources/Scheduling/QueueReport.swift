import Basics
import Experiments
import Foundation

/// The progress view of a queue: what is done, what runs, what waits, and how long it will take.
struct QueueReport {
  var title: String
  var entries: [QueueEntry]
  var jobs: Int

  /// One line for all, one for each run that runs.
  var lines: [String] {
    let running = entries.filter { $0.state == .running }
    return [summary] + running.map { "  \($0.run.label): \(Self.state(of: $0.folder))" }
  }

  private var summary: String {
    func count(_ state: QueueEntry.State) -> Int { entries.count { $0.state == state } }
    let parts: [(Int, String)] = [
      (count(.running), "running"), (count(.waiting), "waiting"), (count(.elsewhere), "run by others"),
      (count(.failed), "failed"),
    ]
    let others = parts.filter { $0.0 > 0 }.map { ", \($0.0) \($0.1)" }.joined()
    let left = timeLeft.map { "; \($0) left" } ?? ""
    return "\(title): \(count(.complete)) of \(entries.count) runs done\(others)\(left)"
  }

  /// What all runs still take, at least where nothing is known yet of some of them; nil while nothing is known at all.
  private var timeLeft: String? {
    let expected = secondsByExperiment
    let toDo = entries.filter { $0.state == .running || $0.state == .waiting }
    let known = toDo.compactMap { entry -> Double? in
      let whole = expected[entry.run.configuration.experiment]
      guard entry.state == .running else { return whole }
      return RunTimes.left(of: entry.folder, epochs: entry.run.configuration.epochs)
        ?? whole.map { max(0, $0 - (ContinuousClock.now - entry.began).seconds) }
    }
    guard let longest = known.max() else { return nil }
    let seconds = max(longest, known.reduce(0, +) / Double(max(1, jobs)))
    return (known.count < toDo.count ? "at least " : "") + duration(seconds)
  }

  /// Of a run of each experiment, by those that are complete or have an epoch behind them. Those of another experiment say
  /// nothing: a table's rows differ a hundredfold.
  private var secondsByExperiment: [String: Double] {
    var known: [String: [Double]] = [:]
    for entry in entries {
      let seconds: Double? =
        switch entry.state {
        case .complete: RunTimes.total(of: entry.folder)
        case .running: RunTimes.expected(of: entry.folder, epochs: entry.run.configuration.epochs)
        case .waiting, .elsewhere, .failed: nil
        }
      if let seconds { known[entry.run.configuration.experiment, default: []].append(seconds) }
    }
    return known.mapValues { $0.reduce(0, +) / Double($0.count) }
  }

  /// What a run that is being worked on does, in few words.
  static func state(of folder: RunFolder) -> String {
    let state = WorkerRecord.read(folder.worker)?.state ?? ""
    return state.isEmpty ? "begins" : state
  }

  /// The figures of a complete run.
  static func figures(of folder: RunFolder) -> String {
    (try? folder.completeResult())?.accuracyText ?? "complete"
  }
}
