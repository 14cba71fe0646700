import Foundation
import TestSupport
import Testing

extension ProgramTests {
  /// A folder of images of one's own, from the table to a trained encoder.
  @Suite struct ImageFolderTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func environment(compressed: Bool = false) -> [String: String] {
      ["SPREAD_CACHE": folder.file("cache"), "SPREAD_DATA": "data"]
        .merging(compressed ? ["SPREAD_CACHE_COMPRESSED": "1"] : [:]) { $1 }
    }

    private func run(_ arguments: [String], compressed: Bool = false) throws -> Outcome {
      try Program.experiments.run(
        arguments, in: folder.url, environment: environment(compressed: compressed))
    }

    private var cached: [String] {
      ((try? FileManager.default.subpathsOfDirectory(atPath: folder.file("cache"))) ?? []).filter {
        !$0.hasPrefix("glyphs")
      }
    }

    /// PNG files from the program itself: contact sheets of glyphs.
    private func writeImages(_ count: Int) throws {
      var rows = ["path,class"]
      for (number, name) in ["glyphs", "glyphs-coarse"].enumerated() {
        let outcome = try run(["data", name, "--preview", "sheet.png", "--count", "1"])
        #expect(outcome.code == 0, "\(outcome)")
        let sheet = try Data(contentsOf: folder.url.appendingPathComponent("sheet.png"))
        for i in 0..<count {
          try folder.write(sheet, "data/images/\(name)-\(i).png")
          rows.append("\(name)-\(i).png,kind \(number)")
        }
      }
      try folder.write(rows.joined(separator: "\n"), "data/labels.csv")
    }

