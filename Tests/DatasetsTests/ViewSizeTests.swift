import Foundation
import Tensors
import TestSupport
import Testing

@testable import Datasets

/// Views of another size than the stored images.
@Suite struct ViewSizeTests {
  /// The triangle filter in double precision: `count` targets of `whole` ones that `length` pixels from `start`
  /// become.
  private func line(
    start: Int, length: Int, whole: Int, offset: Int, count: Int
  ) -> [[(place: Int, weight: Double)]] {
    let scale = Double(length) / Double(whole)
    let support = max(1, scale)
    return (0..<count).map { target in
      let centre = (Double(offset + target) + 0.5) * scale
      let raw = (0..<length).map { (start + $0, max(0, 1 - abs(Double($0) + 0.5 - centre) / support)) }
      let sum = raw.reduce(0) { $0 + $1.1 }
      return raw.filter { $0.1 > 0 }.map { ($0.0, $0.1 / sum) }
    }
  }

  private func filtered(
    _ store: ImageStore, across: [[(place: Int, weight: Double)]], down: [[(place: Int, weight: Double)]]
  ) -> [Double] {
    var result: [Double] = []
    for channel in 0..<store.channels {
      for row in down {
        for column in across {
          var sum = 0.0
          for (y, v) in row {
            for (x, u) in column {
              sum += u * v * Double(store.bytes[(channel * store.height + y) * store.width + x])
            }
          }
          result.append(sum / 255)
        }
      }
    }
    return result
  }

  private func augmenter(_ configuration: Augmentation, _ store: ImageStore, _ size: Int)
    -> Augmenter
  {
    Augmenter(
      configuration, store: store,
      form: ImageForm(
        PixelStatistics(
          mean: [Float](repeating: 0, count: store.channels),
          deviation: [Float](repeating: 1, count: store.channels)), size: size))
  }

  private func view(_ augmenter: Augmenter, _ store: ImageStore, _ generator: inout RandomGenerator)
    -> [Float]
  {
    var result = [Float](repeating: .nan, count: augmenter.viewCount)
    withScratch(augmenter.scratchCount) { scratch in
      store.bytes.withUnsafeBufferPointer {
        augmenter.makeView($0.baseAddress!, using: &generator, into: &result, scratch: scratch)
      }
    }
    return result
  }

  @Test(arguments: [(40, 50, 16), (33, 20, 9), (24, 24, 30), (64, 16, 24)], [false, true])
  func crops(shape: (Int, Int, Int), flips: Bool) {
    let (height, width, size) = shape
    let dataset = randomDataset(1, size: height, width: width)
    let made = augmenter(
      .init(flip: flips ? 1 : 0, cropArea: 0.03...1, cropAspect: 0.4...2.5), dataset.store,
      size)
    var generator = RandomGenerator(seed: 5)
    var (reduced, enlarged) = (0, 0)
    for _ in 0..<60 {
      var ahead = generator
      if flips { _ = ahead.bool(probability: 1) }
      let crop = made.randomCrop(using: &ahead)
      let (cropWidth, cropHeight) = (Int(crop.width), Int(crop.height))
      let across = line(start: Int(crop.x), length: cropWidth, whole: size, offset: 0, count: size)
      let down = line(start: Int(crop.y), length: cropHeight, whole: size, offset: 0, count: size)
      let expected = filtered(dataset.store, across: flips ? across.reversed() : across, down: down)
      #expect(largestDifference(view(made, dataset.store, &generator), expected) < 2e-5)
      if cropWidth > size || cropHeight > size { reduced += 1 } else { enlarged += 1 }
    }
    #expect(reduced > 0 || size == 30)
    #expect(enlarged > 0 || size < 20)
  }

