import Basics
import Foundation
import TestSupport
import Testing

@testable import Experiments
@testable import Scheduling

@Suite struct QueueTests {
  private func configuration(_ name: String, seeds: [Int]) -> ExperimentConfiguration {
    var configuration = ExperimentConfiguration()
    (configuration.experiment, configuration.seeds) = (name, seeds)
    return configuration
  }

  @Test func runsGoSeedBySeedAndEachOnce() {
    let (a, b) = (configuration("a", seeds: [4, 5, 6]), configuration("b", seeds: [7]))
    func order(_ rows: [[ExperimentConfiguration]], _ seeds: [Int] = []) -> [String] {
      PlannedRun.order(rows, seeds: seeds).map { "\($0.configuration.experiment)\($0.seed)" }
    }
    #expect(order([[a], [b]]) == ["a4", "b7", "a5", "a6"])
    #expect(order([[a, b]], [1, 2]) == ["a1", "b1", "a2", "b2"])
    var other = a
    (other.title, other.threads) = ("of another table", 3)
    #expect(order([[a], [other, b]], [1]) == ["a1", "b1"])
    #expect(order([]).isEmpty)
  }

  @Test func slicesTogetherAreTheWhole() throws {
    let all = Array(0..<11)
    for count in 1...13 {
      let parts = try (1...count).map { try #require(RunSlice("\($0)/\(count)")).of(all) }
      #expect(parts.joined().sorted() == all)
      #expect(parts.allSatisfy { abs($0.count - 11 / count) <= 1 })
    }
    for text in ["0/3", "4/3", "1", "1/0", "a/3", "1/3/5", "", "-1/3", "1/"] {
      #expect(RunSlice(text) == nil)
    }
  }

  @Test(
    arguments: [
      // cores, runs planned, --jobs, --threads, then jobs and threads that result
      (2, 9, nil, nil, 2, 1), (2, 1, nil, nil, 1, 2), (64, 27, nil, nil, 27, 2), (8, 100, 2, nil, 2, 4),
      (8, 100, nil, 4, 2, 4), (8, 100, 3, 1, 3, 1), (2, 9, nil, 8, 1, 8), (1, 0, nil, nil, 1, 1),
      (2, 9, 5, nil, 5, 1),
    ] as [(Int, Int, Int?, Int?, Int, Int)])
  func coresAreShared(cores: Int, planned: Int, jobs: Int?, threads: Int?, sideBySide: Int, each: Int) {
    let shares = RunQueue.shares(cores: cores, planned: planned, jobs: jobs, threads: threads)
    #expect(shares.jobs == sideBySide && shares.threads == each)
  }

  @Test func aBlockIsWrittenOverInPlace() {
    var (text, time) = ("", 0.0)
    let block = ProgressBlock(
      isTerminal: true, size: { (10, 3) }, write: { text += $0 }, clock: { time })
    block.update { ["too soon"] }
    time = 1
    block.update { ["a line that is too long", "b", "more than fits"] }
    #expect(text == "\ra line th\u{1B}[K\nb\u{1B}[K\n\u{1B}[J")
    text = ""
    time = 2
    block.update { ["c"] }
    #expect(text == "\u{1B}[2A\rc\u{1B}[K\n\u{1B}[J")
    text = ""
    block.print("stays")
    #expect(text == "\u{1B}[1A\r\u{1B}[Jstays\n")
  }

  @Test func aLogGetsTheSummaryNowAndThen() {
    var (text, time) = ("", 0.0)
    let block = ProgressBlock(isTerminal: false, size: { (10, 3) }, write: { text += $0 }, clock: { time })
    for second in 1...65 {
      time = Double(second)
      block.update { ["summary at \(second) s", "details"] }
    }
    block.print("done")
    #expect(text == "summary at 30 s\nsummary at 60 s\ndone\n")
  }

  @Test func theReportCountsAndEstimates() throws {
    try withFolder { runs in
      func entry(_ name: String, _ state: QueueEntry.State) throws -> QueueEntry {
        let folder = RunFolder(runs.appendingPathComponent("\(name)-\(state)"))
        try AtomicFile.makeFolder(folder.url)
        var entry = QueueEntry(
          PlannedRun(configuration: configuration(name, seeds: [0]), seed: 0), folder: folder)
        entry.state = state
        return entry
      }
      func summary(_ entries: [QueueEntry], jobs: Int = 2) -> String {
        QueueReport(title: "t", entries: entries, jobs: jobs).lines[0]
      }
      let (done, waiting, running) = (
        try entry("a", .complete), try entry("a", .waiting), try entry("b", .running)
      )
      #expect(summary([done, waiting]) == "t: 1 of 2 runs done, 1 waiting")
      var environment = RunEnvironment(sessions: [])
      environment.seconds = ["training": 50, "evaluation": 10]
      try environment.write(to: done.folder.environment)
      #expect(
        summary([done, waiting, waiting, waiting]) == "t: 1 of 4 runs done, 3 waiting; 1 min 30 s left")
      // 100 epochs, one done in 2 s.
      try running.folder.metrics.write("{\"epoch\":1,\"seconds\":2}\n")
      #expect(
        summary([done, waiting, running]) == "t: 1 of 3 runs done, 1 running, 1 waiting; 3 min 18 s left")
      // Nothing is known of a by what b takes.
      #expect(summary([running, waiting], jobs: 1).hasSuffix("; at least 3 min 18 s left"))
      #expect(summary([running, try entry("b", .waiting)], jobs: 1).hasSuffix("; 6 min 38 s left"))
      #expect(
        summary([done, try entry("c", .elsewhere), try entry("c", .failed)]).hasSuffix(
          "1 run by others, 1 failed"))
    }
  }
}
