import Foundation
import TestSupport
import Testing

/// Tables made of a small committed folder of results, in every format, byte for byte; and files of earlier versions.
///
/// `SPREAD_WRITE_GOLDENS=1 swift test --filter Golden` writes what is now; the difference is then looked at.
@Suite struct GoldenTests {
  private static let goldens = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Fixtures/goldens")
  private static let runs = goldens.appendingPathComponent("results").path

  @Test(arguments: ["2", "4", "A2"], ["markdown", "csv", "latex", "json"])
  func tablesAreWhatTheyWere(number: String, format: String) throws {
    let folder = try TemporaryFolder()
    let outcome = try Program.experiments.run(
      [
        "table", number, "--format", format, "--profile", "smoke", "--seed", "0", "--seed", "1", "--runs",
        Self.runs,
      ], in: folder.url)
    #expect(outcome.code == 0, "\(outcome.errors)")
    try compare(outcome.output, with: "table\(number).\(format)")
  }

  @Test func listsAndComparisonsOfRunsAreWhatTheyWere() throws {
    let folder = try TemporaryFolder()
    let pair = ["supcon-", "spread-"].compactMap { loss in
      try? FileManager.default.contentsOfDirectory(atPath: "\(Self.runs)/isic/smoke").first {
        $0.hasPrefix(loss)
      }.map { "isic/smoke/\($0)/seed-0" }
    }
    let comparison = try Program.experiments.run(
      ["runs", "--runs", Self.runs, "--compare"] + pair, in: folder.url)
    try compare(comparison.output, with: "comparison.txt")
    let list = try Program.experiments.run(["runs", "--runs", Self.runs], in: folder.url)
    try compare(list.output, with: "list.txt")
  }

  private func compare(_ text: String, with name: String) throws {
    let file = Self.goldens.appendingPathComponent("tables/\(name)")
    if ProcessInfo.processInfo.environment["SPREAD_WRITE_GOLDENS"] == "1" {
      try Data(text.utf8).write(to: file)
    }
    #expect(try String(contentsOf: file, encoding: .utf8) == text)
  }

  /// A run of version 0.1 before results and checkpoints had checksums.
  private func former(in folder: TemporaryFolder) throws -> (runs: URL, seed: URL) {
    let runs = folder.url.appendingPathComponent("runs")
    try FileManager.default.copyItem(at: Self.goldens.appendingPathComponent("former"), to: runs)
    return (runs, runs.appendingPathComponent("glyphs-coarse/smoke/spread-bef3a1e8/seed-0"))
  }

  private static let settings = [
    "encoder.width=8", "encoder.depth=1", "encoder.mlpWidth=8", "encoder.patch=14", "epochs=1",
  ].flatMap { ["--set", $0] }

  @Test func aResultOfAnEarlierVersionIsRead() throws {
    let folder = try TemporaryFolder()
    let (runs, _) = try former(in: folder)
    let outcome = try Program.experiments.run(
      ["table", "2", "--profile", "smoke", "--seed", "0", "--runs", runs.path] + Self.settings, in: folder.url
    )
    #expect(outcome.code == 0 && outcome.output.contains("| Glyphs-Coarse | L_spread | 21.0"), "\(outcome)")
  }

  @Test func aCheckpointOfAnEarlierVersionIsEvaluatedToTheSameFigures() throws {
    let folder = try TemporaryFolder()
    let (runs, seed) = try former(in: folder)
    func figures() throws -> [String: Any] {
      let data = try Data(contentsOf: seed.appendingPathComponent("result.json"))
      let result = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
      return (result["figures"] as? [String: Any]) ?? result
    }
    let before = try figures()
    try FileManager.default.removeItem(at: seed.appendingPathComponent("result.json"))
    let outcome = try Program.experiments.run(
      ["--config", "glyphs-coarse", "--profile", "smoke", "--loss", "spread", "--runs", runs.path]
        + Self.settings, in: folder.url)
    #expect(outcome.code == 0 && outcome.errors.contains("goes on after epoch 1"), "\(outcome.errors)")
    let after = try figures()
    for key in ["fineAccuracy", "coarseAccuracy", "neighbourAccuracy"] {
      let (was, now) = (
        try #require(before[key] as? Double, "\(key)"), try #require(after[key] as? Double, "\(key)")
      )
      // The probe's last bits are the machine's.
      #expect(abs(was - now) <= 0.02, "\(key) was \(was) and is \(now)")
    }
    let embedded = try Program.experiments.run(
      [
        "embed", "--checkpoint", seed.appendingPathComponent("best.safetensors").path, "--data", "glyphs",
        "--output", "z.npy",
      ], in: folder.url)
    #expect(embedded.code == 0, "\(embedded.errors)")
  }
}
