import Foundation
import Synchronization

/// Ctrl-C, the system's request to end and the end of the terminal, as a flag that the training loop looks at between
/// steps.
///
/// The first signal asks the run to save and stop; the second ends the process at once (files are only ever
/// replaced whole).
package enum Interruption {
  private static let signal = Atomic<Int32>(0)
  private static let hasNothingToSave = Atomic(false)

  /// The signal that came; nil while none has.
  package static var pending: Int32? {
    let number = signal.load(ordering: .relaxed)
    return number == 0 ? nil : number
  }

  /// Where all is saved, and a person who pressed Ctrl-C need not wait for what comes next.
  /// - Throws: `InterruptedError` when a signal came.
  package static func check() throws {
    if let signal = pending { throw InterruptedError(signal: signal) }
  }

  /// Takes over SIGINT, SIGTERM and SIGHUP from now on, which until then end the process. Once is enough; more does
  /// no harm. SIGHUP stays ignored where it is, as `nohup` has it.
  package static func install() {
    _ = pending  // makes the flag before a handler can need it
    // The reader of our output may be gone, as `tee` is after the Ctrl-C that we are to save at.
    Foundation.signal(SIGPIPE, SIG_IGN)
    // A file that grew to its limit is an error of the write, with a sentence, and not the end at once.
    Foundation.signal(SIGXFSZ, SIG_IGN)
    var hangUp = sigaction()
    let isHangUpIgnored = sigaction(SIGHUP, nil, &hangUp) == 0 && isIgnored(hangUp)
    for number in [SIGINT, SIGTERM] + (isHangUpIgnored ? [] : [SIGHUP]) {
      Foundation.signal(number) { number in
        if !Interruption.request(number) { _exit(128 + number) }
      }
    }
  }

  /// Works on what has nothing to save, so that a signal may end the process however far the work is from a place where
  /// it looks for one: see `isOverdue`.
  package static func withNothingToSave<Result>(_ work: () throws -> Result) throws -> Result {
    try check()
    hasNothingToSave.store(true, ordering: .relaxed)
    defer { hasNothingToSave.store(false, ordering: .relaxed) }
    let result = try work()
    try check()
    return result
  }

  /// Whether a signal came and the work neither looks for it nor has anything to save; for another thread, which ends the
  /// process when it finds that twice.
  package static var isOverdue: Bool { pending != nil && hasNothingToSave.load(ordering: .relaxed) }

  /// Notes a signal; false when one was noted before.
  package static func request(_ number: Int32) -> Bool {
    signal.compareExchange(expected: 0, desired: number, ordering: .relaxed).exchanged
  }

  /// Whether the process was started with a signal ignored, or ignores it since.
  private static func isIgnored(_ action: sigaction) -> Bool {
    unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }
}

extension Interruption {
  /// Which process this one works for, as the environment says: when it is gone, nobody waits for this one, and it saves
  /// and ends.
  package static let employerVariable = "SPREAD_QUEUE_PROCESS"

  private static let employer: Int32? = ProcessInfo.processInfo.environment[employerVariable].flatMap {
    Int32($0)
  }

  /// Asks this process to save and end when the one that it works for is gone.
  package static func watchEmployer() {
    if let employer, getppid() != employer { _ = request(SIGTERM) }
  }
}

/// Thrown when a run stopped because it was asked to, with everything saved.
public struct InterruptedError: Error, Sendable, Equatable, CustomStringConvertible {
  /// SIGINT, SIGTERM or SIGHUP.
  public let signal: Int32

  package init(signal: Int32) { self.signal = signal }

  /// 128 and the signal's number, as shells have it: 130 for Ctrl-C.
  public var exitCode: Int32 { 128 + signal }

  public var description: String { "interrupted; the same command continues from here" }
}
