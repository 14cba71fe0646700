import Foundation
import Tensors

/// What a figure was measured on.
public struct Machine: Sendable, Codable, Equatable {
  /// The processor's name as the system gives it.
  public var processor: String
  /// Processors that are online.
  public var processors: Int
  /// Threads that share the work.
  public var threads: Int
  /// OpenBLAS's version.
  public var blas: String
  /// OpenBLAS's kernels, and the ones it would have chosen by itself.
  public var blasKernel: String
  /// What `blasKernel` was before better ones were looked for; the same where there are none.
  public var blasKernelByItself: String
  /// The instruction set of our own kernels.
  public var vectors: String
  /// The operating system and its version, for example "Debian GNU/Linux 12 (bookworm)".
  public var system: String

  package enum CodingKeys: String, CodingKey {
    case processor, processors, threads, blas, vectors, system
    case blasKernel = "blas_kernel"
    case blasKernelByItself = "blas_kernel_by_itself"
  }

  /// This machine, now.
  public static var current: Machine {
    Machine(
      processor: processorName(), processors: ProcessInfo.processInfo.processorCount,
      threads: Parallel.threadCount,
      blas: OpenBLAS.version, blasKernel: OpenBLAS.kernel, blasKernelByItself: OpenBLAS.kernelBeforeChoice,
      vectors: Parallel.instructionSet, system: ProcessInfo.processInfo.operatingSystemVersionString)
  }

  /// What to tell a user whose environment keeps OpenBLAS below what the processor can do; nil where it does not.
  public static var slowKernelNote: String? {
    guard let chosen = ProcessInfo.processInfo.environment["OPENBLAS_CORETYPE"],
      let better = OpenBLAS.betterKernel
    else { return nil }
    return
      "OPENBLAS_CORETYPE=\(chosen) is set: OpenBLAS runs its \(OpenBLAS.kernel) kernels, and this processor has better "
      + "ones (\(better)); unset it to let the program choose"
  }

  /// One line for the head of a report.
  public var summary: String {
    "\(processor), \(processors) processors, \(threads) threads, OpenBLAS \(blas) (kernels \(blasKernel), by itself "
      + "\(blasKernelByItself)), our kernels \(vectors)"
  }

  /// The largest resident size that this process had, in 1e6 bytes.
  public static var peakMegabytes: Int {
    var usage = rusage()
    getrusage(0, &usage)  // 0 is RUSAGE_SELF, whose type differs between C libraries
    return Int(usage.ru_maxrss) * 1024 / 1_000_000
  }

  /// Pages that the system has handed to this process so far without reading a disk.
  public static var pageFaults: Int {
    var usage = rusage()
    getrusage(0, &usage)
    return Int(usage.ru_minflt)
  }

  private static func processorName() -> String {
    let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    for line in text.split(separator: "\n") where line.hasPrefix("model name") {
      if let colon = line.firstIndex(of: ":") {
        return line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
      }
    }
    return "unknown processor"
  }
}
