import ArgumentParser
import Basics
import Experiments
import Foundation
import Scheduling

/// How several runs are run at a time.
struct QueueOptions: ParsableArguments {
  @Option(
    help:
      "Runs side by side (default: the cores divided by --threads; without --threads a run for each core).")
  var jobs: Int?

  @Flag(help: "At the end do not wait for runs that other processes work on; say which.")
  var noWait = false

  func validate() throws {
    if let jobs, !(1...1024).contains(jobs) { throw ValidationError("--jobs must be in 1...1024") }
  }

  func options(_ machine: MachineOptions) -> RunQueue.Options {
    var options = RunQueue.Options()
    (options.jobs, options.threads, options.waits) = (jobs, machine.threads, !noWait)
    options.dataFolder = machine.dataFolder?.path
    return options
  }

  /// Tells what is not done; a failure has the code 1.
  func report(_ outcome: RunQueue.Outcome, failures: [String] = []) throws {
    func tell(_ head: String, _ lines: [String]) {
      guard !lines.isEmpty else { return }
      StandardError.line("\(head):\n" + lines.map { "  \($0)" }.joined(separator: "\n"))
    }
    tell("Other processes still work on", outcome.elsewhere)
    let failures = failures + outcome.failures
    tell("Failed", failures)
    if !failures.isEmpty { throw ExitCode.failure }
  }
}