    @Test func fromTheTableToAnEncoder() throws {
      try writeImages(20)
      let shown = try run(["data", "folder"])
      #expect(shown.code == 0 && shown.errors.isEmpty, "\(shown)")
      #expect(shown.output.contains("256 x 256"), "\(shown)")
      #expect(shown.output.contains(/\| kind 1 +\| 16 +\| 2 +\| 2 +\|/), "\(shown)")
      let cached = try FileManager.default.subpathsOfDirectory(atPath: folder.file("cache"))
      #expect(cached.contains { $0.hasPrefix("folder-256-") && $0.hasSuffix("/manifest.json") })
      let again = try run(["data", "folder", "--augmented", "--preview", "views.png", "--count", "1"])
      #expect(again.code == 0 && again.errors.hasPrefix("views.png: "), "\(again)")

      try folder.write(ownImagesExperiment, "own.json")
      // Views are smaller than what is stored: a dry run's too.
      let dry = try run(["--config", "own.json", "--dry-run"])
      #expect(dry.code == 0 && dry.output.contains("images of 3 x 16 x 16"), "\(dry)")
      let trained = try run(["--config", "own.json"])
      #expect(trained.code == 0, "\(trained)")
      let result = try RunFiles(in: folder.url.appendingPathComponent("runs")).json("result.json")
      #expect(result["trainingImages"] as? Int == 32 && result["testImages"] as? Int == 4)
      // Stored at 18 for views of 16, beside those of 256 that were shown.
      let caches = try FileManager.default.contentsOfDirectory(atPath: folder.file("cache"))
      for size in [18, 256] { #expect(caches.contains { $0.hasPrefix("folder-\(size)-") }, "\(caches)") }
    }

    /// ISIC's experiment as it is shipped, at its smallest, on a few pictures that are not of skin.
    @Test func anExperimentOnLargeImagesEndsInItsRow() throws {
      try writeImages(25)
      try FileManager.default.createDirectory(
        atPath: folder.file("data/isic"), withIntermediateDirectories: true)
      try FileManager.default.moveItem(
        atPath: folder.file("data/images"), toPath: folder.file("data/isic/images"))
      var rows = ["image,malignant,patch,split"]
      for i in 0..<25 {
        let split = i < 15 ? "train" : i < 20 ? "validation" : "test"
        rows += ["glyphs-\(i).png,0,\(i % 2),\(split)", "glyphs-coarse-\(i),1,0,\(split)"]
      }
      try folder.write(rows.joined(separator: "\n"), "data/isic/labels.csv")
      let outcome = try run([
        "--config", "isic", "--profile", "smoke", "--loss", "spread", "--set", "data.storedSize=37",
      ])
      #expect(outcome.code == 0, "\(outcome)")
      #expect(outcome.output.contains("Area under the ROC curve of the end model"), "\(outcome)")
      #expect(outcome.output.contains(/\| ISIC +\| [0-9.]+ +\| 90.0 +\|/), "\(outcome)")
      #expect(outcome.output.contains("stem 8, large"), "\(outcome)")
      let run = try RunFiles(in: folder.url.appendingPathComponent("runs"))
      let result = try run.json("result.json")
      let area = try #require(try run.figures()["areaUnderROC"])
      #expect((0...1).contains(area) && result["trainingImages"] as? Int == 30)
      #expect(result["validationImages"] as? Int == 10)
    }

    @Test func aCompressedCacheHoldsTheSameAndIsReadByEither() throws {
      try writeImages(6)
      let packed = try run(["data", "folder", "--json"], compressed: true)
      #expect(packed.code == 0, "\(packed)")
      #expect(cached.contains { $0.hasSuffix("/images.idx.gz") })
      #expect(!cached.contains { $0.hasSuffix("/images.idx") || $0.hasSuffix(".partial") })
      #expect(try run(["data", "folder", "--json"]).output == packed.output)
      #expect(cached.contains { $0.hasSuffix("/images.idx.gz") }, "it was read, and not made again")
      try FileManager.default.removeItem(atPath: folder.file("cache"))
      #expect(try run(["data", "folder", "--json"]).output == packed.output)
      #expect(cached.contains { $0.hasSuffix("/images.idx") })
    }

    @Test func aKillWhileDecodingLeavesNothingThatIsRead() throws {
      try writeImages(60)
      let whole = try run(["data", "folder", "--json"])
      #expect(whole.code == 0)
      for attempt in 0..<4 {
        try FileManager.default.removeItem(atPath: folder.file("cache"))
        let running = try Program.experiments.start(
          ["data", "folder"], in: folder.url, environment: environment())
        // Kills that come at once, while images are decoded, and a little later.
        if attempt > 0 {
          _ = running.wait(until: { cached.contains { $0.hasSuffix(".partial") } })
          usleep(UInt32(attempt - 1) * 20_000)
        }
        running.send(SIGKILL)
        _ = try running.wait()
        let again = try run(["data", "folder", "--json"])
        #expect(again.code == 0 && again.output == whole.output, "attempt \(attempt): \(again)")
        #expect(!cached.contains { $0.hasSuffix(".partial") })
      }
    }

    @Test func whatIsWrongIsToldWithItsPlace() throws {
      try writeImages(2)
      try folder.write("path,class\nglyphs-0.png,a\n../secret.png,b\n", "data/labels.csv")
      let outcome = try run(["data", "folder"])
      #expect(outcome.code == 1 && outcome.output.contains("labels.csv, byte 26: line 3:"), "\(outcome)")
      try folder.write("path,class\nglyphs-0.png,a\nnone.png,b\n", "data/labels.csv")
      #expect(try run(["data", "folder"]).output.contains("none.png"))
      try folder.write(ownImagesExperiment, "own.json")
      expectError(try run(["--config", "own.json"]), code: 1, naming: "none.png", "missing")
    }

    @Test func decodingIsMeasuredBesideLibturbojpeg() throws {
      let outcome = try Program.benchmarks.run(
        [
          "decode", "--width", "64", "--height", "48", "--size", "32", "--images", "4", "--runs", "2",
          "--json",
        ],
        in: folder.url)
      #expect(outcome.code == 0, "\(outcome)")
      let results = try #require(
        try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [[String: Any]])
      #expect(results.map { $0["benchmark"] as? String } == ["decode", "libturbojpeg"])
      let speeds = try results.map { try #require($0["images_per_second"] as? Double) }
      let share = try #require(results[0]["share_of_library"] as? Double)
      #expect(abs(share * speeds[1] / speeds[0] - 1) < 1e-9)
    }
  }
}
