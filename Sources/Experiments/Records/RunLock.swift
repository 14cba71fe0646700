import Basics
import Foundation
import Synchronization

/// The right to work on a run, held until released or until the process ends in whatever way.
///
/// Two things keep others out. The system's lock on `.lock` goes with the process and cannot be left behind, but is not
/// seen from other machines on every network file system. The record `.worker.json` is seen by all; it is renewed while
/// the lock is held, so that one whose worker is gone can be told by its age and be taken over.
package final class RunLock {
  private let descriptor: Int32
  private let heartbeat: Heartbeat
  private let timer: any DispatchSourceTimer

  /// - Parameter state: what the record says of progress.
  /// - Throws: `RunError` when another process works on the run.
  init(_ folder: RunFolder, showing state: ProgressState = ProgressState()) throws {
    descriptor = open(folder.lock.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw RunError("\(folder.lock.path) could not be opened: \(String(cString: strerror(errno)))")
    }
    do {
      try Self.takeLock(descriptor, of: folder)
      // What dates the files may be another machine's clock: it is asked by touching one.
      futimens(descriptor, nil)
      let now = RunFolder.modified(folder.lock.path) ?? Date().timeIntervalSince1970
      // A record of this process whose lock could be had again is one that was not removed.
      if let worker = folder.activeWorker(now: now), !worker.isOfThisProcess {
        throw Self.held(folder, by: worker)
      }
      try Self.removeRecord(WorkerRecord.read(folder.worker), of: folder)
      let heartbeat = try Heartbeat(folder, state: state)
      self.heartbeat = heartbeat
      timer = DispatchSource.makeTimerSource(queue: .global(qos: .utility))
      timer.schedule(deadline: .now() + .seconds(1), repeating: .seconds(1))
      timer.setEventHandler { heartbeat.beat() }
      timer.resume()
    } catch {
      close(descriptor)
      throw error
    }
  }

  deinit {
    timer.cancel()
    heartbeat.end()
    close(descriptor)
  }

  static func takeLock(_ descriptor: Int32, of folder: RunFolder) throws {
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      let failure = errno
      switch failure {
      case EINTR: continue
      case EWOULDBLOCK: throw held(folder)
      default:
        throw RunError(
          "\(folder.lock.path) could not be locked: \(String(cString: strerror(failure))). Put the runs in a folder of a file "
            + "system that has locks (--runs), or have locks switched on where this one is mounted")
      }
    }
  }

  /// Removes the record of a worker that is gone.
  ///
  /// Where the system's lock does not reach, another process may put its own in the same place at this moment: what was
  /// taken away is looked at, and put back if it is another's.
  static func removeRecord(_ gone: WorkerRecord?, of folder: RunFolder) throws {
    let file = folder.worker.path
    let aside = "\(file).\(UUID().uuidString)\(AtomicFile.temporarySuffix)"
    guard rename(file, aside) == 0 else { return }
    defer { unlink(aside) }
    guard WorkerRecord.read(URL(fileURLWithPath: aside))?.identifier == gone?.identifier else {
      link(aside, file)
      throw held(folder)
    }
  }

  /// - Parameter worker: nil: whoever has the system's lock, or came first at this moment. One that is known by its record
  ///   alone counts as gone once that is stale.
  fileprivate static func held(_ folder: RunFolder, by worker: WorkerRecord? = nil) -> RunError {
    let known = worker ?? WorkerRecord.read(folder.worker)
    let who = known.map { " (process \($0.process) on \($0.host), since \($0.started))" } ?? ""
    var text = "another process works on \(folder.url.path)\(who); start this again when it is done"
    if let worker, worker.isRemote {
      text +=
        ", or once it has given no sign for \(Int(RunFolder.patience / 60)) minutes (the last: \(worker.updated))"
    }
    return RunError(text, isOfAnotherWorker: true)
  }
}

/// Renews a worker's record while it works, and looks whether it is still the worker.
private final class Heartbeat: Sendable {
  private let folder: RunFolder
  private let state: ProgressState
  private let identifier = UUID().uuidString
  private let started = WorkerRecord.now()
  private let isOver = Mutex(false)
  private let beats = Atomic<Int>(0)
  private let wasOverdue = Atomic(false)

  /// Beats between records.
  private static let beatsOfRecord = 2

  init(_ folder: RunFolder, state: ProgressState) throws {
    self.folder = folder
    self.state = state
    try write(asNew: true)
  }

  /// The last record is removed, if it is this worker's.
  func end() {
    isOver.withLock { isOver in
      isOver = true
      if WorkerRecord.read(folder.worker)?.identifier == identifier { unlink(folder.worker.path) }
    }
  }

  /// Once a second.
  func beat() {
    Interruption.watchEmployer()
    endIfOverdue()
    isOver.withLock { isOver in
      if isOver { return }
      let number = beats.add(1, ordering: .relaxed).newValue
      guard number == 1 || number % Self.beatsOfRecord == 0 else { return }
      if let other = WorkerRecord.read(folder.worker), other.identifier != identifier {
        giveUp(to: other)
      }
      // A disk that is full, or a server that is away, ends no run: the record only grows old.
      try? write()
    }
  }

  /// Another process took this for dead, as when the machine slept. Nothing more may be written here, not even what is in
  /// memory; files are only ever replaced whole, so the process may end at once.
  private func giveUp(to other: WorkerRecord) -> Never {
    StandardError.line(
      "Error: process \(other.process) on \(other.host) has taken over \(folder.url.path), because this one gave no sign "
        + "for a while")
    _exit(1)
  }

  /// Ends the process for work that does not look for signals, such as the reading of a large file: within two seconds.
  private func endIfOverdue() {
    guard Interruption.isOverdue else { return }
    // The work may be about to look.
    guard wasOverdue.exchange(true, ordering: .relaxed) else { return }
    end()
    let error = InterruptedError(signal: Interruption.pending ?? SIGTERM)
    StandardError.line("\nError: \(error)")
    _exit(error.exitCode)
  }

  private func write(asNew: Bool = false) throws {
    let record = WorkerRecord.own(identifier: identifier, started: started, state: state.current)
    let file = folder.worker.path
    // Not brought to the disk: after a crash of the machine it has nothing to say.
    let temporary = "\(file).\(identifier)\(AtomicFile.temporarySuffix)"
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      try encoder.encode(record).write(to: URL(fileURLWithPath: temporary))
    } catch {
      unlink(temporary)
      throw RunError("\(file) could not be written: \(error.localizedDescription)")
    }
    defer { unlink(temporary) }
    // The first must not replace that of a worker who came at the same moment from another machine.
    if asNew, link(temporary, file) == 0 { return }
    // Also where the other has taken ours for something that a killed process left.
    if asNew, errno == EEXIST || FileManager.default.fileExists(atPath: file) {
      throw RunLock.held(folder)
    }
    // Renewed; or a file system without links.
    guard rename(temporary, file) == 0 else {
      throw RunError("\(file) could not be written: \(String(cString: strerror(errno)))")
    }
  }
}
