import Basics
import Foundation
import TestSupport
import Testing

@testable import Experiments

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
