import Basics
import Experiments
import Foundation

/// This program again, at work on one run, with what it says in a file.
///
/// It has a process group of its own: Ctrl-C on the terminal reaches the queue alone, which passes it on once. When the
/// queue is gone, however it ended, the child saves and ends by itself.
final class ChildProcess {
  enum End: Equatable {
    case code(Int32)
    case signal(Int32)
  }

  let identifier: pid_t

  /// - Parameter added: variables of its environment beside this process's.
  /// - Throws: `RunError` when the log cannot be opened or the process cannot be started.
  init(arguments: [String], environment added: [String: String] = [:], log: URL) throws {
    guard let program = ExperimentLookup.programFile else {
      throw RunError("the program's own file cannot be found in /proc/self/exe")
    }
    try AtomicFile.append(
      "\n\(WorkerRecord.now()): \(([program.path] + arguments).joined(separator: " "))\n", to: log)
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.path, O_WRONLY | O_APPEND, 0o644)
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))

    var environment = ProcessInfo.processInfo.environment.merging(added) { $1 }
    environment[Interruption.employerVariable] = "\(getpid())"
    let texts = ([program.path] + arguments).map { strdup($0) } + [nil]
    let variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in texts + variables { free(text) } }
    var identifier: pid_t = 0
    // The running file itself, also where a build has replaced it meanwhile.
    let failure = posix_spawn(&identifier, "/proc/self/exe", &actions, &attributes, texts, variables)
    guard failure == 0 else {
      throw RunError("\(program.path) could not be started: \(String(cString: strerror(failure)))")
    }
    self.identifier = identifier
  }

  func send(_ signal: Int32) { kill(identifier, signal) }

  /// How it ended; nil while it runs. After an answer it may not be asked again.
  func end() -> End? {
    var status: Int32 = 0
    guard waitpid(identifier, &status, WNOHANG) == identifier else { return nil }
    let signal = status & 0x7f
    return signal == 0 ? .code((status >> 8) & 0xff) : .signal(signal)
  }
}
