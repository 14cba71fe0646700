import Foundation
import Testing

@testable import Datasets

@Suite struct ImageDatasetTests {
  let dataset = randomDataset(200)

  @Test func aSubsetKeepsImagesLabelsAndStrataTogetherAndCopiesNoPixels() {
    let subset = dataset.subset([7, 3, 3, 190]).subset([3, 0])
    #expect(subset.indices == [190, 7])
    #expect(subset.labels == [dataset.labels[190], dataset.labels[7]])
    #expect(subset.strata == [dataset.strata[190], dataset.strata[7]])
    #expect(subset.store === dataset.store)
  }

  @Test func aSplitIsAPartitionOfTheGivenShareAndDependsOnTheSeedOnly() {
    let (training, validation) = dataset.split(validationShare: 0.1, seed: 42)
    #expect(validation.count == 20 && training.count == 180)
    #expect((training.indices + validation.indices).sorted() == Array(0..<200))
    #expect(training.indices == training.indices.sorted())
    #expect(dataset.split(validationShare: 0.1, seed: 42).validation.indices == validation.indices)
    #expect(dataset.split(validationShare: 0.1, seed: 43).validation.indices != validation.indices)
    #expect(dataset.split(validationShare: 0, seed: 42).validation.count == 0)
  }

  @Test func relabellingFollowsTheStrata() {
    let coarse = dataset.relabelled("coarse", classOfStratum: [1, 0, 0, 1], classNames: ["x", "y"])
    #expect(coarse.name == "coarse" && coarse.classNames == ["x", "y"])
    let expected = dataset.strata.map { [1, 0, 0, 1][$0] }
    #expect(coarse.labels == expected)
    #expect(coarse.strata == dataset.strata && coarse.store === dataset.store)
  }

  @Test func subsamplingKeepsTheGivenCountOfEachStratum() {
    let counts = [50, 10, 0, 999]
    let sample = dataset.subsampled(stratumCounts: counts, seed: 5)
    let found = (0..<4).map { stratum in sample.strata.count { $0 == stratum } }
    #expect(found == [50, 10, 0, 50])
    #expect(Set(sample.indices).count == sample.count)
    #expect(sample.indices == dataset.subsampled(stratumCounts: counts, seed: 5).indices)
    #expect(sample.indices != dataset.subsampled(stratumCounts: counts, seed: 6).indices)
    // A smaller sample lies within a larger one of the same seed.
    let smaller = dataset.subsampled(stratumCounts: [20, 5, 0, 10], seed: 5)
    #expect(Set(smaller.indices).isSubset(of: Set(sample.indices)))
  }

  @Test func aSampleHasDistinctPoints() {
    let sample = dataset.sample(30, seed: 1)
    #expect(sample.count == 30 && Set(sample.indices).count == 30)
    #expect(dataset.sample(500, seed: 1).indices == dataset.indices)
  }

  @Test func statisticsAreThoseOfThePointsInDoublePrecision() {
    let view = dataset.subset(Array(stride(from: 1, to: 200, by: 3)))
    let statistics = view.channelStatistics()
    for channel in 0..<3 {
      let values = view.indices.flatMap { index -> [Double] in
        let start = (index * 3 + channel) * 64
        return dataset.store.bytes[start..<(start + 64)].map { Double($0) / 255 }
      }
      let mean: Double = values.reduce(0, +) / Double(values.count)
      let squares = values.map { (value: Double) -> Double in (value - mean) * (value - mean) }
      let variance: Double = squares.reduce(0, +) / Double(values.count)
      #expect(abs(Double(statistics.mean[channel]) - mean) < 1e-7)
      #expect(abs(Double(statistics.deviation[channel]) - variance.squareRoot()) < 1e-7)
    }
  }

  @Test func aChannelThatDoesNotVaryIsOnlyShifted() {
    let store = ImageStore([UInt8](repeating: 77, count: 32), count: 2, channels: 1, height: 4, width: 4)
    let flat = ImageDataset(
      name: "flat", store: store, labels: [0, 0], strata: [0, 0], classNames: ["a"], stratumNames: ["a"])
    let statistics = flat.channelStatistics()
    #expect(statistics.deviation == [1])
    #expect(flat.images(0..<2, form: ImageForm(statistics)).scalars().allSatisfy { abs($0) < 1e-6 })
  }

  @Test func evaluationImagesAreNormalisedAndInOrder() {
    let view = dataset.subset([9, 4, 100])
    let statistics = PixelStatistics(mean: [0.1, 0.2, 0.3], deviation: [0.5, 0.25, 2])
    let images = view.images(1..<3, form: ImageForm(statistics))
    #expect(images.shape == [2, 3, 8, 8])
    for (i, index) in [4, 100].enumerated() {
      for channel in 0..<3 {
        for place in [0, 17, 63] {
          let byte = dataset.store.bytes[(index * 3 + channel) * 64 + place]
          let expected = (Float(byte) / 255 - statistics.mean[channel]) / statistics.deviation[channel]
          #expect(abs(images[i, channel, place / 8, place % 8] - expected) < 1e-5)
        }
      }
    }
  }

  @Test func missingDataSayWhatIsMissingWhereAndWhatToDo() {
    let error = MissingDataError(dataset: "D", missing: ["a", "b"], searched: ["/x"], advice: "Get it.")
    for part in ["D", "a, b", "/x", "Get it."] { #expect(error.description.contains(part)) }
  }

  @Test func aTestPartOfOneOfTwoClassesHasNoAreaUnderTheCurve() {
    let data = randomDataset(8)
    #expect(data.undefinedAreaReason == nil)
    #expect(data.subset([0, 1, 4]).undefinedAreaReason == "no b test image")
    #expect(data.subset([2, 3]).undefinedAreaReason == "no a test image")
    #expect(data.subset([]).undefinedAreaReason == nil)
    let three = data.relabelled("three", classOfStratum: [0, 0, 0, 0], classNames: ["a", "b", "c"])
    #expect(three.undefinedAreaReason == nil)
  }
}
