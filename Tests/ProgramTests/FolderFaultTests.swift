import Foundation
import TestSupport
import Testing

extension ProgramTests {
  /// What may be wrong with an image folder or its cache, as a person sees it.
  @Suite struct FolderFaultTests {
    let folder: TemporaryFolder

    init() throws {
      folder = try TemporaryFolder()
      try folder.write(ownImagesExperiment, "own.json")
    }

    private func run(_ arguments: [String], environment: [String: String] = [:]) throws -> Outcome {
      try Program.experiments.run(
        arguments, in: folder.url,
        environment: ["SPREAD_CACHE": folder.file("cache"), "SPREAD_DATA": "data"].merging(environment) { $1 }
      )
    }

    /// Copies of a contact sheet of glyphs, in classes by turns.
    private func writeImages(
      _ count: Int, classes: [String] = ["a", "b"], split: [String] = ["train", "test"]
    ) throws {
      let sheet = try run(["data", "glyphs", "--preview", "sheet.png", "--count", "1"])
      #expect(sheet.code == 0, "\(sheet)")
      let bytes = try Data(contentsOf: folder.url.appendingPathComponent("sheet.png"))
      var rows = ["path,class,split"]
      for i in 0..<count {
        try folder.write(bytes, "data/images/\(i).png")
        rows.append("\(i).png,\(classes[i % classes.count]),\(split[i / classes.count % split.count])")
      }
      try folder.write(rows.joined(separator: "\n"), "data/labels.csv")
    }

    private func report(_ arguments: [String] = [], environment: [String: String] = [:]) throws -> [String:
      Any]
    {
      let outcome = try run(["data", "folder", "--json"] + arguments, environment: environment)
      let array = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [[String: Any]]
      return try #require(array?.first, "\(outcome)")
    }

    @Test func damagedImagesAreNamedAndCanBeLeftOut() throws {
      try writeImages(40)
      for i in [4, 9] { try folder.write("no image", "data/images/\(i).png") }
      let refused = try run(["data", "folder"])
      #expect(
        refused.code == 1 && refused.output.contains("2 of 40 images are damaged: 4.png ("), "\(refused)")
      #expect(refused.output.contains("9.png ("))
      expectError(
        try run(["--config", "own.json"]), code: 1, naming: "2 of 40", "4.png", "9.png", "skipDamaged")

      let shown = try run(["data", "folder", "--skip-damaged"])
      #expect(shown.code == 0 && shown.output.contains("2 images left out as damaged"), "\(shown)")
      let contents = try #require(try report(["--skip-damaged"])["contents"] as? [String: Any])
      #expect(contents["skippedImages"] as? Int == 2 && (contents["notes"] as? [String])?.count == 1)
      let trained = try run(["--config", "own.json", "--set", "data.skipDamaged=true"])
      #expect(trained.code == 0 && trained.errors.contains("left out as damaged"), "\(trained)")
      #expect(trained.output.contains("(2 damaged ones left out)"), "\(trained)")
      let result = try RunFiles(in: folder.url.appendingPathComponent("runs")).json("result.json")
      #expect(result["skippedImages"] as? Int == 2)
    }

    @Test func aCacheThatCannotBeWrittenIsNotDamage() throws {
      try writeImages(8)
      try folder.write("a file", "full")
      let place = ["SPREAD_CACHE": folder.file("full/cache")]
      let shown = try run(["data", "folder"], environment: place)
      #expect(shown.code == 1 && shown.output.contains("(folder): unusable"), "\(shown)")
      #expect(shown.output.contains("SPREAD_CACHE") && !shown.output.contains("damaged"), "\(shown)")
      #expect(!shown.output.contains("labels.csv"), "\(shown)")
      let report = try report(environment: place)
      #expect(report["state"] as? String == "unusable")
      #expect((report["advice"] as? String)?.contains("SPREAD_CACHE") == true)
      expectError(
        try run(["--config", "own.json"], environment: place), code: 1, naming: "full/cache", "SPREAD_CACHE")
    }

