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
    let left = secondsLeft.map { "; \(duration($0)) left" } ?? ""
    return "\(title): \(count(.complete)) of \(entries.count) runs done\(others)\(left)"
  }

  /// Of all runs, from what complete ones took and what running ones have done; nil while nothing is known.
  private var secondsLeft: Double? {
    let known = entries.filter { $0.state == .complete }.compactMap { entry in
      RunTimes.total(of: entry.folder).map { (experiment: entry.run.configuration.experiment, seconds: $0) }
    }
    func expected(_ entry: QueueEntry) -> Double? {
      let same = known.filter { $0.experiment == entry.run.configuration.experiment }
      let seconds = (same.isEmpty ? known : same).map(\.seconds)
      return seconds.isEmpty ? nil : seconds.reduce(0, +) / Double(seconds.count)
    }
    let running = entries.filter { $0.state == .running }.map { entry in
      RunTimes.left(of: entry.folder, epochs: entry.run.configuration.epochs)
        ?? expected(entry).map { max(0, $0 - (ContinuousClock.now - entry.began).seconds) }
    }
    // While nothing is complete, a run that waits is taken to last as long as those that run.
    let paces = entries.filter { $0.state == .running }.compactMap {
      RunTimes.expected(of: $0.folder, epochs: $0.run.configuration.epochs)
    }
    let pace = paces.isEmpty ? nil : paces.reduce(0, +) / Double(paces.count)
    let waiting = entries.filter { $0.state == .waiting }.map { expected($0) ?? pace }
    let all = running + waiting
    guard !all.isEmpty, all.allSatisfy({ $0 != nil }) else { return nil }
    let longest = all.compactMap { $0 }.max() ?? 0
    return max(longest, all.reduce(0) { $0 + ($1 ?? 0) } / Double(max(1, jobs)))
  }

  /// What a run that is being worked on does, in few words.
  static func state(of folder: RunFolder) -> String {
    let state = WorkerRecord.read(folder.worker)?.state ?? ""
    return state.isEmpty ? "begins" : state
  }

  /// The figures of a complete run.
  static func figures(of folder: RunFolder) -> String {
    (try? RunResult.read(folder.result))?.accuracyText ?? "complete"
  }
}

/// How long runs take, by their folders.
enum RunTimes {
  /// Of the start that completed it, in seconds.
  static func total(of folder: RunFolder) -> Double? {
    RunEnvironment.read(folder.environment).seconds.map { $0.values.reduce(0, +) }
  }

  /// Of the epochs that are left, by the mean of those that are done.
  static func left(of folder: RunFolder, epochs: Int) -> Double? {
    perEpoch(of: folder).map { $0.seconds * Double(max(0, epochs - $0.done)) }
  }

  /// Of all epochs.
  static func expected(of folder: RunFolder, epochs: Int) -> Double? {
    perEpoch(of: folder).map { $0.seconds * Double(epochs) }
  }

  private static func perEpoch(of folder: RunFolder) -> (seconds: Double, done: Int)? {
    guard let entries = try? MetricsLog(file: folder.metrics).entries(), !entries.isEmpty else { return nil }
    let seconds = entries.compactMap { $0["seconds"]?.double }
    return seconds.isEmpty ? nil : (seconds.reduce(0, +) / Double(seconds.count), entries.count)
  }
}
