import Basics
import Foundation
import LoopbackServer
import Synchronization
import Tensors
import TestSupport
import Testing

@testable import Fetching

@Suite struct VersionTests {
  /// A server that changes its file, cuts, ignores `Range`, ignores `If-Range`, sends other parts, and is in
  /// trouble, as a seed has it; the fetch is killed now and then too. No checksum helps (any contents are
  /// taken): what gets its name must be one of the versions, from its first byte to its last.
  @Test func aFileIsNeverMadeOfTwoVersions() throws {
    let whole = try (0..<60).reduce(0) { try $0 + filesFetched(seed: $1) }
    // So that this is not a test of failures.
    #expect(whole > 100, "\(whole) of 360")
  }

  /// - Returns: how many of six fetches succeeded.
  private func filesFetched(seed: UInt64) throws -> Int {
    let fixture = try FetchFixture(bytes: 1)
    fixture.options.anyContents = true
    fixture.options.attempts = 4
    let versions = (0..<4).map { version in
      (0..<20_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ version &* 77) }
    }
    let random = Mutex(RandomGenerator(seed: seed))
    let version = Mutex(0)
    @Sendable func draw(_ count: Int) -> Int { random.withLock { Int($0.next() % UInt64(count)) } }
    let server = try LoopbackServer { request in
      if draw(4) == 0 { version.withLock { $0 = ($0 + 1) % 4 } }
      let present = version.withLock { $0 }
      let (bytes, tag) = (versions[present], "\"\(present)\"")
      let cut = draw(2) == 0 ? nil : draw(20_001)
      let asked = request.range.flatMap { Int($0.dropFirst(6).dropLast()) } ?? 0
      switch draw(8) {
      case 0: return LoopbackServer.page(503)
      case 1:
        // Ignores Range.
        return [
          LoopbackServer.head(200, ["ETag: \(tag)", "Content-Length: 20000"]),
          .send(Array(bytes[..<(cut ?? 20_000)])),
        ]
      case 2 where (1..<20_000).contains(asked):
        // Ignores If-Range, and is honest about what it sends.
        return [
          LoopbackServer.head(
            206,
            [
              "ETag: \(tag)", "Content-Length: \(20_000 - asked)",
              "Content-Range: bytes \(asked)-19999/20000",
            ]),
          .send(Array(bytes[asked..<max(asked, cut ?? 20_000)])),
        ]
      case 3 where asked > 0:
        // Another part than the one asked for.
        let start = draw(20_000)
        return [
          LoopbackServer.head(
            206,
            [
              "ETag: \(tag)", "Content-Length: \(20_000 - start)",
              "Content-Range: bytes \(start)-19999/20000",
            ]),
          .send(Array(bytes[start...])),
        ]
      default: return LoopbackServer.file(bytes, for: request, tag: tag, cut: cut)
      }
    }
    var whole = 0
    for _ in 0..<6 {
      fixture.options.force = draw(2) == 0
      var ticks = draw(50)
      fixture.isInterrupted = {
        ticks -= 1
        return ticks == 0
      }
      let outcome = try? fixture.fetch(server)
      guard case .fetched = outcome else { continue }
      whole += 1
      let contents = try #require(fixture.contents("file.bin"))
      #expect(versions.contains(contents), "seed \(seed): \(contents.count) bytes")
      #expect(fixture.names == ["file.bin"])
    }
    return whole
  }
}
