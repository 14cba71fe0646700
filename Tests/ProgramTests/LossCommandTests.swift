import Foundation
import Tensors
import TestSupport
import Testing

extension ProgramTests {
  @Suite struct LossCommandTests {
    let folder: TemporaryFolder

    /// Six points of three classes in four dimensions; nothing random.
    private let view1 = (0..<6).map { i in (0..<4).map { sin(Double(3 * i + 5 * $0 + 1)) } }
    private let view2 = (0..<6).map { i in (0..<4).map { sin(Double(3 * i + 5 * $0) + 1.4) * 1.2 } }
    private let labels = [0, 1, 0, 2, 1, 0]

    init() throws {
      folder = try TemporaryFolder()
      try write(view1, view2, labels)
    }

    private func write(_ view1: [[Double]], _ view2: [[Double]], _ labels: [Int]) throws {
      try folder.write(NumPy.floats(view1), "z1.npy")
      try folder.write(NumPy.floats(view2), "z2.npy")
      try folder.write(NumPy.integers(labels), "y.npy")
    }

    private func run(_ loss: String, _ more: [String] = []) throws -> Outcome {
      try Program.experiments.run(
        ["loss", "--loss", loss, "--view1", "z1.npy", "--view2", "z2.npy", "--labels", "y.npy"] + more,
        in: folder.url)
    }

    private func value(_ loss: String, _ more: [String] = []) throws -> Double {
      try #require(try run(loss, more).json()["value"] as? Double)
    }

    private static let names = ["selfSupervised", "supcon", "attract", "repel", "spread"]

    @Test(arguments: names) func valuesAreThoseOfTheDefinition(loss: String) throws {
      var cases: [(LossReference, [String])] = []
      cases.append((LossReference(loss: loss), []))
      cases.append((LossReference(loss: loss, normalises: true), ["--normalise"]))
      cases.append((LossReference(loss: loss, isPooled: true), ["--layout", "pooled"]))
      cases.append((LossReference(loss: loss, isSymmetric: true), ["--symmetric"]))
      cases.append(
        (
          LossReference(loss: loss, temperature: 0.1, alpha: 0.75, isPooled: true, normalises: true),
          ["--temperature", "0.1", "--alpha", "0.75", "--layout", "pooled", "--normalise"]
        ))
      for (reference, options) in cases {
        let expected = reference.value(view1, view2, labels)
        let found = try value(loss, options)
        #expect(abs(found - expected) < 3e-6 * max(1, abs(expected)), "\(found) \(expected) \(options)")
      }
    }

    @Test func namesAreTakenAsPeopleWriteThem() throws {
      for (name, others) in [
        ("selfSupervised", ["self_supervised", "L_SS", "selfsupervised"]), ("supcon", ["SupCon", "L_SC"]),
        ("spread", ["L_spread", "Spread"]),
      ] {
        let expected = try value(name)
        for other in others { #expect(try value(other) == expected, "\(other)") }
      }
    }

    /// Where all similarities are equal the logarithms count points: four of two classes.
    @Test func equalPointsGiveLogarithmsOfCounts() throws {
      let rows = [[Double]](repeating: [0.6, 0.8], count: 4)
      try write(rows, rows, [7, 7, -1, -1])
      let expected = [
        "selfSupervised": log(4.0), "supcon": log(4), "attract": log(3), "repel": log(2),
        "spread": 0.25 * log(3) + 0.75 * log(2),
      ]
      for (loss, value) in expected {
        let result = try run(loss, ["--alpha", "0.25"]).json()
        #expect(abs(try #require(result["value"] as? Double) - value) < 1e-6, "\(loss) \(result)")
        #expect(result["batch"] as? Int == 4 && result["dimensions"] as? Int == 2)
      }
    }

    @Test(arguments: names) func gradientsAreThoseOfTheValue(loss: String) throws {
      for (index, options) in [["--normalise"], ["--layout", "pooled", "--temperature", "0.3"]].enumerated() {
        let reference = LossReference(
          loss: loss, temperature: index == 0 ? 0.5 : 0.3, isPooled: index == 1, normalises: index == 0)
        let result = try run(loss, options + ["--gradients", "made/for/it"]).json()
        for view in 0..<2 {
          let gradient = try Npy.read(folder.file("made/for/it/grad\(view + 1).npy")).tensor()
          #expect(gradient.shape == [6, 4])
          let values = gradient.scalars().map(Double.init)
          for (place, value) in values.enumerated() {
            let expected = reference.derivative(
              [view1, view2], labels, view: view, row: place / 4, column: place % 4)
            #expect(
              abs(value - expected) < 2e-6, "\(loss) view \(view + 1) place \(place): \(value) \(expected)")
          }
          let norm = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
          #expect(abs(try #require(result["gradientNorm\(view + 1)"] as? Double) - norm) < 1e-9)
        }
      }
    }

