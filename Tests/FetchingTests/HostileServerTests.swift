import Basics
import Foundation
import LoopbackServer
import TestSupport
import Testing

@testable import Fetching

@Suite struct HostileServerTests {
  let fixture: FetchFixture

  init() throws { fixture = try FetchFixture() }

  private var whole: FetchedFile.Outcome { .fetched(bytes: fixture.bytes.count) }

  private func good() throws -> LoopbackServer {
    let bytes = fixture.bytes
    return try LoopbackServer { LoopbackServer.file(bytes, for: $0) }
  }

  /// Every way to send something else than the file: it is refused with these words, nothing stays, and the
  /// next mirror is asked.
  private func expectRefused(
    _ words: String..., sourceLocation: SourceLocation = #_sourceLocation,
    _ answer: @escaping @Sendable (LoopbackServer.Request) -> [LoopbackServer.Action]
  ) throws {
    let server = try LoopbackServer(answer)
    let failure = try #require(reason(fixture.fetch(server)), sourceLocation: sourceLocation)
    for word in words {
      #expect(failure.contains(word), "\(word) in: \(failure)", sourceLocation: sourceLocation)
    }
    #expect(failure.contains(server.address + "file.bin"), sourceLocation: sourceLocation)
    #expect(fixture.contents("file.bin") == nil, sourceLocation: sourceLocation)
    let right = try good()
    #expect(try fixture.fetch(server, right) == whole, sourceLocation: sourceLocation)
    #expect(right.requests.count == 1, sourceLocation: sourceLocation)
    #expect(
      fixture.names == ["file.bin"] && fixture.contents("file.bin") == fixture.bytes,
      sourceLocation: sourceLocation)
    try FileManager.default.removeItem(atPath: fixture.path)
  }

  @Test func aWrongChecksumIsThrownAway() throws {
    var bytes = fixture.bytes
    bytes[123_456] ^= 1
    try expectRefused("not the file", "MD5", "thrown away") { [bytes] in LoopbackServer.file(bytes, for: $0) }
    #expect(fixture.names.isEmpty)
  }

  @Test func lengthsThatCannotBeRightAreRefusedBeforeTheBody() throws {
    let bytes = fixture.bytes
    for announced in [10, 199_999, 200_001, 1 << 40] {
      try expectRefused("\(announced) bytes are announced, and 200000 are published") { _ in
        [LoopbackServer.head(200, ["Content-Length: \(announced)"]), .send(bytes)]
      }
    }
  }

  @Test func aBodyWithoutEndIsRefusedWhileItComes() throws {
    // Without a length, and in chunks that never end: 400 MB would come if nobody said stop.
    let piece = [UInt8](repeating: 7, count: 1 << 20)
    try expectRefused("more bytes come than the 200000 that are published", "they were thrown away") { _ in
      [LoopbackServer.head(200)] + [LoopbackServer.Action](repeating: .send(piece), count: 400)
    }
    let chunk = Array("100000\r\n".utf8) + piece + Array("\r\n".utf8)
    try expectRefused("more bytes come than the 200000 that are published") { _ in
      [LoopbackServer.head(200, ["Transfer-Encoding: chunked"])]
        + [LoopbackServer.Action](repeating: .send(chunk), count: 400)
    }
  }

  @Test func aBodyThatIsShorterThanItsLengthIsCut() throws {
    let bytes = fixture.bytes
    fixture.options.attempts = 2
    let server = try LoopbackServer { _ in
      [LoopbackServer.head(200, ["Content-Length: 200000"]), .send(Array(bytes[..<1000]))]
    }
    let failure = try #require(reason(fixture.fetch(server)))
    // Without a tag or a date the rest can never be asked for: nothing is kept, and nothing promised.
    #expect(
      failure.contains("cut before the end of the file") && failure.contains("no tag or date"))
    #expect(!failure.contains("continues") && fixture.names.isEmpty)
    #expect(server.requests.count == 2)
    let tagged = try LoopbackServer { LoopbackServer.file(bytes, for: $0, cut: 1000) }
    let kept = try #require(reason(fixture.fetch(tagged)))
    #expect(kept.contains("1.0 kB are kept, and the same command continues from there"))
    #expect(fixture.partial?.count == 1000)
  }

  /// Bytes that cannot be the file's are not kept, also when there is no other mirror.
  @Test func impossibleBytesAreThrownAway() throws {
    fixture.options.attempts = 1
    let piece = [UInt8](repeating: 7, count: 150_000)
    let server = try LoopbackServer { _ in
      [LoopbackServer.head(200, ["ETag: \"1\""])]
        + [LoopbackServer.Action](repeating: .send(piece), count: 3)
    }
    let failure = try #require(reason(fixture.fetch(server)))
    #expect(failure.contains("more bytes come than") && !failure.contains("are kept"), "\(failure)")
    #expect(fixture.names.isEmpty)
  }

  /// A tag or date is sent back with the next request only where it is one.
  @Test(arguments: [
    ("ETag: \"a\rX-Injected: yes\rHost: evil\"", nil), ("ETag: \"a\tb\"", nil),
    ("ETag: \"a b\"", nil),
    ("ETag: \"a\"b\"", nil), ("ETag: \"\"", nil), ("ETag: a", nil), ("ETag: \"caf\u{E9}\"", nil),
    ("ETag: W/\"a\"", nil), ("ETag: \"\(String(repeating: "a", count: 300))\"", nil),
    ("Last-Modified: yesterday", nil),
    ("Last-Modified: Wed, 01 Jan 2020 00:00:00 GMT\rX-Injected: yes", nil),
    ("ETag: \"a-1:2/3\"", "\"a-1:2/3\""),
    ("Last-Modified: Wed, 01 Jan 2020 00:00:00 GMT", "Wed, 01 Jan 2020 00:00:00 GMT"),
    (
      "ETag: \"a\rb\"\r\nLast-Modified: Wed, 01 Jan 2020 00:00:00 GMT",
      "Wed, 01 Jan 2020 00:00:00 GMT"
    ),
  ])
  func onlyTagsAndDatesAreSentBack(header: String, sent: String?) throws {
    let bytes = fixture.bytes
    let server = try LoopbackServer { request in
      [LoopbackServer.head(200, [header, "Content-Length: \(bytes.count)"])]
        + [.send(request.number == 0 ? Array(bytes[..<9_999]) : bytes)]
    }
    #expect(try fixture.fetch(server) == whole)
    let second = try #require(server.requests.dropFirst().first)
    #expect(second.headers["if-range"] == sent && second.range == sent.map { _ in "bytes=9999-" })
    #expect(
      second.headers["x-injected"] == nil && second.headers["host"]?.hasPrefix("127.0.0.1") == true)
  }

  @Test func aPageInsteadOfTheFileIsCalledOne() throws {
    try expectRefused("announced", "text/html", "a page with a message") { _ in LoopbackServer.page(200) }
    let text = Array("<html>sign in</html>".utf8)
    try expectRefused("not the file", "text/html", "a page with a message") { _ in
      [LoopbackServer.head(200, ["Content-Type: text/html"]), .send(text)]
    }
  }

  @Test(arguments: [
    (403, "another network"), (401, "refuses"), (404, "--from"), (410, "no such file"), (407, "http_proxy"),
    (418, "status 418"), (204, "status 204"), (304, "status 304"),
  ]) func statusesThatWillNotChangeAreNotAskedAgain(status: Int, words: String) throws {
    let server = try LoopbackServer { _ in LoopbackServer.page(status) }
    let failure = try #require(reason(fixture.fetch(server)))
    #expect(failure.contains(words) && failure.contains("\(status)"), "\(failure)")
    #expect(server.requests.count == 1 && fixture.names.isEmpty)
  }

  @Test(arguments: [(500, "in trouble"), (503, "later"), (429, "too many requests"), (408, "gave up")])
  func statusesThatMayPassAreAskedAgainWithLongerWaits(status: Int, words: String) throws {
    fixture.options.attempts = 4
    let server = try LoopbackServer { _ in LoopbackServer.page(status) }
    let failure = try #require(reason(fixture.fetch(server)))
    #expect(failure.contains(words) && failure.contains("\(status)"), "\(failure)")
    #expect(server.requests.count == 4)
    // 1 + 2 + 4 seconds, with the random half at its most.
    #expect(abs(fixture.waited - 7) < 0.05)
  }

  @Test func aServerInTroubleIsAskedAgainWhenItSaid() throws {
    let bytes = fixture.bytes
    let server = try LoopbackServer { request in
      request.number == 0
        ? LoopbackServer.page(503, ["Retry-After: 7"]) : LoopbackServer.file(bytes, for: request)
    }
    #expect(try fixture.fetch(server) == whole)
    #expect(abs(fixture.waited - 7) < 0.05)
    // An hour is not waited for.
    let busy = try LoopbackServer { _ in LoopbackServer.page(429, ["Retry-After: 3600"]) }
    fixture.options.force = true
    #expect(try reason(fixture.fetch(busy))?.contains("come back in 3600 s") == true)
    #expect(busy.requests.count == 1)
  }

  @Test func redirectsAreFollowedToAnEnd() throws {
    let bytes = fixture.bytes
    let server = try LoopbackServer { request in
      switch request.path {
      case "/file.bin": LoopbackServer.page(302, ["Location: /a/b"])
      case "/a/b": LoopbackServer.page(301, ["Location: c?d=e"])
      case "/a/c?d=e":
        LoopbackServer.file(bytes, for: request, cut: request.number == 0 ? 120_000 : nil)
      default: LoopbackServer.page(404)
      }
    }
    #expect(try fixture.fetch(server) == whole)
    #expect(server.requests(of: "/a/c?d=e").map(\.range) == [nil, "bytes=120000-"])
    #expect(fixture.contents("file.bin") == bytes)
  }

  @Test func redirectsThatLeadNowhereAreRefused() throws {
    for (location, words) in [
      ("ftp://127.0.0.1/file", "neither http nor https"), ("file:///etc/passwd", "neither http nor https"),
      ("gopher://x", "neither"), ("http://", "redirect"),
    ] {
      try expectRefused(words) { _ in LoopbackServer.page(302, ["Location: \(location)"]) }
    }
    try expectRefused("does not say where to") { _ in LoopbackServer.page(302) }
    try expectRefused("more than 10 redirects") { LoopbackServer.page(307, ["Location: /\($0.path.count)"]) }
    let text = [UInt8](repeating: 65, count: 1 << 20)
    try expectRefused("more than a megabyte") { _ in
      [LoopbackServer.head(302, ["Location: /x"])] + [LoopbackServer.Action](repeating: .send(text), count: 3)
    }
  }

  @Test func whatIsNotHTTPIsRefused() throws {
    try expectRefused("HTTP") { _ in [.send(Array("220 ftp ready\r\n".utf8)), .hold] }
    let lines = Array(String(repeating: "X-Y: \(String(repeating: "z", count: 1000))\r\n", count: 100).utf8)
    try expectRefused("headers without end") { _ in
      [.send(Array("HTTP/1.1 200 OK\r\n".utf8))] + [LoopbackServer.Action](repeating: .send(lines), count: 20)
    }
  }

  @Test func anAddressWhereNobodyAnswersIsTriedAgainAndNamed() throws {
    let port = try good().port
    fixture.options.attempts = 3
    let failure = try #require(reason(fixture.fetch(["http://user:secret@127.0.0.1:\(port)/file.bin"])))
    #expect(failure.contains("http://127.0.0.1:\(port)/file.bin") && !failure.contains("secret"))
    #expect(abs(fixture.waited - 3) < 0.05)
    #expect(fixture.names.isEmpty)
  }
}
