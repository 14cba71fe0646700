import Foundation
import Tensors
import TestSupport
import Testing

@testable import Datasets

@Suite struct AugmentationTests {
  /// One view of an image of `dataset`, not normalised.
  private func view(
    _ configuration: Augmentation, _ dataset: ImageDataset, image: Int = 0,
    using generator: inout RandomGenerator
  ) -> [Float] {
    let store = dataset.store
    let augmenter = plain(configuration, store)
    var result = [Float](repeating: .nan, count: store.imageSize)
    var scratch = [Float](repeating: .nan, count: augmenter.scratchCount)
    store.bytes.withUnsafeBufferPointer { bytes in
      augmenter.makeView(
        bytes.baseAddress! + image * store.imageSize, using: &generator, into: &result, scratch: &scratch)
    }
    return result
  }

  private func plain(_ configuration: Augmentation, _ store: ImageStore) -> Augmenter {
    Augmenter(
      configuration, store: store,
      form: ImageForm(
        PixelStatistics(
          mean: [Float](repeating: 0, count: store.channels),
          deviation: [Float](repeating: 1, count: store.channels))))
  }

  private func pixels(_ dataset: ImageDataset, _ image: Int = 0) -> [Double] {
    let size = dataset.store.imageSize
    return dataset.store.bytes[(image * size)..<((image + 1) * size)].map { Double($0) / 255 }
  }

  /// Within four deviations of what a share of `count` trials gives.
  private func isBinomial(_ found: Int, of count: Int, probability: Double) -> Bool {
    let expected = Double(count) * probability
    return abs(Double(found) - expected) <= 4 * (expected * (1 - probability)).squareRoot()
  }

  @Test func withoutChangesAViewIsTheNormalisedImage() {
    let dataset = randomDataset(3)
    let augmenter = Augmenter(
      .none, store: dataset.store,
      form: ImageForm(PixelStatistics(mean: [0.1, 0.2, 0.3], deviation: [0.5, 2, 0.25])))
    var generator = RandomGenerator(seed: 1)
    var result = [Float](repeating: .nan, count: dataset.store.imageSize)
    var scratch = [Float](repeating: .nan, count: augmenter.scratchCount)
    dataset.store.bytes.withUnsafeBufferPointer {
      augmenter.makeView($0.baseAddress!, using: &generator, into: &result, scratch: &scratch)
    }
    let (mean, deviation): ([Double], [Double]) = ([0.1, 0.2, 0.3], [0.5, 2, 0.25])
    let expected = pixels(dataset).enumerated().map { i, value -> Double in
      (value - mean[i / 64]) / deviation[i / 64]
    }
    #expect(largestDifference(result, expected) < 1e-5)
  }

  @Test func probabilitiesOfZeroChangeNothing() {
    let dataset = randomDataset(20)
    var generator = RandomGenerator(seed: 2)
    let configuration = Augmentation(brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.5)
    for image in 0..<20 {
      let result = view(configuration, dataset, image: image, using: &generator)
      #expect(largestDifference(result, pixels(dataset, image)) < 1e-6)
    }
  }

  @Test func aCropOfTheWholeImageIsTheImage() {
    let dataset = randomDataset(1, size: 16)
    // So near to the whole that the crop's sides are rounded to it.
    let configuration = Augmentation(cropArea: 0.999...1, cropAspect: 1...1)
    var generator = RandomGenerator(seed: 3)
    #expect(largestDifference(view(configuration, dataset, using: &generator), pixels(dataset)) < 1e-6)
  }

  @Test func aFlipMirrorsRowsAndComesAsOftenAsItShould() {
    let dataset = randomDataset(1, size: 6, width: 9)
    let image = pixels(dataset)
    let mirrored = stride(from: 0, to: image.count, by: 9).flatMap { image[$0..<($0 + 9)].reversed() }
    var generator = RandomGenerator(seed: 4)
    #expect(largestDifference(view(.init(flip: 1), dataset, using: &generator), mirrored) < 1e-6)
    let cropped = Augmentation(
      flip: 1, cropArea: 0.9999...1, cropAspect: 1.5...1.5)
    #expect(largestDifference(view(cropped, dataset, using: &generator), mirrored) < 1e-6)
    let flips = (0..<2000).count { _ in
      largestDifference(view(.init(flip: 0.3), dataset, using: &generator), mirrored) < 1e-6
    }
    #expect(isBinomial(flips, of: 2000, probability: 0.3))
  }

  @Test(arguments: [(8, 8), (12, 7), (5, 20)], [false, true])
  func aCropIsBilinearInDoublePrecision(size: (Int, Int), flips: Bool) {
    let (height, width) = size
    let dataset = randomDataset(1, size: height, width: width)
    let image = pixels(dataset)
    let configuration = Augmentation(flip: flips ? 1 : 0, cropArea: 0.2...1)
    var generator = RandomGenerator(seed: 5)
    for _ in 0..<50 {
      var ahead = generator
      if flips { _ = ahead.bool(probability: 1) }
      let crop = plain(configuration, dataset.store).randomCrop(using: &ahead)
      func place(_ target: Int, _ start: Float, _ length: Float, _ count: Int) -> (Int, Int, Double) {
        let scale = Double(length) / Double(count)
        let source = min(max((Double(target) + 0.5) * scale - 0.5, 0), Double(length) - 1)
        let low = Int(source)
        return (Int(start) + low, Int(start) + min(low + 1, Int(length) - 1), source - Double(low))
      }
      var expected: [Double] = []
      for channel in 0..<3 {
        for y in 0..<height {
          for x in 0..<width {
            let (top, bottom, v) = place(y, crop.y, crop.height, height)
            let (left, right, u) = place(flips ? width - 1 - x : x, crop.x, crop.width, width)
            func at(_ y: Int, _ x: Int) -> Double { image[(channel * height + y) * width + x] }
            let above: Double = at(top, left) + u * (at(top, right) - at(top, left))
            let below: Double = at(bottom, left) + u * (at(bottom, right) - at(bottom, left))
            expected.append(above + v * (below - above))
          }
        }
      }
      #expect(largestDifference(view(configuration, dataset, using: &generator), expected) < 2e-5)
    }
  }

