import Basics
import Tensors

// Views copy no pixels, and a view of a view is a view. Those that choose at random take a seed: they depend on
// it and on the points' number, classes and strata, not on threads or time.

extension ImageDataset {
  /// The points at the given places, in order.
  public func subset(_ places: [Int]) -> ImageDataset {
    ImageDataset(
      name: name, store: store, indices: places.map { indices[$0] }, labels: places.map { labels[$0] },
      originalLabels: places.map { originalLabels[$0] }, strata: places.map { strata[$0] },
      classNames: classNames, stratumNames: stratumNames)
  }

  /// The same points under another name.
  public func renamed(_ name: String) -> ImageDataset {
    ImageDataset(
      name: name, store: store, indices: indices, labels: labels, originalLabels: originalLabels,
      strata: strata, classNames: classNames, stratumNames: stratumNames)
  }

  /// The same points with other classes, given for each stratum: how a coarse task is made from a fine one.
  /// Wrong labels that were put in before are gone.
  public func relabelled(_ name: String, classOfStratum: [Int], classNames: [String]) -> ImageDataset {
    require(
      classOfStratum.count == stratumNames.count,
      "\(classOfStratum.count) classes were given for \(stratumNames.count) strata")
    return ImageDataset(
      name: name, store: store, indices: indices, labels: strata.map { classOfStratum[$0] }, strata: strata,
      classNames: classNames, stratumNames: stratumNames)
  }

  /// The first `counts[s]` points of each stratum in a seeded order, in their original order; strata with
  /// fewer keep all.
  public func subsampled(stratumCounts counts: [Int], seed: UInt64) -> ImageDataset {
    require(
      counts.count == stratumNames.count, "\(counts.count) counts for \(stratumNames.count) strata")
    var generator = RandomGenerator(seed: seed)
    var left = counts
    let chosen = generator.permutation(count).filter { place in
      left[strata[place]] -= 1
      return left[strata[place]] >= 0
    }
    return subset(chosen.sorted())
  }

  /// A random share of the points for validation, the rest for training; both in their original order.
  public func split(validationShare share: Double, seed: UInt64) -> (
    training: ImageDataset, validation: ImageDataset
  ) {
    require(share >= 0 && share < 1, "a validation share of \(share) is not in [0, 1)")
    var generator = RandomGenerator(seed: seed)
    let order = generator.permutation(count)
    let held = Int((Double(count) * share).rounded())
    return (subset(order[held...].sorted()), subset(order[..<held].sorted()))
  }

  /// `count` random points (all when there are fewer), in their original order.
  public func sample(_ count: Int, seed: UInt64) -> ImageDataset {
    guard count < self.count else { return self }
    var generator = RandomGenerator(seed: seed)
    return subset(generator.permutation(self.count)[..<count].sorted())
  }

  /// A random share of the points, in their original order: `round(share * count)` of them.
  ///
  /// With one seed a smaller fraction lies within a larger one, so that a curve over shares adds points and
  /// exchanges none.
  /// - Parameter stratified: the share is taken of each stratum by itself, so that rare ones keep theirs.
  public func fraction(_ share: Double, seed: UInt64, stratified: Bool = false) -> ImageDataset {
    require(share >= 0 && share <= 1, "a fraction of \(share) is not in [0, 1]")
    func kept(of count: Int) -> Int { Int((Double(count) * share).rounded()) }
    if stratified {
      let counts = stratumCounts.map { kept(of: $0) }
      return subsampled(stratumCounts: counts, seed: seed)
    }
    var generator = RandomGenerator(seed: seed)
    return subset(generator.permutation(count)[..<kept(of: count)].sorted())
  }

  /// Symmetric label noise: `round(share * count)` random points get another class, each of the others with
  /// equal probability. Strata stay; `originalLabels` tells what the classes were.
  ///
  /// With one seed the points that are wrong at a smaller share are wrong in the same way at a larger one.
  public func withLabelNoise(share: Double, seed: UInt64) -> ImageDataset {
    require(share >= 0 && share <= 1, "a share of \(share) wrong labels is not in [0, 1]")
    require(classNames.count >= 2 || share == 0, "with one class there is no wrong label")
    let generator = RandomGenerator(seed: seed)
    var orderGenerator = generator.stream(0)
    let order = orderGenerator.permutation(count)
    let wrong = generator.stream(1)
    var labels = labels
    for place in order[..<Int((Double(count) * share).rounded())] {
      var choice = wrong.stream(UInt64(place))
      let other = choice.below(classNames.count - 1)
      labels[place] = other < labels[place] ? other : other + 1
    }
    return ImageDataset(
      name: name, store: store, indices: indices, labels: labels, originalLabels: originalLabels,
      strata: strata, classNames: classNames, stratumNames: stratumNames)
  }

  /// The places of the points whose class is not what it was.
  public var relabelledPlaces: [Int] { labels.indices.filter { labels[$0] != originalLabels[$0] } }

  /// How many points each stratum has.
  public var stratumCounts: [Int] {
    strata.reduce(into: [Int](repeating: 0, count: stratumNames.count)) { $0[$1] += 1 }
  }
}
