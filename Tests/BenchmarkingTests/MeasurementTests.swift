import Basics
import Foundation
import Testing

@testable import Benchmarking
@testable import Experiments

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

  /// How fast either is hangs on what else the machine does; how they belong together does not.
  @Test func aProductStandsBesideThePeak() throws {
    let peak = ProductBenchmark.peak(seconds: 0.01)
    #expect(peak > 1e6 && peak.isFinite)
    for batch in [1, 5] {
      let shape = ProductBenchmark.Shape(name: "product", m: 16, n: 8, k: 4, batch: batch)
      let result = ProductBenchmark.run(shape, runs: 3, peak: peak, machine: .current)
      #expect(result.sizes == ["m": 16, "n": 8, "k": 4, "batch": batch] && result.runs == 3)
      let gflops = try #require(result.gflops)
      #expect(abs(gflops * result.medianSeconds * 1e9 / Double(2 * 16 * 8 * 4 * batch) - 1) < 1e-9)
      #expect(abs(try #require(result.shareOfPeak) * peak / (gflops * 1e9) - 1) < 1e-9)
    }
  }

  @Test func theMachineIsNamedWithBothKernels() {
    var machine = Machine.current
    (machine.blasKernel, machine.blasKernelByItself) = ("SkylakeX", "Haswell")
    #expect(machine.summary.contains("(kernels SkylakeX, by itself Haswell)"))
    #expect(Machine.peakMegabytes > 1)
  }
}
