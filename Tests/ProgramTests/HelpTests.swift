import Foundation
import TestSupport
import Testing

extension ProgramTests {
  @Suite struct HelpTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Every command with words that its manual cannot do without.
    private static let commands: [(program: Program, command: [String], words: [String])] = [
      (
        .experiments, [],
        [
          "EXIT CODES", "130", "143", "64", "RUNS/EXPERIMENT/PROFILE", "reproduce", "table", "metrics",
          "embed", "fetch",
        ]
      ),
      (
        .experiments, ["train"],
        [
          "--config", "--set", "--seed", "--profile", "--data", "--runs", "SPREAD_DATA", "Experiments/",
          "--grid", "--jobs",
        ]
      ),
      (
        .experiments, ["reproduce"],
        [
          "--output", "--profile", "missing", "--jobs", "--threads", "--slice", "--no-wait", "--format",
          "run.log",
          "Ctrl-C",
        ]
      ),
      (.experiments, ["status"], ["--runs", "stopped or failed"]),
      (
        .experiments, ["runs"],
        ["--experiment", "--profile", "--loss", "--seed", "--state", "--compare", "--json", "side by side"]
      ),
      (
        .experiments, ["clean"],
        ["--state", "--older-than", "--yes", "complete is removed only where it is named"]
      ),
      (.experiments, ["table"], ["--runs", "training nothing", "--format", "latex"]),
      (
        .experiments, ["loss"],
        ["--view1", "--view2", "--labels", "--temperature", "--alpha", "--layout", "--gradients", "B x d"]
      ),
      (.experiments, ["metrics"], ["--embeddings", "--labels", "--strata", "N x d"]),
      (.experiments, ["embed"], ["--checkpoint", "--data", "--output", "N x d", "SPREAD_DATA"]),
      (
        .experiments, ["fetch"],
        [
          "--data", "--from", "--force", "--list", "--any-contents", "SPREAD_DATA", "http_proxy", "130",
          ".partial",
        ]
      ),
      (
        .experiments, ["data"],
        ["--preview", "--augmented", "--seed", "--count", "--json", "--strata", "SPREAD_DATA", "damaged"]
      ),
      (.experiments, ["schema"], ["JSON schema"]),
      (.benchmarks, [], ["gemm", "step", "loss", "augment", "median"]),
      (.benchmarks, ["augment"], ["--json", "--size", "--makers"]),
      (.benchmarks, ["data"], ["--json", "--beside", "gzip -dc", "SPREAD_DATA"]),
      (.benchmarks, ["gemm"], ["--json", "--threads", "OPENBLAS_CORETYPE", "peak"]),
      (.benchmarks, ["step"], ["--json", "--images", "AdamW"]),
      (.benchmarks, ["loss"], ["--json", "--batch", "--dimension"]),
    ]

    @Test(arguments: commands.indices) func everyCommandExplainsItself(index: Int) throws {
      let (program, command, words) = Self.commands[index]
      let help = try program.run(command + ["--help"], in: folder.url)
      #expect(help.code == 0 && help.errors.isEmpty)
      #expect(help.output.contains("OVERVIEW: ") && help.output.contains("USAGE: "))
      // Help is folded to the width of a terminal, wherever the words fall.
      let text = help.output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
      for word in words { #expect(text.contains(word), "\(command) does not tell \(word)") }
      // An option without a word of explanation is not a manual.
      for line in help.output.split(separator: "\n") where line.hasPrefix("  --") && line.count < 27 {
        let next = help.output.components(separatedBy: line).dropFirst().first ?? ""
        #expect(next.hasPrefix("\n          ") || line.contains("  "), "\(command): \(line)")
      }
    }

    @Test func mistakesOfUsageHaveTheirCode() throws {
      for arguments in [
        ["--bogus"], ["train"], ["nonsense"], ["--config"], ["--config", "x", "--threads", "0"],
        ["--config", "x", "--seed", "-1"], ["--config", "x", "--seed", "1", "--seed", "1"],
        ["--config", "x", "--loss", "spred"], ["--config", "x", "--loss", "spread", "--loss", "spread"],
        ["loss", "--loss", "spread"], ["embed", "--data", "nothing"], ["data", "cifr10"],
        ["data", "--preview", "x.png"], ["data", "mnist", "--augmented"], ["data", "mnist", "--count", "0"],
        ["reproduce"], ["table"],
      ] {
        let outcome = try Program.experiments.run(arguments, in: folder.url)
        expectError(outcome, code: 64)
        #expect(outcome.output.isEmpty)
      }
      for arguments in [
        ["nonsense"], ["gemm", "--m", "3"], ["gemm", "--runs", "0"], ["loss", "--batch", "1"],
        ["data", "nothing"],
      ] {
        expectError(try Program.benchmarks.run(arguments, in: folder.url), code: 64)
      }
    }

    @Test func aThreadCountInTheEnvironmentThatIsNoneIsSaidSo() throws {
      for value in ["many", "0", "-2", "4096"] {
        let outcome = try Program.benchmarks.run(
          ["loss", "--batch", "8"], in: folder.url, environment: ["SPREAD_THREADS": value])
        expectError(outcome, code: 64, naming: "SPREAD_THREADS", "\"\(value)\"")
      }
    }

    @Test func theSchemaIsJSONThatKnowsTheKeys() throws {
      let schema = try Program.experiments.run(["schema"], in: folder.url).json()
      let properties = try #require(schema["properties"] as? [String: Any])
      #expect(Set(["encoder", "loss", "losses", "profiles", "seeds"]).isSubset(of: Set(properties.keys)))
    }
  }
}
