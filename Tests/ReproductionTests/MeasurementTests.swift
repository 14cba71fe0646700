import Foundation
import Testing

@testable import Reproduction

@Suite struct MeasurementTests {
  private func result(_ seconds: [Double]) -> BenchmarkResult {
    BenchmarkResult(
      "product", sizes: ["m": 2], timing: Timing(seconds: seconds), operations: 4e9, peak: 8e9,
      machine: .current)
  }

  @Test func theMedianIsTheMiddle() {
    #expect(Timing(seconds: [3, 1, 2]).median == 2)
    #expect(Timing(seconds: [4, 1, 2, 3]).median == 2.5)
    #expect(Timing(seconds: [4, 1]).minimum == 1 && Timing(seconds: [1, 4]).maximum == 4)
    var calls = 0
    #expect(Timing.measure(runs: 3, warmUp: 2) { calls += 1 }.seconds.count == 3)
    #expect(calls == 5)
  }

  @Test func figuresFollowFromTheMedian() {
    let result = result([2, 1, 3])
    #expect(result.medianSeconds == 2 && result.gflops == 2)
    #expect(result.shareOfPeak == 0.25 && result.peakGflops == 8)
    #expect(result.row.contains("2.0 GFLOP/s") && result.row.contains("25% of peak"))
  }

  @Test func oneResultIsAnObjectAndSeveralAnArray() throws {
    func parse(_ results: [BenchmarkResult]) throws -> Any {
      try JSONSerialization.jsonObject(with: Data(BenchmarkResult.json(results).utf8))
    }
    let one = try #require(try parse([result([1])]) as? [String: Any])
    #expect(one["median_seconds"] as? Double == 1 && one["gflops"] as? Double == 4)
    let several = try #require(try parse([result([1]), result([2])]) as? [[String: Any]])
    #expect(several.map { $0["median_seconds"] as? Double } == [1, 2])
  }

  @Test func thePeakIsAboveAnyProduct() {
    let peak = ProductBenchmark.peak(seconds: 0.05)
    let result = ProductBenchmark.run(
      .init(name: "square", m: 96, n: 96, k: 96), runs: 5, peak: peak, machine: .current)
    // Other work on the machine may slow either; it cannot make a product twice as fast as its arithmetic.
    #expect((0.001..<2).contains(result.shareOfPeak ?? 0))
  }

  @Test func theMachineIsNamedWithBothKernels() {
    var machine = Machine.current
    (machine.blasKernel, machine.blasKernelByItself) = ("SkylakeX", "Haswell")
    #expect(machine.summary.contains("(kernels SkylakeX, by itself Haswell)"))
    #expect(Machine.peakMegabytes > 1)
  }
}
