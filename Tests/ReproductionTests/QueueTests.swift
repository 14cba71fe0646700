import Foundation
import Tensors
import Testing

@testable import Reproduction

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

/// Records of who works on a run.
@Suite struct WorkerTests {
  private func folder(in url: URL, _ change: (inout WorkerRecord) -> Void = { _ in }) throws -> RunFolder {
    let folder = RunFolder(url)
    var record = WorkerRecord.own(identifier: "other", started: "then", state: "epoch 1/2")
    change(&record)
    try AtomicFile.write(record, to: folder.worker)
    return folder
  }

  /// Dates the record back.
  private func age(_ folder: RunFolder, by seconds: Double) {
    let time = timespec(tv_sec: Int(Date().timeIntervalSince1970 - seconds), tv_nsec: 0)
    utimensat(AT_FDCWD, folder.worker.path, [time, time], 0)
  }

  @Test func aLockTellsWhoWorks() throws {
    try withFolder { url in
      let folder = RunFolder(url)
      let state = ProgressState()
      state.current = "embedding"
      var lock: RunLock? = try folder.locked(showing: state)
      let worker = try #require(folder.activeWorker())
      #expect(
        worker.process == getpid() && worker.host == WorkerRecord.thisHost && worker.state == "embedding")
      let message = try #require(failure { try folder.locked() })
      #expect(message.contains("process \(getpid()) on \(worker.host)"), "\(message)")
      withExtendedLifetime(lock) {}
      lock = nil
      #expect(folder.activeWorker() == nil && !FileManager.default.fileExists(atPath: folder.worker.path))
    }
  }

  @Test func theRecordIsRenewed() throws {
    try withFolder { url in
      let folder = RunFolder(url)
      let state = ProgressState()
      let lock = try folder.locked(showing: state)
      state.current = "epoch 2"
      let end = ContinuousClock.now.advanced(by: .seconds(20))
      while folder.activeWorker()?.state != "epoch 2", ContinuousClock.now < end { usleep(20_000) }
      #expect(folder.activeWorker()?.state == "epoch 2")
      withExtendedLifetime(lock) {}
    }
  }

  @Test func aWorkerOfThisMachineIsLookedFor() throws {
    try withFolder { url in
      // Process 1 lives, but began at another time; no process has the largest number.
      #expect(try folder(in: url) { $0.process = 1 }.activeWorker() == nil)
      #expect(try folder(in: url) { $0.process = .max }.activeWorker() == nil)
      let alive = try folder(in: url) {
        $0.process = 1
        $0.processStart = WorkerRecord.start(ofProcess: 1) ?? "none"
      }
      age(alive, by: 1e6)
      #expect(alive.activeWorker()?.process == 1)
      let refusal = try #require(failure { try alive.locked() })
      #expect(refusal.contains("process 1 on ") && !refusal.contains("no sign"))
      _ = try folder(in: url) { $0.process = .max }.locked()
    }
  }

  @Test func aWorkerOfAnotherMachineIsGoneAfterAWhile() throws {
    try withFolder { url in
      let far = try folder(in: url) { $0.host = "far-away" }
      #expect(far.activeWorker()?.host == "far-away")
      age(far, by: RunFolder.patience - 30)
      let refusal = try #require(failure { try far.locked() })
      #expect(refusal.contains("on far-away") && refusal.contains("no sign for 5 minutes"))
      age(far, by: RunFolder.patience + 30)
      #expect(far.activeWorker() == nil)
      let lock = try far.locked()
      #expect(far.activeWorker()?.host == WorkerRecord.thisHost)
      withExtendedLifetime(lock) {}
    }
  }

  /// Machines of one name, containers, and this machine before it was last started: their processes are not looked for
  /// here, whatever process has their number.
  @Test func aProcessThatCannotBeSeenFromHereIsKnownByItsRecord() throws {
    try withFolder { url in
      let own = try #require(WorkerRecord.start(ofProcess: getpid()))
      let ticks = try #require(own.split(separator: " ").last)
      let changes: [(inout WorkerRecord) -> Void] = [
        { $0.processStart = "0f0e0d0c-0000-4000-8000-000000000000 \(ticks)" },
        { $0.namespace = "pid:[1]" }, { $0.processStart = "" },
      ]
      for change in changes {
        let run = try folder(in: url, change)
        let refusal = try #require(failure { try run.locked() })
        #expect(refusal.contains("another process works on") && refusal.contains("no sign"), "\(refusal)")
        age(run, by: RunFolder.patience + 30)
        #expect(run.activeWorker() == nil)
        // Of a time that has not come: nobody has renewed it since the clock was set.
        age(run, by: -RunFolder.patience - 30)
        #expect(run.activeWorker() == nil)
        _ = try run.locked()
      }
      // A record of this process that was left behind holds nobody up; one of another with its number does not stop it.
      _ = try folder(in: url) { _ in }.locked()
      _ = try folder(in: url) { $0.processStart = "\(own.dropLast(ticks.count))1" }.locked()
    }
  }

  /// Two that come at one moment where locks do not reach: the record decides, and only one gets it.
  @Test func aRecordThatCameMeanwhileIsPutBack() throws {
    try withFolder { url in
      let run = try folder(in: url)
      let first = WorkerRecord.read(run.worker)
      try RunLock.removeRecord(first, of: run)
      #expect(WorkerRecord.read(run.worker) == nil)
      let other = try folder(in: url) { $0.identifier = "came first" }
      let error = #expect(throws: RunError.self) { try RunLock.removeRecord(first, of: other) }
      #expect(error?.isOfAnotherWorker == true)
      #expect(WorkerRecord.read(other.worker)?.identifier == "came first")
      #expect(try FileManager.default.contentsOfDirectory(atPath: url.path) == [".worker.json"])
    }
  }

  /// As on file systems that have no locks: no other process is at fault.
  @Test func aLockThatCannotBeTakenSaysTheSystemsReason() throws {
    try withFolder { url in
      let error = #expect(throws: RunError.self) { try RunLock.takeLock(-1, of: RunFolder(url)) }
      let text = try #require(error?.description)
      #expect(text.contains(".lock could not be locked: Bad file descriptor") && text.contains("--runs"))
      #expect(!text.contains("another process") && error?.isOfAnotherWorker == false)
    }
  }

  @Test func aRecordThatIsNoneIsNobody() throws {
    try withFolder { url in
      let folder = RunFolder(url)
      try folder.worker.write("{\"host\": 3}")
      #expect(folder.activeWorker() == nil)
      _ = try folder.locked()
    }
  }
}
