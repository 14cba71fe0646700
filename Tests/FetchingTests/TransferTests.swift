import Basics
import Foundation
import TestSupport
import Testing

@testable import Fetching

@Suite struct TransferTests {
  private func head(_ lines: String...) -> ResponseHead {
    var head = ResponseHead()
    for line in lines { _ = Array((line + "\r\n").utf8).withUnsafeBytes { head.add($0) } }
    return head
  }

  @Test func headersAreReadPastInformationalOnes() {
    let head = head(
      "HTTP/1.1 103 Early Hints", "Link: x", "", "HTTP/2 206", "ETag: \"a:b\"", "content-LENGTH:  12 ",
      "Content-Type: Text/HTML; charset=x", "Content-Range: bytes 5-9/10", "nonsense", "")
    #expect(head.isComplete && head.status == 206 && head.headers["link"] == nil)
    #expect(head.contentLength == 12 && head.contentType == "text/html" && head.validator == "\"a:b\"")
    #expect(head.contentRange?.start == 5 && head.contentRange?.total == 10)
    #expect(!self.head("HTTP/1.1 100 Continue", "").isComplete)
    #expect(self.head("HTTP/1.1 200", "Content-Length: -1").contentLength == nil)
    #expect(self.head("HTTP/1.1 200", "Content-Length: 99999999999999999999").contentLength == nil)
  }

  @Test(arguments: [
    "bytes 5-9/9", "bytes 9-5/10", "bytes -5/10", "bytes 5-9", "items 5-9/10", "bytes x-9/10", "bytes 5-9/y",
  ])
  func rangesThatMakeNoSenseAreNone(text: String) {
    #expect(head("HTTP/1.1 206", "Content-Range: \(text)").contentRange == nil)
  }

  @Test func waitsDoubleUpToTheLongest() {
    let backOff = BackOff(first: 1, longest: 60)
    #expect((1...8).map { backOff.wait(round: $0, random: 1) } == [1, 2, 4, 8, 16, 32, 60, 60])
    #expect(backOff.wait(round: 3, random: 0) == 2)
    #expect(backOff.wait(round: 1_000_000, random: 1) == 60)
  }

  @Test func retryAfterIsANumberOrADate() {
    let now = Date(timeIntervalSince1970: 784_111_777)  // Sun, 06 Nov 1994 08:49:37 GMT
    #expect(BackOff.seconds(retryAfter: " 120 ", now: now) == 120)
    #expect(BackOff.seconds(retryAfter: "Sun, 06 Nov 1994 08:50:37 GMT", now: now) == 60)
    #expect(BackOff.seconds(retryAfter: "Sun, 06 Nov 1994 08:40:37 GMT", now: now) == 0)
    for text in ["", "-1", "soon", "1.5"] { #expect(BackOff.seconds(retryAfter: text, now: now) == nil) }
  }

  @Test func bytesReadAsPeopleWriteThem() {
    let texts = [0, 1, 999, 1000, 9_912_422, 170_052_171, 99_949, 99_950, 999_499, 999_500, 3_000_000_000]
      .map(byteCountText)
    #expect(
      texts == [
        "0 bytes", "1 byte", "999 bytes", "1.0 kB", "9.9 MB", "170 MB", "99.9 kB", "100 kB", "999 kB",
        "1.0 MB", "3.0 GB",
      ])
  }

  @Test func theRateIsThatOfTheLastSeconds() {
    var time = 0.0
    var meter = ProgressMeter { time }
    #expect(meter.update(bytes: 0, total: 10_000).rate == nil)
    for second in 1...10 {
      time = Double(second)
      _ = meter.update(bytes: second * 1000, total: 20_000)
    }
    let fast = meter.update(bytes: 10_000, total: 20_000)
    #expect(fast.rate == 1000 && fast.timeLeft == 10)
    #expect(fast.description == "10.0 kB of 20.0 kB (50%), 1.0 kB/s")
    for tenth in 1...60 {
      time = 10 + Double(tenth) / 10
      _ = meter.update(bytes: 10_000, total: 20_000)
    }
    #expect(meter.update(bytes: 10_000, total: 20_000).rate == 0)
    #expect(meter.update(bytes: 10_000, total: 20_000).timeLeft == nil)
    // A file that begins anew has no negative rate.
    #expect(meter.update(bytes: 5, total: nil).rate == nil)
  }

  @Test func theDigestIsMD5() throws {
    #expect(try FetchFixture.md5([]) == "d41d8cd98f00b204e9800998ecf8427e")
    #expect(try FetchFixture.md5(Array("message digest".utf8)) == "f96b697d7cb7938d525a2f31aaf161d0")
  }

  @Test func passwordsAreNotShown() {
    #expect(withoutPassword("https://a:b@host/x@y") == "https://host/x@y")
    #expect(withoutPassword("https://host/x@y") == "https://host/x@y")
    #expect(withoutPassword("/a/b") == "/a/b")
  }

  @Test func redirectsDoNotLeaveEncryption() throws {
    func target(_ location: String, from: String) throws -> String {
      let head = self.head("HTTP/1.1 302 Found", "Location: \(location)", "")
      return try Download.target(of: HTTPTransfer.Answer(head: head, redirect: location), from: from)
    }
    #expect(try target("https://b/", from: "http://a/") == "https://b/")
    #expect(try target("https://b/", from: "https://a/") == "https://b/")
    let failure = try #require(throws: FetchFailure.self) { try target("http://u:p@b/", from: "HTTPS://a/") }
    #expect(failure.reason.contains("from https to http://b/") && failure.remedy == .anotherMirror)
    let steering = try #require(throws: FetchFailure.self) {
      try target("ftp://\u{1B}[2J", from: "http://a/")
    }
    #expect(steering.reason.contains("ftp://?[2J"))
  }
}
