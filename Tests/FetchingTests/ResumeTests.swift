import Basics
import Foundation
import LoopbackServer
import TestSupport
import Testing

@testable import Fetching

@Suite struct ResumeTests {
  let fixture: FetchFixture

  init() throws { fixture = try FetchFixture() }

  private var whole: FetchedFile.Outcome { .fetched(bytes: fixture.bytes.count) }

  private func expectWhole(sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(fixture.contents("file.bin") == fixture.bytes, sourceLocation: sourceLocation)
    #expect(fixture.names == ["file.bin"], sourceLocation: sourceLocation)
  }

  @Test func aFileComesWholeAndIsNotFetchedAgain() throws {
    let bytes = fixture.bytes
    let server = try LoopbackServer { LoopbackServer.file(bytes, for: $0) }
    #expect(try fixture.fetch(server) == whole)
    expectWhole()
    #expect(try fixture.fetch(server) == .present)
    #expect(server.requests.count == 1)
    fixture.options.force = true
    #expect(try fixture.fetch(server) == whole)
    #expect(server.requests.count == 2)
    expectWhole()
  }

  @Test func aConnectionThatIsCutGoesOnWhereItEnded() throws {
    let bytes = fixture.bytes
    let server = try LoopbackServer { request in
      LoopbackServer.file(bytes, for: request, cut: [70_000, 150_000, nil][min(request.number, 2)])
    }
    #expect(try fixture.fetch(server) == whole)
    expectWhole()
    #expect(server.requests.map(\.range) == [nil, "bytes=70000-", "bytes=150000-"])
    #expect(server.requests.dropFirst().allSatisfy { $0.headers["if-range"] == "\"1\"" })
    #expect(fixture.resumed == [0, 70_000, 150_000])
    #expect(fixture.reasons.first?.contains("cut before the end") == true)
  }

  @Test func aServerThatGoesSilentIsLeftAndAskedForTheRest() throws {
    let bytes = fixture.bytes
    let server = try LoopbackServer { request in
      request.number == 0
        ? LoopbackServer.file(bytes, for: request, cut: 90_000, hold: true)
        : LoopbackServer.file(bytes, for: request)
    }
    let start = ContinuousClock.now
    #expect(try fixture.fetch(server) == whole)
    #expect(ContinuousClock.now - start < .seconds(3))
    expectWhole()
    #expect(fixture.resumed == [0, 90_000])
    #expect(fixture.reasons == ["nothing came from the server for 0.3 s"])
  }

  @Test func aServerThatDripsOrNeverAnswersIsAsGoodAsSilent() throws {
    fixture.options.attempts = 1
    let dripping = try LoopbackServer { _ in
      [LoopbackServer.head(200, ["Content-Length: 200000"])]
        + (0..<40).flatMap { _ in [.send([1]), LoopbackServer.Action.pause(0.15)] }
    }
    #expect(try reason(fixture.fetch(dripping))?.contains("only ") == true)
    let mute = try LoopbackServer { _ in [.hold] }
    #expect(try reason(fixture.fetch(mute))?.contains("nothing came") == true)
    let slowHead = try LoopbackServer { _ in
      [.send(Array("HTTP/1.1 200 OK\r\nX: ".utf8))] + (0..<40).flatMap { _ in [.send([65]), .pause(0.1)] }
    }
    #expect(try reason(fixture.fetch(slowHead))?.contains("nothing came") == true)
  }

  @Test func aServerThatIgnoresRangeStartsTheFileAgain() throws {
    let bytes = fixture.bytes
    let server = try LoopbackServer { request in
      [
        LoopbackServer.head(200, ["ETag: \"1\"", "Content-Length: \(bytes.count)"]),
        .send(request.number == 0 ? Array(bytes[..<99_999]) : bytes),
      ]
    }
    #expect(try fixture.fetch(server) == whole)
    expectWhole()
    #expect(server.requests.map(\.range) == [nil, "bytes=99999-"])
  }

