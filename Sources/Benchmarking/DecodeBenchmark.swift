import Basics
import CTurboJPEG
import Datasets
import Experiments
import Foundation
import Synchronization
import Tensors

/// JPEG files to stored images, as an image folder's cache is made, beside libturbojpeg alone.
package enum DecodeBenchmark {
  /// Times both in turn on pictures drawn here.
  ///
  /// Ours: each file is opened, read, decoded, scaled and cropped. Libturbojpeg alone: the same bytes, in
  /// memory already, are decoded to red, green, blue with the same reduction, on as many threads; nothing is
  /// scaled.
  ///
  /// - Parameters:
  ///   - width, height: of the pictures
  ///   - size: side of the stored images
  ///   - images: how many different pictures
  /// - Returns: ours, with its share of libturbojpeg's speed, then libturbojpeg's.
  package static func run(
    width: Int, height: Int, size: Int, images: Int, runs: Int, machine: Machine
  ) throws -> [BenchmarkResult] {
    let folder = NSTemporaryDirectory() + "spread-decode-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let files = (0..<images).map { picture(width: width, height: height, seed: UInt64($0)) }
    let paths = (0..<images).map { "\(folder)/\($0).jpg" }
    for (file, path) in zip(files, paths) { try WholeFile.write(Data(file), to: path) }

    let clock = ContinuousClock()
    var (ours, alone): ([Double], [Double]) = ([], [])
    for round in 0...max(1, runs) {
      let first = clock.measure { decode(paths, size: size) }.seconds
      let second = clock.measure {
        decodeAlone(files, eighths: ImageDecoder.eighths(width: width, height: height, size: size))
      }.seconds
      // The first round warms up.
      if round > 0 {
        ours.append(first)
        alone.append(second)
      }
    }
    let sizes = [
      "width": width, "height": height, "size": size, "images": images, "threads": Parallel.threadCount,
      "bytes": files.map(\.count).reduce(0, +) / images,
    ]
    return [("decode", ours), ("libturbojpeg", alone)].map { name, seconds in
      var result = BenchmarkResult(name, sizes: sizes, timing: Timing(seconds: seconds), machine: machine)
      result.imagesPerSecond = Double(images) / result.medianSeconds
      if name == "decode" { result.shareOfLibrary = Timing(seconds: alone).median / result.medianSeconds }
      return result
    }
  }

  /// Each thread takes the next image, as the cache's do.
  private static func decode(_ paths: [String], size: Int) {
    eachOnce(paths.count) { next in
      let decoder = ImageDecoder(size: size)
      let image = UnsafeMutablePointer<UInt8>.allocate(capacity: 3 * size * size)
      defer { image.deallocate() }
      while let place = next() {
        do { try decoder.decode(paths[place], into: image) } catch { preconditionFailure("\(error)") }
      }
    }
  }

  private static func decodeAlone(_ files: [[UInt8]], eighths: Int) {
    eachOnce(files.count) { next in
      let handle = tjInitDecompress()
      defer { tjDestroy(handle) }
      var pixels: [UInt8] = []
      while let place = next() {
        let count = UInt(files[place].count)
        var (width, height, sampling, space): (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)
        tjDecompressHeader3(handle, files[place], count, &width, &height, &sampling, &space)
        let (columns, rows) = ((Int(width) * eighths + 7) / 8, (Int(height) * eighths + 7) / 8)
        if pixels.count != 3 * columns * rows { pixels = [UInt8](repeating: 0, count: 3 * columns * rows) }
        let status = tjDecompress2(
          handle, files[place], count, &pixels, Int32(columns), 0, Int32(rows), TJPF_RGB.rawValue, 0)
        require(status == 0, "libturbojpeg could not read its own file")
      }
    }
  }

  private static func eachOnce(_ count: Int, _ body: (_ next: () -> Int?) -> Void) {
    let taken = Atomic(0)
    Parallel.forEach(Parallel.threadCount) { _ in
      body {
        let place = taken.add(1, ordering: .relaxed).oldValue
        return place < count ? place : nil
      }
    }
  }

  /// A picture with as much detail at every scale as photographs have (noise whose amplitude falls with its
  /// frequency), as a JPEG of quality 90 with half the colour resolution, as cameras write them.
  private static func picture(width: Int, height: Int, seed: UInt64) -> [UInt8] {
    var generator = RandomGenerator(seed: seed)
    var pixels = [Float](repeating: 128, count: width * height * 3)
    for spacing in [128, 64, 32, 16, 8, 4, 2] {
      let (columns, rows) = (width / spacing + 2, height / spacing + 2)
      let grid = (0..<columns * rows * 3).map { _ in 2 * generator.uniform() - 1 }
      let amplitude = 4 * pow(Float(spacing), 0.6)
      for y in 0..<height {
        let (row, v) = (y / spacing, Float(y % spacing) / Float(spacing))
        for x in 0..<width {
          let (column, u) = (x / spacing, Float(x % spacing) / Float(spacing))
          let corner = (row * columns + column) * 3
          for channel in 0..<3 {
            let above = grid[corner + channel] * (1 - u) + grid[corner + 3 + channel] * u
            let next = corner + 3 * columns
            let below = grid[next + channel] * (1 - u) + grid[next + 3 + channel] * u
            pixels[(y * width + x) * 3 + channel] += amplitude * (above * (1 - v) + below * v)
          }
        }
      }
    }
    let bytes = pixels.map { UInt8(min(max($0, 0), 255)) }
    let handle = tjInitCompress()
    defer { tjDestroy(handle) }
    var file: UnsafeMutablePointer<UInt8>?
    var count: UInt = 0
    let status = tjCompress2(
      handle, bytes, Int32(width), 0, Int32(height), TJPF_RGB.rawValue, &file, &count,
      Int32(TJSAMP_420.rawValue), 90, 0)
    require(status == 0, "libturbojpeg could not write a picture of \(width) x \(height)")
    defer { tjFree(file) }
    return [UInt8](UnsafeBufferPointer(start: file, count: Int(count)))
  }
}
