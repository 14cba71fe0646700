import CKernels
import Dispatch
import Foundation

/// Threads of the system, which may be refused; Foundation's are then silently not there.
package enum SystemThread {
  private final class Work {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  /// Starts a thread that runs `body` and ends with it.
  ///
  /// - Parameter name: as debuggers show it, at most 15 bytes.
  /// - Returns: nil, or the system's reason where there can be no more threads.
  package static func start(_ name: String, stackSize: Int = 8 << 20, _ body: @escaping @Sendable () -> Void)
    -> String?
  {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, stackSize)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    let work = Unmanaged.passRetained(
      Work {
        ck_name_this_thread(name)
        body()
      })
    var thread = pthread_t()
    let status = pthread_create(
      &thread, &attributes,
      { argument in
        if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
        return nil
      }, work.toOpaque())
    guard status == 0 else {
      work.release()
      return String(cString: strerror(status))
    }
    return nil
  }

  /// Starts some threads and ends them: the timers that a run has wait without end for threads that are refused.
  /// - Returns: nil, or the system's reason where one of them was refused.
  package static func refusal(of count: Int) -> String? {
    let gate = DispatchSemaphore(value: 0)
    for started in 0..<count {
      guard let reason = start("probe", { gate.wait() }) else { continue }
      for _ in 0..<started { gate.signal() }
      return reason
    }
    for _ in 0..<count { gate.signal() }
    return nil
  }
}