  @Test func cropsHaveTheirAreasAspectsAndAllPlaces() {
    let augmenter = plain(.init(cropArea: 0.2...1), randomDataset(1, size: 100).store)
    var generator = RandomGenerator(seed: 6)
    var (areas, logAspects): ([Double], [Double]) = ([], [])
    var (left, right) = (0, 0)
    for _ in 0..<4000 {
      let crop = augmenter.randomCrop(using: &generator)
      #expect(crop.x >= 0 && crop.y >= 0 && crop.x + crop.width <= 100 && crop.y + crop.height <= 100)
      areas.append(Double(crop.width * crop.height) / 10_000)
      logAspects.append(log(Double(crop.width / crop.height)))
      if crop.x == 0 && crop.width < 100 { left += 1 }
      if crop.x + crop.width == 100 && crop.width < 100 { right += 1 }
    }
    #expect(areas.min()! > 0.19 && areas.min()! < 0.22)
    #expect(areas.max()! > 0.95)
    #expect(logAspects.allSatisfy { abs($0) < log(4.0 / 3) + 0.04 })
    // Symmetric: as often wide as high, as often at the left edge as at the right.
    #expect(abs(logAspects.reduce(0, +) / 4000) < 0.02)
    #expect(isBinomial(left, of: left + right, probability: 0.5) && left > 20)
  }

  @Test func aCropThatCannotFitTheAspectsIsTheLargestCentredOne() {
    let augmenter = plain(.init(cropArea: 0.9...1), randomDataset(1, size: 10, width: 100).store)
    var generator = RandomGenerator(seed: 7)
    let crop = augmenter.randomCrop(using: &generator)
    #expect(crop.y == 0 && crop.height == 10 && crop.width == 13)
    #expect(abs(crop.x - 43.5) <= 0.5)
  }

  @Test func jitterComesAsOftenAsItShouldAndStaysWithinItsRange() {
    let dataset = randomDataset(1, channels: 1, size: 4)
    let image = pixels(dataset)
    let brightest = image.firstIndex(of: image.filter { $0 < 0.6 }.max()!)!
    var generator = RandomGenerator(seed: 8)
    var factors: [Double] = []
    for _ in 0..<3000 {
      let result = view(.init(jitter: 0.8, brightness: 0.4), dataset, using: &generator)
      let factor = Double(result[brightest]) / image[brightest]
      #expect(factor > 0.599 && factor < 1.401)
      #expect(largestDifference(result, image.map { min($0 * factor, 1) }) < 1e-5)
      if abs(factor - 1) > 1e-6 { factors.append(factor) }
    }
    #expect(isBinomial(factors.count, of: 3000, probability: 0.8))
    #expect(factors.min()! < 0.61 && factors.max()! > 1.39)
    let mean: Double = factors.reduce(0, +) / Double(factors.count)
    #expect(abs(mean - 1) < 0.02)
  }

  @Test func greyComesAsOftenAsItShouldAndMakesTheChannelsEqual() {
    let dataset = randomDataset(1)
    let image = pixels(dataset)
    let grey = (0..<64).map { i -> Double in
      let (red, green, blue): (Double, Double, Double) = (image[i], image[64 + i], image[128 + i])
      return 0.2989 * red + 0.587 * green + 0.114 * blue
    }
    var generator = RandomGenerator(seed: 9)
    let count = (0..<2000).count { _ in
      largestDifference(view(.init(grey: 0.2), dataset, using: &generator), grey + grey + grey) < 1e-6
    }
    #expect(isBinomial(count, of: 2000, probability: 0.2))
  }

  @Test func oneChannelHasNoSaturationHueOrGrey() {
    let dataset = randomDataset(1, channels: 1)
    var generator = RandomGenerator(seed: 10)
    let configuration = Augmentation(jitter: 1, saturation: 0.9, hue: 0.5, grey: 1)
    for _ in 0..<20 {
      #expect(largestDifference(view(configuration, dataset, using: &generator), pixels(dataset)) < 1e-6)
    }
  }

  @Test func colourOperationsComeInAllOrders() {
    let orders = (0..<24).map { Array(FourNumbers(order: $0)) }
    #expect(Set(orders).count == 24)
    #expect(orders.allSatisfy { $0.sorted() == [0, 1, 2, 3] })
  }

  @Test(arguments: [Augmentation.colour, .paperDigits, .digits])
  func theSameGeneratorGivesTheSameViewWithinTheUnitRange(configuration: Augmentation) {
    let dataset = randomDataset(1, size: 28)
    for seed in 0..<50 {
      var (first, second) = (RandomGenerator(seed: UInt64(seed)), RandomGenerator(seed: UInt64(seed)))
      let result = view(configuration, dataset, using: &first)
      #expect(result == view(configuration, dataset, using: &second))
      #expect(first == second)
      #expect(result.allSatisfy { $0 >= 0 && $0 <= 1 + 1e-6 })
    }
  }
}
