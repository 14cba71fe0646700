import Foundation
import Tensors

/// Repeated timings of one piece of work.
public struct Timing: Sendable, Equatable {
  /// Seconds of each counted run, sorted.
  public let seconds: [Double]
  /// Blocks that the memory pool asked of the system during the counted runs: 0 in a steady state; nil where
  /// they were not counted.
  public let systemAllocations: Int?
  /// Pages that the system handed out during the counted runs, those of every thread.
  public let pageFaults: Int?

  /// - Parameter seconds: of each run, in any order; at least one, or the program stops.
  public init(seconds: [Double], systemAllocations: Int? = nil, pageFaults: Int? = nil) {
    require(!seconds.isEmpty, "a timing needs at least one run")
    self.seconds = seconds.sorted()
    self.systemAllocations = systemAllocations
    self.pageFaults = pageFaults
  }

  /// Seconds of the fastest run.
  public var minimum: Double { seconds[0] }
  /// Seconds of the slowest run.
  public var maximum: Double { seconds[seconds.count - 1] }
  /// Seconds of the run in the middle; with an even number of runs, the mean of the two in the middle.
  public var median: Double {
    let middle = seconds.count / 2
    return seconds.count % 2 == 1 ? seconds[middle] : (seconds[middle - 1] + seconds[middle]) / 2
  }

  /// Times `body` `runs` times (at least once), after `warmUp` runs that are not counted: they fill caches and the
  /// memory pool.
  public static func measure(runs: Int, warmUp: Int = 1, _ body: () -> Void) -> Timing {
    for _ in 0..<warmUp { body() }
    let clock = ContinuousClock()
    let (blocks, faults) = (MemoryPool.statistics.systemAllocations, Machine.pageFaults)
    let seconds = (0..<max(1, runs)).map { _ in clock.measure(body).seconds }
    return Timing(
      seconds: seconds, systemAllocations: MemoryPool.statistics.systemAllocations - blocks,
      pageFaults: Machine.pageFaults - faults)
  }
}

/// One line of a benchmark: what was timed, and the figures that follow from it.
public struct BenchmarkResult: Sendable, Codable, Equatable {
  /// What was timed, for example "vit step" or "loss spread".
  public var benchmark: String
  /// Sizes and options, by name.
  public var sizes: [String: Int]
  /// Of the run in the middle; the rates below are at this time.
  public var medianSeconds: Double
  /// Of the fastest run.
  public var minimumSeconds: Double
  /// Of the slowest run.
  public var maximumSeconds: Double
  /// Runs that count; those that warm up do not.
  public var runs: Int
  /// Arithmetic, 1e9 operations a second at the median; nil where operations are not what limits.
  public var gflops: Double?
  /// The machine's peak as measured in the same run, 1e9 operations a second.
  public var peakGflops: Double?
  /// Share of the peak that was measured in the same run.
  public var shareOfPeak: Double?
  /// Augmented views a second and thread at the median, where views are what is made.
  public var viewsPerSecond: Double?
  /// Images a second on all threads at the median, where files are decoded.
  public var imagesPerSecond: Double?
  /// Speed over that of the library that does the main part of the work, alone in the same run.
  public var shareOfLibrary: Double?
  /// The largest resident size of the process so far, in 1e6 bytes.
  public var peakMegabytes: Int
  /// Blocks of memory asked of the system over all counted runs.
  public var systemAllocations: Int?
  /// Pages that the system handed out over all counted runs.
  public var pageFaults: Int?
  /// What it was measured on, so that each figure says so by itself.
  public var machine: Machine

  enum CodingKeys: String, CodingKey {
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
  public init(
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
  public static func json(_ results: [BenchmarkResult]) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let data = results.count == 1 ? try encoder.encode(results[0]) : try encoder.encode(results)
    return String(decoding: data, as: UTF8.self)
  }
}

extension BenchmarkResult {
  /// One line for a person.
  public var row: String {
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
  public var gflops: String { String(format: "%.1f", self * 1e-9) }
}

extension String {
  /// Filled with spaces on the right.
  func padded(to width: Int) -> String {
    count >= width ? self + " " : self + String(repeating: " ", count: width - count)
  }
}
