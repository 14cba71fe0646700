import Basics
import Datasets
import Foundation
import LoopbackServer
import TestSupport
import Testing

@testable import Fetching

@Suite struct FetcherTests {
  let fixture: FetchFixture

  init() throws { fixture = try FetchFixture() }

  private func good() throws -> LoopbackServer {
    let bytes = fixture.bytes
    return try LoopbackServer { LoopbackServer.file(bytes, for: $0) }
  }

  @Test func otherContentsInThePlaceAreNotOverwritten() throws {
    let server = try good()
    try fixture.write([1, 2, 3], "file.bin")
    let failure = try #require(reason(fixture.fetch(server)))
    #expect(failure.contains("--force replaces it"))
    #expect(fixture.contents("file.bin") == [1, 2, 3] && server.requests.isEmpty)
    fixture.options.force = true
    #expect(try fixture.fetch(server) == .fetched(bytes: fixture.bytes.count))
    #expect(fixture.contents("file.bin") == fixture.bytes)
  }

  @Test func aForcedFetchThatFailsLeavesTheOldFile() throws {
    let server = try LoopbackServer { _ in LoopbackServer.page(404) }
    try fixture.write(fixture.bytes, "file.bin")
    fixture.options.force = true
    #expect(try reason(fixture.fetch(server)) != nil)
    #expect(fixture.contents("file.bin") == fixture.bytes)
  }

  @Test func aDiskWithoutRoomIsSaidBeforeTheRequest() throws {
    let server = try good()
    fixture.environment.freeBytes = { _ in SizeLimit.reserve + 199_999 }
    let failure = try #require(reason(fixture.fetch(server)))
    #expect(failure.contains("17.0 MB free") && failure.contains("200 kB more are needed"), "\(failure)")
    #expect(server.requests.isEmpty && fixture.names.isEmpty)
    fixture.environment.freeBytes = { _ in SizeLimit.reserve + 200_000 }
    #expect(try fixture.fetch(server) == .fetched(bytes: 200_000))
  }

  @Test func twoFetchesDoNotWriteIntoOneFolder() throws {
    let server = try good()
    try fixture.write([], "other")
    do {
      let lock = try FolderLock(folder: fixture.folder + "/set")
      let failure = try #require(reason(fixture.fetch(server)))
      #expect(failure.contains("another fetch (process \(getpid()))") && server.requests.isEmpty)
      withExtendedLifetime(lock) {}
    }
    #expect(try fixture.fetch(server) == .fetched(bytes: 200_000))
    #expect(fixture.names == ["file.bin", "other"])
  }

  @Test func foldersThatCannotBeWrittenAreAnOutcome() throws {
    try Data().write(to: URL(fileURLWithPath: fixture.folder + "/set"))
    #expect(try reason(fixture.fetch([]))?.contains("cannot be made") == true)
    try FileManager.default.removeItem(atPath: fixture.folder + "/set")
    let elsewhere = fixture.folder + "/elsewhere"
    try fixture.write([], "x")
    try FileManager.default.createSymbolicLink(
      atPath: fixture.path + ".partial", withDestinationPath: elsewhere)
    #expect(try reason(fixture.fetch(good()))?.contains("cannot be written") == true)
    #expect(!FileManager.default.fileExists(atPath: elsewhere))
  }

  @Test func aFolderIsASourceLikeAnother() throws {
    let source = fixture.folder + "/from"
    let file = source + "/file.bin"
    try FileManager.default.createDirectory(atPath: source, withIntermediateDirectories: true)
    fixture.options.source = try FetchSource(source)
    #expect(try reason(fixture.fetch([]))?.contains("\(file): there is no such file") == true)
    try Data(fixture.bytes.dropLast()).write(to: URL(fileURLWithPath: file))
    #expect(try reason(fixture.fetch([]))?.contains("199999 bytes are announced") == true)
    var damaged = fixture.bytes
    damaged[0] ^= 1
    try Data(damaged).write(to: URL(fileURLWithPath: file))
    #expect(try reason(fixture.fetch([]))?.contains("MD5") == true)
    #expect(fixture.names.isEmpty)
    try Data(fixture.bytes).write(to: URL(fileURLWithPath: file))
    #expect(try fixture.fetch([]) == .fetched(bytes: 200_000))
    #expect(fixture.contents("file.bin") == fixture.bytes)
    // A folder laid out as the data folder is.
    try FileManager.default.createDirectory(atPath: source + "/set", withIntermediateDirectories: true)
    try FileManager.default.moveItem(atPath: file, toPath: source + "/set/file.bin")
    fixture.options.force = true
    #expect(try fixture.fetch([]) == .fetched(bytes: 200_000))
  }

  @Test func anAddressAsSourceIsAskedForTheFileThenForItInItsFolder() throws {
    let bytes = fixture.bytes
    let server = try LoopbackServer { request in
      request.path == "/data/set/file.bin"
        ? LoopbackServer.file(bytes, for: request) : LoopbackServer.page(404)
    }
    fixture.options.source = try FetchSource(server.address + "data")
    #expect(try fixture.fetch([]) == .fetched(bytes: 200_000))
    #expect(server.requests.map(\.path) == ["/data/file.bin", "/data/set/file.bin"])
  }

