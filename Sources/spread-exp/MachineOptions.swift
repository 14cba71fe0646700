import ArgumentParser
import Basics
import Experiments
import Foundation
import Tensors

/// What every command takes that computes.
struct MachineOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Where data sets are (default: the environment variable SPREAD_DATA).", valueName: "folder"))
  var data: UserPath?

  @Option(help: "Threads (default: SPREAD_THREADS, else the cores this process may use).")
  var threads: Int?

  func validate() throws {
    if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads must be in 1...1024") }
    if threads == nil, let problem = Parallel.environmentProblem { throw ValidationError(problem) }
  }

  /// Tells, on standard error, what makes everything slower than it needs to be.
  func noteSlowKernels() {
    if let note = Machine.slowKernelNote { StandardError.line("note: \(note)") }
  }

  var dataFolder: URL? { data?.folder }
}
