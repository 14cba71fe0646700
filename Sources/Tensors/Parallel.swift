import Basics
import CKernels
import Foundation
import Synchronization

/// Work split over the cores: persistent threads, one contiguous range each.
///
/// The split depends on the count, the grain and `threadCount` only, so a computation gives the same bits in
/// every run with the same thread count, whether or not a worker was free.
public enum Parallel {
  private static let count = Atomic<Int>(0)

  /// How many threads share the work, the caller's included.
  /// At first `SPREAD_THREADS`, else the cores that this process may use (affinity and control group
  /// respected).
  public static var threadCount: Int {
    let current = count.load(ordering: .relaxed)
    if current > 0 { return current }
    let initial = defaultThreadCount
    count.store(initial, ordering: .relaxed)
    return initial
  }

  /// Sets `threadCount` for all work of the process that begins from now on. Threads beyond it stay, asleep.
  /// Stops the program when `n` is not in 1...1024.
  public static func setThreadCount(_ n: Int) {
    require(n >= 1 && n <= 1024, "thread count \(n) is not in 1...1024")
    count.store(n, ordering: .relaxed)
  }

  /// Splits `0..<count` into at most `threadCount` contiguous ranges of at least `grain` elements (one range where
  /// there are fewer), and runs `body` on each, in parallel. Returns when all are done, and then what `body` wrote
  /// can be read.
  ///
  /// The ranges do not overlap, and every index is in one of them. Which thread runs a range, and when, is not
  /// known: the calling thread runs one at least. A call from within another, or while another thread's call runs,
  /// works through the same ranges in order on the calling thread; so a range must not wait for another.
  ///
  /// What `body` may do:
  /// * read what nobody writes meanwhile;
  /// * write memory that belongs to its range alone, through pointers: no two ranges the same element, and no
  ///   variable, array or tensor property that other ranges use. The compiler does not check this: `body` is not
  ///   `@Sendable`, so that it can capture pointers.
  /// * take `withScratch`, and call `forEach` again.
  ///
  /// It cannot throw: check what may be wrong before, or write a result for each index and look at them
  /// afterwards. `withoutGradient` counts for the calling thread only: operations on tensors within `body` would be
  /// recorded on the others.
  public static func forEach(_ count: Int, grain: Int = 1, _ body: (Range<Int>) -> Void) {
    guard count > 0 else { return }
    let parts = max(1, min(threadCount, count / max(1, grain)))
    if parts == 1 { return body(0..<count) }
    func range(_ part: Int) -> Range<Int> { part * count / parts..<(part + 1) * count / parts }
    let ran = WorkerPool.shared.run(parts: parts) { body(range($0)) }
    if !ran { for part in 0..<parts { body(range(part)) } }
  }

  /// The instruction set that the vectorised kernels run on, for example "avx512".
  public static var instructionSet: String { String(cString: ck_level_name(ck_current_level())) }

  /// What is wrong with `SPREAD_THREADS`, in a sentence; nil when it can be used or is not set. A value that
  /// cannot be used counts as not set; programs tell of it.
  public static var environmentProblem: String? {
    guard let text = environmentText, environmentCount == nil else { return nil }
    return "the environment variable SPREAD_THREADS is \"\(text)\", and must be a number in 1...1024"
  }

  private static var environmentText: String? {
    ProcessInfo.processInfo.environment["SPREAD_THREADS"].flatMap { $0.isEmpty ? nil : $0 }
  }
  private static var environmentCount: Int? {
    environmentText.flatMap { Int($0) }.flatMap { (1...1024).contains($0) ? $0 : nil }
  }

  static let defaultThreadCount: Int = {
    environmentCount ?? max(1, min(Int(ck_usable_cpu_count()), controlGroupLimit() ?? .max))
  }()

  /// Whole cores under the control group's quota (version 2, then version 1); nil when there is none.
  private static func controlGroupLimit() -> Int? {
    func read(_ path: String) -> [Double]? {
      guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
      return text.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
    }
    if let both = read("/sys/fs/cgroup/cpu.max"), both.count == 2, both[1] > 0 {
      return max(1, Int((both[0] / both[1]).rounded()))
    }
    if let quota = read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")?.first, quota > 0,
      let period = read("/sys/fs/cgroup/cpu/cpu.cfs_period_us")?.first, period > 0
    {
      return max(1, Int((quota / period).rounded()))
    }
    return nil
  }
}
