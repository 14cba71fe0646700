import Basics
import Experiments
import Foundation
import Tensors

/// Runs, several at a time, each in a process of its own: a crash, or memory that is short, ends one run alone, and a run
/// gives the same bits as by itself, because nothing is shared but the processor.
///
/// Several queues may work on one folder of runs, also from several machines: a run that another works on is passed over,
/// and looked at again at the end.
package final class RunQueue {
  /// How runs are run.
  package struct Options: Sendable {
    /// Where data sets are; nil: the configurations' folder, else the environment variable `SPREAD_DATA`.
    package var dataFolder: String?
    /// Runs side by side; nil: as many as the processor's cores go round.
    package var jobs: Int?
    /// Threads of each; nil: a run that goes on takes as many as before, a new one its configuration's, else its share of
    /// the cores.
    package var threads: Int?
    /// Whether runs that others work on are waited for.
    package var waits = true

    /// As many runs as cores, waiting for others' runs.
    package init() {}
  }

  /// What became of the runs.
  package struct Outcome: Sendable, Equatable {
    /// Runs that failed, in the order of the queue, with the reason and the path of the log.
    package var failures: [String] = []
    /// Runs that others were still working on at the end.
    package var elsewhere: [String] = []
  }

  private let title: String
  private let runs: URL
  private let options: Options
  private let view: ProgressBlock
  private var entries: [QueueEntry]
  private var nextLook = ContinuousClock.now
  /// What each run is told of the memory that it may take.
  private var memoryShare: [String: String] = [:]

  /// - Parameters:
  ///   - title: what the runs are, for the head of the progress view.
  ///   - runs: the folder of all run folders.
  package convenience init(_ title: String, _ planned: [PlannedRun], runs: URL, options: Options) {
    self.init(title, planned, runs: runs, options: options, view: ProgressBlock())
  }

  package init(_ title: String, _ planned: [PlannedRun], runs: URL, options: Options, view: ProgressBlock) {
    (self.title, self.runs, self.options, self.view) = (title, runs, options, view)
    entries = planned.map { QueueEntry($0, folder: $0.folder(in: runs)) }
  }

  /// Threads of a new run, and runs at a time.
  ///
  /// One thread a run where there are enough runs for all cores: splitting small steps over threads costs processor
  /// time, runs side by side do not (nothing to 6% on two cores, see Guides/experiments.md). It goes by the number of all
  /// planned runs, complete or not, so that a queue that is started again does the same.
  /// - Parameter cores: `SPREAD_THREADS`, else the cores this process may use.
  package static func shares(cores: Int, planned: Int, jobs: Int?, threads: Int?) -> (jobs: Int, threads: Int)
  {
    let sideBySide = jobs ?? threads.map { max(1, cores / $0) } ?? max(1, min(cores, planned))
    return (sideBySide, threads ?? max(1, cores / sideBySide))
  }

  /// Runs what is not complete.
  ///
  /// - Throws: `InterruptedError` after a signal, with everything saved.
  package func run() throws -> Outcome {
    Interruption.install()
    let shares = Self.shares(
      cores: Parallel.threadCount, planned: entries.count, jobs: options.jobs, threads: options.threads)
    lookAtFolders()
    let complete = entries.count { $0.state == .complete }
    memoryShare = MemoryBudget.share(
      among: min(shares.jobs, entries.count - complete), of: try MemoryBudget.current())
    view.print(
      "\(title): \(entries.count) runs, \(complete) of them complete already, in \(runs.path); \(shares.jobs) at a time, "
        + "\(shares.threads) thread\(shares.threads == 1 ? "" : "s") each")
    while true {
      if let signal = Interruption.pending { try stop(signal) }
      reap()
      if ContinuousClock.now >= nextLook { lookAtFolders() }
      var runningCount = running.count
      while runningCount < shares.jobs, let index = nextWaiting() {
        start(index, threads: shares.threads)
        runningCount = running.count
      }
      let isOver = running.isEmpty && !entries.contains { $0.state == .waiting }
      if isOver, !options.waits || !entries.contains(where: { $0.state == .elsewhere }) { break }
      view.update { QueueReport(title: title, entries: entries, jobs: shares.jobs).lines }
      usleep(50_000)
    }
    view.clear()
    return Outcome(
      failures: entries.compactMap(\.failure),
      elsewhere: entries.filter { $0.state == .elsewhere }.map(\.run.label))
  }

  private var running: [Int] { entries.indices.filter { entries[$0].child != nil } }

  /// Runs that others complete, take up and leave.
  private func lookAtFolders() {
    nextLook = ContinuousClock.now.advanced(by: .seconds(2))
    for index in entries.indices where [.waiting, .elsewhere].contains(entries[index].state) {
      look(at: index)
    }
  }

  private func look(at index: Int) {
    let entry = entries[index]
    if entry.folder.isComplete {
      entries[index].state = .complete
      if entry.state == .elsewhere { view.print("\(entry.run.label): completed by another process") }
    } else if let worker = entry.folder.activeWorker() {
      entries[index].state = .elsewhere
      if entry.state == .waiting {
        view.print("\(entry.run.label): process \(worker.process) on \(worker.host) works on it")
      }
    } else {
      entries[index].state = .waiting
      if entry.state == .elsewhere { view.print("\(entry.run.label): nobody works on it any more") }
    }
  }

  private func nextWaiting() -> Int? {
    for index in entries.indices where entries[index].state == .waiting {
      look(at: index)
      if entries[index].state == .waiting { return index }
    }
    return nil
  }

  private func start(_ index: Int, threads share: Int) {
    let (run, folder) = (entries[index].run, entries[index].folder)
    // A run goes on with the threads that it began with, so that its bits do not depend on where it was stopped.
    let before =
      folder.isStarted ? RunEnvironment.read(folder.environment).sessions.last?.machine.threads : nil
    let threads = options.threads ?? run.configuration.threads ?? before ?? share
    var arguments = [
      "train", "--config", folder.configuration.path, "--seed", "\(run.seed)", "--runs", runs.path,
      "--threads",
      "\(threads)",
    ]
    if let data = options.dataFolder { arguments += ["--data", data] }
    do {
      if let note = try folder.announce(run.configuration, seed: run.seed) {
        view.print("\(run.label): \(note)")
      }
      if !folder.isStarted, let note = run.noteOnOtherEpochs(in: runs) { view.print("\(run.label): \(note)") }
      entries[index].logStart = Int((try? folder.log.resourceValues(forKeys: [.fileSizeKey]).fileSize) ?? 0)
      entries[index].child = try ChildProcess(arguments: arguments, environment: memoryShare, log: folder.log)
      entries[index].began = ContinuousClock.now
      entries[index].state = .running
      view.print("\(run.label): \(folder.isStarted ? "goes on" : "starts"), \(folder.url.path)")
    } catch {
      fail(index, "\(error)")
    }
  }

  /// Takes note of the processes that ended.
  private func reap() {
    for index in running {
      guard let end = entries[index].child?.end() else { continue }
      entries[index].child = nil
      finish(index, end)
    }
  }

  private func finish(_ index: Int, _ end: ChildProcess.End) {
    let entry = entries[index]
    if end == .code(0), entry.folder.isComplete {
      entries[index].state = .complete
      let seconds = (ContinuousClock.now - entry.began).seconds
      view.print("\(entry.run.label): \(QueueReport.figures(of: entry.folder)), in \(duration(seconds))")
    } else if entry.folder.activeWorker() != nil {
      // Another process was quicker.
      entries[index].state = .waiting
      look(at: index)
    } else {
      fail(index, entry.reason(of: end))
    }
  }

  private func fail(_ index: Int, _ reason: String) {
    let (label, folder) = (entries[index].run.label, entries[index].folder)
    entries[index].state = .failed
    entries[index].failure = "\(label): \(reason)" + (folder.hasLog ? "; log: \(folder.log.path)" : "")
    // Not where another's record, or a run that was only stopped, would be made to look failed.
    if RunFailure.read(folder.failure) == nil { try? RunFailure(message: reason).write(to: folder.failure) }
    view.print("failed: \(label): \(reason)")
  }

  /// Passes the signal on, once, and waits until all have saved.
  private func stop(_ signal: Int32) throws -> Never {
    let stopping = running
    view.print("stopping: \(stopping.count) run\(stopping.count == 1 ? "" : "s") to save")
    for index in stopping { entries[index].child?.send(signal) }
    while !running.isEmpty {
      for index in running {
        guard let end = entries[index].child?.end() else { continue }
        entries[index].child = nil
        entries[index].state = entries[index].folder.isComplete ? .complete : .waiting
        let isSaved = [.code(0), .code(128 + signal)].contains(end)
        view.print(
          "\(entries[index].run.label): \(isSaved ? "saved" : entries[index].reason(of: end)), "
            + entries[index].folder.url.path)
      }
      usleep(20_000)
    }
    let complete = entries.count { $0.state == .complete }
    view.print(
      "\(title): stopped with \(complete) of \(entries.count) runs complete; the same command goes on from here"
    )
    throw InterruptedError(signal: signal)
  }
}

/// A run in the queue.
struct QueueEntry {
  enum State { case waiting, running, elsewhere, complete, failed }

  let run: PlannedRun
  let folder: RunFolder
  var state = State.waiting
  var child: ChildProcess?
  var began = ContinuousClock.now
  /// Bytes of the log before this start.
  var logStart = 0
  /// What to report at the end.
  var failure: String?

  init(_ run: PlannedRun, folder: RunFolder) { (self.run, self.folder) = (run, folder) }

  /// Why a process ended without a result.
  func reason(of end: ChildProcess.End) -> String {
    switch end {
    case .signal(let number): "ended by signal \(number) (\(String(cString: strsignal(number))))"
    case .code(let code):
      RunFailure.read(folder.failure)?.message ?? lastError ?? "ended with code \(code)"
    }
  }

  /// The last error that this start wrote.
  private var lastError: String? {
    guard let data = try? Data(contentsOf: folder.log) else { return nil }
    let lines = String(decoding: data.dropFirst(logStart).suffix(100_000), as: UTF8.self).split(
      separator: "\n")
    return lines.last { $0.hasPrefix("Error: ") }.map { String($0.dropFirst("Error: ".count)) }
  }
}
