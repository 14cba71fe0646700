import Foundation
import TestSupport
import Testing

extension ProgramTests {
  /// Limits of the process, as `ulimit` sets them: a result, or a sentence and status 1; never a trap or a wait.
  @Suite struct LimitsTests {
    let folder: TemporaryFolder

    init() throws { folder = try tinyFolder() }

    private func run(
      _ limit: String, _ arguments: [String] = ["--config", "tiny", "--loss", "spread"],
      environment: [String: String] = [:]
    ) throws -> Outcome {
      try Program.experiments.start(arguments, in: folder.url, environment: environment) {
        ["/bin/sh", "-c", "ulimit \(limit) && exec \"$@\"", "sh"] + $0
      }.wait(seconds: 60)
    }

    @Test(arguments: [8, 10, 12, 16, 24]) func descriptors(count: Int) throws {
      let outcome = try run("-n \(count)")
      if outcome.code != 0 { expectError(outcome, code: 1, naming: "Too many open files", "ulimit -n") }
    }

    @Test(arguments: [220_000, 400_000, 600_000, 800_000]) func addressSpace(kilobytes: Int) throws {
      for threads in ["1", "2"] {
        let outcome = try run(
          "-v \(kilobytes)", environment: ["OPENBLAS_NUM_THREADS": threads, "SPREAD_THREADS": threads])
        if outcome.code != 0 { expectError(outcome, code: 1, naming: "ulimit -v") }
      }
    }

    @Test func stack() throws {
      expectError(try run("-s 128"), code: 1, naming: "ulimit -s 8192")
    }

    @Test func sizesOfFiles() throws {
      let outcome = try run("-f 20")
      expectError(outcome, code: 1, naming: "File too large")
    }

    @Test func variablesThatMeanNothing() throws {
      for (name, value) in [
        ("SPREAD_MEMORY", "plenty"), ("SPREAD_VECTORS", "mmx"), ("OPENBLAS_NUM_THREADS", "two"),
      ] {
        let outcome = try Program.experiments.run(
          ["--config", "tiny"], in: folder.url, environment: [name: value])
        expectError(outcome, code: 1, naming: name, "\"\(value)\"")
        expectError(
          try Program.benchmarks.run(["loss"], in: folder.url, environment: [name: value]), code: 1,
          naming: name)
      }
    }

    /// Refused before a network is made, with the reason in the run's folder; one's own risk lets it go on.
    @Test func memory() throws {
      let arguments = ["--config", "tiny", "--loss", "spread"]
      func run(_ more: [String], _ memory: String) throws -> Outcome {
        try Program.experiments.run(arguments + more, in: folder.url, environment: ["SPREAD_MEMORY": memory])
      }
      expectError(
        try run(["--dry-run"], "1M"), code: 1, naming: "SPREAD_MEMORY", "batchSize (it is 32)", "1 MB")
      expectError(try run([], "1M"), code: 1, naming: "encoder.patch", "SPREAD_MEMORY=unchecked")
      let failed = try RunFiles(in: folder.url.appendingPathComponent("runs"))
      #expect(
        try #require(failed.json("failure.json")["message"] as? String).contains("this run needs about"))
      #expect(!failed.names.contains("checkpoint.safetensors"))
      #expect(try run([], "unchecked").code == 0)
      #expect(
        try run(["--dry-run"], "4G").output.contains(/memory: about \d+ MB \(tensors \d+ MB, images \d+ MB\)/)
      )
    }

    @Test func runsSideBySideShareTheMemory() throws {
      let queued = try Program.experiments.run(
        ["--config", "tiny", "--jobs", "2"], in: folder.url, environment: ["SPREAD_MEMORY": "1M"])
      #expect(queued.code == 1 && queued.errors.contains("this run needs about"), "\(queued)")
    }

    @Test(arguments: ["resnet", "vit"]) func imagesThatAreNotSquare(encoder: String) throws {
      func idx(_ sizes: [Int], _ bytes: [UInt8]) -> Data {
        Data([0, 0, 8, UInt8(sizes.count)])
          + sizes.reduce(Data()) { $0 + [0, 0, UInt8($1 >> 8), UInt8($1 & 255)] }
          + Data(bytes)
      }
      for (part, count) in [("train", 40), ("test", 10)] {
        let pixels = (0..<count * 20 * 28).map { UInt8(truncatingIfNeeded: $0 * 7 / 5) }
        try folder.write(idx([count, 20, 28], pixels), "idx/\(part)-images.idx")
        try folder.write(idx([count], (0..<count).map { UInt8($0 % 2) }), "idx/\(part)-labels.idx")
      }
      let network =
        encoder == "vit" ? "\"width\": 16, \"depth\": 1, \"heads\": 2" : "\"stemWidth\": 4, \"blocks\": [1]"
      try folder.write(
        """
        {"experiment": "wide", "title": "Wide", "data": {"name": "idx"}, "encoder": {"name": "\(encoder)", \(network)},
         "losses": {"spread": {}}, "epochs": 1, "batchSize": 8, "probe": {"epochs": 1}, "seeds": [0]}
        """, "wide.json")
      let arguments = ["--config", "wide.json", "--data", "."]
      for more in [[], ["--dry-run"]] {
        expectError(
          try Program.experiments.run(arguments + more, in: folder.url), code: 1, naming: "28 x 20",
          "data.imageSize", "idx")
      }
      #expect(
        try Program.experiments.run(arguments + ["--set", "data.imageSize=16"], in: folder.url).code == 0)
    }
  }
}