    @Test func aCacheThatIsCutWhileItIsInUseIsNamed() throws {
      try writeImages(40, split: ["train", "train", "train", "test"])
      let running = try Program.experiments.start(
        ["--config", "own.json", "--set", "epochs=100000"], in: folder.url,
        environment: ["SPREAD_CACHE": folder.file("cache"), "SPREAD_DATA": "data"])
      let runs = folder.url.appendingPathComponent("runs")
      _ = running.wait(until: {
        RunFiles.folders(in: runs).contains {
          FileManager.default.fileExists(atPath: $0.appendingPathComponent("metrics.jsonl").path)
        }
      })
      let name = try #require(
        FileManager.default.subpathsOfDirectory(atPath: folder.file("cache")).first {
          $0.hasSuffix("images.idx")
        })
      #expect(truncate(folder.file("cache/\(name)"), 0) == 0)
      let outcome = try running.wait()
      #expect(outcome.code == 1 && outcome.signal == nil, "\(outcome)")
      let error = try #require(
        outcome.errors.split(separator: "\n").first { $0.hasPrefix("Error: ") }, "\(outcome)")
      #expect(error.contains("images.idx") && error.contains("Remove the folder "), "\(outcome)")
      // The run goes on with a cache that is made anew.
      let again = try run(["--config", "own.json", "--set", "epochs=1", "--runs", "other"])
      #expect(again.code == 0, "\(again)")
    }

    @Test func wrongLabelsNeedTwoClasses() throws {
      try writeImages(12, classes: ["only"])
      expectError(
        try run(["--config", "own.json", "--set", "data.labelNoise.share=0.5"]), code: 64,
        naming: "data.labelNoise.share", "one class", "only")
    }

    @Test func notesOnTheDataAreShownWhereverTheyAreRead() throws {
      try writeImages(24, classes: ["cat", "cat ", "Cat"])
      let shown = try run(["data", "folder"])
      #expect(
        shown.code == 0 && shown.output.contains("line 3: blanks at an end of the class \"cat \""), "\(shown)"
      )
      #expect(
        shown.output.contains("lines 2 and 4: the classes \"cat\" and \"Cat\" differ in letter case only"))
      let contents = try #require(try report()["contents"] as? [String: Any])
      #expect((contents["notes"] as? [String])?.count == 2)
      #expect((contents["classes"] as? [[String: Any]])?.count == 2)
      let trained = try run(["--config", "own.json"])
      #expect(trained.code == 0 && trained.errors.contains("differ in letter case only"), "\(trained)")

      try writeImages(24, split: ["train"])
      let rows = folder.text("data/labels.csv").replacingOccurrences(
        of: "0.png,a,train", with: "0.png,a,test")
      try folder.write(rows, "data/labels.csv")
      #expect(try run(["data", "folder"]).output.contains("will be undefined: no b test image"))
      let dry = try run(["--config", "own.json", "--dry-run"])
      #expect(dry.code == 0 && dry.output.contains("area under the ROC curve will be undefined"), "\(dry)")
    }

    @Test func foldersThatWereLookedIntoAreListed() throws {
      let missing = try run(["data", "waterbirds", "--data", "some"])
      #expect(missing.code == 0, "\(missing)")
      #expect(
        missing.output.contains("looked in: ") && missing.output.contains(folder.file("some/waterbirds")))
    }

    @Test(arguments: [".", "./", ".//", "./."]) func aPathThatNamesTheFolderItselfIsRefused(path: String)
      throws
    {
      try writeImages(4)
      try folder.write(folder.text("data/labels.csv") + "\n\(path),a,train", "data/labels.csv")
      let outcome = try run(["data", "folder"])
      #expect(
        outcome.code == 1 && outcome.output.contains("line 6")
          && outcome.output.contains("is not a path within the folder"), "\(outcome)")
    }

    @Test func anotherSpellingOfTheFolderDecodesNothingAgain() throws {
      try writeImages(8)
      #expect(try run(["data", "folder"]).code == 0)
      for spelling in ["./data", "data/", folder.file("data")] {
        let again = try run(["data", "folder", "--data", spelling])
        #expect(again.code == 0 && !again.errors.contains("decoding"), "\(again)")
      }
    }
  }
}
