import Foundation
import Synchronization

/// How the process ends where the system refuses memory or threads in the middle of a computation, where no caller
/// could go on: a sentence on standard error and exit status 1, and no trap, because no programmer is at fault.
package enum ResourceFailure {
  private static let recorder = Mutex<(@Sendable (String) -> Void)?>(nil)

  /// Runs `body`; should the process end meanwhile, `record` is called with the sentence first.
  package static func recorded<R>(by record: @escaping @Sendable (String) -> Void, _ body: () throws -> R)
    rethrows
    -> R
  {
    recorder.withLock { $0 = record }
    defer { recorder.withLock { $0 = nil } }
    return try body()
  }

  /// Writes the sentence and ends the process. What other threads do is not waited for.
  package static func end(_ sentence: String) -> Never {
    write("Error: \(sentence)\n")
    // Taken out, so that recording it cannot come here again.
    let record = recorder.withLock { recorder in
      defer { recorder = nil }
      return recorder
    }
    record?(sentence)
    _exit(1)
  }

  /// Ends the process for want of a block of memory.
  package static func outOfMemory(_ byteCount: Double, held: Int) -> Never {
    end(
      "out of memory: the system refused \(megabytes(byteCount)) MB more, with \(megabytes(Double(held))) MB in tensors "
        + "already; a smaller batchSize or network needs less, and `ulimit -v` and the control group show what limits "
        + "this process")
  }

  /// Writes a line to standard error past all buffers.
  package static func write(_ line: String) {
    let bytes = Array(line.utf8)
    _ = Foundation.write(STDERR_FILENO, bytes, bytes.count)
  }

  private static func megabytes(_ bytes: Double) -> Int { Int(min(bytes / 1e6, 1e15).rounded(.up)) }
}
