import Foundation
import TestSupport
import Testing

/// A small CIFAR-10: the classes' images differ in colour, so that something can be learnt; each batch has one
/// image of each class.
func writeSmallCIFAR10(to folder: TemporaryFolder, imagesOfClass: Int = 4) throws {
  func batch(_ number: Int) -> Data {
    var bytes = Data()
    for image in 0..<imagesOfClass {
      for label in 0..<10 {
        bytes.append(UInt8(label))
        for colour in 0..<3 {
          let base = [label * 20, 200 - label * 18, label % 2 * 120 + 40][colour]
          for place in 0..<1024 { bytes.append(UInt8(base + (place * (image + 3) + number * 31) % 40)) }
        }
      }
    }
    return bytes
  }
  let names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
  let place = "data/cifar-10-batches-bin"
  try folder.write(names.joined(separator: "\n") + "\n", "\(place)/batches.meta.txt")
  for number in 1...5 { try folder.write(batch(number), "\(place)/data_batch_\(number).bin") }
  try folder.write(batch(6), "\(place)/test_batch.bin")
}

extension ProgramTests {
  @Suite struct DataCommandTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func run(_ arguments: [String], environment: [String: String] = [:]) throws -> Outcome {
      try Program.experiments.run(["data"] + arguments, in: folder.url, environment: environment)
    }

    /// The archive as `tar` makes it of the unpacked folder, which is then removed.
    private func pack() throws {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = [
        "tar", "-C", folder.file("data"), "-czf", folder.file("data/cifar-10-binary.tar.gz"),
        "cifar-10-batches-bin",
      ]
      try process.run()
      process.waitUntilExit()
      #expect(process.terminationStatus == 0)
      try FileManager.default.removeItem(atPath: folder.file("data/cifar-10-batches-bin"))
    }

