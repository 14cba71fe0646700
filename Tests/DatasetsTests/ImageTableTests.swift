import Basics
import Foundation
import TestSupport
import Testing

@testable import Datasets

/// Small folders as the data sets are published, and what is wrong with some.
@Suite struct ImageTableTests {
  private let folder: TemporaryFolder
  private let cache: TemporaryFolder
  init() throws {
    folder = try TemporaryFolder()
    cache = try TemporaryFolder()
  }

  /// Files of one colour each, so that they can be told apart: `shade` in every channel.
  private func image(_ name: String, shade: UInt8) throws {
    let path = "\(folder.path)/\(name)"
    try FileManager.default.createDirectory(
      atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    let pixels = [UInt8](repeating: shade, count: 24 * 20 * 3)
    try folder.write(
      name.hasSuffix("png") ? png(pixels, width: 24, height: 20) : jpeg(pixels, width: 24, height: 20), name)
  }

  private func shades(_ dataset: ImageDataset) -> [UInt8] {
    dataset.indices.map { dataset.store.bytes[$0 * dataset.store.imageSize] }
  }

  private func waterbirds(_ rows: [String], shades: [UInt8] = [10, 20, 30, 40, 50, 60]) throws {
    for (i, shade) in shades.enumerated() { try image("waterbirds/00\(i).Bird/Bird_\(i).jpg", shade: shade) }
    let header = "img_id,img_filename,y,split,place,place_filename"
    try folder.write(([header] + rows).joined(separator: "\n").utf8, "waterbirds/metadata.csv")
  }

  private let birdRows = [
    "1,000.Bird/Bird_0.jpg,0,0,0,/b/bamboo_forest/00000131.jpg", "2,001.Bird/Bird_1.jpg,1,0,1,/o/ocean/1.jpg",
    "3,002.Bird/Bird_2.jpg,0,1,1,/o/ocean/2.jpg", "4,003.Bird/Bird_3.jpg,1,1,0,/b/bamboo_forest/3.jpg",
    "5,004.Bird/Bird_4.jpg,1,2,1,/o/ocean/4.jpg", "6,005.Bird/Bird_5.jpg,0,2,0,/o/ocean/5.jpg",
  ]

  @Test func waterbirdsHaveTheirPartsClassesAndStrata() throws {
    try waterbirds(birdRows)
    let data = try Waterbirds.load(from: folder.path, size: 16, cache: cache.path)
    let validation = try #require(data.validation)
    #expect(
      shades(data.training) == [10, 20] && shades(validation) == [30, 40] && shades(data.test) == [50, 60])
    #expect(data.training.labels == [0, 1] && data.training.strata == [0, 3])
    #expect(validation.labels == [0, 1] && validation.strata == [1, 2])
    #expect(data.test.labels == [1, 0] && data.test.strata == [3, 0])
    #expect(data.training.classNames == ["landbird", "waterbird"] && data.training.stratumNames.count == 4)
    #expect(data.training.store.shape == [3, 16, 16] && data.training.store === data.test.store)
    #expect(data.source.contains("metadata.csv"))
  }

