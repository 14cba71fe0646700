import Basics
import CKernels
import Foundation
import Synchronization

/// Threads that wait for numbered parts of one job at a time.
///
/// What is not atomic is changed only by the thread that holds `busy`. Workers read it (`body`) only between their
/// start and their end, during which that thread leaves it alone; both are ordered by atomics.
final class WorkerPool: @unchecked Sendable {
  static let shared = WorkerPool()

  private let busy = Atomic<Bool>(false)
  private let remaining = Atomic<Int>(0)
  private var workers: [Worker] = []
  private var body: ((Int) -> Void)?
  /// False once the system refused a thread.
  private var canGrow = true

  /// Runs `body` for parts `0..<parts`, part 0 on the calling thread. False when the pool is in use, or the
  /// system has too few threads for it; then nothing was run.
  func run(parts: Int, _ body: (Int) -> Void) -> Bool {
    guard busy.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged else {
      return false
    }
    defer { busy.store(false, ordering: .releasing) }
    guard hasWorkers(parts - 1) else { return false }
    remaining.store(parts - 1, ordering: .relaxed)
    withoutActuallyEscaping(body) { body in
      self.body = body
      for worker in workers[..<(parts - 1)] { worker.start() }
      body(0)
      awaitWorkers()
      self.body = nil
    }
    return true
  }

  private func hasWorkers(_ count: Int) -> Bool {
    if workers.count >= count { return true }
    if canGrow { BufferReserve.take(threads: count + 1) }
    while canGrow, workers.count < count {
      let worker = Worker(part: workers.count + 1, pool: self)
      if let reason = worker.begin() {
        canGrow = false
        ResourceFailure.write(
          "note: only \(workers.count + 1) of \(count + 1) threads could be started (\(reason)), so the work of all is "
            + "done by one; --threads \(workers.count + 1) uses those that there are\n")
      } else {
        workers.append(worker)
      }
    }
    return workers.count >= count
  }

  /// The parts are of one size, so the others end about now, unless their core was taken away.
  private func awaitWorkers() {
    var spins = 0
    while remaining.load(ordering: .acquiring) > 0 {
      spins += 1
      if spins < 5_000 { ck_spin_hint() } else { sched_yield() }
    }
  }

  // Not inlined, so that the references to the closure taken here are gone before the part is reported as
  // done.
  @inline(never)
  fileprivate func perform(_ part: Int) { body!(part) }

  fileprivate func finish() { remaining.subtract(1, ordering: .acquiringAndReleasing) }
}

/// One thread: looks for its next part for some microseconds, then sleeps until woken.
private final class Worker: Sendable {
  private let part: Int
  private unowned let pool: WorkerPool
  private let started = Atomic<UInt64>(0)
  private let asleep = Atomic<Bool>(false)
  private let condition = NSCondition()

  init(part: Int, pool: WorkerPool) {
    self.part = part
    self.pool = pool
  }

  /// Starts the thread, which lives as long as the process, as the pool does.
  /// - Returns: nil, or why the system refused it.
  func begin() -> String? { SystemThread.start("tensors-\(part)") { [unowned self] in self.loop() } }

  func start() {
    started.add(1, ordering: .sequentiallyConsistent)
    guard asleep.load(ordering: .sequentiallyConsistent) else { return }
    condition.lock()
    condition.signal()
    condition.unlock()
  }

  private func loop() {
    var seen: UInt64 = 0
    while true {
      wait(after: seen)
      seen += 1
      pool.perform(part)
      pool.finish()
    }
  }

  private func wait(after seen: UInt64) {
    for _ in 0..<2_000 {
      if started.load(ordering: .acquiring) > seen { return }
      ck_spin_hint()
    }
    condition.lock()
    asleep.store(true, ordering: .sequentiallyConsistent)
    while started.load(ordering: .sequentiallyConsistent) == seen { condition.wait() }
    asleep.store(false, ordering: .sequentiallyConsistent)
    condition.unlock()
  }
}
