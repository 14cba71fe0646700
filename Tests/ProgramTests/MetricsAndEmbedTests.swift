import Foundation
import Tensors
import TestSupport
import Testing

extension ProgramTests {
  @Suite struct MetricsAndEmbedTests {
    let folder: TemporaryFolder

    init() throws { folder = try tinyFolder() }

    private func metrics(_ more: [String] = []) throws -> Outcome {
      try Program.experiments.run(
        ["metrics", "--embeddings", "z.npy", "--labels", "y.npy"] + more, in: folder.url)
    }

    /// A class at a right angle and one in a point; lengths do not matter, nor which integers name classes.
    @Test func figuresOfFourPointsByHand() throws {
      try folder.write(NumPy.floats([[2, 0], [0, 3], [-1, 0], [-0.5, 0]]), "z.npy")
      try folder.write(NumPy.integers([900, 900, -4, -4]), "y.npy")
      try folder.write(NumPy.integers([0, 1, 2, 2]), "s.npy")
      let report = try metrics(["--strata", "s.npy"]).json()
      #expect(report["points"] as? Int == 4 && report["dimensions"] as? Int == 2)
      let classes = try #require(report["classes"] as? [String: Any])
      func close(_ value: Any?, _ expected: Double) -> Bool {
        abs((value as? Double ?? .nan) - expected) < 1e-6
      }
      #expect(close(classes["withinCosine"], 0.5))
      #expect(close(classes["cosineToMean"], (0.5.squareRoot() + 1) / 2))
      #expect(close(classes["withinVarianceShare"], 1 / 3.5))
      let groups = try #require(classes["groups"] as? [[String: Any]])
      #expect(groups.map { $0["name"] as? String } == ["-4", "900"])
      #expect(groups.map { $0["count"] as? Int } == [2, 2])
      #expect(close(groups[0]["withinCosine"], 1) && close(groups[1]["withinCosine"], 0))
      #expect(close(groups[0]["withinVariance"], 0) && close(groups[1]["withinVariance"], 0.5))
      let strata = try #require(report["strata"] as? [String: Any])
      #expect(close(strata["withinCosine"], 1) && close(strata["withinVarianceShare"], 0))
      #expect(try metrics().json()["strata"] == nil)
    }

    @Test func hostileFilesAreNamed() throws {
      let rows = [[1.0, 0], [0, 1], [1, 1]]
      func expect(_ file: String, _ data: Data?, _ part: String, line: SourceLocation = #_sourceLocation)
        throws
      {
        try folder.write(NumPy.floats(rows), "z.npy")
        for name in ["y.npy", "s.npy"] { try folder.write(NumPy.integers([0, 0, 1]), name) }
        if let data {
          try folder.write(data, file)
        } else {
          try FileManager.default.removeItem(atPath: folder.file(file))
        }
        expectError(try metrics(["--strata", "s.npy"]), code: 1, naming: file, part, sourceLocation: line)
      }
      try expect("z.npy", NumPy.floats([[1, 0], [.nan, 1], [1, 1]]), "row 1")
      try expect("z.npy", NumPy.floats([[1, 0], [0, 1], [1, .infinity]]), "row 2")
      try expect("z.npy", NumPy.floats(rows).dropLast(3), "45 follow the header")
      try expect("z.npy", NumPy.integers([1, 2, 3]), "N x d")
      try expect("y.npy", NumPy.integers([0, 0]), "2 labels for 3 embeddings")
      try expect("s.npy", NumPy.integers([0, 0, 0, 0]), "4 strata for 3 embeddings")
      try expect("s.npy", NumPy.floats(rows), "vector of integers")
      try expect("y.npy", Data(), "ends within the signature")
      try expect("y.npy", nil, "there is no such file")
    }

    /// A trained encoder's test embeddings, measured by the other command, are what its run reported.
    @Test func embeddingsAreThoseThatTheRunMeasured() throws {
      #expect(
        try Program.experiments.run(["--config", "tiny", "--loss", "spread"], in: folder.url).code == 0)
      let run = try RunFiles(in: folder.url.appendingPathComponent("runs"))
      func embed(_ more: [String]) throws -> Outcome {
        try Program.experiments.run(
          ["embed", "--checkpoint", run.file("best.safetensors").path, "--data", "glyphs"] + more,
          in: folder.url)
      }
      let written = try embed(["--output", "z.npy", "--labels", "y.npy", "--strata", "s.npy"])
      #expect(written.code == 0, "\(written)")
      #expect(try Npy.read(folder.file("z.npy")).shape == [50, 16])
      let report = try metrics(["--strata", "s.npy"]).json()
      let result = try run.json("result.json")
      for (mine, theirs) in [("classes", "classCollapse"), ("strata", "stratumCollapse")] {
        let found = try #require(report[mine] as? [String: Any])
        let expected = try #require(result[theirs] as? [String: Any])
        for key in ["withinCosine", "cosineToMean", "withinVarianceShare"] {
          #expect(try #require(found[key] as? Double) == expected[key] as? Double, "\(mine) \(key)")
        }
      }
      #expect(try embed(["--output", "again.npy"]).code == 0)
      #expect(
        try Data(contentsOf: URL(fileURLWithPath: folder.file("again.npy")))
          == Data(contentsOf: URL(fileURLWithPath: folder.file("z.npy"))))
      // All training images, those held out for validation included.
      #expect(try embed(["--output", "train.npy", "--split", "train", "--labels", "y.npy"]).code == 0)
      #expect(try Npy.read(folder.file("train.npy")).shape == [200, 16])
      #expect(try Npy.read(folder.file("y.npy")).integers().filter { $0 == 0 }.count == 100)
    }

