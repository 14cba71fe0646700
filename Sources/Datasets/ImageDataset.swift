import Foundation
import Tensors

/// Images with a class and a stratum each: a list of places in a store. Views (subsets, splits, other labels)
/// copy no pixels.
public struct ImageDataset: Sendable {
  public let name: String
  public let store: ImageStore
  /// For each point, its image in the store.
  public let indices: [Int]
  /// For each point, the class that training sees.
  public let labels: [Int]
  /// For each point, the finer group that it belongs to (a subclass).
  public let strata: [Int]
  public let classNames: [String]
  public let stratumNames: [String]

  public init(
    name: String, store: ImageStore, indices: [Int]? = nil, labels: [Int], strata: [Int],
    classNames: [String],
    stratumNames: [String]
  ) {
    let indices = indices ?? Array(0..<store.count)
    require(
      indices.count == labels.count && labels.count == strata.count,
      "\(indices.count) images with \(labels.count) labels and \(strata.count) strata")
    require(
      labels.allSatisfy(classNames.indices.contains) && strata.allSatisfy(stratumNames.indices.contains),
      "a label or a stratum has no name")
    require(
      indices.allSatisfy { $0 >= 0 && $0 < store.count },
      "a point's image is not among the \(store.count) of the store")
    self.name = name
    self.store = store
    self.indices = indices
    self.labels = labels
    self.strata = strata
    self.classNames = classNames
    self.stratumNames = stratumNames
  }

  public var count: Int { indices.count }

  /// The points at the given places, in order.
  public func subset(_ places: [Int]) -> ImageDataset {
    ImageDataset(
      name: name, store: store, indices: places.map { indices[$0] }, labels: places.map { labels[$0] },
      strata: places.map { strata[$0] }, classNames: classNames, stratumNames: stratumNames)
  }

  /// The same points with other classes, given for each stratum: how a coarse task is made from a fine one.
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

  /// Mean and deviation of each channel, of values in [0, 1]; where nothing varies, the deviation is given as
  /// 1, so that normalisation only shifts.
  public func channelStatistics() -> (mean: [Float], deviation: [Float]) {
    let plane = store.height * store.width
    var sums = [(Int, Int)](repeating: (0, 0), count: store.channels)
    store.bytes.withUnsafeBufferPointer { bytes in
      for index in indices {
        for channel in 0..<store.channels {
          let start = (index * store.channels + channel) * plane
          var (sum, squares) = (0, 0)
          for value in bytes[start..<(start + plane)] {
            sum += Int(value)
            squares += Int(value) * Int(value)
          }
          sums[channel].0 += sum
          sums[channel].1 += squares
        }
      }
    }
    let n = Double(max(1, count * plane))
    let means = sums.map { Double($0.0) / n / 255 }
    let deviations = zip(sums, means).map { sums, mean in
      let deviation = max(0, Double(sums.1) / n / 65_025 - mean * mean).squareRoot()
      return deviation < 1e-6 ? 1 : deviation
    }
    return (means.map { Float($0) }, deviations.map { Float($0) })
  }
}

/// Training and test points of one task, and its validation points where the data set comes with some.
public struct DatasetPair: Sendable {
  public let training: ImageDataset
  /// The data set's own validation part; nil where it has none, and one is split from the training points.
  public let validation: ImageDataset?
  public let test: ImageDataset
  /// Where the data came from, in a sentence.
  public let source: String

  public init(
    training: ImageDataset, validation: ImageDataset? = nil, test: ImageDataset, source: String
  ) {
    self.training = training
    self.validation = validation
    self.test = test
    self.source = source
  }
}

/// Data that are not there: what is missing, where it was looked for, and how to get it.
public struct MissingDataError: Error, CustomStringConvertible, Sendable {
  public let dataset: String
  public let missing: [String]
  public let searched: [String]
  public let advice: String

  public init(dataset: String, missing: [String], searched: [String], advice: String) {
    self.dataset = dataset
    self.missing = missing
    self.searched = searched
    self.advice = advice
  }

  public var description: String {
    "\(dataset) was not found: \(missing.joined(separator: ", ")) missing"
      + (searched.isEmpty ? "" : " (looked in \(searched.joined(separator: ", ")))") + ". \(advice)"
  }
}
