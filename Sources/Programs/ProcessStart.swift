import Basics
import CKernels
import Dispatch
import Experiments
import Foundation
import NeuralNetworks
import Tensors

/// What a program looks at before anything else: limits of its process and variables of its environment.
public enum ProcessStart {
  /// - Throws: `RunError` for a limit that no command could work under, or a variable that means nothing.
  public static func prepare() throws {
    // A file that grows beyond `ulimit -f` is then an error of the write, with a sentence, and not the end.
    signal(SIGXFSZ, SIG_IGN)
    if let stack = systemLimit(RLIMIT_STACK), stack < leastStack {
      throw RunError(
        "the stack of this process is limited to \(stack / 1024) KiB, and \(leastStack / 1024) are needed; raise it with "
          + "`ulimit -s 8192`")
    }
    // OpenBLAS's own threads wait without end for what they lack, and an exit waits for them: so this comes first.
    BufferReserve.take(threads: 1)
    if let problem = environmentProblem(ProcessInfo.processInfo.environment) { throw RunError(problem) }
    _ = try MemoryBudget.current()
  }

  private static let leastStack = 256 << 10

  /// What helps against an error that a limit of the process caused; nil for others.
  public static func advice(for error: any Error) -> String? {
    "\(error)".contains(String(cString: strerror(EMFILE)))
      ? "raise the limit with `ulimit -n` (it is \(systemLimit(RLIMIT_NOFILE) ?? 0))" : nil
  }

  /// What is wrong with variables that decide how the program computes, in a sentence.
  package static func environmentProblem(_ environment: [String: String]) -> String? {
    func problem(_ name: String, _ expected: String, _ isRight: (String) -> Bool) -> String? {
      guard let text = environment[name], !text.isEmpty, !isRight(text) else { return nil }
      return "the environment variable \(name) is \"\(text)\", and must be \(expected)"
    }
    let levels = (0...Int(ck_best_level().rawValue)).map {
      String(cString: ck_level_name(ck_level(rawValue: ck_level.RawValue($0))))
    }
    let methods = ConvolutionMethod.allCases.map(\.rawValue)
    return problem("SPREAD_VECTORS", "\(levels.joined(separator: " or ")) on this processor", levels.contains)
      ?? problem("SPREAD_CONVOLUTION", methods.joined(separator: " or "), methods.contains)
      ?? problem("OPENBLAS_NUM_THREADS", "a whole number, at most 100,000") {
        (0...100_000).contains(Int($0) ?? -1)
      }
  }
}