    /// Its classes are not those that the encoder was trained on, and only the encoder is used.
    @Test func anotherDataSetIsEmbeddedWhole() throws {
      let training = [
        "--config", "tiny", "--loss", "spread", "--set", "data.labels=fine", "--set", "epochs=1",
      ]
      #expect(try Program.experiments.run(training, in: folder.url).code == 0)
      let checkpoint = try RunFiles(in: folder.url.appendingPathComponent("runs")).file(
        "checkpoint.safetensors")
      try writeDigitFiles(folder, "here/mnist")
      let arguments = [
        "embed", "--checkpoint", checkpoint.path, "--data", "mnist", "--output", "z.npy", "--labels", "y.npy",
        "--strata", "s.npy",
      ]
      let outcome = try Program.experiments.run(arguments + ["--folder", "here"], in: folder.url)
      #expect(outcome.code == 0, "\(outcome)")
      #expect(try Npy.read(folder.file("z.npy")).shape == [30, 16])
      let strata = try Npy.read(folder.file("s.npy")).integers()
      #expect(strata == (0..<30).map { $0 % 10 })
      #expect(try Npy.read(folder.file("y.npy")).integers() == strata.map { $0 < 5 ? 0 : 1 })
      expectError(
        try Program.experiments.run(arguments, in: folder.url), code: 1, naming: "MNIST", "SPREAD_DATA")
    }

    @Test func whatIsNoCheckpointIsNamed() throws {
      func expect(_ checkpoint: String, _ parts: String..., line: SourceLocation = #_sourceLocation) throws {
        let outcome = try Program.experiments.run(
          ["embed", "--checkpoint", checkpoint, "--data", "glyphs", "--output", "z.npy"], in: folder.url)
        expectError(outcome, code: 1, naming: checkpoint, sourceLocation: line)
        for part in parts {
          #expect(outcome.errors.contains(part), "\(outcome.errors)", sourceLocation: line)
        }
        #expect(!FileManager.default.fileExists(atPath: folder.file("z.npy")), sourceLocation: line)
      }
      try expect("none.safetensors", "there is no such file")
      try expect("tiny.json")
      try expect(folder.url.path, "folder")
      try SafeTensors.write(
        [(name: "weight", tensor: Tensor.zeros([2, 2]))], to: folder.file("other.safetensors"))
      try expect("other.safetensors", "not a checkpoint of this program")
    }

    private static let dataFolder = ProcessInfo.processInfo.environment["SPREAD_DATA"] ?? ""
    private static let hasMNIST = FileManager.default.fileExists(atPath: "\(dataFolder)/mnist")

    @Test(.enabled(if: hasMNIST, "needs the real MNIST in the folder that SPREAD_DATA names"))
    func theRealMNISTIsTrainedOnAndEmbedded() throws {
      let settings = [
        "--config", "mnist-coarse", "--profile", "smoke", "--loss", "spread", "--set", "epochs=1",
      ]
      let data = ["SPREAD_DATA": Self.dataFolder]
      let training = try Program.experiments.run(settings, in: folder.url, environment: data)
      #expect(training.code == 0, "\(training)")
      let run = try RunFiles(in: folder.url.appendingPathComponent("runs"))
      #expect(try run.json("result.json")["testImages"] as? Int == 200)
      let arguments = ["embed", "--checkpoint", run.file("best.safetensors").path, "--data", "mnist"]
      let embedding = try Program.experiments.run(
        arguments + ["--output", "z.npy", "--strata", "s.npy"], in: folder.url, environment: data)
      #expect(embedding.code == 0, "\(embedding)")
      #expect(try Npy.read(folder.file("z.npy")).shape[0] == 200)
      #expect(try Set(Npy.read(folder.file("s.npy")).integers()) == Set(0...9))
    }
  }
}