  /// The shorter side becomes 256 / 224 of the view's, and the centre is kept.
  @Test(arguments: [(40, 50, 16), (50, 40, 16), (30, 30, 24), (20, 20, 32), (100, 37, 28)])
  func evaluation(shape: (Int, Int, Int)) {
    let (height, width, size) = shape
    let dataset = randomDataset(3, size: height, width: width)
    let shorter = Int((Double(size) * 256 / 224).rounded())
    let (across, down) =
      width > height ? (shorter * width / height, shorter) : (shorter, shorter * height / width)
    func middle(_ whole: Int) -> Int { Int((Double(whole - size) / 2).rounded(.toNearestOrEven)) }
    let expected = filtered(
      dataset.store,
      across: line(start: 0, length: width, whole: across, offset: middle(across), count: size),
      down: line(start: 0, length: height, whole: down, offset: middle(down), count: size))
    let (mean, deviation): ([Float], [Float]) = ([0.5, 0.4, 0.3], [0.25, 0.5, 2])
    let images = dataset.images(
      0..<3, form: ImageForm(PixelStatistics(mean: mean, deviation: deviation), size: size))
    #expect(images.shape == [3, 3, size, size])
    let first = Array(images.scalars()[..<(3 * size * size)]).enumerated().map { i, value in
      let channel = i / (size * size)
      return value * deviation[channel] + mean[channel]
    }
    #expect(largestDifference(first, expected) < 2e-5)
  }

  @Test func theUsualStoreLeavesItsCentreAsItIs() {
    let dataset = randomDataset(1, channels: 1, size: 256)
    let images = dataset.images(0..<1, form: ImageForm(PixelStatistics(mean: [0], deviation: [1]), size: 224))
    let expected = (0..<224).flatMap { y in
      (0..<224).map { Double(dataset.store.bytes[(y + 16) * 256 + $0 + 16]) / 255 }
    }
    #expect(largestDifference(images.scalars(), expected) < 1e-6)
  }

  @Test func theStoresOwnSizeChangesNothing() {
    let dataset = randomDataset(40, size: 12)
    let statistics = PixelStatistics(mean: [0.5, 0.4, 0.3], deviation: [0.2, 0.25, 0.3])
    func views(_ size: Int?) -> [Float] {
      BatchLoader(
        dataset, augmentation: .colour, form: ImageForm(statistics, size: size), batchSize: 8,
        generator: RandomGenerator(seed: 3)
      ).flatMap { $0.views.scalars() }
    }
    #expect(views(12) == views(nil))
    #expect(
      dataset.images(0..<40, form: ImageForm(statistics, size: 12)).scalars()
        == dataset.images(0..<40, form: ImageForm(statistics)).scalars())
  }

  @Test(arguments: [1, 3]) func aLoaderGivesViewsOfTheSizeForAnyNumberOfThreads(threads: Int) {
    let dataset = randomDataset(20, size: 40, width: 30)
    func batches(_ threads: Int) -> [Batch] {
      Array(
        BatchLoader(
          dataset, augmentation: .colour,
          form: ImageForm(PixelStatistics(mean: [0.5, 0.4, 0.3], deviation: [0.2, 0.25, 0.3]), size: 24),
          batchSize: 5,
          generator: RandomGenerator(seed: 4), threads: threads))
    }
    let made = batches(threads)
    #expect(made.allSatisfy { $0.views.shape == [10, 3, 24, 24] && $0.views.isFinite })
    #expect(made.map { $0.views.scalars() } == batches(1).map { $0.views.scalars() })
  }

  /// Without a crop, training sees what evaluation sees, mirrored or not.
  @Test func withoutACropAViewIsTheCentre() {
    let dataset = randomDataset(1, size: 30, width: 44)
    let whole = dataset.images(
      0..<1, form: ImageForm(PixelStatistics(mean: [0, 0, 0], deviation: [1, 1, 1]), size: 20)
    ).scalars()
    var generator = RandomGenerator(seed: 6)
    #expect(view(augmenter(.none, dataset.store, 20), dataset.store, &generator) == whole)
    let mirrored = stride(from: 0, to: whole.count, by: 20).flatMap { whole[$0..<($0 + 20)].reversed() }
    let flipped = view(augmenter(.init(flip: 1), dataset.store, 20), dataset.store, &generator)
    #expect(largestDifference(flipped, mirrored.map { Double($0) }) < 1e-6)
  }
}
