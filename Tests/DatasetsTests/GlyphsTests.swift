import Basics
import Foundation
import Synchronization
import Tensors
import TestSupport
import Testing

@testable import Datasets

@Suite struct GlyphsTests {
  let folder: TemporaryFolder
  let glyphs = Glyphs(
    trainingCounts: [12, 5, 9, 1, 0, 20, 3, 8, 7, 10], testCounts: [Int](repeating: 4, count: 10), seed: 3)

  init() throws { folder = try TemporaryFolder() }

  private func images(_ dataset: ImageDataset, digit: Int) -> Set<[UInt8]> {
    Set(
      zip(dataset.indices, dataset.strata).filter { $1 == digit }.map { index, _ in
        Array(dataset.store.bytes[(index * 784)..<((index + 1) * 784)])
      })
  }

  @Test func strataHaveTheGivenSizesAndAreMixed() throws {
    let data = try glyphs.load(cache: folder.path)
    for (part, counts) in [(data.training, glyphs.trainingCounts), (data.test, glyphs.testCounts)] {
      #expect((0..<10).map { digit in part.strata.count { $0 == digit } } == counts)
      #expect(part.strata != part.strata.sorted() && part.labels == part.strata)
      #expect(part.store.shape == [1, 28, 28])
    }
    let coarse = try glyphs.loadCoarse(cache: folder.path)
    #expect(coarse.training.name == "Glyphs-Coarse")
    #expect(zip(coarse.training.labels, coarse.training.strata).allSatisfy { $0 == ($1 < 5 ? 0 : 1) })
  }

  @Test func anImageDependsOnSeedPartDigitAndNumberOnly() throws {
    let data = try glyphs.load(cache: folder.path)
    var larger = glyphs
    larger.trainingCounts = [Int](repeating: 25, count: 10)
    let more = try larger.load(cache: folder.path)
    for digit in 0..<10 {
      #expect(images(data.training, digit: digit).isSubset(of: images(more.training, digit: digit)))
      #expect(images(more.training, digit: digit).count == 25)  // no two are the same
      #expect(images(more.training, digit: digit).isDisjoint(with: images(data.test, digit: digit)))
    }
    var other = larger
    other.seed = 4
    let others = try other.load(cache: folder.path)
    #expect(images(others.training, digit: 0).isDisjoint(with: images(more.training, digit: 0)))
  }

  @Test func theSameImagesForAnyNumberOfThreads() throws {
    let many = Glyphs(
      trainingCounts: [Int](repeating: 30, count: 10), testCounts: [Int](repeating: 1, count: 10))
    let drawn = try [1, 2, 3].map { threads in
      try withThreadCount(threads) {
        Array(try many.load(cache: folder.path + "/\(threads)").training.store.bytes)
      }
    }
    #expect(drawn[0] == drawn[1] && drawn[0] == drawn[2])
  }

  @Test func theCacheIsWrittenOnceAndReadAgain() throws {
    let first = try glyphs.load(cache: folder.path)
    let names = folder.contents
    #expect(names.count == 4 && names.allSatisfy { $0.hasSuffix(".gz") })
    func inodes() throws -> [Int] {
      try names.map { name in
        let attributes = try FileManager.default.attributesOfItem(atPath: "\(folder.path)/\(name)")
        return try #require(attributes[.systemFileNumber] as? Int)
      }
    }
    let before = try inodes()
    let second = try glyphs.load(cache: folder.path)
    #expect(try inodes() == before && folder.contents == names)
    #expect(second.training.store.bytes == first.training.store.bytes)
    #expect(second.training.labels == first.training.labels)
    let images = try #require(names.first { $0.contains("training") && $0.contains("images") })
    #expect(try IDXArray(path: "\(folder.path)/\(images)").shape == [75, 28, 28])
  }

  @Test func aDamagedCacheIsDrawnAgain() throws {
    let first = try glyphs.load(cache: folder.path)
    let names = folder.contents
    let sound = try names.map { try Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/\($0)")) }
    for (name, data) in zip(names, sound) {
      let other = try gzipped(idx(shape: [75], [UInt8](repeating: 3, count: 75)))
      for damage in [[UInt8](data.dropLast(9)), [], Array("nonsense".utf8), other] {
        try folder.write(damage, name)
        let again = try glyphs.load(cache: folder.path)
        #expect(again.training.store.bytes == first.training.store.bytes)
        #expect(again.test.store.bytes == first.test.store.bytes)
        #expect(again.training.strata == first.training.strata && again.test.strata == first.test.strata)
        #expect(try Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/\(name)")) == data)
      }
    }
    #expect(folder.contents == names)
  }

  @Test func manyMayDrawIntoTheSameCacheAtOnce() throws {
    let failures = Mutex<[String]>([])
    let results = Mutex<[[UInt8]]>([])
    DispatchQueue.concurrentPerform(iterations: 6) { _ in
      do {
        let data = try glyphs.load(cache: folder.path)
        results.withLock { $0.append(Array(data.training.store.bytes)) }
      } catch { failures.withLock { $0.append("\(error)") } }
    }
    #expect(failures.withLock { $0 } == [])
    #expect(Set(results.withLock { $0 }).count == 1)
    #expect(folder.contents.count == 4)
  }

  @Test func aCacheThatCannotBeMadeIsAnErrorThatNamesIt() throws {
    let file = try folder.write([1], "file")
    let error = try #require(
      #expect(throws: CacheError.self) { _ = try glyphs.load(cache: file + "/cache") })
    #expect(error.path == file + "/cache" && error.description.contains("SPREAD_CACHE"))
  }

  /// Neither trivial nor hopeless: nearest neighbours among 1,500 images find most digits and not all.
  @Test func digitsResembleOneAnotherWithinLimits() throws {
    let set = Glyphs(
      trainingCounts: [Int](repeating: 150, count: 10), testCounts: [Int](repeating: 20, count: 10))
    let data = try set.load(cache: folder.path)
    func rows(_ dataset: ImageDataset) -> Tensor {
      Tensor(dataset.store.bytes.map { Float($0) / 255 }, shape: [dataset.count, 784])
    }
    let (test, training) = (rows(data.test), rows(data.training))
    let ink = test.mean(axis: 1).scalars()
    #expect(ink.min()! > 0.01 && ink.max()! < 0.45)
    // |a - b|^2 up to |a|^2, which is the same for all neighbours of a.
    let squares = (training * training).sum(axis: 1)
    let distances = (squares - Tensor.matmul(test, training, transposeB: true) * 2).scalars()
    let right = (0..<200).count { i in
      let row = distances[(i * 1500)..<((i + 1) * 1500)]
      return data.training.strata[row.firstIndex(of: row.min()!)! - i * 1500] == data.test.strata[i]
    }
    #expect(right > 120 && right < 196, "\(right) of 200 right")
  }
}
