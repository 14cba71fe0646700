import Basics
import Experiments
import Foundation
import Tensors

/// What the package's programs share from their first instruction to their exit status.
package struct CommandLineProgram {
  private let name: String
  private let commands: [String]
  private let explain: (any Error) -> (text: String, code: Int32)

  /// - Parameters:
  ///   - commands: names that the first argument may have; anything else there that is no option is a mistake.
  ///   - explain: the text and the exit status of an error; with status 0 the text is what was asked for, such as help.
  package init(
    _ name: String, commands: [String], explain: @escaping (any Error) -> (text: String, code: Int32)
  ) {
    (self.name, self.commands, self.explain) = (name, commands, explain)
  }

  /// The first line of what `--version` prints, by which the request for it is known.
  package static func version(of name: String) -> String { "\(name) 0.1.0" }

  /// The process's arguments, with a negative number joined to the option before it: by itself it would be taken for an
  /// option, and the one before it be said to lack a value.
  package static var arguments: [String] {
    var result: [String] = []
    var isOver = false
    for argument in CommandLine.arguments.dropFirst() {
      isOver = isOver || argument == "--"
      if !isOver, Double(argument) != nil, argument.hasPrefix("-"), let option = result.last,
        option.hasPrefix("--"), !option.contains("=")
      {
        result[result.count - 1] = "\(option)=\(argument)"
      } else {
        result.append(argument)
      }
    }
    return result
  }

  /// Works, tells what went wrong, and ends the process: 0 done, 1 failed, 64 a mistake of usage, 141 the reader of
  /// standard output is gone, 128 and a signal's number when stopped by it.
  package func run(_ work: () throws -> Void) -> Never {
    Self.prepareSignals()
    Self.prepareDescriptors()
    do {
      try Self.checkTexts()
      try checkCommand()
      try ProcessStart.prepare()
      try work()
      try StandardOutput.close()
      exit(0)
    } catch {
      exit(status(of: error))
    }
  }

  private func status(of error: any Error) -> Int32 {
    switch error {
    case let error as StandardOutput.Failure:
      // 141 is what a shell shows of a program that SIGPIPE ended.
      if error.isClosedPipe { return 128 + SIGPIPE }
      return Self.fail(error, code: 1)
    case let error as ConfigurationError: return Self.fail(error, code: 64)
    case let error as UsageError: return Self.fail(error, code: 64)
    case let error as InterruptedError: return Self.fail(error, code: error.exitCode)
    default: break
    }
    if let advice = ProcessStart.advice(for: error) {
      return Self.fail(UsageError("\(error); \(advice)"), code: 1)
    }
    let (text, code) = explain(error)
    guard code == 0 else {
      if !text.isEmpty { StandardError.line(text) }
      return code
    }
    do {
      try StandardOutput.line(text == Self.version(of: name) ? fullVersion : text)
      try StandardOutput.close()
      return 0
    } catch {
      return status(of: error)
    }
  }

  private static func fail(_ error: any Error, code: Int32) -> Int32 {
    StandardError.line("Error: \(error)")
    return code
  }

  private var fullVersion: String {
    let revision = RunEnvironment.revision.map { "git revision \($0)" } ?? "git revision unknown"
    return """
      \(Self.version(of: name)), \(revision)
      Swift \(RunEnvironment.swiftVersion)
      OpenBLAS \(OpenBLAS.version), kernels \(OpenBLAS.kernel)
      """
  }

  // MARK: - Before the work

  /// Ctrl-\ ends the process, which Swift's runtime would only print a backtrace at; a write to a pipe without a reader is
  /// an error like any other.
  private static func prepareSignals() {
    signal(SIGQUIT, SIG_DFL)
    signal(SIGPIPE, SIG_IGN)
  }

  /// Takes the places of standard descriptors that are closed, so that no file that is opened gets their numbers and
  /// results with them. Writing to a closed standard output stays an error.
  private static func prepareDescriptors() {
    for (descriptor, mode) in [
      (STDIN_FILENO, O_RDONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_WRONLY),
    ]
    where fcntl(descriptor, F_GETFD) == -1 {
      // The lowest free number, which this is.
      _ = open("/dev/null", mode)
    }
  }

  /// Text that is not UTF-8 would be changed on its way, and another file than the one that was meant be used.
  private static func checkTexts() throws {
    for place in 1..<max(1, Int(CommandLine.argc)) {
      guard let argument = CommandLine.unsafeArgv[place] else { break }
      guard String(validatingCString: argument) == nil else { continue }
      throw UsageError("argument \(place), \"\(String(cString: argument))\", is not UTF-8 text")
    }
    var names = ["SPREAD_DATA", "SPREAD_CACHE"]
    if UserPath(environment: "SPREAD_CACHE") == nil { names += ["XDG_CACHE_HOME", "HOME"] }
    for name in names {
      guard let value = getenv(name), String(validatingCString: value) == nil else { continue }
      throw UsageError("the environment variable \(name), \"\(String(cString: value))\", is not UTF-8 text")
    }
  }

  private func checkCommand() throws {
    guard let word = CommandLine.arguments.dropFirst().first, !word.hasPrefix("-"), !commands.contains(word)
    else { return }
    let best = nearest(to: word, among: commands).map { "; nearest: \($0)" } ?? ""
    let isExperiment = commands.contains("train") && (try? ExperimentLookup.find(word)) != nil
    throw UsageError(
      "there is no command \"\(word)\""
        + (isExperiment ? "; to train the experiment: --config \(word)" : "\(best); --help lists them"))
  }
}

/// A mistake in how a program was called.
struct UsageError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
