import Foundation
import Tensors

private let threadCountLock = NSRecursiveLock()

/// Runs `body` with a thread count that no other test changes meanwhile: for what compares bits, or counts.
package func withThreadCount<R>(_ threads: Int, _ body: () throws -> R) rethrows -> R {
  threadCountLock.lock()
  let before = Parallel.threadCount
  Parallel.setThreadCount(threads)
  defer {
    Parallel.setThreadCount(before)
    threadCountLock.unlock()
  }
  return try body()
}
