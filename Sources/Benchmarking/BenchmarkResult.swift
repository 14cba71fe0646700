import Experiments
import Foundation

/// One line of a benchmark: what was timed, and the figures that follow from it.
package struct BenchmarkResult: Sendable, Codable, Equatable {
  /// What was timed, for example "vit step" or "loss spread".
  package var benchmark: String
  /// Sizes and options, by name.
  package var sizes: [String: Int]
  /// Of the run in the middle; the rates below are at this time.
  package var medianSeconds: Double
  /// Of the fastest run.
  package var minimumSeconds: Double
  /// Of the slowest run.
  package var maximumSeconds: Double
  /// Runs that count; those that warm up do not.
  package var runs: Int
  /// Arithmetic, 1e9 operations a second at the median; nil where operations are not what limits.
  package var gflops: Double?
  /// The machine's peak as measured in the same run, 1e9 operations a second.
  package var peakGflops: Double?
  /// Share of the peak that was measured in the same run.
  package var shareOfPeak: Double?
  /// Augmented views a second and thread at the median, where views are what is made.
  package var viewsPerSecond: Double?
  /// Images a second on all threads at the median, where files are decoded.
  package var imagesPerSecond: Double?
  /// Speed over that of the library that does the main part of the work, alone in the same run.
  package var shareOfLibrary: Double?
  /// The largest resident size of the process so far, in 1e6 bytes.
  package var peakMegabytes: Int
  /// Blocks of memory asked of the system over all counted runs.
  package var systemAllocations: Int?
  /// Pages that the system handed out over all counted runs.
  package var pageFaults: Int?
  /// What it was measured on, so that each figure says so by itself.
  package var machine: Machine

  package enum CodingKeys: String, CodingKey {
    case benchmark, sizes, runs, gflops, machine
    case medianSeconds = "median_seconds"
    case minimumSeconds = "minimum_seconds"
    case maximumSeconds = "maximum_seconds"
    case peakGflops = "peak_gflops"
    case shareOfPeak = "share_of_peak"
    case viewsPerSecond = "views_per_second_and_thread"
    case imagesPerSecond = "images_per_second"
    case shareOfLibrary = "share_of_library"
    case peakMegabytes = "peak_megabytes"
    case systemAllocations = "system_allocations"
    case pageFaults = "page_faults"
  }

  /// The figures of a timing; `imagesPerSecond` and `shareOfLibrary` are set afterwards where they apply.
  ///
  /// - Parameters:
  ///   - sizes: with "threads" where views are made by several
  ///   - operations: of one run; nil where they are not what limits
  ///   - peak: operations a second to set the result beside
  ///   - views: made in one run, where views are what is made
  package init(
    _ benchmark: String, sizes: [String: Int], timing: Timing, operations: Double? = nil, peak: Double? = nil,
    views: Int? = nil, machine: Machine
  ) {
    self.benchmark = benchmark
    self.sizes = sizes
    medianSeconds = timing.median
    minimumSeconds = timing.minimum
    maximumSeconds = timing.maximum
    runs = timing.seconds.count
    gflops = operations.map { $0 / timing.median * 1e-9 }
    peakGflops = peak.map { $0 * 1e-9 }
    if let peak, let gflops { shareOfPeak = gflops * 1e9 / peak }
    viewsPerSecond = views.map { Double($0) / timing.median / Double(sizes["threads"] ?? 1) }
    peakMegabytes = Machine.peakMegabytes
    systemAllocations = timing.systemAllocations
    pageFaults = timing.pageFaults
    self.machine = machine
  }

  /// One result as an object, several as an array of them.
  package static func json(_ results: [BenchmarkResult]) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let data = results.count == 1 ? try encoder.encode(results[0]) : try encoder.encode(results)
    return String(decoding: data, as: UTF8.self)
  }
}

extension BenchmarkResult {
  /// One line for a person.
  package var row: String {
    let sizes = self.sizes.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    var text = benchmark.padded(to: 18) + sizes.padded(to: 40)
    text += String(
      format: "%10.3f ms (%.3f-%.3f)", medianSeconds * 1e3, minimumSeconds * 1e3, maximumSeconds * 1e3
    )
    .padded(to: 34)
    if let gflops { text += String(format: "%8.1f GFLOP/s", gflops) }
    if let shareOfPeak { text += String(format: "  %3.0f%% of peak", shareOfPeak * 100) }
    if let viewsPerSecond { text += String(format: "%8.0f views/s and thread", viewsPerSecond) }
    if let imagesPerSecond { text += String(format: "%8.0f images/s", imagesPerSecond) }
    if let shareOfLibrary { text += String(format: "  %3.0f%% of libturbojpeg alone", shareOfLibrary * 100) }
    return text
  }
}

extension Double {
  /// 1e9 a second, for print.
  package var gflops: String { String(format: "%.1f", self * 1e-9) }
}
