import CKernels
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Tensors

// The thread count, the pool's figures and OpenBLAS's kernels belong to the process, and other suites run
// beside this one: what sets or measures them runs in a process of its own.

@Suite("Threads, memory, OpenBLAS")
struct RuntimeTests {
  /// A step with every kind of work that is split over threads, large enough to be.
  static func step() -> [[Float]] {
    var generator = RandomGenerator(seed: 11)
    let x = Tensor.normal([4, 96, 130], using: &generator)
    let weight = Tensor.normal([192, 130], deviation: 0.1, using: &generator)
    let bias = Tensor.normal([192], using: &generator)
    let (scale, shift) = (Tensor.normal([192], using: &generator), Tensor.normal([192], using: &generator))
    let leaves = [x, weight, bias, scale, shift]
    for leaf in leaves { leaf.requiresGradient = true }
    let hidden = Tensor.layerNorm(
      Tensor.linear(x, weight: weight, bias: bias).gelu(), scale: scale, shift: shift)
    let attention = Tensor.matmul(hidden, hidden, transposeB: true).softmax()
    let mixed = Tensor.matmul(attention, hidden).dropout(0.1, using: &generator).transposed()
    let loss = (mixed.normalised().logSumExp() + mixed.sum(axis: -1).tanh()).mean() + (x * x).mean()
    loss.backward()
    return [loss.scalars(), mixed.scalars()] + leaves.map { $0.gradient!.scalars() }
  }

  @Test("1, 2, 3 and 7 threads agree closely, and each with itself bit for bit")
  func threadCounts() async {
    await #expect(processExitsWith: .success) {
      Parallel.setThreadCount(1)
      let alone = RuntimeTests.step()
      for threads in [1, 2, 3, 7] {
        Parallel.setThreadCount(threads)
        let found = RuntimeTests.step()
        for (values, expected) in zip(found, alone) {
          expectClose(Tensor(values), Tensor(expected), tolerance: 2e-5)
        }
        #expect(RuntimeTests.step() == found)
      }
    }
  }

  @Test("Every element is visited once, whatever the split", arguments: [1, 2, 3, 8])
  func coverage(threads: Int) async {
    await #expect(processExitsWith: .success) { [threads] in
      Parallel.setThreadCount(threads)
      for (count, grain) in [(0, 1), (1, 1), (2, 1), (7, 1), (1000, 1), (1000, 400), (1000, 5000), (13, 0)] {
        let visits = Mutex([Int](repeating: 0, count: count))
        let ranges = Mutex<[Range<Int>]>([])
        Parallel.forEach(count, grain: grain) { range in
          visits.withLock { for i in range { $0[i] += 1 } }
          ranges.withLock { $0.append(range) }
        }
        #expect(visits.withLock { $0.allSatisfy { $0 == 1 } })
        let parts = ranges.withLock { $0 }
        #expect(parts.count <= threads)
        #expect(parts.count <= 1 || parts.allSatisfy { $0.count >= grain })
      }
    }
  }

  @Test("Calls within calls and from several threads at once all finish, with the same ranges")
  func nesting() async {
    await #expect(processExitsWith: .success) {
      Parallel.setThreadCount(3)
      let total = Atomic<Int>(0)
      Parallel.forEach(6) { outer in
        for _ in outer { Parallel.forEach(10) { total.add($0.count, ordering: .relaxed) } }
      }
      #expect(total.load(ordering: .relaxed) == 60)
      DispatchQueue.concurrentPerform(iterations: 8) { _ in
        for _ in 0..<200 { Parallel.forEach(9) { total.add($0.count, ordering: .relaxed) } }
      }
      #expect(total.load(ordering: .relaxed) == 60 + 8 * 200 * 9)
    }
  }

  @Test("SPREAD_THREADS decides the count at first")
  func threadsFromEnvironment() async throws {
    #expect(Parallel.defaultThreadCount >= 1)
    await #expect(processExitsWith: .failure) { Parallel.setThreadCount(0) }
  }

  @Test("A repeated step asks the system for nothing, and all memory comes back")
  func steadyState() async {
    await #expect(processExitsWith: .success) {
      for _ in 0..<3 { _ = RuntimeTests.step() }
      let before = MemoryPool.statistics
      for _ in 0..<10 { _ = RuntimeTests.step() }
      let after = MemoryPool.statistics
      #expect(after.systemAllocations == before.systemAllocations)
      #expect(after.bytesInUse == before.bytesInUse)
      #expect(after.bytesHeld == before.bytesHeld)
    }
  }

  @Test("The pool's figures follow what is alive")
  func poolFigures() async {
    await #expect(processExitsWith: .success) {
      let start = MemoryPool.statistics
      var tensor: Tensor? = Tensor.zeros([1 << 20])
      #expect(MemoryPool.statistics.bytesInUse == start.bytesInUse + 4 << 20)
      #expect(tensor.map { Int(bitPattern: $0.pointer) % (2 << 20) } == 0)
      let address = tensor!.pointer
      tensor = nil
      #expect(MemoryPool.statistics.bytesInUse == start.bytesInUse)
      #expect(MemoryPool.statistics.peakBytesInUse >= start.bytesInUse + 4 << 20)
      tensor = Tensor.uninitialised([1 << 20])
      #expect(tensor!.pointer == address)
      tensor = nil
      MemoryPool.resetPeak()
      #expect(MemoryPool.statistics.peakBytesInUse == MemoryPool.statistics.bytesInUse)
      MemoryPool.releaseUnused()
      #expect(MemoryPool.statistics.bytesHeld == MemoryPool.statistics.bytesInUse)
    }
  }

  @Test("Size classes hold what they are asked for and lose an eighth at most")
  func sizeClasses() {
    var sizes = Array(0..<5000)
    for exponent in 12..<45 { sizes += [-1, 0, 1, 1 << (exponent - 1)].map { (1 << exponent) + $0 } }
    for size in sizes {
      let held = MemoryPool.bytes(ofClass: MemoryPool.sizeClass(of: size))
      #expect(held >= size)
      #expect(held <= max(64, size + size / 8 + 1))
    }
    for count in [1, 3, 100, 70_000] { #expect(Int(bitPattern: Tensor.zeros([count]).pointer) % 64 == 0) }
  }

  @Test(
    "The kernels asked for",
    arguments: [
      ("Haswell", CK_AVX512, "SkylakeX"), ("Zen", CK_AVX512, "SkylakeX"), ("Prescott", CK_AVX512, "SkylakeX"),
      ("SkylakeX", CK_AVX512, nil), ("Cooperlake", CK_AVX512, nil), ("SapphireRapids", CK_AVX512, nil),
      ("Prescott", CK_AVX2, "Haswell"), ("Sandybridge", CK_AVX2, "Haswell"), ("Haswell", CK_AVX2, nil),
      ("Zen", CK_AVX2, nil), ("Prescott", CK_BASELINE, nil),
    ] as [(String, ck_level, String?)])
  func kernelChoice(core: String, level: ck_level, expected: String?) {
    #expect(OpenBLAS.betterKernel(than: core, level: level) == expected)
  }

  @Test("The kernel in use is as good as the processor, and a choice of the user's stays")
  func kernelInUse() async {
    if ProcessInfo.processInfo.environment["OPENBLAS_CORETYPE"] == nil {
      #expect(OpenBLAS.betterKernel(than: OpenBLAS.kernel, level: ck_best_level()) == nil)
    }
    #expect(OpenBLAS.version.contains("."))
  }
}
