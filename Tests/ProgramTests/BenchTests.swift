import Foundation
import TestSupport
import Testing

extension ProgramTests {
  /// That figures are there, belong together and say what they were measured on; not how large they are.
  @Suite struct BenchTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func run(_ arguments: [String], environment: [String: String] = [:]) throws -> Outcome {
      try Program.benchmarks.run(arguments, in: folder.url, environment: environment)
    }

    private static let step = [
      "step", "--images", "2", "--width", "16", "--depth", "1", "--heads", "2", "--patch", "7", "--size",
      "28",
      "--channels", "1",
    ]

    @Test(arguments: [
      ["gemm", "--m", "64", "--n", "32", "--k", "16"], step, ["loss", "--batch", "32", "--dimension", "8"],
      ["loss", "--batch", "32", "--dimension", "8", "--loss", "supcon", "--layout", "pooled", "--tile", "7"],
    ]) func everyCommandPrintsJSON(arguments: [String]) throws {
      let outcome = try run(arguments + ["--json", "--runs", "3"])
      #expect(outcome.code == 0, "\(outcome)")
      let result = try outcome.json()
      func number(_ key: String) throws -> Double { try #require(result[key] as? Double, "\(key)") }
      #expect(try number("minimum_seconds") > 0)
      #expect(try number("minimum_seconds") <= number("median_seconds"))
      #expect(try number("median_seconds") <= number("maximum_seconds"))
      #expect(result["runs"] as? Int == 3)
      #expect(try abs(number("share_of_peak") * number("peak_gflops") / number("gflops") - 1) < 1e-9)
      #expect(try number("peak_megabytes") > 1)
      let machine = try #require(result["machine"] as? [String: Any])
      #expect(machine["threads"] as? Int == 1)
      for key in ["processor", "blas", "blas_kernel", "blas_kernel_by_itself", "vectors"] {
        #expect(try #require(machine[key] as? String).isEmpty == false)
      }
    }

    /// A whole step: views to embeddings, loss, gradients, optimiser. What a step takes from the pool it gives
    /// back, so that the system is not asked again. A block of some sizes may be needed late, where two threads
    /// meet that did not in the first steps; what every step needs would be asked for in each.
    @Test(arguments: [
      step + ["--threads", "2"],
      ["step", "--model", "resnet18", "--images", "4", "--width", "8", "--size", "8", "--threads", "2"],
    ]) func aStepInSteadyStateAsksTheSystemForNoMemory(arguments: [String]) throws {
      let result = try run(arguments + ["--json", "--runs", "60"]).json()
      #expect(try #require(result["system_allocations"] as? Int) < 30, "\(result)")
    }

    @Test func aProductCountsItsOperations() throws {
      let result = try run(["gemm", "--m", "64", "--n", "32", "--k", "16", "--json"]).json()
      let (seconds, gflops) = (result["median_seconds"] as? Double, result["gflops"] as? Double)
      #expect(abs(try #require(gflops) * #require(seconds) * 1e9 / Double(2 * 64 * 32 * 16) - 1) < 1e-9)
    }

    @Test func theTextStandsBesideThePeakAndTheKernels() throws {
      let outcome = try run(["gemm", "--m", "64", "--n", "32", "--k", "16", "--threads", "2", "--runs", "1"])
      #expect(outcome.code == 0)
      #expect(outcome.output.contains(/2 threads, OpenBLAS \d+\.\d+\S* \(kernels \w+, by itself \w+\)/))
      #expect(outcome.output.contains(/peak, multiply-adds in registers: \d+\.\d GFLOP\/s/))
      #expect(outcome.output.contains(/product +batch 1, k 16, m 64, n 32 .* ms .* GFLOP\/s +\d+% of peak/))
      #expect(try run(Self.step + ["--runs", "1"]).output.contains("peak memory of the process"))
    }

    @Test func kernelsAreTheUsersChoiceWhereOneWasMade() throws {
      let result = try run(
        ["gemm", "--m", "8", "--n", "8", "--k", "8", "--json"], environment: ["OPENBLAS_CORETYPE": "Nehalem"]
      ).json()
      let kernel = try #require((result["machine"] as? [String: Any])?["blas_kernel"] as? String)
      let own = try run(["gemm", "--m", "8", "--n", "8", "--k", "8", "--json"]).json()
      let chosen = (own["machine"] as? [String: Any])?["blas_kernel"] as? String
      // A library that was built for one processor has no choice to offer.
      #expect(kernel == "Nehalem" || kernel == chosen)
    }

    @Test(arguments: [
      ["gemm", "--m", "0", "--n", "1", "--k", "1"], ["gemm", "--m", "1", "--n", "1"],
      ["gemm", "--m", "1", "--n", "1", "--k", "99999999"], ["step", "--images", "1"],
      ["step", "--patch", "5"],
      ["step", "--heads", "7"], ["step", "--width", "0"], ["loss", "--batch", "1"], ["loss", "--tile", "0"],
      ["loss", "--dimension", "0"], ["loss", "--runs", "0"], ["loss", "--threads", "0"],
    ]) func sizesOutOfRangeAreUsage(arguments: [String]) throws {
      expectError(try run(arguments), code: 64)
    }
  }
}
