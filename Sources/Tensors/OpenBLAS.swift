import CBLAS
import CKernels
import Foundation

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
    BufferReserve.take(threads: Parallel.threadCount)
    BufferReserve.giveToProducts()
    let before = String(cString: openblas_get_corename())
    if ProcessInfo.processInfo.environment["OPENBLAS_CORETYPE"] == nil,
      let better = betterKernel(than: before, level: ck_best_level())
    {
      switchKernel(to: better)
    }
    openblas_set_num_threads(1)  // work is split above BLAS
    return before
  }()

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
