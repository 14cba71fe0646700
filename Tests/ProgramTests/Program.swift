import Foundation
import TestSupport
import Testing

/// One of the package's programs, run as a person runs it: another process, its own folder, exit codes and
/// signals.
struct Program {
  static let experiments = Program(name: "spread-exp")
  static let benchmarks = Program(name: "spread-bench")

  let file: URL

  /// Programs stand beside the test bundle that is running: this target depends on them, so they are built.
  private init(name: String) {
    let bundle = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    file = URL(fileURLWithPath: bundle).deletingLastPathComponent().appendingPathComponent(name)
  }

  /// Where the programs keep what they draw: the user's own cache is not touched.
  private static let cache: String = {
    atexit { try? FileManager.default.removeItem(atPath: Program.cachePath) }
    return cachePath
  }()
  private static let cachePath = NSTemporaryDirectory() + "spread-programs-cache-\(getpid())"

  /// Starts the program.
  /// - Parameters:
  ///   - folder: its working directory.
  ///   - environment: added to what the test has, less what would make results depend on the machine's user.
  ///   - wrapped: a command that is to start the program, such as `script`.
  func start(
    _ arguments: [String], in folder: URL, environment: [String: String] = [:],
    wrapped: (_ command: [String]) -> [String] = { $0 }
  ) throws -> RunningProgram {
    try #require(FileManager.default.isExecutableFile(atPath: file.path), "\(file.path) is not built")
    var variables = ProcessInfo.processInfo.environment
    for name in ["SPREAD_DATA", "OPENBLAS_CORETYPE"] { variables[name] = nil }
    variables["SPREAD_THREADS"] = "1"
    variables["SPREAD_CACHE"] = Self.cache
    // The programs split work above OpenBLAS, whose own threads only spin at the start of each process.
    variables["OPENBLAS_NUM_THREADS"] = "1"
    return try RunningProgram(
      command: wrapped([file.path] + arguments), in: folder,
      environment: variables.merging(environment) { $1 })
  }

  /// Runs the program to its end.
  func run(
    _ arguments: [String], in folder: URL, environment: [String: String] = [:], seconds: Double = 60
  ) throws -> Outcome {
    try start(arguments, in: folder, environment: environment).wait(seconds: seconds)
  }
}

/// How a process ended, and what it wrote.
struct Outcome {
  /// Nil when a signal ended it.
  var code: Int32?
  var signal: Int32?
  var output: String
  var errors: String

  /// Standard output as a JSON object.
  func json(sourceLocation: SourceLocation = #_sourceLocation) throws -> [String: Any] {
    try #require(
      try? JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any],
      "not a JSON object: \(output) \(errors)", sourceLocation: sourceLocation)
  }
}

/// A process that was started. It is killed when it is let go before its end.
final class RunningProgram {
  let processIdentifier: pid_t
  private let files: TemporaryFolder
  private var status: Int32?

  /// Output goes to files rather than pipes: no reader has to keep up, and it can be looked at at any time.
  fileprivate init(command: [String], in folder: URL, environment: [String: String]) throws {
    files = try TemporaryFolder()
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    for (descriptor, name) in [(Int32(1), "output"), (2, "errors")] {
      posix_spawn_file_actions_addopen(
        &actions, descriptor, files.file(name), O_WRONLY | O_CREAT | O_APPEND, 0o600)
    }
    // A group of its own, so that a signal reaches also what the program started.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // Threads of the test library block signals, and a child would inherit that.
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))

    // `env` becomes the program, so that the process is the program's; the working directory is its doing,
    // because a test process has but one.
    let command = ["env", "-C", folder.path] + command
    let arguments = command.map { strdup($0) } + [nil]
    let variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in arguments + variables { free(text) } }
    var identifier: pid_t = 0
    let failure = posix_spawnp(&identifier, command[0], &actions, &attributes, arguments, variables)
    try #require(failure == 0, "\(command[0]): \(String(cString: strerror(failure)))")
    processIdentifier = identifier
  }

  deinit {
    if status == nil {
      kill(-processIdentifier, SIGKILL)
      waitpid(processIdentifier, nil, 0)
    }
  }

  /// What it wrote to standard error so far.
  var errors: String { files.text("errors") }

  func send(_ signal: Int32) { kill(-processIdentifier, signal) }

  /// Waits for its end; a process that takes too long is killed, and fails the test.
  func wait(seconds: Double = 60) throws -> Outcome {
    let inTime = wait(until: { false }, seconds: seconds, polling: 2000) || status != nil
    if !inTime {
      send(SIGKILL)
      waitpid(processIdentifier, &status.unwrapped, 0)
    }
    try #require(inTime, "no end after \(seconds) s; it wrote: \(files.text("output")) \(errors)")
    let ended = status!
    let signal = ended & 0x7f
    return Outcome(
      code: signal == 0 ? (ended >> 8) & 0xff : nil, signal: signal == 0 ? nil : signal,
      output: files.text("output"), errors: errors)
  }

  /// Waits for something to come true while the process runs.
  /// - Parameter polling: microseconds between looks.
  /// - Returns: false when the process ended before, or the time was up.
  func wait(until condition: () -> Bool, seconds: Double = 60, polling: UInt32 = 500) -> Bool {
    let end = ContinuousClock.now.advanced(by: .seconds(seconds))
    while status == nil, ContinuousClock.now < end {
      if condition() { return true }
      usleep(polling)
      var now: Int32 = 0
      if waitpid(processIdentifier, &now, WNOHANG) == processIdentifier { status = now }
    }
    return false
  }
}

extension Optional where Wrapped == Int32 {
  /// For C functions that write a number.
  fileprivate var unwrapped: Int32 {
    get { self ?? 0 }
    set { self = newValue }
  }
}
