import Basics
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Datasets

@Suite struct ImageCacheTests {
  private let folder: TemporaryFolder
  private let cache: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    cache = try TemporaryFolder()
    try FileManager.default.createDirectory(
      atPath: folder.path + "/images", withIntermediateDirectories: true)
    for i in 0..<12 { try write(i, seed: UInt64(i)) }
    let rows = (0..<12).map { "\($0).jpg,\($0 % 2),\($0 % 4 == 3 ? "test" : "train")" }
    try folder.write(("path,class,split\n" + rows.joined(separator: "\n")).utf8, "labels.csv")
  }

  private func write(_ image: Int, seed: UInt64) throws {
    try folder.write(
      jpeg(picture(width: 20 + image, height: 24, seed: seed), width: 20 + image, height: 24),
      "images/\(image).jpg")
  }

  private final class Log: Sendable {
    private let events = Mutex<[ImageFolderEvent]>([])
    func add(_ event: ImageFolderEvent) { events.withLock { $0.append(event) } }
    var notes: [String] {
      events.withLock { $0.compactMap { if case .note(let text) = $0 { text } else { nil } } }
    }
    var decoded: [(done: Int, total: Int)] {
      events.withLock {
        $0.compactMap { if case .decoding(let done, let total, _) = $0 { (done, total) } else { nil } }
      }
    }
  }

  private func load(_ log: Log = Log(), size: Int = 16) throws -> [UInt8] {
    Array(
      try ImageFolder.load(from: folder.path, size: size, cache: cache.path) { log.add($0) }.training.store
        .bytes)
  }

  /// The folder that the cache is in.
  private var directory: String { cache.path + "/" + cache.contents[0] }

  @Test func imagesAreDecodedOnceAndThenMapped() throws {
    let (first, second) = (Log(), Log())
    let bytes = try load(first)
    let decoder = ImageDecoder(size: 16)
    let expected = try (0..<12).flatMap { try decoder.decoded("\(folder.path)/images/\($0).jpg") }
    #expect(bytes == expected)
    #expect(
      first.decoded.first?.done == 0 && first.decoded.last?.done == 12 && first.decoded.last?.total == 12)
    #expect(try load(second) == bytes)
    #expect(second.decoded.isEmpty && second.notes.isEmpty)
    let names = try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
    #expect(names == ["images.idx", "lock", "manifest.json"])
    // The cache is an IDX file like any other.
    let array = try IDXArray(path: directory + "/images.idx")
    #expect(array.shape == [12, 3, 16, 16] && array.raw == bytes)
  }

  @Test func whatChangesInTheSourceIsDecodedAgain() throws {
    let before = try load()
    try write(5, seed: 99)
    let changed = Log()
    let after = try load(changed)
    #expect(
      changed.decoded.last?.done == 12 && changed.notes.count == 1 && changed.notes[0].contains("changed"))
    #expect(after[..<(5 * 768)] == before[..<(5 * 768)] && after[(6 * 768)...] == before[(6 * 768)...])
    #expect(after != before)

    // A file touched without a change of contents counts as changed; a row less is another set of images.
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: folder.path + "/images/1.jpg")
    let touched = Log()
    #expect(try load(touched) == after && touched.decoded.last?.done == 12)
    try folder.write("path,class,split\n1.jpg,0,train\n2.jpg,1,test\n".utf8, "labels.csv")
    let shorter = Log()
    #expect(try load(shorter) == Array(after[768..<(3 * 768)]) && shorter.decoded.last?.total == 2)
  }

  @Test func labelsAreReadFromTheTableEveryTime() throws {
    _ = try load()
    let rows = (0..<12).map { "\($0).jpg,\($0 % 3),\($0 == 3 ? "test" : "train")" }
    try folder.write(("path,class,split\n" + rows.joined(separator: "\n")).utf8, "labels.csv")
    let log = Log()
    let data = try ImageFolder.load(from: folder.path, size: 16, cache: cache.path) { log.add($0) }
    #expect(data.training.classNames.count == 3 && data.training.count == 11 && log.decoded.isEmpty)
  }

  @Test func anotherSizeIsAnotherCache() throws {
    let small = try load(size: 8)
    #expect(small.count == 12 * 192)
    #expect(try load(size: 16).count == 12 * 768)
    #expect(cache.contents.count == 2)
    let again = Log()
    #expect(try load(again, size: 8) == small && again.decoded.isEmpty)
  }

  @Test func aDamagedCacheIsMadeAgainWithANote() throws {
    let bytes = try load()
    let (images, manifest) = (directory + "/images.idx", directory + "/manifest.json")
    var changed = [UInt8](try WholeFile.read(images))
    changed[3000] ^= 1
    let text = try WholeFile.read(manifest)
    var header = changed
    header[7] += 1
    let damages: [(String, Data)] = [
      (images, Data(changed)), (images, Data(changed[..<5000])), (images, Data(header)), (images, Data()),
      (manifest, text.prefix(40)), (manifest, Data()), (manifest, Data("{}".utf8)),
      (
        manifest,
        Data(String(decoding: text, as: UTF8.self).replacingOccurrences(of: "images.idx", with: "../x").utf8)
      ),
      (manifest, Data(repeating: 0x20, count: 1 << 20)),
    ]
    for (i, (path, damage)) in damages.enumerated() {
      try damage.write(to: URL(fileURLWithPath: path), options: .atomic)
      let log = Log()
      #expect(try load(log) == bytes, "damage \(i)")
      #expect(
        log.notes.count == 1 && log.notes[0].contains("again") && log.decoded.last?.done == 12, "damage \(i)")
    }
  }

  /// As a process leaves it that is killed at any moment: files that are not named by a manifest.
  @Test func whatAKilledProcessLeftIsNotReadAndIsRemoved() throws {
    let bytes = try load()
    let (images, manifest) = (directory + "/images.idx", directory + "/manifest.json")
    let array = try WholeFile.read(images)
    let remains: [[(String, Data)]] = [
      [], [(images + ".partial", array.prefix(4000))], [(images, array)],
      [(images, array), (manifest + ".1234.partial", Data("{".utf8))],
    ]
    for files in remains {
      for name in try FileManager.default.contentsOfDirectory(atPath: directory) where name != "lock" {
        try FileManager.default.removeItem(atPath: "\(directory)/\(name)")
      }
      for (path, data) in files { try data.write(to: URL(fileURLWithPath: path)) }
      let log = Log()
      #expect(try load(log) == bytes && log.decoded.last?.done == 12 && log.notes.isEmpty)
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
          == ["images.idx", "lock", "manifest.json"])
    }
  }

  /// What is mapped stays as it was when another process replaces the cache.
  @Test func aStoreOutlivesItsCache() throws {
    let data = try ImageFolder.load(from: folder.path, size: 16, cache: cache.path)
    let bytes = Array(data.training.store.bytes)
    try write(0, seed: 77)
    #expect(try load() != bytes)
    try FileManager.default.removeItem(atPath: directory)
    #expect(Array(data.training.store.bytes) == bytes)
  }

  @Test func manyAtOnceDecodeOnce() throws {
    let log = Log()
    let results = Mutex<[[UInt8]]>([])
    let group = DispatchGroup()
    for _ in 0..<6 {
      let thread = Thread {
        if let bytes = try? load(log) { results.withLock { $0.append(bytes) } }
        group.leave()
      }
      group.enter()
      thread.start()
    }
    group.wait()
    let all = results.withLock { $0 }
    #expect(all.count == 6 && Set(all).count == 1)
    #expect(log.decoded.count { $0.done == 12 } == 1)
  }

  @Test func whatTheReportThrowsEndsTheDecoding() throws {
    struct Ended: Error {}
    #expect(throws: Ended.self) {
      _ = try ImageFolder.load(from: folder.path, size: 16, cache: cache.path) { _ in throw Ended() }
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["lock"])
    #expect(try load().count == 12 * 768)
  }
}