    @Test func theTableTellsWhatIsThereAndWhatIsNot() throws {
      try writeSmallCIFAR10(to: folder)
      try pack()
      let outcome = try run([], environment: ["SPREAD_DATA": folder.file("data")])
      #expect(outcome.code == 0, "\(outcome)")
      let lines = outcome.output.split(separator: "\n")
      func cells(_ name: String) throws -> [String] {
        try #require(lines.first { $0.hasPrefix("| \(name) ") }).split(separator: "|").map {
          $0.trimmingCharacters(in: .whitespaces)
        }
      }
      let ten = try cells("cifar10-coarse")
      #expect(
        Array(ten.prefix(9)) == ["cifar10-coarse", "found", "200", "-", "40", "32 x 32 x 3", "2", "10", "20"])
      #expect(ten[9].contains(/^0\.\d{4} 0\.\d{4} 0\.\d{4}$/))
      #expect(try cells("cifar100-coarse-u")[1] == "missing")
      #expect(try cells("glyphs")[1] == "found")
      #expect(outcome.output.contains("200 of 50,000 training images, 40 of 10,000 test images"))
      #expect(
        outcome.output.contains(
          "cifar-100-binary.tar.gz not found. `spread-exp fetch cifar100` gets it. By hand: put "))
    }

    @Test func oneDataSetIsToldInFull() throws {
      try writeSmallCIFAR10(to: folder)
      let outcome = try run(["cifar10-coarse", "--data", "data"])
      #expect(outcome.code == 0, "\(outcome)")
      for part in [
        "CIFAR10-Coarse (cifar10-coarse): found", "| animals  | 120      | 24   |", "| truck      | 20 ",
      ] {
        #expect(outcome.output.contains(part), "\(part) in: \(outcome.output)")
      }
      let missing = try run(["cifar100"])
      #expect(missing.code == 0 && missing.output.contains("https://www.cs.toronto.edu/~kriz/cifar.html"))
      let sought = try run(["cifar100", "--data", "data"]).output
      #expect(sought.contains(#/looked in: /.+/data/cifar100, /#), "\(sought)")
      let array = try JSONSerialization.jsonObject(
        with: Data(run(["cifar10", "--data", "data", "--json"]).output.utf8))
      let report = try #require((array as? [[String: Any]])?.first)
      #expect(report["state"] as? String == "found" && report["title"] as? String == "CIFAR10")
      let contents = try #require(report["contents"] as? [String: Any])
      #expect((contents["strata"] as? [[String: Any]])?.count == 10)
      #expect(contents["isPublished"] as? Bool == false)
    }

    @Test func aDamagedDataSetIsToldInItsRowAndFails() throws {
      try writeSmallCIFAR10(to: folder)
      let file = "data/cifar-10-batches-bin/data_batch_4.bin"
      var bytes = try Data(contentsOf: folder.url.appendingPathComponent(file))
      bytes[3073 * 2] = 11
      try folder.write(bytes, file)
      let outcome = try run(["--data", "data"])
      #expect(outcome.code == 1, "\(outcome)")
      #expect(outcome.output.contains(/\| cifar10-coarse +\| damaged \|/))
      #expect(outcome.output.contains("data_batch_4.bin, byte 6146: "))
      #expect(outcome.output.contains(/\| glyphs +\| found +\|/))
      let train = try Program.experiments.run(
        ["--config", "cifar10-coarse", "--profile", "smoke", "--data", "data"], in: folder.url)
      expectError(train, code: 1, naming: "data_batch_4.bin", "byte 6146")
    }

    @Test func previewsArePNGFilesThatFollowTheSeed() throws {
      try writeSmallCIFAR10(to: folder)
      func draw(_ name: String, _ arguments: [String] = []) throws -> Data {
        let outcome = try run(["cifar10-coarse", "--data", "data", "--preview", name] + arguments)
        #expect(outcome.code == 0, "\(outcome)")
        #expect(outcome.errors.contains("\(name): "))
        return try Data(contentsOf: folder.url.appendingPathComponent(name))
      }
      let plain = try draw("a.png", ["--count", "3"])
      #expect(plain.prefix(8) == Data([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]))
      #expect(try draw("b.png", ["--count", "3"]) == plain)
      #expect(try draw("c.png", ["--count", "3", "--seed", "1"]) != plain)
      let views = try draw("d.png", ["--count", "3", "--augmented"])
      #expect(views != plain)
      let others = try draw(
        "e.png", ["--count", "3", "--augmented", "--config", "glyphs-coarse", "--profile", "smoke"])
      #expect(others != views)
      let absent = try run(["cifar100", "--preview", "f.png"])
      #expect(absent.code == 1 && !FileManager.default.fileExists(atPath: folder.file("f.png")))
      expectError(
        try run(["cifar10", "--data", "data", "--preview", "none/x.png"]), code: 1, naming: "none/x.png")
    }

    @Test func aSmokeRunTrainsOnASmallSample() throws {
      try writeSmallCIFAR10(to: folder, imagesOfClass: 12)
      try pack()
      let outcome = try Program.experiments.run(
        ["--config", "cifar10-coarse", "--profile", "smoke", "--loss", "spread", "--data", "data"],
        in: folder.url)
      #expect(outcome.code == 0, "\(outcome)")
      let run = try RunFiles(in: folder.url.appendingPathComponent("runs"))
      let result = try run.json("result.json")
      #expect(result["trainingImages"] as? Int == 540 && result["testImages"] as? Int == 120)
      #expect(try run.figures()["coarseAccuracy"] ?? 0 > 0.55)
      let session = try run.sessions()[0]
      #expect((session["data"] as? String)?.contains("600 of 50,000 training images") == true)
      // The same with wrong labels and half of the images is another run.
      let noisy = try Program.experiments.run(
        [
          "--config", "cifar10-coarse", "--profile", "smoke", "--loss", "spread", "--data", "data", "--set",
          "data.labelNoise.share=0.3", "--set", "data.fraction=0.5", "--set", "epochs=1",
        ], in: folder.url)
      #expect(noisy.code == 0, "\(noisy)")
      #expect(RunFiles.folders(in: folder.url.appendingPathComponent("runs")).count == 2)
    }

    @Test func readingIsTimedBesideGzip() throws {
      try writeSmallCIFAR10(to: folder)
      try pack()
      let outcome = try Program.benchmarks.run(
        [
          "data", "cifar10", "--data", "data", "--beside", "data/cifar-10-binary.tar.gz", "--runs", "3",
          "--json",
        ],
        in: folder.url)
      #expect(outcome.code == 0, "\(outcome)")
      let results = try #require(
        try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [[String: Any]])
      #expect(results.map { $0["benchmark"] as? String } == ["read cifar10", "gzip -dc"])
      #expect((results[0]["sizes"] as? [String: Int])?["images"] == 240)
      #expect(results.allSatisfy { $0["runs"] as? Int == 3 && $0["median_seconds"] as? Double ?? 0 > 0 })
      expectError(
        try Program.benchmarks.run(["data", "cifar100", "--data", "data"], in: folder.url), code: 1,
        naming: "cifar-100-binary.tar.gz")
    }
  }
}
