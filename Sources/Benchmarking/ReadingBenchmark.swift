import Datasets
import Experiments
import Foundation

/// Reading of a data set from its files into memory, everything checked.
package enum ReadingBenchmark {
  /// Times whole readings of a data set, one after the other; the first, which brings the files into the system's
  /// cache, is not counted.
  ///
  /// - Parameters:
  ///   - name: the data set's name in configurations, for example "cifar10"
  ///   - folder: where data sets are
  ///   - archive: a gzipped file whose decompression by the program `gzip` is timed in turn with the readings
  /// - Throws: `MissingDataError`, `FileFormatError`, or `RunError` when there is no such data set or no `gzip`.
  package static func run(
    _ name: String, folder: String?, beside archive: String?, runs: Int, machine: Machine
  ) throws -> [BenchmarkResult] {
    guard let source = Catalogue.source(name) else {
      let known = Catalogue.sources.map(\.name).joined(separator: ", ")
      throw RunError("there is no data set \(name); there are \(known)")
    }
    let (images, bytes) = try size(source, folder)
    if let archive { try decompress(archive) }
    let clock = ContinuousClock()
    let faults = Machine.pageFaults
    var seconds: [Double] = []
    var besides: [Double] = []
    for _ in 0..<max(1, runs) {
      seconds.append(try clock.measure { _ = try source.read(folder) }.seconds)
      if let archive { besides.append(try clock.measure { try decompress(archive) }.seconds) }
    }
    var results = [
      BenchmarkResult(
        "read \(name)", sizes: ["images": images, "megabytes": bytes / 1_000_000],
        timing: Timing(seconds: seconds, pageFaults: Machine.pageFaults - faults), machine: machine)
    ]
    if archive != nil {
      results.append(
        BenchmarkResult("gzip -dc", sizes: [:], timing: Timing(seconds: besides), machine: machine))
    }
    return results
  }

  /// Images and bytes of their pixels, from a reading that is let go before the next.
  private static func size(_ source: Catalogue.Source, _ folder: String?) throws -> (images: Int, bytes: Int)
  {
    let splits = try source.read(folder)
    let parts = [splits.training, splits.validation, splits.test].compactMap { $0 }
    return (parts.reduce(0) { $0 + $1.count }, parts.reduce(0) { $0 + $1.count * $1.store.imageSize })
  }

  /// `gzip -dc`, its output to nowhere.
  private static func decompress(_ archive: String) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["gzip", "-dc", archive]
    process.standardOutput = FileHandle(forWritingAtPath: "/dev/null")
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw RunError("`gzip -dc \(archive)` failed with \(process.terminationStatus)")
    }
  }
}
