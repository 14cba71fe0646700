import Foundation
import TestSupport
import Testing

@testable import Datasets

/// Files that are there under names a little different from the table's.
@Suite struct FileFinderTests {
  private let folder: TemporaryFolder
  private let cache: TemporaryFolder
  init() throws {
    folder = try TemporaryFolder()
    cache = try TemporaryFolder()
  }

  private static let (composed, decomposed) = ("\u{fc}", "u\u{308}")

  private func image(_ name: String, shade: UInt8 = 9) throws {
    let path = "\(folder.path)/\(name)"
    try FileManager.default.createDirectory(
      atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try folder.write(png([shade, shade, shade], width: 1, height: 1), name)
  }

  private func load(_ names: [String]) throws -> DatasetSplits {
    let rows = names.enumerated().map { "\($1),a,\($0 == 0 ? "test" : "train")" }
    try folder.write(("path,class,split\n" + rows.joined(separator: "\n")).utf8, "labels.csv")
    return try ImageFolder.load(from: folder.path, size: 1, cache: cache.path)
  }

  private func shades(_ data: DatasetSplits) -> [UInt8] {
    (data.test.indices + data.training.indices).map { data.test.store.bytes[3 * $0] }
  }

  @Test func lettersOfTheOtherCase() throws {
    try image("images/a.JPG", shade: 1)
    try image("images/Sub/B.Jpeg", shade: 2)
    try image("images/c.png", shade: 3)
    let data = try load(["a.jpg", "sub/b.jpeg", "c.png"])
    #expect(shades(data) == [1, 2, 3])
    #expect(data.notes.count == 1 && data.notes[0].contains("2 images were found"), "\(data.notes)")
    #expect(data.notes[0].contains("letter case only, such as \"a.JPG\" for \"a.jpg\""))
    #expect(try load(["a.JPG", "Sub/B.Jpeg", "c.png"]).notes.isEmpty)
  }

  @Test func otherFormsOfUnicode() throws {
    for (onDisk, inTable) in [(Self.composed, Self.decomposed), (Self.decomposed, Self.composed)] {
      try image("images/\(onDisk)/\(onDisk)1.png", shade: 1)
      try image("images/\(onDisk)2.png", shade: 2)
      let data = try load(["\(inTable)2.png", "\(inTable)/\(inTable)1.png"])
      #expect(shades(data) == [2, 1])
      #expect(
        data.notes.count == 1 && data.notes[0].contains("2 images") && data.notes[0].contains("Unicode form"))
      try FileManager.default.removeItem(atPath: folder.path + "/images")
    }
  }

  @Test func theExactNameWinsAndOthersMustBeOne() throws {
    try image("images/a.png", shade: 1)
    try image("images/A.png", shade: 2)
    try image("images/b.png", shade: 3)
    let data = try load(["A.png", "a.png", "b.png"])
    #expect(shades(data) == [2, 1, 3] && data.notes.isEmpty)
    let error = formatError { _ = try load(["b.png", "A.PNG"]) }
    #expect(error?.description.contains("line 3: the name \"A.PNG\" may mean \"A.png\", \"a.png\"") == true)
    // One file under two names is one image twice.
    let twice = formatError { _ = try load(["b.png", "B.png"]) }
    #expect(twice?.description.contains("is in line 2 already") == true)
    let dotted = formatError { _ = try load(["b.png", "./b.png"]) }
    #expect(dotted?.description.contains("is in line 2 already") == true)
  }

