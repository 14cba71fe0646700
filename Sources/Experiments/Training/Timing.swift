import Basics
import Foundation
import Tensors

/// Repeated timings of one piece of work.
package struct Timing: Sendable, Equatable {
  /// Seconds of each counted run, sorted.
  package let seconds: [Double]
  /// Blocks that the memory pool asked of the system during the counted runs: 0 in a steady state; nil where
  /// they were not counted.
  package let systemAllocations: Int?
  /// Pages that the system handed out during the counted runs, those of every thread.
  package let pageFaults: Int?

  /// - Parameter seconds: of each run, in any order; at least one, or the program stops.
  package init(seconds: [Double], systemAllocations: Int? = nil, pageFaults: Int? = nil) {
    require(!seconds.isEmpty, "a timing needs at least one run")
    self.seconds = seconds.sorted()
    self.systemAllocations = systemAllocations
    self.pageFaults = pageFaults
  }

  /// Seconds of the fastest run.
  package var minimum: Double { seconds[0] }
  /// Seconds of the slowest run.
  package var maximum: Double { seconds[seconds.count - 1] }
  /// Seconds of the run in the middle; with an even number of runs, the mean of the two in the middle.
  package var median: Double {
    let middle = seconds.count / 2
    return seconds.count % 2 == 1 ? seconds[middle] : (seconds[middle - 1] + seconds[middle]) / 2
  }

  /// Times `body` `runs` times (at least once), after `warmUp` runs that are not counted: they fill caches and the
  /// memory pool.
  package static func measure(runs: Int, warmUp: Int = 1, _ body: () -> Void) -> Timing {
    for _ in 0..<warmUp { body() }
    let clock = ContinuousClock()
    let (blocks, faults) = (MemoryPool.statistics.systemAllocations, Machine.pageFaults)
    let seconds = (0..<max(1, runs)).map { _ in clock.measure(body).seconds }
    return Timing(
      seconds: seconds, systemAllocations: MemoryPool.statistics.systemAllocations - blocks,
      pageFaults: Machine.pageFaults - faults)
  }
}
