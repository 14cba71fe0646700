import ArgumentParser
import Programs

@main
struct SpreadBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "spread-bench",
    abstract: "Measures this machine and this library.",
    discussion: """
      Every figure is the median of several runs after a warm-up; the spread stands beside it. Machines are shared: compare within \
      one run, and quote ratios.
      """,
    version: CommandLineProgram.version(of: "spread-bench"),
    subcommands: [
      Gemm.self, Conv.self, Step.self, Loss.self, Augment.self, Reading.self, Decode.self,
      All.self,
    ])

  static func main() {
    let commands = configuration.subcommands.map { $0._commandName } + ["help"]
    CommandLineProgram("spread-bench", commands: commands) {
      (fullMessage(for: $0), exitCode(for: $0).rawValue)
    }
    .run {
      var command = try parseAsRoot(CommandLineProgram.arguments)
      try command.run()
    }
  }
}