  @Test func nothingOutsideOfTheFolderIsFound() throws {
    let outside = try TemporaryFolder()
    try outside.write(png([1, 2, 3], width: 1, height: 1), "X.PNG")
    try image("images/a.png")
    try image("secret.png")
    try FileManager.default.createSymbolicLink(
      atPath: folder.path + "/images/Linked", withDestinationPath: outside.path)
    try FileManager.default.createSymbolicLink(
      atPath: folder.path + "/images/link.PNG", withDestinationPath: outside.path + "/X.PNG")
    for name in ["linked/x.png", "Linked/x.png", "link.png"] {
      #expect(
        formatError { _ = try load(["a.png", name]) }?.description.contains("by a link") == true, "\(name)")
    }
    for name in ["../Secret.png", "../secret.png", "A.png/../../secret.png"] {
      #expect(
        formatError { _ = try load(["a.png", name]) }?.description.contains("not a path within") == true)
    }
    #expect(throws: MissingDataError.self) { _ = try load(["a.png", "a.png/b.png"]) }
    #expect(throws: MissingDataError.self) {
      _ = try load(["a.png", String(repeating: "long", count: 100) + ".png"])
    }
  }

  @Test(arguments: [".JPG", ".Jpg", ".jpeg", ".JPEG", ".PNG"]) func isicNamesWithoutAnEnding(ending: String)
    throws
  {
    for i in 0..<3 { try image("isic/images/ISIC_\(i)\(ending)", shade: UInt8(i)) }
    let rows = ["ISIC_0,0,0,train", "ISIC_1,1,0,train", "ISIC_2,1,0,test"]
    try folder.write(("image,malignant,patch,split\n" + rows.joined(separator: "\n")).utf8, "isic/labels.csv")
    let data = try ISIC.load(from: folder.path, size: 1, cache: cache.path)
    #expect(shades(data) == [2, 0, 1])
    #expect(data.notes.isEmpty == (ending == ending.lowercased()))
    try image("isic/images/ISIC_1.jpg")
    try image("isic/images/ISIC_1.png")
    let error = formatError { _ = try ISIC.load(from: folder.path, size: 1, cache: cache.path) }
    #expect(error?.description.contains("line 3: the name \"ISIC_1\" may mean") == true)
  }

  private func writeCelebA(attributes: String, parts: String, images: String) throws {
    for i in 1...3 { try image("\(images)/00000\(i).jpg", shade: UInt8(i)) }
    for file in [attributes, parts] {
      try FileManager.default.createDirectory(
        atPath: "\(folder.path)/\((file as NSString).deletingLastPathComponent)",
        withIntermediateDirectories: true)
    }
    let text = "3\nBlond_Hair Male\n000001.jpg -1 1\n000002.jpg 1 -1\n000003.jpg 1 1\n"
    try folder.write(text.utf8, "\(attributes)/list_attr_celeba.txt")
    try folder.write("000001.jpg 0\n000002.jpg 0\n000003.jpg 2\n".utf8, "\(parts)/list_eval_partition.txt")
  }

  @Test(arguments: [
    ("celeba/Anno", "celeba/Eval", "celeba/Img/img_align_celeba"),
    ("CelebA/Anno", "CelebA/Eval", "CelebA/Img/img_align_celeba/img_align_celeba"),
    ("celeba", "celeba", "celeba/img_align_celeba"),
    ("celeba/celeba", "celeba/celeba", "celeba/celeba/img_align_celeba"),
    ("CELEBA", "CELEBA", "CELEBA/img_align_celeba/img_align_celeba"),
  ])
  func celebAInTheFoldersOfItsArchives(attributes: String, parts: String, images: String) throws {
    for place in [attributes, parts] {
      try FileManager.default.createDirectory(
        atPath: "\(folder.path)/\(place)", withIntermediateDirectories: true)
    }
    try writeCelebA(attributes: attributes, parts: parts, images: images)
    let data = try CelebA.load(from: folder.path, size: 1, cache: cache.path)
    #expect(shades(data) == [3, 1, 2])
  }

  @Test func whereItWasLookedIsSaid() throws {
    do {
      _ = try Waterbirds.load(from: folder.path, size: 4, cache: cache.path)
      Issue.record("nothing is there, and nothing was thrown")
    } catch let error as MissingDataError {
      #expect(error.searched.contains(folder.path + "/waterbirds"))
    }
  }
}
