import Foundation
import TestSupport
import Testing

extension ProgramTests {
  /// Embeddings of any length, down to and up to what float32 holds, as other frameworks may write them.
  @Suite struct ScaleTests {
    let folder: TemporaryFolder
    private let view1 = (0..<6).map { i in (0..<5).map { sin(Double(7 * i + 3 * $0 + 2)) } }
    private let view2 = (0..<6).map { i in (0..<5).map { sin(Double(7 * i + 3 * $0) + 2.6) } }
    private let labels = [0, 1, 0, 2, 1, 0]

    init() throws {
      folder = try TemporaryFolder()
      try folder.write(NumPy.integers(labels), "y.npy")
    }

    @Test(arguments: [1e-25, 1e-19, 1e19, 1e25, 1e38]) func lossesAndGradients(scale: Double) throws {
      let reference = LossReference(loss: "supcon", normalises: true)
      let expected = reference.value(view1, view2, labels)
      for (first, second) in [(scale, scale), (scale, 1), (1, 1 / scale)] {
        try folder.write(NumPy.floats(view1.map { $0.map { $0 * first } }, single: true), "z1.npy")
        try folder.write(NumPy.floats(view2.map { $0.map { $0 * second } }, single: true), "z2.npy")
        let found = try Program.experiments.run(
          [
            "loss", "--loss", "supcon", "--view1", "z1.npy", "--view2", "z2.npy", "--labels", "y.npy",
            "--normalise",
          ], in: folder.url
        ).json()
        let value = try #require(found["value"] as? Double)
        #expect(abs(value - expected) < 3e-6, "\(value) \(expected) \(first) \(second)")
        for (view, power) in [first, second].enumerated() {
          let norm = try #require(found["gradientNorm\(view + 1)"] as? Double) * power
          var squares = 0.0
          for place in 0..<30 {
            let slope = reference.derivative(
              [view1, view2], labels, view: view, row: place / 5, column: place % 5)
            squares += slope * slope
          }
          #expect(
            abs(norm / squares.squareRoot() - 1) < 1e-4, "\(norm) \(squares.squareRoot()) \(first) \(second)")
        }
      }
    }

    @Test(arguments: [1e-25, 1e25, 1e38]) func metrics(scale: Double) throws {
      func figures(_ scale: Double) throws -> [Double] {
        try folder.write(NumPy.floats(view1.map { $0.map { $0 * scale } }, single: true), "z.npy")
        let report = try Program.experiments.run(
          ["metrics", "--embeddings", "z.npy", "--labels", "y.npy"], in: folder.url
        ).json()
        let classes = try #require(report["classes"] as? [String: Any])
        return try ["withinCosine", "cosineToMean", "withinVarianceShare"].map {
          try #require(classes[$0] as? Double)
        }
      }
      #expect(zip(try figures(scale), try figures(1)).allSatisfy { abs($0 - $1) < 1e-6 })
    }

    /// Rows so short that the gradient is beyond float32: an error, and no file with infinities.
    @Test func aGradientBeyondFloat32IsAnError() throws {
      for name in ["z1.npy", "z2.npy"] {
        try folder.write(NumPy.floats(view1.map { $0.map { $0 * 1e-43 } }, single: true), name)
      }
      let outcome = try Program.experiments.run(
        [
          "loss", "--loss", "supcon", "--view1", "z1.npy", "--view2", "z2.npy", "--labels", "y.npy",
          "--normalise",
          "--gradients", "out",
        ], in: folder.url)
      expectError(outcome, code: 1, naming: "z1.npy", "row 0", "gradient")
      #expect(!FileManager.default.fileExists(atPath: folder.file("out")))
    }

    @Test(arguments: [1e-50, 1e-200, 1e-300]) func rowsOfDoublesThatFloatsCannotHold(scale: Double) throws {
      func cosine(_ scale: Double) throws -> Double {
        try folder.write(NumPy.floats(view1.map { $0.map { $0 * scale } }), "z.npy")
        let report = try Program.experiments.run(
          ["metrics", "--embeddings", "z.npy", "--labels", "y.npy"], in: folder.url
        ).json()
        return try #require((report["classes"] as? [String: Any])?["withinCosine"] as? Double)
      }
      #expect(abs(try cosine(scale) - cosine(1)) < 1e-6)
      let outcome = try Program.experiments.run(
        ["loss", "--loss", "selfSupervised", "--view1", "z.npy", "--view2", "z.npy", "--normalise"],
        in: folder.url)
      #expect(outcome.code == 0)
      try folder.write(NumPy.floats(view1.map { $0.map { $0 * scale } }), "z.npy")
      expectError(
        try Program.experiments.run(
          ["loss", "--loss", "selfSupervised", "--view1", "z.npy", "--view2", "z.npy", "--normalise"],
          in: folder.url), code: 1, naming: "z.npy", "row 0", "too small for float32")
    }

    @Test func aRowOfZerosIsNoted() throws {
      try folder.write(NumPy.floats([[0, 0]] + [[1, 2], [2, 1]]), "z.npy")
      let outcome = try Program.experiments.run(
        ["loss", "--loss", "selfSupervised", "--view1", "z.npy", "--view2", "z.npy", "--normalise"],
        in: folder.url)
      #expect(outcome.code == 0 && outcome.errors.contains("row 0 is all zeros"), "\(outcome)")
    }
  }
}
