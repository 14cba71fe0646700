import Basics
import Foundation
import Synchronization
import Testing

@testable import Tensors

/// What the system refuses ends the process with a sentence and status 1, or is done without.
@Suite struct ResourceTests {
  private static func limitAddressSpace(leaving bytes: Int) {
    let pages = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ")
      .first
    let used = (pages.flatMap { Int($0) } ?? 0) * Int(getpagesize())
    var limit = rlimit(rlim_cur: rlim_t(used + bytes), rlim_max: rlim_t.max)
    setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
  }

  @Test func memoryThatIsRefusedEndsTheProcessWithASentence() async throws {
    let result = await #expect(processExitsWith: .exitCode(1), observing: [\.standardErrorContent]) {
      Self.limitAddressSpace(leaving: 64 << 20)
      _ = Tensor.uninitialised([1 << 26])
    }
    let text = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
    #expect(text.contains("Error: out of memory") && text.contains("269 MB"), "\(text)")
  }

  @Test(arguments: [1 << 45, 1 << 62]) func noMachineHasRoomForEveryCount(count: Int) async {
    await #expect(processExitsWith: .exitCode(1)) { [count] in _ = Tensor.uninitialised([count]) }
  }

  @Test func whatIsKeptForReuseMakesRoom() async {
    await #expect(processExitsWith: .success) {
      for _ in 0..<3 { _ = Tensor.uninitialised([1 << 24]) }
      Self.limitAddressSpace(leaving: 48 << 20)
      _ = Tensor.uninitialised([(1 << 24) + (1 << 23)])
    }
  }

  @Test func theSentenceIsRecordedFirst() async throws {
    let result = await #expect(processExitsWith: .exitCode(1), observing: [\.standardErrorContent]) {
      let record: @Sendable (String) -> Void = { ResourceFailure.write("recorded: \($0)\n") }
      ResourceFailure.recorded(by: record) { () -> Void in
        ResourceFailure.end("the disk of sand is empty")
      }
    }
    let text = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
    #expect(
      text.contains("Error: the disk of sand is empty\nrecorded: the disk of sand is empty\n"), "\(text)")
  }

  /// No room for the stack of a thread: the work is done all the same, in the same parts.
  @Test func threadsThatAreRefusedAreDoneWithout() async throws {
    let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
      Parallel.setThreadCount(4)
      let x = (0..<1000).map { Float($0) }
      let expected = Tensor(x).sum().item()
      // OpenBLAS has what it needs for all four.
      Self.limitAddressSpace(leaving: 4 << 30)
      BufferReserve.take(threads: 4)
      Self.limitAddressSpace(leaving: 6 << 20)
      #expect(SystemThread.start("refused") {} != nil)
      let visits = Mutex([Int](repeating: 0, count: 100))
      Parallel.forEach(100) { range in visits.withLock { for i in range { $0[i] += 1 } } }
      #expect(visits.withLock { $0.allSatisfy { $0 == 1 } })
      #expect(Tensor(x).sum().item() == expected)
    }
    let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(text.contains("note: only 1 of 4 threads could be started"), "\(text)")
  }

  @Test func productsWithoutRoomForTheirBuffersEndTheProcess() async throws {
    let result = await #expect(processExitsWith: .exitCode(1), observing: [\.standardErrorContent]) {
      Parallel.setThreadCount(1)
      Self.limitAddressSpace(leaving: 100 << 20)
      _ = Tensor.matmul(Tensor.ones([64, 64]), Tensor.ones([64, 64]))
    }
    let text = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
    #expect(text.contains("OpenBLAS") && text.contains("ulimit -v"), "\(text)")
  }

  /// Much that lies unused goes back when work of another size begins; a steady state keeps what it has.
  @Test func memoryOfWorkThatIsOverIsGivenBack() async {
    await #expect(processExitsWith: .success) {
      do { _ = [Tensor.uninitialised([3 << 27]), Tensor.uninitialised([1 << 20])] }
      #expect(MemoryPool.statistics.bytesHeld >= 3 << 29)
      _ = Tensor.uninitialised([1 << 20])
      _ = Tensor.uninitialised([1 << 21])
      #expect(MemoryPool.statistics.bytesHeld >= 3 << 29)
      _ = Tensor.uninitialised([1 << 23])
      #expect(MemoryPool.statistics.bytesHeld < 1 << 26)
    }
  }

  @Test func bytesOfEstimatesAreThoseOfThePool() {
    for count in [1, 16, 17, 100, 1000, 70_000, 1 << 20, 3_000_001] {
      let bytes = MemoryPool.bytes(ofClass: MemoryPool.sizeClass(of: 4 * count))
      #expect(MemoryPool.bytes(forElements: Double(count)) == Double(bytes))
    }
    #expect(MemoryPool.bytes(forElements: 1e30) >= 4e30)
  }
}
