import Basics
import Foundation
import Tensors

/// The embedded data set: digits drawn by a generator, so that everything runs with nothing to download.
///
/// 28 x 28 grey images, ten fine classes (the digits) in strata of any sizes. An image is a function of the
/// seed, the part, the digit and its number only. The images are drawn once, written as gzipped IDX files
/// into a cache, and read back by the reader that reads MNIST.
public struct Glyphs: Sendable, Equatable {
  /// Training images of each digit.
  public var trainingCounts: [Int]
  /// Test images of each digit.
  public var testCounts: [Int]
  /// Another seed gives other drawings and other files in the cache.
  public var seed: UInt64

  /// Raised with every change of what is drawn, so that an old cache is not read.
  static let version = 1

  /// - Parameters:
  ///   - trainingCounts, testCounts: ten numbers of images each, for the digits 0 to 9, none negative. A part
  ///     with no image at all stops the program when it is loaded.
  ///   - seed: any number
  public init(trainingCounts: [Int], testCounts: [Int], seed: UInt64 = 0) {
    require(
      trainingCounts.count == 10 && testCounts.count == 10
        && (trainingCounts + testCounts).allSatisfy { $0 >= 0 },
      "Glyphs needs ten counts of images, one a digit, for training and for test")
    self.trainingCounts = trainingCounts
    self.testCounts = testCounts
    self.seed = seed
  }

  /// Digits as classes and strata.
  /// - Throws: `CacheError` when the cache cannot be written.
  public func load(cache: String = CacheFolder.standard) throws -> DatasetSplits {
    DatasetSplits(
      training: try part("training", trainingCounts, cache: cache),
      test: try part("test", testCounts, cache: cache),
      source: "Glyphs, drawn by this program (seed \(seed))",
      contents: .unverified("nothing published to compare with"))
  }

  /// Digits below 5 against the others as classes, digits as strata.
  public func loadCoarse(cache: String = CacheFolder.standard) throws -> DatasetSplits {
    MNIST.coarse(try load(cache: cache), "Glyphs-Coarse")
  }

  private func part(_ name: String, _ counts: [Int], cache: String) throws -> ImageDataset {
    let total = counts.reduce(0, +)
    require(total > 0, "Glyphs needs at least one image for \(name)")
    let key = "glyphs-\(Glyphs.version)-\(seed)-\(name)-" + counts.map(String.init).joined(separator: "-")
    let (images, labels) = ("\(cache)/\(key).images.gz", "\(cache)/\(key).labels.gz")
    if let cached = try? read(images, labels, counts) { return cached }
    // Absent or damaged: drawn again. Whoever else is drawing the same writes the same bytes, and renames are
    // atomic.
    do {
      try FileManager.default.createDirectory(atPath: cache, withIntermediateDirectories: true)
    } catch {
      throw CacheError(cache, "cannot be made", because: error)
    }
    let digits = order(name, counts)
    do {
      try IDXArray.write(
        draw(name, digits), shape: [total, GlyphRenderer.size, GlyphRenderer.size], to: images)
      try IDXArray.write(digits.map { UInt8($0.digit) }, shape: [total], to: labels)
    } catch let error as FileFormatError {
      throw CacheError(error.file, error.reason)
    }
    return try read(images, labels, counts)
  }

  private func read(_ images: String, _ labels: String, _ counts: [Int]) throws -> ImageDataset {
    let (pixels, classes) = try DigitFiles.read(images: images, labels: labels, size: GlyphRenderer.size)
    let fine = classes.raw.map(Int.init)
    let found = fine.reduce(into: [Int](repeating: 0, count: 10)) { $0[$1] += 1 }
    guard found == counts else {
      throw FileFormatError(labels, "\(counts) images of the ten digits expected, and there are \(found)")
    }
    let digits = (0...9).map(String.init)
    return ImageDataset(
      name: "Glyphs",
      store: ImageStore(
        pixels.raw, count: fine.count, channels: 1, height: GlyphRenderer.size, width: GlyphRenderer.size),
      labels: fine, strata: fine, classNames: digits, stratumNames: digits)
  }

  private func stream(_ part: String) -> RandomGenerator {
    RandomGenerator(seed: seed).stream(part == "training" ? 1 : 2)
  }

  /// Each digit with its number, mixed.
  private func order(_ part: String, _ counts: [Int]) -> [(digit: Int, number: Int)] {
    let all = counts.enumerated().flatMap { digit, count in (0..<count).map { (digit: digit, number: $0) } }
    var generator = stream(part).stream(.max)
    return generator.permutation(all.count).map { all[$0] }
  }

  private func draw(_ part: String, _ digits: [(digit: Int, number: Int)]) -> [UInt8] {
    let base = stream(part)
    let imageSize = GlyphRenderer.size * GlyphRenderer.size
    return [UInt8](unsafeUninitializedCapacity: digits.count * imageSize) { target, count in
      let pixels = target.baseAddress!
      Parallel.forEach(digits.count, grain: 64) { range in
        for i in range {
          var generator = base.stream(UInt64(digits[i].number) * 10 + UInt64(digits[i].digit))
          GlyphRenderer.render(digit: digits[i].digit, using: &generator, into: pixels + i * imageSize)
        }
      }
      count = digits.count * imageSize
    }
  }
}
