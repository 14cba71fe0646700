import Foundation
import Synchronization

/// Ctrl-C and the system's request to end, as a flag that the training loop looks at between steps.
///
/// The first signal asks the run to save and stop; the second ends the process at once (files are only ever
/// replaced whole).
public enum Interruption {
  private static let signal = Atomic<Int32>(0)

  /// The signal that came; nil while none has.
  public static var pending: Int32? {
    let number = signal.load(ordering: .relaxed)
    return number == 0 ? nil : number
  }

  /// Where all is saved, and a person who pressed Ctrl-C need not wait for what comes next.
  /// - Throws: `InterruptedError` when a signal came.
  public static func check() throws {
    if let signal = pending { throw InterruptedError(signal: signal) }
  }

  /// Takes over SIGINT and SIGTERM from now on, which until then end the process. Once is enough; more does
  /// no harm.
  public static func install() {
    _ = pending  // makes the flag before a handler can need it
    // The reader of our output may be gone, as `tee` is after the Ctrl-C that we are to save at.
    Foundation.signal(SIGPIPE, SIG_IGN)
    // A file that grew to its limit is an error of the write, with a sentence, and not the end at once.
    Foundation.signal(SIGXFSZ, SIG_IGN)
    for number in [SIGINT, SIGTERM] {
      Foundation.signal(number) { number in
        if !Interruption.request(number) { _exit(128 + number) }
      }
    }
  }

  /// Notes a signal; false when one was noted before.
  static func request(_ number: Int32) -> Bool {
    signal.compareExchange(expected: 0, desired: number, ordering: .relaxed).exchanged
  }
}

extension Interruption {
  /// Which process this one works for, as the environment says: when it is gone, nobody waits for this one, and it saves
  /// and ends.
  static let employerVariable = "SPREAD_QUEUE_PROCESS"

  private static let employer: Int32? = ProcessInfo.processInfo.environment[employerVariable].flatMap {
    Int32($0)
  }

  /// Asks this process to save and end when the one that it works for is gone.
  static func watchEmployer() {
    if let employer, getppid() != employer { _ = request(SIGTERM) }
  }
}

/// Thrown when a run stopped because it was asked to, with everything saved.
public struct InterruptedError: Error, Sendable, Equatable, CustomStringConvertible {
  /// SIGINT or SIGTERM.
  public let signal: Int32

  /// 128 and the signal's number, as shells have it: 130 for Ctrl-C.
  public var exitCode: Int32 { 128 + signal }

  public var description: String { "interrupted; the same command goes on from here" }
}