  @Test func celebAIsReadFromTextAndFromCommas() throws {
    let names = ["5_o_Clock_Shadow"] + (0..<30).map { "Trait_\($0)" } + ["Blond_Hair", "Male", "Young"]
    func line(_ file: String, _ blond: Int, _ male: Int, _ separator: String) -> String {
      ([file] + (0..<31).map { $0 % 2 == 0 ? "-1" : "1" } + ["\(blond)", "\(male)", "1"]).joined(
        separator: separator)
    }
    let people = [(-1, -1), (-1, 1), (1, -1), (1, 1)]
    for i in 0..<4 { try image("celeba/img_align_celeba/00000\(i + 1).jpg", shade: UInt8(50 * (i + 1))) }
    let rows = people.enumerated().map { line("00000\($0 + 1).jpg", $1.0, $1.1, "  ") }
    let text = "4\n" + names.joined(separator: " ") + " \n" + rows.joined(separator: "\n") + "\n"
    try folder.write(text.utf8, "celeba/list_attr_celeba.txt")
    let parts = "000001.jpg 0\n000002.jpg 0\n000003.jpg 1\n000004.jpg 2\n000005.jpg 2\n"
    try folder.write(parts.utf8, "celeba/list_eval_partition.txt")
    let fromText = try CelebA.load(from: folder.path, size: 20, cache: cache.path)

    // Kaggle's copy: commas, and the images one folder deeper.
    try FileManager.default.moveItem(
      atPath: folder.path + "/celeba/img_align_celeba", toPath: folder.path + "/celeba/moved")
    try FileManager.default.createDirectory(
      atPath: folder.path + "/celeba/img_align_celeba", withIntermediateDirectories: true)
    try FileManager.default.moveItem(
      atPath: folder.path + "/celeba/moved", toPath: folder.path + "/celeba/img_align_celeba/img_align_celeba"
    )
    let commas = people.enumerated().map { line("00000\($0 + 1).jpg", $1.0, $1.1, ",") }
    try folder.write(
      (["image_id," + names.joined(separator: ",")] + commas).joined(separator: "\r\n").utf8,
      "celeba/list_attr_celeba.csv")
    try folder.write(
      ("image_id,partition\n" + parts.replacingOccurrences(of: " ", with: ",")).utf8,
      "celeba/list_eval_partition.csv")
    let fromCommas = try CelebA.load(from: folder.path, size: 20, cache: cache.path)
    for data in [fromText, fromCommas] {
      #expect(shades(data.training) == [50, 100] && data.training.labels == [0, 0])
      #expect(data.training.strata == [0, 1])
      #expect(data.validation.map(shades) == [150] && data.validation?.strata == [2])
      #expect(shades(data.test) == [200] && data.test.labels == [1] && data.test.strata == [3])
    }
    try folder.write("image_id,partition\n000001.jpg,0\n".utf8, "celeba/list_eval_partition.csv")
    let error = formatError { _ = try CelebA.load(from: folder.path, size: 20, cache: cache.path) }
    #expect(error?.description.contains("line 3: 000002.jpg is in no part") == true)
  }

  @Test func isicHasThreeStrataAndASplitOfItsOwnOrOurs() throws {
    var rows: [String] = []
    for i in 0..<40 {
      try image("isic/images/ISIC_\(1000 + i).jpg", shade: UInt8(5 * i))
      rows.append(
        "ISIC_\(1000 + i)\(i % 2 == 0 ? ".jpg" : ""),\(i % 4 == 3 ? "malignant" : "benign"),\(i % 4 == 1 ? 1 : 0)"
      )
    }
    try folder.write(("image,malignant,patch\n" + rows.joined(separator: "\n")).utf8, "isic/labels.csv")
    let data = try ISIC.load(from: folder.path, size: 8, cache: cache.path)
    let validation = try #require(data.validation)
    func counts(_ part: ImageDataset) -> [Int] {
      (0..<3).map { stratum in part.strata.count { $0 == stratum } }
    }
    #expect(
      counts(data.training) == [16, 8, 8] && counts(validation) == [2, 1, 1]
        && counts(data.test) == [2, 1, 1])
    #expect((data.training.indices + validation.indices + data.test.indices).sorted() == Array(0..<40))
    #expect(zip(data.training.labels, data.training.strata).allSatisfy { ($0 == 1) == ($1 == 2) })
    #expect(shades(data.training) == data.training.indices.map { UInt8(5 * $0) })

    // The order of the rows does not matter.
    try folder.write(
      ("image,malignant,patch\n" + rows.reversed().joined(separator: "\n")).utf8, "isic/labels.csv")
    let reversed = try ISIC.load(from: folder.path, size: 8, cache: cache.path)
    #expect(shades(reversed.test).sorted() == shades(data.test).sorted())