  @Test func anyContentsAreTakenOnRequest() throws {
    let other = [UInt8](repeating: 3, count: 300_000)
    let server = try LoopbackServer { LoopbackServer.file(other, for: $0) }
    #expect(try reason(fixture.fetch(server)) != nil)
    fixture.options.anyContents = true
    #expect(try fixture.fetch(server) == .fetched(bytes: 300_000))
    #expect(try fixture.fetch(server) == .present)
    // What calls itself gzip must at least be whole.
    let broken = try LoopbackServer { LoopbackServer.file([0x1f, 0x8b, 8, 0, 0], for: $0) }
    fixture.options.force = true
    #expect(try reason(fixture.fetch(broken))?.contains("cut off") == true)
    #expect(fixture.contents("file.bin") == other)
  }

  @Test func gzippedContentsAreComparedWhateverTheWrapping() throws {
    let contents = fixture.bytes
    let published = PublishedContents.unwrapped(md5: try FetchFixture.md5(contents), bytes: contents.count)
    func check(_ bytes: [UInt8]) throws -> String? {
      try fixture.write(bytes, "x.gz")
      return try ContentsComparison.problem(of: fixture.folder + "/set/x.gz", published: published)
    }
    let wrapped = try gzip(contents, level: "-1")
    #expect(try check(wrapped) == nil)
    #expect(try check(gzip(contents, level: "-9")) == nil)
    #expect(try check(contents) == nil)
    #expect(try check(wrapped.dropLast(9))?.contains("cut off") == true)
    #expect(try check(gzip(contents + [1], level: "-1"))?.contains("more than the 200000") == true)
    #expect(try check(gzip(contents.dropLast(), level: "-1"))?.contains("199999 bytes") == true)
    // A bomb is left at the published size.
    #expect(
      try check(gzip([UInt8](repeating: 0, count: 50_000_000), level: "-9"))?.contains("more than") == true)
  }

  private func gzip(_ bytes: [UInt8], level: String) throws -> [UInt8] {
    try fixture.write(bytes, "plain")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["gzip", "-n", level, "-c", fixture.folder + "/set/plain"]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let result = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return [UInt8](result)
  }

  @Test func filesUnderOtherNamesCountAsThere() throws {
    let contents = fixture.bytes
    let file = RemoteFile(
      name: "file.bin.gz", addresses: [], size: 1000,
      contents: .unwrapped(md5: try FetchFixture.md5(contents), bytes: contents.count))
    let dataset = FetchableDataset(
      name: "set", title: "Set", folder: "set", otherFolders: ["SET/raw", ""], files: [file])
    #expect(try reason(fixture.fetch(dataset)) != nil)
    for place in ["set/file.bin", "SET/raw/file.bin", "file.bin"] {
      let path = fixture.folder + "/" + place
      try FileManager.default.createDirectory(
        atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
      try Data(contents).write(to: URL(fileURLWithPath: path))
      #expect(try fixture.fetch(dataset) == .present)
      try FileManager.default.removeItem(atPath: path)
    }
  }

  @Test func namesAreUnderstood() throws {
    func names(_ words: String...) throws -> [String] {
      try FetchableDataset.named(words) { word, _ in word.hasPrefix("m") ? "mnist" : nil }.map(\.name)
    }
    #expect(
      try names("MNIST", "cifar-10", "CIFAR100-Coarse-U", "mnist-coarse") == ["mnist", "cifar10", "cifar100"])
    #expect(try names("isic", "all").count == FetchableDataset.all.count)
    let error = try #require(throws: FetchUsageError.self) { try names("mnits") }
    #expect(error.description.contains("`mnits`") && error.description.contains("nearest: `mnist`"))
  }

  /// Each data set either has files that can be compared with something, or says what a person is to do; and the
  /// readers look for exactly that.
  @Test func everyDatasetCanBeGot() {
    for dataset in FetchableDataset.all {
      #expect(dataset.files.isEmpty == (dataset.directions != nil))
      for file in dataset.files {
        #expect(file.contents.md5.count == 32 && file.size <= file.largestSize)
        #expect(file.addresses.allSatisfy { $0.hasPrefix("https://") && $0.hasSuffix("/" + file.name) })
      }
      guard let source = Catalogue.source(dataset.name) else { continue }
      if let directions = dataset.directions {
        #expect(directions.contains("https://") && source.files.allSatisfy { directions.contains($0) })
        #expect(directions.contains("{data}/\(source.folder ?? "-")"))
      } else {
        #expect(dataset.folder == source.folder && dataset.files.map(\.name) == source.files)
      }
    }
    #expect(["mnist", "cifar10", "cifar100"].allSatisfy { Catalogue.source($0) != nil })
  }

  @Test(arguments: ["ftp://x/", "http://", "https:///x", "/no/such/folder", "", "file:///tmp", "http://a b/"])
  func sourcesThatAreNoneAreRefused(text: String) {
    #expect(throws: FetchUsageError.self) { try FetchSource(text) }
  }
}