    /// PyTorch's figures in float64, as Tests/Fixtures/make_loss_fixtures.py wrote them.
    @Test func valuesAndGradientsAreThoseOfPyTorch() throws {
      let names = try FileManager.default.contentsOfDirectory(atPath: fixture("losses")).sorted()
      #expect(names.count >= 20)
      for name in names {
        let arrays = try Npz.read(fixture("losses/\(name)"))
        func tensor(_ name: String) throws -> Tensor { try #require(arrays[name]).tensor() }
        for view in ["view1", "view2"] { try Npy.write(tensor(view), to: folder.file("\(view).npy")) }
        try Npy.write(try #require(arrays["labels"]).integers(), to: folder.file("labels.npy"))
        let settings = try tensor("settings").scalars()
        var options = ["--temperature", "\(settings[0])", "--alpha", "\(settings[1])", "--gradients", "."]
        if settings[2] == 1 { options += ["--layout", "pooled"] }
        if settings[3] == 1 { options += ["--symmetric"] }
        if settings[4] >= 0 { options += ["--positive-clamp", "\(settings[4])"] }
        let found = try Program.experiments.run(
          [
            "loss", "--loss", "spread", "--view1", "view1.npy", "--view2", "view2.npy", "--labels",
            "labels.npy",
          ]
            + options, in: folder.url
        ).json()
        let expected = Double(try tensor("spread.value").item())
        let value = try #require(found["value"] as? Double)
        #expect(abs(value - expected) < 1e-5 * max(1, abs(expected)), "\(name): \(value) \(expected)")
        for view in 1...2 {
          let gradient = try Npy.read(folder.file("grad\(view).npy")).tensor()
          let reference = try tensor("spread.gradient\(view)")
          #expect(gradient.shape == reference.shape)
          let norm = reference.scalars().reduce(0) { $0 + Double($1 * $1) }.squareRoot()
          let difference =
            zip(gradient.scalars(), reference.scalars()).map { abs(Double($0 - $1)) }.max() ?? 0
          #expect(difference < 1e-5 * max(1, norm), "\(name), view \(view): \(difference) of \(norm)")
        }
      }
    }

    @Test func float32AndFloat64AreReadAndAlphaWeighs() throws {
      let double = try value("spread", ["--alpha", "0.3"])
      let (attract, repel) = (try value("attract"), try value("repel"))
      #expect(abs(double - (0.3 * attract + 0.7 * repel)) < 1e-5)
      try folder.write(NumPy.floats(view1, single: true), "z1.npy")
      #expect(try value("spread", ["--alpha", "0.3"]) == double)
      #expect(
        try Program.experiments.run(
          ["loss", "--loss", "selfSupervised", "--view1", "z1.npy", "--view2", "z2.npy"], in: folder.url
        ).json()["value"] as? Double == value("selfSupervised"))
    }

    @Test(arguments: [
      (["--temperature", "0"], "--temperature"), (["--temperature=-1"], "-1.0"),
      (["--temperature", "nan"], "--temperature"), (["--temperature", "warm"], "warm"),
      (["--alpha", "1.5"], "--alpha"), (["--symmetric", "--layout", "pooled"], "--symmetric"),
      (["--layout", "square"], "square"),
    ]) func settingsOutOfRangeAreUsage(options: [String], part: String) throws {
      expectError(try run("spread", options), code: 64, naming: part)
      expectError(
        try Program.experiments.run(
          ["loss", "--loss", "supcon", "--view1", "z1.npy", "--view2", "z2.npy"], in: folder.url), code: 64,
        naming: "--labels")
    }

    @Test func hostileFilesAreNamed() throws {
      let whole = NumPy.floats(view1)
      func expect(_ file: String, _ data: Data, _ parts: String..., line: SourceLocation = #_sourceLocation)
        throws
      {
        try write(view1, view2, labels)
        try folder.write(data, file)
        let outcome = try run("spread", ["--gradients", "out"])
        expectError(outcome, code: 1, naming: file, sourceLocation: line)
        for part in parts {
          #expect(outcome.errors.contains(part), "\(outcome.errors)", sourceLocation: line)
        }
        #expect(!FileManager.default.fileExists(atPath: folder.file("out")), sourceLocation: line)
      }
      for bytes in [0, 1, 6, 9, 11, 64, whole.count - 1] { try expect("z1.npy", whole.prefix(bytes)) }
      try expect("z1.npy", whole + Data([0]), "193 follow the header")
      try expect("z2.npy", Data("not an array".utf8), "not a .npy file")
      var values = view1
      values[3][2] = .nan
      try expect("z1.npy", NumPy.floats(values), "row 3", "not finite")
      values[3][2] = 1e300
      try expect("z2.npy", NumPy.floats(values), "row 3", "not finite")
      try expect("z2.npy", NumPy.floats(Array(view2.dropLast())), "z1.npy", "[5, 4]")
      try expect("z1.npy", NumPy.floats([]), "N x d")
      try expect("z1.npy", NumPy.integers(labels), "N x d")
      try expect("y.npy", NumPy.integers([0, 1, 0]), "3 labels for 6 rows")
      try expect("y.npy", NumPy.integers([]), "0 labels for 6 rows")
      try expect("y.npy", NumPy.floats(view1), "vector of integers")
    }

    @Test func whatIsNotThereOrCannotBeWrittenIsNamed() throws {
      try FileManager.default.removeItem(atPath: folder.file("z2.npy"))
      expectError(try run("spread"), code: 1, naming: "z2.npy", "there is no such file")
      try FileManager.default.createDirectory(
        atPath: folder.file("z2.npy"), withIntermediateDirectories: true)
      expectError(try run("spread"), code: 1, naming: "z2.npy", "folder")
      try FileManager.default.removeItem(atPath: folder.file("z2.npy"))
      try write(view1, view2, labels)
      expectError(try run("spread", ["--gradients", "y.npy"]), code: 1, naming: "y.npy")
      expectError(try run("spread", ["--gradients", "/proc/none"]), code: 1, naming: "/proc/none")
    }

    @Test func aTemperatureBeyondFloat32IsAnErrorAndNotANumber() throws {
      expectError(
        try run("spread", ["--temperature", "1e-40"]), code: 1, naming: "temperature 1e-40", "float32")
    }
  }
}