    let words = ["train", "val", "test", "training"]
    let split = rows.enumerated().map { "\($1),\(words[$0 % 4])" }
    try folder.write(
      ("image,malignant,patch,split\n" + split.joined(separator: "\n")).utf8, "isic/labels.csv")
    let given = try ISIC.load(from: folder.path, size: 8, cache: cache.path)
    #expect(given.training.indices == (0..<40).filter { $0 % 4 == 0 || $0 % 4 == 3 })
    #expect(given.validation?.indices == (0..<40).filter { $0 % 4 == 1 })
  }

  private func folderData(_ table: String) throws -> DatasetSplits {
    for i in 0..<6 { try image("images/\(i).png", shade: UInt8(40 * i)) }
    try folder.write(table.utf8, "labels.csv")
    return try ImageFolder.load(from: folder.path, size: 4, cache: cache.path)
  }

  @Test func anyFolderHasTheClassesAndStrataOfItsTable() throws {
    let rows = ["0.png,dog,in,train", "1.png,cat,in,train", "2.png,dog,out,train", "3.png,cat,out,test"]
    let data = try folderData("path,class,stratum,split\n" + rows.joined(separator: "\n"))
    #expect(data.training.classNames == ["cat", "dog"] && data.training.labels == [1, 0, 1])
    #expect(data.training.stratumNames == ["cat, in", "cat, out", "dog, in", "dog, out"])
    #expect(data.training.strata == [2, 0, 3] && data.test.strata == [1])
    #expect(data.validation == nil && shades(data.test) == [120])

    let own = try folderData("path,class,stratum,split\n0.png,b,x,train\n1.png,a,y,train\n2.png,b,z,test\n")
    #expect(own.training.stratumNames == ["x", "y", "z"] && own.training.strata == [0, 1])
    let plain = try folderData("path,class,split\n0.png,10,train\n1.png,9,train\n2.png,10,test\n")
    #expect(plain.training.classNames == ["9", "10"] && plain.training.strata == plain.training.labels)
  }

  @Test(arguments: [
    ("/etc/passwd,a", "line 3"), ("../images/1.png,a", "line 3"), ("x/../1.png,a", "line 3"),
    (",a", "line 3"),
    ("0.png,a", "line 2 already"), ("1.png,", "class is empty"), ("link.png,a", "by a link"),
    ("linked/2.png,a", "by a link"), ("within,a", "is not a file"), ("1.png", "1 fields"),
  ])
  func pathsAndRowsThatAreRefused(row: String, part: String) throws {
    let outside = try TemporaryFolder()
    try outside.write(png([1, 2, 3], width: 1, height: 1), "2.png")
    for i in 0..<2 { try image("images/\(i).png", shade: 9) }
    let images = folder.path + "/images"
    try FileManager.default.createSymbolicLink(
      atPath: images + "/link.png", withDestinationPath: outside.path + "/2.png")
    try FileManager.default.createSymbolicLink(atPath: images + "/linked", withDestinationPath: outside.path)
    try FileManager.default.createDirectory(atPath: images + "/within", withIntermediateDirectories: true)
    try folder.write("path,class\n0.png,a\n\(row)\n".utf8, "labels.csv")
    let error = formatError { _ = try ImageFolder.load(from: folder.path, size: 4, cache: cache.path) }
    #expect(error?.description.contains(part) == true, "\(String(describing: error))")
    #expect(error?.file == folder.path + "/labels.csv")
    #expect(cache.contents.isEmpty)
  }

  /// A link within the folder is another name of a file.
  @Test func linksWithinTheFolderAreFollowed() throws {
    try FileManager.default.createDirectory(
      atPath: folder.path + "/images", withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      atPath: folder.path + "/images/link.png", withDestinationPath: "1.png")
    let data = try folderData("path,class,split\nlink.png,a,train\n2.png,b,test\n")
    #expect(shades(data.training) == [40])
  }

  @Test func missingImagesAreListedAndCounted() throws {
    try image("images/0.png", shade: 1)
    let rows = (0..<9).map { "\($0).png,a" }
    try folder.write(("path,class\n" + rows.joined(separator: "\n")).utf8, "labels.csv")
    do {
      _ = try ImageFolder.load(from: folder.path, size: 4, cache: cache.path)
      Issue.record("images are missing, and nothing was thrown")
    } catch let error as MissingDataError {
      #expect(error.description.contains("1.png, 2.png, 3.png and 5 other images missing"))
    }
  }

  @Test func dataThatAreNotThereSayWhatToGet() throws {
    for load in [
      { try Waterbirds.load(from: $0, size: 4) }, { try CelebA.load(from: $0, size: 4) },
      { try ISIC.load(from: $0, size: 4) }, { try ImageFolder.load(from: $0, size: 4) },
    ] as [(String?) throws -> DatasetSplits] {
      for root in [nil, folder.path] {
        #expect { _ = try load(root) } throws: { error in
          (error as? MissingDataError).map { $0.description.contains("SPREAD_DATA") && !$0.missing.isEmpty }
            ?? false
        }
      }
    }
  }

  @Test(arguments: [
    ("7,000.Bird/Bird_0.jpg,2,0,0,x", "line 2: y is \"2\""),
    ("7,000.Bird/Bird_0.jpg,0,3,0,x", "split is \"3\""),
    ("7,000.Bird/Bird_0.jpg,0,0,land,x", "place is \"land\""), ("7,000.Bird/Bird_0.jpg,0,0,0", "5 fields"),
  ])
  func valuesThatAreNotTheDataSetsAreNamed(row: String, part: String) throws {
    try waterbirds([row])
    let error = formatError { _ = try Waterbirds.load(from: folder.path, size: 4, cache: cache.path) }
    #expect(error?.description.contains(part) == true, "\(String(describing: error))")
  }

  @Test func aDamagedImageIsNamed() throws {
    try waterbirds(birdRows)
    let path = try folder.write([0xff, 0xd8, 0xff, 0xe0, 1, 2], "waterbirds/003.Bird/Bird_3.jpg")
    let error = formatError { _ = try Waterbirds.load(from: folder.path, size: 4, cache: cache.path) }
    #expect(error?.file == path && error?.description.contains("data.skipDamaged") == true)
    let data = try Waterbirds.load(from: folder.path, size: 4, cache: cache.path, skipsDamaged: true)
    #expect(data.skippedImages == 1 && data.validation?.count == 1)
  }

  @Test(arguments: [1, 2, 4]) func tooFewImagesForAnAutomaticSplitAreSaidToBe(count: Int) throws {
    for i in 0..<12 { try image("images/\(i).png", shade: 9) }
    let rows = (0..<(3 * count)).map { "\($0).png,\($0 % 3)" }
    #expect {
      _ = try folderData("path,class\n" + rows.joined(separator: "\n"))
    } throws: { error in
      let text = "\(error)"
      return error is UnusableDataError && text.contains("10% of each stratum, rounded")
        && text.contains("none of \(count) ") && text.contains("at least 5 images a stratum")
    }
    #expect(cache.contents.isEmpty)
    let given = formatError { _ = try folderData("path,class,split\n0.png,a,train\n1.png,a,val\n") }
    #expect(given?.description.contains("no image is for test") == true)
  }

  @Test func fiveImagesAStratumAreEnough() throws {
    for i in 0..<10 { try image("images/\(i).png", shade: 9) }
    let data = try folderData("path,class\n" + (0..<10).map { "\($0).png,\($0 % 2)" }.joined(separator: "\n"))
    #expect(data.training.count == 6 && data.validation?.count == 2 && data.test.count == 2)
    #expect(data.notes.isEmpty)
    let rows = (0..<10).map { "\($0).png,\($0 < 8 ? "common" : "rare")" }
    let uneven = try folderData("path,class\n" + rows.joined(separator: "\n"))
    #expect(uneven.test.count == 1 && uneven.notes.count == 1)
    #expect(
      uneven.notes.first?.contains("no image of the stratum \"rare\" is for validation or the test") == true)
  }
}
