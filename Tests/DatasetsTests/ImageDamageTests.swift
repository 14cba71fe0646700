import Basics
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Datasets

/// Image folders with damaged images, and places of caches that cannot be used.
@Suite struct ImageDamageTests {
  private let folder: TemporaryFolder
  private let cache: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    cache = try TemporaryFolder()
    try FileManager.default.createDirectory(
      atPath: folder.path + "/images", withIntermediateDirectories: true)
    for i in 0..<20 { try folder.write(Self.image(i), "images/\(i).jpg") }
    let rows = (0..<20).map { "\($0).jpg,\($0 % 2),\($0 % 4 == 3 ? "test" : "train")" }
    try folder.write(("path,class,split\n" + rows.joined(separator: "\n")).utf8, "labels.csv")
  }

  private static func image(_ seed: Int) -> [UInt8] {
    jpeg(picture(width: 30, height: 24, seed: UInt64(seed)), width: 30, height: 24)
  }

  private func damage(_ images: some Sequence<Int>) throws {
    for i in images { try folder.write(Self.image(i)[..<400], "images/\(i).jpg") }
  }

  /// Also how many images were decoded.
  private func load(skipsDamaged: Bool = false) throws -> (data: DatasetSplits, decoded: Int) {
    let decoded = Mutex(0)
    let data = try ImageFolder.load(
      from: folder.path, size: 16, cache: cache.path, skipsDamaged: skipsDamaged
    ) {
      if case .decoding(let done, _, _) = $0 { decoded.withLock { $0 = max($0, done) } }
    }
    return (data, decoded.withLock { $0 })
  }

  @Test func allAreNamedAndDecodedOnce() throws {
    try damage([4, 5, 6])
    for _ in 0..<2 {
      let error = try #require(formatError { _ = try load() })
      #expect(error.file == folder.path + "/images")
      #expect(
        error.description.contains("3 of 20 images are damaged: 4.jpg (the JPEG is damaged"), "\(error)")
      #expect(error.description.contains("), 5.jpg (") && error.description.contains("), 6.jpg ("))
      #expect(error.description.contains("data.skipDamaged") && !error.description.contains("\n"))
    }
    try damage(0..<15)
    let many = try #require(formatError { _ = try load() }).description
    #expect(many.contains("15 of 20 images") && many.contains("9.jpg") && !many.contains("10.jpg"))
    #expect(many.contains("and 5 others"))
  }

  @Test func theyAreLeftOutWhereThatIsAskedFor() throws {
    let whole = try load().data
    #expect(whole.notes.isEmpty && whole.skippedImages == 0)
    try damage([4, 7])
    _ = formatError { _ = try load() }
    let (data, decoded) = try load(skipsDamaged: true)
    // What the refused try decoded is used.
    #expect(decoded == 0)
    #expect(data.skippedImages == 2 && data.source.contains("2 images left out as damaged"))
    #expect(data.notes.count == 1 && data.notes[0].contains("4.jpg (") && data.notes[0].contains("7.jpg ("))
    #expect(data.training.indices == whole.training.indices.filter { $0 != 4 })
    #expect(data.test.indices == whole.test.indices.filter { $0 != 7 })
    let image = whole.training.store.imageSize
    #expect(
      Array(data.training.store.bytes[..<(4 * image)]) == Array(whole.training.store.bytes[..<(4 * image)]))

    try folder.write(Self.image(4), "images/4.jpg")
    try folder.write(Self.image(7), "images/7.jpg")
    let mended = try load(skipsDamaged: true).data
    #expect(mended.skippedImages == 0 && mended.training.indices == whole.training.indices)
    try damage(0..<20)
    #expect(formatError { _ = try load(skipsDamaged: true) }?.description.contains("20 of 20") == true)
    try damage([3, 7, 11, 15, 19])
    for i in 0..<20 where i % 4 != 3 { try folder.write(Self.image(i), "images/\(i).jpg") }
    #expect(
      formatError { _ = try load(skipsDamaged: true) }?.description.contains("for test is damaged") == true)
  }

  @Test func warningsAreNotedEachTime() throws {
    let sound = Self.image(8)
    let stray = [UInt8](repeating: 0x44, count: 40)
    try folder.write(sound[..<(sound.count - 2)] + stray + [0xff, 0xd9], "images/8.jpg")
    for _ in 0..<2 {
      let data = try load().data
      #expect(data.notes.count == 1 && data.skippedImages == 0)
      #expect(
        data.notes[0].contains("1 image used although libjpeg warns of") && data.notes[0].contains("8.jpg ("))
    }
  }

  /// Too large is a property of the file; what cannot be opened may be sound, and is asked for again.
  @Test func whatCannotBeReadLeavesNoCache() throws {
    let sources = try SourceImages(ImageFolder.table(in: folder.path))
    let moved = folder.path + "/moved.jpg"
    try FileManager.default.moveItem(atPath: sources.path(2), toPath: moved)
    let images = try ImageCache(name: "Folder", folder: cache.path, sources: sources, size: 16) { _ in }
    let error = formatError { _ = try images.images() }
    #expect(error?.file == sources.path(2))
    try FileManager.default.moveItem(atPath: moved, toPath: sources.path(2))
    #expect(try images.images().damaged.isEmpty)
  }

  @Test func aCacheWithoutAPlaceIsNotDamage() throws {
    let file = try folder.write([1], "file")
    let places = [file + "/cache", "/proc/cache", "/dev/null"]
    for place in places {
      #expect {
        _ = try ImageFolder.load(from: folder.path, size: 16, cache: place)
      } throws: { error in
        let text = "\(error)"
        return error is CacheError && text.contains(place) && text.contains("SPREAD_CACHE")
          && !text.contains("damaged")
      }
    }
    // Something else in the place of the lock.
    _ = try load()
    let directory = cache.path + "/" + cache.contents[0]
    for name in ["lock", "manifest.json"] {
      try FileManager.default.removeItem(atPath: "\(directory)/\(name)")
    }
    try FileManager.default.createDirectory(atPath: directory + "/lock", withIntermediateDirectories: true)
    #expect(throws: CacheError.self) { _ = try load() }
  }

  @Test func aMappedFileThatIsCutIsNoticed() throws {
    let data = try load().data
    try data.training.store.check()
    let directory = cache.path + "/" + cache.contents[0]
    let images = directory + "/images.idx"
    #expect(truncate(images, 5000) == 0)
    #expect {
      try data.training.store.check()
    } throws: { error in
      "\(error)".contains("images.idx") && "\(error)".contains("Remove the folder \(directory)")
    }
    // In memory nothing can be cut.
    try randomDataset(2).store.check()
  }
}
