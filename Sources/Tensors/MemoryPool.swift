import Basics
import Foundation
import Synchronization

/// Where tensors' memory comes from: freed blocks are kept by size and handed out again, so that a training
/// step in its steady state asks the system for nothing.
///
/// Sizes are rounded up to one of eight steps between powers of two (at most 12.5% is lost). Blocks are
/// aligned to 64 bytes, those of 2 MiB and more to 2 MiB, so that the kernel may back them with huge pages.
public enum MemoryPool {
  /// Figures since the process started.
  public struct Statistics: Sendable, Equatable {
    /// Blocks asked of the system: stays constant over steps in the steady state.
    public var systemAllocations = 0
    /// Bytes held from the system, in use or kept for reuse.
    public var bytesHeld = 0
    /// Bytes of the blocks of tensors that are alive and of scratch in use, as rounded up to the pool's sizes.
    public var bytesInUse = 0
    /// The largest value that `bytesInUse` had.
    public var peakBytesInUse = 0
  }

  // The pointers in `free` belong to the pool alone until they are handed out, and the lock guards the lists: so a
  // state may pass between threads.
  private struct State: @unchecked Sendable {
    var free = [[UnsafeMutableRawPointer]](repeating: [], count: sizeClassCount)
    var statistics = Statistics()
  }

  private static let state = Mutex(State())
  private static let sizeClassCount = 8 * 64

  /// The figures as they are at this moment, over all threads.
  public static var statistics: Statistics { state.withLock { $0.statistics } }

  /// Starts a new measurement of `peakBytesInUse`.
  public static func resetPeak() {
    state.withLock { $0.statistics.peakBytesInUse = $0.statistics.bytesInUse }
  }

  /// Gives every block that no tensor uses back to the system.
  public static func releaseUnused() { state.withLock { release(&$0) } }

  private static func release(_ state: inout State) {
    for sizeClass in state.free.indices {
      for block in state.free[sizeClass] { free(block) }
      state.statistics.bytesHeld -= state.free[sizeClass].count * bytes(ofClass: sizeClass)
      state.free[sizeClass] = []
    }
  }

  /// A block of at least `byteCount` bytes and the size class to return it under.
  static func allocate(_ byteCount: Int) -> (UnsafeMutableRawPointer, sizeClass: Int) {
    require(byteCount >= 0, "cannot allocate \(byteCount) bytes")
    guard byteCount < 1 << 46 else {
      ResourceFailure.outOfMemory(Double(byteCount), held: statistics.bytesHeld)
    }
    let sizeClass = sizeClass(of: byteCount)
    let size = bytes(ofClass: sizeClass)
    let reused = state.withLock { state -> UnsafeMutableRawPointer? in
      state.statistics.bytesInUse += size
      state.statistics.peakBytesInUse = max(state.statistics.peakBytesInUse, state.statistics.bytesInUse)
      if let block = state.free[sizeClass].popLast() { return block }
      if size >= large, isMostlyUnused(state.statistics) { release(&state) }
      state.statistics.systemAllocations += 1
      state.statistics.bytesHeld += size
      return nil
    }
    return (reused ?? systemBlock(size), sizeClass)
  }

  static func recycle(_ block: UnsafeMutableRawPointer, sizeClass: Int) {
    state.withLock { state in
      state.statistics.bytesInUse -= bytes(ofClass: sizeClass)
      state.free[sizeClass].append(block)
    }
  }

  private static let hugePage = 2 << 20
  private static let large = 16 << 20

  /// More than a gigabyte lies unused, and more than is in use: work of other sizes has begun, as an evaluation
  /// does between two epochs, and would hold its own memory beside that of the work before.
  private static func isMostlyUnused(_ statistics: Statistics) -> Bool {
    statistics.bytesHeld - statistics.bytesInUse > max(1 << 30, statistics.bytesInUse)
  }

  private static func systemBlock(_ size: Int) -> UnsafeMutableRawPointer {
    if let block = newBlock(size) { return block }
    // What is kept for reuse may make room.
    releaseUnused()
    if let block = newBlock(size) { return block }
    ResourceFailure.outOfMemory(Double(size), held: statistics.bytesHeld - size)
  }

  private static func newBlock(_ size: Int) -> UnsafeMutableRawPointer? {
    var block: UnsafeMutableRawPointer?
    guard posix_memalign(&block, size >= hugePage ? hugePage : 64, size) == 0, let block else { return nil }
    #if os(Linux)
      if size >= hugePage { _ = madvise(block, size, Int32(MADV_HUGEPAGE)) }
    #endif
    return block
  }

  /// Class 8 e + s holds blocks of 2^e (1 + s / 8) bytes.
  static func sizeClass(of byteCount: Int) -> Int {
    let size = max(byteCount, 64)
    let exponent = Int.bitWidth - 1 - (size - 1).leadingZeroBitCount
    let step = 1 << (exponent - 3)
    let steps = (size - (1 << exponent) + step - 1) / step
    return 8 * exponent + steps
  }

  /// Bytes that a tensor of `count` elements takes from the pool, for estimates of sizes beyond all bounds too.
  package static func bytes(forElements count: Double) -> Double {
    let size = max(4 * count, 64)
    let step = 0.125 * Double(sign: .plus, exponent: Int(size.exponent), significand: 1)
    return (size / step).rounded(.up) * step
  }

  static func bytes(ofClass sizeClass: Int) -> Int {
    let exponent = sizeClass / 8
    return (1 << exponent) + (sizeClass % 8) << (exponent - 3)
  }
}

/// A block of the pool, returned when its last owner lets go.
///
/// The block's place never changes; its contents do, under the rule that stands at `Tensor`: whoever made the
/// storage may write until another thread can see it, afterwards only while no other thread reads or writes.
package final class Storage: @unchecked Sendable {
  package let pointer: UnsafeMutablePointer<Float>
  private let sizeClass: Int

  package init(count: Int) {
    // A count whose bytes cannot be counted is refused like any other that no machine has.
    let bytes = count.multipliedReportingOverflow(by: MemoryLayout<Float>.stride)
    let (block, sizeClass) = MemoryPool.allocate(bytes.overflow ? .max : bytes.partialValue)
    pointer = block.bindMemory(to: Float.self, capacity: count)
    self.sizeClass = sizeClass
  }

  deinit { MemoryPool.recycle(UnsafeMutableRawPointer(pointer), sizeClass: sizeClass) }
}

/// Runs `body` with `count` uninitialised floats from the pool.
package func withScratch<R>(
  _ count: Int, _ body: (UnsafeMutablePointer<Float>) throws -> R
) rethrows -> R {
  let storage = Storage(count: count)
  return try withExtendedLifetime(storage) { try body(storage.pointer) }
}