  /// The first half of one version must never meet the second half of another.
  @Test(arguments: [true, false]) func aFileThatChangedStartsAgain(serverKnowsIfRange: Bool) throws {
    let bytes = fixture.bytes
    let old = bytes.map { ~$0 }
    let server = try LoopbackServer { request in
      if request.number == 0 { return LoopbackServer.file(old, for: request, tag: "\"old\"", cut: 100_000) }
      if serverKnowsIfRange { return LoopbackServer.file(bytes, for: request, tag: "\"new\"") }
      // Continues with another version, as a server does that ignores If-Range.
      guard request.range != nil else { return LoopbackServer.file(bytes, for: request, tag: "\"new\"") }
      return [
        LoopbackServer.head(
          206,
          [
            "ETag: \"new\"", "Content-Length: 100000",
            "Content-Range: bytes 100000-199999/200000",
          ]), .send(Array(bytes[100_000...])),
      ]
    }
    #expect(try fixture.fetch(server) == whole)
    expectWhole()
    #expect(
      server.requests.map(\.range)
        == (serverKnowsIfRange ? [nil, "bytes=100000-"] : [nil, "bytes=100000-", nil]))
  }

  @Test(arguments: [
    "Content-Range: bytes 0-199999/200000", "Content-Range: bytes 100000-199998/199999",
    "Content-Range: nonsense", "X: y", "Content-Range: bytes 100001-199999/200000",
  ]) func aPartThatIsNotTheOneAskedForIsNotTaken(range: String) throws {
    let bytes = fixture.bytes
    let server = try LoopbackServer { request in
      if request.number == 1 {
        return [
          LoopbackServer.head(206, [range, "Content-Length: 100000"]), .send(Array(bytes[100_000...])),
        ]
      }
      return LoopbackServer.file(bytes, for: request, cut: request.number == 0 ? 100_000 : nil)
    }
    #expect(try fixture.fetch(server) == whole)
    expectWhole()
    #expect(server.requests.map(\.range) == [nil, "bytes=100000-", nil])
  }

  @Test func aServerThatSendsPartsUnaskedIsRefused() throws {
    let bytes = fixture.bytes
    let server = try LoopbackServer { _ in
      [
        LoopbackServer.head(206, ["Content-Range: bytes 5-9/200000", "Content-Length: 5"]),
        .send(Array(bytes[5..<10])),
      ]
    }
    #expect(try reason(fixture.fetch(server))?.contains("plain request with a part") == true)
    #expect(server.requests.count == 2 && fixture.names.isEmpty)
  }

  @Test func withoutTagOrDateNothingIsResumed() throws {
    let bytes = fixture.bytes
    for validator in ["ETag: W/\"weak\"", "X: y"] {
      let server = try LoopbackServer { request in
        [
          LoopbackServer.head(200, [validator, "Content-Length: \(bytes.count)"]),
          .send(request.number == 0 ? Array(bytes[..<9_999]) : bytes),
        ]
      }
      fixture.options.force = true
      #expect(try fixture.fetch(server) == whole)
      #expect(server.requests.map(\.range) == [nil, nil])
    }
    let dates = ["Wed, 01 Jan 2020 00:00:00 GMT", "Thu, 02 Jan 2020 00:00:00 GMT"]
    let dated = try LoopbackServer { request in
      let date = dates[request.number == 0 ? 0 : 1]
      if request.number == 1 {
        // The rest of a newer version, from a server that does not look at If-Range.
        let range = "Content-Range: bytes 9999-199999/200000"
        return [
          LoopbackServer.head(206, [range, "Last-Modified: \(date)", "Content-Length: 190001"]),
          .send(Array(bytes[9_999...])),
        ]
      }
      return [
        LoopbackServer.head(
          200, ["ETag: W/\"weak\"", "Last-Modified: \(date)", "Content-Length: \(bytes.count)"]),
        .send(request.number == 0 ? Array(bytes[..<9_999]) : bytes),
      ]
    }
    #expect(try fixture.fetch(dated) == whole)
    #expect(dated.requests.map { $0.headers["if-range"] } == [nil, dates[0], nil])
  }

  @Test func anotherMirrorDoesNotGoOnWithTheFirstOnesBytes() throws {
    let bytes = fixture.bytes
    fixture.options.attempts = 1
    let first = try LoopbackServer { LoopbackServer.file(bytes, for: $0, cut: 30_000) }
    let second = try LoopbackServer { LoopbackServer.file(bytes, for: $0) }
    #expect(try fixture.fetch(first, second) == whole)
    #expect(first.requests.count == 1 && second.requests.map(\.range) == [nil])
    expectWhole()
  }

  /// What is left when the process is killed at each of the moments that differ.
  @Test func whatAKillLeavesIsGoneOnWith() throws {
    let bytes = fixture.bytes
    let server = try LoopbackServer { LoopbackServer.file(bytes, for: $0) }
    let address = server.address + "file.bin"
    let note = { (total: Int, address: String) in
      Array(#"{"address": "\#(address)", "validator": "\"1\"", "total": \#(total)}"#.utf8)
    }
    // Amid the body.
    try fixture.write(Array(bytes[..<50_000]), "file.bin.partial")
    try fixture.write(note(bytes.count, address), "file.bin.partial.json")
    try fixture.write([1], "file.bin.partial.json.01234567-89ab.partial")
    #expect(try fixture.fetch(server) == whole)
    expectWhole()
    #expect(server.requests.map(\.range) == ["bytes=50000-"])
    // Between the last byte and the rename.
    try FileManager.default.moveItem(atPath: fixture.path, toPath: fixture.path + ".partial")
    try fixture.write(note(bytes.count, address), "file.bin.partial.json")
    #expect(try fixture.fetch(server) == whole)
    expectWhole()
    #expect(server.requests.count == 1)
    // Bytes without a note, a note that is nonsense, one of another address, one with a header in it.
    for text in ["", "{", #"{"address": 7}"#, #"{"address": "\#(address)", "validator": "\"1\"\r\nX: y"}"#] {
      try FileManager.default.removeItem(atPath: fixture.path)
      try fixture.write([1, 2, 3], "file.bin.partial")
      try fixture.write(Array(text.utf8), "file.bin.partial.json")
      #expect(try fixture.fetch(server) == whole)
      expectWhole()
    }
    #expect(server.requests.dropFirst().allSatisfy { $0.range == nil && $0.headers["x"] == nil })
    // More bytes than the file has.
    try FileManager.default.removeItem(atPath: fixture.path)
    try fixture.write(bytes + [0], "file.bin.partial")
    try fixture.write(note(bytes.count, address), "file.bin.partial.json")
    #expect(try fixture.fetch(server) == whole)
    expectWhole()
  }

  @Test func bytesThatWereDamagedOnTheDiskAreThrownAwayAndFetchedAgain() throws {
    let bytes = fixture.bytes
    let server = try LoopbackServer { LoopbackServer.file(bytes, for: $0) }
    try fixture.write([UInt8](repeating: 0, count: 50_000), "file.bin.partial")
    let note = #"{"address": "\#(server.address)file.bin", "validator": "\"1\"", "total": \#(bytes.count)}"#
    try fixture.write(Array(note.utf8), "file.bin.partial.json")
    #expect(try fixture.fetch(server) == whole)
    expectWhole()
    #expect(server.requests.map(\.range) == ["bytes=50000-", nil])
  }

  @Test func anInterruptionKeepsWhatCame() throws {
    let bytes = fixture.bytes
    let server = try LoopbackServer { request in
      request.number == 0
        ? LoopbackServer.file(bytes, for: request, cut: 60_000, hold: true)
        : LoopbackServer.file(bytes, for: request)
    }
    fixture.options.stall = 30
    fixture.isInterrupted = { [unowned fixture] in (fixture.partial?.count ?? 0) >= 60_000 }
    let stop = try #require(throws: FetchInterruption.self) { try fixture.fetch(server) }
    #expect(stop.partial == fixture.path + ".partial" && stop.bytes == 60_000)
    #expect(fixture.names == ["file.bin.partial", "file.bin.partial.json"])
    fixture.isInterrupted = { false }
    #expect(try fixture.fetch(server) == whole)
    expectWhole()
    #expect(server.requests.map(\.range) == [nil, "bytes=60000-"])
  }
}
