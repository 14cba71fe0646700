import Foundation
import TestSupport
import Testing

/// A small experiment of the tests' own, so that they do not follow the recipes of the shipped ones. Two
/// losses, an epoch of some milliseconds.
let tinyExperiment = """
  {
    "experiment": "tiny",
    "title": "Tiny",
    "data": {
      "name": "glyphs", "trainingImagesOfDigit": [20, 20, 20, 20, 20, 20, 20, 20, 20, 20],
      "testImagesOfDigit": [5, 5, 5, 5, 5, 5, 5, 5, 5, 5]
    },
    "encoder": {"width": 16, "depth": 1, "heads": 2, "patch": 7, "mlpWidth": 32},
    "losses": {"supcon": {"temperature": 0.1}, "spread": {}},
    "epochs": 3,
    "batchSize": 32,
    "probe": {"epochs": 3},
    "seeds": [0],
    "profiles": {"smoke": {}, "quick": {"epochs": 2}}
  }
  """

/// A folder with `tiny.json` in it.
func tinyFolder() throws -> TemporaryFolder {
  let folder = try TemporaryFolder()
  try folder.write(tinyExperiment, "tiny.json")
  return folder
}

/// What a run left behind.
struct RunFiles {
  let folder: URL

  /// The only run below a folder of runs.
  init(in runs: URL, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let found = try #require(Self.folders(in: runs).first, sourceLocation: sourceLocation)
    folder = found
  }

  init(_ folder: URL) { self.folder = folder }

  /// Every run below a folder, in the order of their paths.
  static func folders(in runs: URL) -> [URL] {
    let names = FileManager.default.enumerator(atPath: runs.path)?.compactMap { $0 as? String } ?? []
    return names.filter { $0.hasSuffix("/configuration.json") }.sorted().map {
      runs.appendingPathComponent($0).deletingLastPathComponent()
    }
  }

  var names: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted()
  }

  func file(_ name: String) -> URL { folder.appendingPathComponent(name) }
  func data(_ name: String) throws -> Data { try Data(contentsOf: file(name)) }
  func text(_ name: String) -> String { (try? String(contentsOf: file(name), encoding: .utf8)) ?? "" }

  /// The figures of the result, by key.
  func figures() throws -> [String: Double] {
    try #require(try json("result.json")["figures"] as? [String: Double])
  }

  func json(_ name: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: data(name)) as? [String: Any])
  }

  /// Starts of the program on this run, as `environment.json` tells them.
  func sessions() throws -> [[String: Any]] {
    try #require(json("environment.json")["sessions"] as? [[String: Any]])
  }

  /// Each epoch's line of `metrics.jsonl`.
  func metrics() throws -> [[String: Any]] {
    try text("metrics.jsonl").split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
  }

  /// `metrics.jsonl` without what a clock measured.
  func metricsWithoutTimes() throws -> [NSDictionary] {
    try metrics().map { line in
      #expect(line["seconds"] != nil && line["imagesPerSecond"] != nil)
      return line.filter { !["seconds", "imagesPerSecond", "waitingShare"].contains($0.key) } as NSDictionary
    }
  }
}

/// Expects two runs to be the same bit for bit, apart from when and where they were made.
func expectSame(
  _ run: RunFiles, _ reference: RunFiles, _ what: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  for name in ["result.json", "best.safetensors", "checkpoint.safetensors", "configuration.json"] {
    #expect(
      try run.data(name) == reference.data(name), "\(name) differs \(what)", sourceLocation: sourceLocation)
  }
  #expect(
    try run.metricsWithoutTimes() == reference.metricsWithoutTimes(), "metrics.jsonl differs \(what)",
    sourceLocation: sourceLocation)
  #expect(
    !run.names.contains { $0.hasSuffix(".partial") }, "\(run.names) \(what)", sourceLocation: sourceLocation)
}
