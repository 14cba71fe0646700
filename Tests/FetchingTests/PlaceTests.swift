import Basics
import Foundation
import LoopbackServer
import TestSupport
import Testing

@testable import Fetching

/// Things that stand where a fetch writes or reads.
@Suite struct PlaceTests {
  let fixture: FetchFixture

  init() throws {
    fixture = try FetchFixture()
    try fixture.write([], "other")
  }

  private func place(_ name: String) -> String { fixture.folder + "/set/" + name }

  private func failure() throws -> String {
    let bytes = fixture.bytes
    let server = try LoopbackServer { LoopbackServer.file(bytes, for: $0) }
    return try #require(reason(fixture.fetch(server)))
  }

  @Test(arguments: ["file.bin", "file.bin.partial", "file.bin.partial.json", ".fetch.lock"], [false, true])
  func aFIFOInAFilesPlaceIsNeitherWaitedForNorReplaced(name: String, force: Bool) throws {
    #expect(mkfifo(place(name), 0o600) == 0)
    fixture.options.force = force
    let message = try failure()
    #expect(message.contains("\(place(name)) is in the way: this is ") && message.contains("move it away"))
    var status = stat()
    #expect(stat(place(name), &status) == 0 && status.st_mode & S_IFMT == S_IFIFO)
  }

  @Test(arguments: ["file.bin", "file.bin.partial", "file.bin.partial.json"])
  func aFolderInAFilesPlaceIsInTheWay(name: String) throws {
    try FileManager.default.createDirectory(atPath: place(name), withIntermediateDirectories: true)
    #expect(try failure().contains(name))
    #expect(fixture.names.contains(name))
  }

  @Test func aPartialFileWithASecondNameIsNotWrittenInto() throws {
    let precious = [UInt8](repeating: 5, count: 300)
    try fixture.write(precious, "precious")
    #expect(link(place("precious"), place("file.bin.partial")) == 0)
    #expect(try failure().contains("the file has a second name (a hard link)"))
    #expect(fixture.contents("precious") == precious)
  }

  @Test(.enabled(if: geteuid() == 0, "needs root to give a file away"))
  func aPartialFileOfAnotherUserIsNotWrittenInto() throws {
    try fixture.write([5, 5], "file.bin.partial")
    #expect(chown(place("file.bin.partial"), 65_534, 65_534) == 0)
    #expect(try failure().contains("belongs to another user"))
    #expect(fixture.partial == [5, 5])
  }

  @Test func aFIFOInTheSourceFolderIsRefused() throws {
    let source = fixture.folder + "/stick"
    try FileManager.default.createDirectory(atPath: source, withIntermediateDirectories: true)
    #expect(mkfifo(source + "/file.bin", 0o600) == 0)
    fixture.options.source = .folder(source)
    #expect(try failure().contains("this is a FIFO, and a file was expected"))
  }

  @Test func whatAnUnpackerNamedOtherwiseIsThere() throws {
    let text = Array("the contents".utf8)
    let dataset = FetchableDataset(
      name: "set", title: "Set", folder: "set",
      files: [
        RemoteFile(
          name: "some-idx1-ubyte.gz", addresses: ["http://127.0.0.1:9/"], size: 12,
          contents: .unwrapped(md5: try FetchFixture.md5(text), bytes: 12))
      ])
    fixture.options.attempts = 1
    #expect(try reason(fixture.fetch(dataset)) != nil)
    try fixture.write(text, "some.idx1-ubyte")
    #expect(try fixture.fetch(dataset) == .present)
    try FileManager.default.moveItem(atPath: place("some.idx1-ubyte"), toPath: place("moved"))
    try FileManager.default.createDirectory(
      atPath: place("some-idx1-ubyte"), withIntermediateDirectories: true)
    try FileManager.default.moveItem(atPath: place("moved"), toPath: place("some-idx1-ubyte/some-idx1-ubyte"))
    #expect(try fixture.fetch(dataset) == .present)
  }

  @Test(arguments: [
    ("http://host/a#b", "a fragment"), ("https://host/a?b=c", "a query"), ("http://host\\a", "a backslash"),
    ("http://", "a host is missing"), ("http:///a", "a host is missing"),
    ("http://ho st/", "a host is missing"), ("http://hést/", "a host is missing"),
    ("http://user@@host/", "more than one @"), ("http://@host/", "a name is missing"),
    ("http://:secret@host/", "a name is missing"), ("http://user:secret@/", "host and port"),
    ("http://host:port/", "host and port"), ("http://user:sec/ret@host/", "host and port"),
    ("http://host:70000/", "no port 70000"), ("http://host:0/", "no port 0"),
    ("http://[::1/", "host and port"), ("ftp://host/", "addresses of ftp"),
  ]) func addressesThatCannotServeAreRefusedWithTheReason(address: String, says: String) throws {
    let error = try #require(throws: FetchUsageError.self) { try FetchSource(address) }
    #expect(error.description.contains(says) && !error.description.contains("sec"), "\(error)")
  }

  @Test(arguments: [
    "http://host", "https://user:pass%40word@host.example:8080/a/b/", "http://[::1]:80/x",
    "HTTP://127.0.0.1:9",
  ]) func addressesThatServeAreTaken(address: String) throws {
    #expect(try FetchSource(address) == .address(address.hasSuffix("/") ? address : address + "/"))
  }
}
