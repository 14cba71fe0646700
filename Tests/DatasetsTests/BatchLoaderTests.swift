import Foundation
import Tensors
import Testing

@testable import Datasets

@Suite struct BatchLoaderTests {
  let dataset = randomDataset(53)
  let statistics = PixelStatistics(mean: [0.5, 0.4, 0.3], deviation: [0.2, 0.25, 0.3])

  private func loader(
    _ augmentation: Augmentation = .colour, batchSize: Int = 8, dropsLast: Bool = true,
    seed: UInt64 = 1, threads: Int = 1, ahead: Int = 3, startingAt first: Int = 0
  ) -> BatchLoader {
    BatchLoader(
      dataset, augmentation: augmentation, form: ImageForm(statistics), batchSize: batchSize,
      dropsLast: dropsLast,
      generator: RandomGenerator(seed: seed), threads: threads, ahead: ahead, startingAt: first)
  }

  @Test func anEpochVisitsEveryPointOnceInAnOrderOfItsGenerator() {
    let places = loader(dropsLast: false).flatMap(\.places)
    #expect(places.sorted() == Array(0..<53))
    #expect(places != places.sorted())
    #expect(loader(dropsLast: false).flatMap(\.places) == places)
    #expect(loader(dropsLast: false, seed: 2).flatMap(\.places) != places)
  }

  @Test func batchesHaveTheirSizesShapesAndLabels() {
    let all = Array(loader(dropsLast: false))
    #expect(all.map(\.count) == [8, 8, 8, 8, 8, 8, 5])
    for batch in all {
      #expect(batch.views.shape == [2 * batch.count, 3, 8, 8])
      #expect(batch.labels == batch.places.map { dataset.labels[$0] })
    }
    #expect(loader().batchCount == 6 && Array(loader()).count == 6)
    // A last batch of one point has no contrast and is left out.
    #expect(Array(loader(batchSize: 13, dropsLast: false)).map(\.count) == [13, 13, 13, 13])
    #expect(loader(batchSize: 54).next() == nil)
  }

  @Test func withoutAugmentationBothViewsAreTheNormalisedImage() {
    for batch in loader(.none) {
      for (i, place) in batch.places.enumerated() {
        let expected = dataset.images(place..<(place + 1), form: ImageForm(statistics)).scalars()
        let size = dataset.store.imageSize
        let views = batch.views.scalars()
        #expect(Array(views[(i * size)..<((i + 1) * size)]) == expected)
        let second = batch.count + i
        #expect(Array(views[(second * size)..<((second + 1) * size)]) == expected)
      }
    }
  }

  @Test func theTwoViewsOfAPointDiffer() {
    let batch = loader().next()!
    let views = batch.views.scalars()
    #expect(views[..<(views.count / 2)] != views[(views.count / 2)...])
  }

  @Test(arguments: [(1, 1), (2, 1), (3, 4), (5, 100)])
  func viewsDependOnTheGeneratorAndThePointOnly(threads: Int, ahead: Int) {
    let reference = loader().map { $0.views.scalars() }
    #expect(loader(threads: threads, ahead: ahead).map { $0.views.scalars() } == reference)
  }

  @Test func anInterruptedEpochGoesOnWithTheSameBatches() {
    let whole = loader().map { ($0.places, $0.views.scalars()) }
    let rest = loader(startingAt: 4).map { ($0.places, $0.views.scalars()) }
    #expect(rest.map(\.0) == whole[4...].map(\.0))
    #expect(rest.map(\.1) == whole[4...].map(\.1))
    #expect(loader(startingAt: 6).next() == nil)
  }

  @Test func aViewOfTheDataLoadsItsOwnPoints() {
    let subset = dataset.subset([50, 3, 20, 11])
    let batch = BatchLoader(
      subset, augmentation: .none, form: ImageForm(statistics), batchSize: 4,
      generator: RandomGenerator(seed: 3)
    ).next()!
    let size = dataset.store.imageSize
    for (i, place) in batch.places.enumerated() {
      let expected = subset.images(place..<(place + 1), form: ImageForm(statistics)).scalars()
      #expect(Array(batch.views.scalars()[(i * size)..<((i + 1) * size)]) == expected)
      #expect(batch.labels[i] == dataset.labels[[50, 3, 20, 11][place]])
    }
  }

  /// The threads hold the images: these are let go only when the threads have ended.
  @Test func threadsEndWhenTheLoaderIsLetGo() throws {
    weak var store: ImageStore?
    do {
      let local = randomDataset(2000)
      store = local.store
      let started = BatchLoader(
        local, augmentation: .colour, form: ImageForm(statistics), batchSize: 4,
        generator: RandomGenerator(seed: 4), threads: 3, ahead: 2)
      #expect(started.next() != nil)
      let untouched = BatchLoader(
        local, augmentation: .colour, form: ImageForm(statistics), batchSize: 4,
        generator: RandomGenerator(seed: 5))
      #expect(untouched.batchCount == 500)
    }
    let limit = Date(timeIntervalSinceNow: 10)
    while store != nil && Date() < limit { Thread.sleep(forTimeInterval: 0.005) }
    #expect(store == nil, "the threads still hold the images")
  }

  /// No more batches are made ahead than allowed.
  @Test func noMoreBatchesAreMadeAheadThanAllowed() throws {
    let large = randomDataset(400, size: 32)
    let loader = BatchLoader(
      large, augmentation: .colour, form: ImageForm(statistics), batchSize: 8,
      generator: RandomGenerator(seed: 6), threads: 2, ahead: 3)
    #expect(loader.next() != nil)
    let limit = Date(timeIntervalSinceNow: 10)
    while loader.waitingCount < 3 && Date() < limit { Thread.sleep(forTimeInterval: 0.005) }
    Thread.sleep(forTimeInterval: 0.1)
    #expect(loader.waitingCount == 3)
    var count = 1
    while loader.next() != nil { count += 1 }
    #expect(count == 50)
    #expect(loader.waitingCount == 0)
  }
}
