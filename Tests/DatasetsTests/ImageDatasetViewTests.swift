import Testing

@testable import Datasets

@Suite struct ImageDatasetViewTests {
  let dataset = randomDataset(400)

  @Test func noiseChangesTheGivenShareToOtherClassesAndLeavesStrata() {
    let noisy = dataset.withLabelNoise(share: 0.3, seed: 4)
    #expect(noisy.relabelledPlaces.count == 120)
    #expect(noisy.originalLabels == dataset.labels && noisy.strata == dataset.strata)
    #expect(noisy.indices == dataset.indices && noisy.store === dataset.store)
    #expect(dataset.withLabelNoise(share: 0.3, seed: 4).labels == noisy.labels)
    #expect(dataset.withLabelNoise(share: 0.3, seed: 5).labels != noisy.labels)
    #expect(dataset.withLabelNoise(share: 0, seed: 4).labels == dataset.labels)
    #expect(dataset.withLabelNoise(share: 1, seed: 4).relabelledPlaces.count == 400)
  }

  @Test func moreNoiseKeepsWhatLessHad() {
    let names = (0..<10).map(String.init)
    let ten = dataset.relabelled("ten", classOfStratum: [0, 3, 5, 9], classNames: names)
    let (less, more) = (ten.withLabelNoise(share: 0.2, seed: 1), ten.withLabelNoise(share: 0.5, seed: 1))
    #expect(less.relabelledPlaces.count == 80 && more.relabelledPlaces.count == 200)
    for place in less.relabelledPlaces { #expect(more.labels[place] == less.labels[place]) }
  }

  /// Each wrong class with equal probability: 1,000 points of class 2 of 5 give 250 of each other, within five
  /// deviations (14).
  @Test func wrongClassesAreUniform() {
    let store = ImageStore([0], count: 1, channels: 1, height: 1, width: 1)
    let points = ImageDataset(
      name: "points", store: store, indices: [Int](repeating: 0, count: 1000),
      labels: [Int](repeating: 2, count: 1000), strata: [Int](repeating: 0, count: 1000),
      classNames: ["a", "b", "c", "d", "e"], stratumNames: ["s"])
    let noisy = points.withLabelNoise(share: 1, seed: 8)
    let counts = (0..<5).map { label in noisy.labels.count { $0 == label } }
    #expect(counts[2] == 0)
    for label in [0, 1, 3, 4] { #expect(abs(counts[label] - 250) < 70, "\(counts)") }
  }

  @Test func originalLabelsGoThroughOtherViews() {
    let noisy = dataset.withLabelNoise(share: 0.5, seed: 2)
    let part = noisy.subset([3, 10, 20]).renamed("part")
    #expect(part.originalLabels == [3, 10, 20].map { dataset.labels[$0] })
    #expect(part.labels == [3, 10, 20].map { noisy.labels[$0] })
    // Noise upon noise: the original is the first.
    #expect(noisy.withLabelNoise(share: 0.5, seed: 3).originalLabels == dataset.labels)
    // Classes given anew are right.
    let coarse = noisy.relabelled("coarse", classOfStratum: [0, 0, 1, 1], classNames: ["a", "b"])
    #expect(coarse.relabelledPlaces.isEmpty && coarse.labels == dataset.labels)
  }

  @Test(arguments: [false, true]) func fractionsAreNested(stratified: Bool) {
    let shares = [0.05, 0.1, 0.5, 0.9, 1]
    var last = Set<Int>()
    for share in shares {
      let part = dataset.fraction(share, seed: 6, stratified: stratified)
      #expect(part.count == Int(400 * share) && Set(part.indices).count == part.count)
      #expect(last.isSubset(of: Set(part.indices)))
      #expect(part.indices == part.indices.sorted() && part.store === dataset.store)
      last = Set(part.indices)
    }
    #expect(dataset.fraction(0, seed: 6, stratified: stratified).count == 0)
    #expect(
      dataset.fraction(0.5, seed: 6, stratified: stratified).indices
        != dataset.fraction(0.5, seed: 7, stratified: stratified).indices)
  }

  @Test func aStratifiedFractionTakesItsShareOfEachStratum() {
    let uneven = dataset.subsampled(stratumCounts: [100, 50, 20, 10], seed: 1)
    #expect(uneven.stratumCounts == [100, 50, 20, 10])
    #expect(uneven.fraction(0.1, seed: 3, stratified: true).stratumCounts == [10, 5, 2, 1])
  }

  @Test func viewsCompose() {
    let view = dataset.fraction(0.5, seed: 1).withLabelNoise(share: 0.1, seed: 2)
      .split(validationShare: 0.1, seed: 42).training.fraction(0.5, seed: 3)
    #expect(view.count == 90 && view.store === dataset.store)
    for (place, index) in view.indices.enumerated() {
      #expect(view.originalLabels[place] == dataset.labels[index])
      #expect(view.strata[place] == dataset.strata[index])
    }
  }
}
