import Basics
import Foundation
import Synchronization

/// OpenBLAS's work space, taken under a limit of the address space while there is room for it.
///
/// OpenBLAS maps a buffer when a thread computes its first product, and where the system refuses one it asks again
/// without end. Without such a limit, memory that is not used yet is never refused, and nothing is done here.
package enum BufferReserve {
  /// `BUFFER_SIZE` in OpenBLAS's sources.
  private static let bufferSize = 128 << 20

  private struct State {
    /// Threads that are provided for.
    var threads = 0
    /// Buffers that no product may use yet. OpenBLAS's own threads, made when it was loaded, keep the first ones that
    /// they find: these are held back until those threads have long had theirs.
    var held: [UnsafeMutableRawPointer?] = []
    var isGiven = false
  }
  private static let state = Mutex(State())

  /// Takes buffers for so many threads, or ends the process with a sentence.
  package static func take(threads: Int) {
    guard [RLIMIT_AS, RLIMIT_DATA].contains(where: { systemLimit($0) != nil }) else { return }
    state.withLock { state in
      guard threads > state.threads else { return }
      // The first one is asked for at twice the size.
      requireRoom((threads - state.threads + 1) * bufferSize, threads: threads)
      let buffers = map(state.isGiven ? threads : threads - state.threads)
      if state.isGiven { release(buffers) } else { state.held += buffers }
      state.threads = threads
    }
  }

  /// Leaves the buffers to the products that now begin.
  static func giveToProducts() {
    state.withLock { state in
      release(state.held)
      (state.held, state.isGiven) = ([], true)
    }
  }

  private static func requireRoom(_ size: Int, threads: Int) {
    let room = mmap(
      nil, size, PROT_READ | PROT_WRITE, Int32(MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE), -1, 0)
    guard let room, room != MAP_FAILED else {
      ResourceFailure.end(
        "the limit of this process's address space leaves too little for matrix products: OpenBLAS takes "
          + "\(bufferSize >> 20) MiB for each of its threads (\(threads) here) and once more at the start; raise the "
          + "limit (`ulimit -v`, `ulimit -d`), or use fewer threads (--threads, OPENBLAS_NUM_THREADS=1)")
    }
    munmap(room, size)
  }

  // A build of OpenBLAS without the entry points is left alone.

  private static func map(_ count: Int) -> [UnsafeMutableRawPointer?] {
    typealias Allocate = @convention(c) (Int32) -> UnsafeMutableRawPointer?
    guard let allocate = dlsym(nil, "blas_memory_alloc") else { return [] }
    return (0..<count).map { _ in unsafeBitCast(allocate, to: Allocate.self)(0) }
  }

  private static func release(_ buffers: [UnsafeMutableRawPointer?]) {
    typealias Release = @convention(c) (UnsafeMutableRawPointer?) -> Void
    guard let release = dlsym(nil, "blas_memory_free") else { return }
    for buffer in buffers { unsafeBitCast(release, to: Release.self)(buffer) }
  }
}
