import CBLAS
import CKernels
import Foundation
import Synchronization

/// Which kernels OpenBLAS runs, and the choice of better ones at the start.
///
/// Releases such as 0.3.21 know only older processors by name; on a newer one they may fall back to kernels
/// for AVX2 although the processor has AVX-512. The choice is made again before the first product, unless the
/// user set `OPENBLAS_CORETYPE`.
public enum OpenBLAS {
  /// For example "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH NO_AFFINITY Haswell MAX_THREADS=64".
  public static var configuration: String {
    prepare()
    return String(cString: openblas_get_config()).trimmingCharacters(in: .whitespaces)
  }

  /// The version, for example "0.3.21".
  public static var version: String {
    configuration.split(separator: " ").dropFirst().first.map(String.init) ?? "unknown"
  }

  /// The kernels in use, for example "SkylakeX".
  public static var kernel: String {
    prepare()
    return String(cString: openblas_get_corename())
  }

  /// The kernels that OpenBLAS chose by itself.
  public static var kernelBeforeChoice: String { chosenByItself }

  /// The kernels that suit this processor better than those in use; nil where there are none. Only the user's
  /// `OPENBLAS_CORETYPE`, or a build of OpenBLAS with one set of kernels, makes the difference.
  public static var betterKernel: String? { betterKernel(than: kernel, level: ck_best_level()) }

  /// Makes the choice; cheap after the first call. Every product calls it.
  @inline(__always)
  package static func prepare() { _ = chosenByItself }

  private static let chosenByItself: String = {
    BuildNote.writeOnce()
    reserveBuffers(threads: Parallel.threadCount)
    let before = String(cString: openblas_get_corename())
    if ProcessInfo.processInfo.environment["OPENBLAS_CORETYPE"] == nil,
      let better = betterKernel(than: before, level: ck_best_level())
    {
      switchKernel(to: better)
    }
    openblas_set_num_threads(1)  // work is split above BLAS
    return before
  }()

  // What OpenBLAS asks for when a thread computes its first product: BUFFER_SIZE in its sources. The first of them
  // is asked for at twice the size.
  private static let bufferSize = 128 << 20
  private static let reserved = Mutex(0)

  /// Takes OpenBLAS's buffers for so many threads while there is room for them.
  ///
  /// Where the system refuses one, OpenBLAS asks again without end. That happens only under a limit of the address
  /// space: without one, memory that is not used yet is never refused.
  package static func reserveBuffers(threads: Int) {
    guard [RLIMIT_AS, RLIMIT_DATA].contains(where: { systemLimit($0) != nil }) else { return }
    reserved.withLock { reserved in
      guard threads > reserved else { return }
      let size = (threads - reserved + 1) * bufferSize
      let room = mmap(
        nil, size, PROT_READ | PROT_WRITE, Int32(MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE), -1, 0)
      guard let room, room != MAP_FAILED else {
        ResourceFailure.end(
          "the limit of this process's address space leaves too little for matrix products: OpenBLAS takes "
            + "\(bufferSize >> 20) MiB for each of \(threads) threads and once more at the start; raise the limit "
            + "(`ulimit -v`, `ulimit -d`), or use fewer threads (--threads)")
      }
      munmap(room, size)
      takeBuffers(threads - reserved)
      reserved = threads
    }
  }

  /// Has OpenBLAS map them, and keep them for its products. A build without the entry points is left alone.
  private static func takeBuffers(_ count: Int) {
    typealias Allocate = @convention(c) (Int32) -> UnsafeMutableRawPointer?
    typealias Release = @convention(c) (UnsafeMutableRawPointer?) -> Void
    guard let allocate = dlsym(nil, "blas_memory_alloc"), let release = dlsym(nil, "blas_memory_free") else {
      return
    }
    let buffers = (0..<count).map { _ in unsafeBitCast(allocate, to: Allocate.self)(0) }
    for buffer in buffers { unsafeBitCast(release, to: Release.self)(buffer) }
  }

  /// The core name to ask for, or nil when the present one already uses what the processor can do.
  static func betterKernel(than core: String, level: ck_level) -> String? {
    let avx512: Set = ["SkylakeX", "Cooperlake", "SapphireRapids"]
    let avx2: Set = ["Haswell", "Zen", "Excavator"]
    switch level {
    case CK_AVX512: return avx512.contains(core) ? nil : "SkylakeX"
    case CK_AVX2: return avx512.contains(core) || avx2.contains(core) ? nil : "Haswell"
    default: return nil
    }
  }

  /// A build without the two entry points (one kernel set, or another BLAS) is left alone.
  private static func switchKernel(to core: String) {
    typealias Procedure = @convention(c) () -> Void
    guard let quit = dlsym(nil, "gotoblas_dynamic_quit"), let start = dlsym(nil, "gotoblas_dynamic_init")
    else {
      return
    }
    setenv("OPENBLAS_CORETYPE", core, 1)
    unsafeBitCast(quit, to: Procedure.self)()
    unsafeBitCast(start, to: Procedure.self)()
    unsetenv("OPENBLAS_CORETYPE")
  }
}
