import Basics
import Foundation

/// Images with a class and a stratum each: a list of places in a store. Views (subsets, splits, other labels)
/// copy no pixels.
public struct ImageDataset: Sendable {
  /// For a person, such as "MNIST-Coarse". Views keep it; `renamed` and `relabelled` set another.
  public let name: String
  /// What `indices` point into, shared with all views: it may hold images that are not among the points.
  public let store: ImageStore
  /// For each point, its image in the store.
  public let indices: [Int]
  /// For each point, the class that training sees.
  public let labels: [Int]
  /// For each point, the class that it had before any label noise.
  public let originalLabels: [Int]
  /// For each point, the finer group that it belongs to (a subclass).
  public let strata: [Int]
  /// For each class, from 0, what it is called; classes without a point have a name too.
  public let classNames: [String]
  /// For each stratum, from 0, what it is called.
  public let stratumNames: [String]

  /// Stops the program when the lists differ in length, a label or stratum has no name, or a point's image is
  /// not in the store.
  ///
  /// - Parameters:
  ///   - indices: the points' places in the store; nil: all of its images, in order
  ///   - labels, strata: one for each point, from 0
  ///   - originalLabels: nil: there is no label noise, they are `labels`
  /// - Complexity: a pass over the points.
  public init(
    name: String, store: ImageStore, indices: [Int]? = nil, labels: [Int], originalLabels: [Int]? = nil,
    strata: [Int], classNames: [String], stratumNames: [String]
  ) {
    let indices = indices ?? Array(0..<store.count)
    let originalLabels = originalLabels ?? labels
    require(
      indices.count == labels.count && labels.count == strata.count && labels.count == originalLabels.count,
      "\(indices.count) images with \(labels.count) labels and \(strata.count) strata")
    require(
      labels.allSatisfy(classNames.indices.contains)
        && originalLabels.allSatisfy(classNames.indices.contains)
        && strata.allSatisfy(stratumNames.indices.contains),
      "a label or a stratum has no name")
    require(
      indices.allSatisfy { $0 >= 0 && $0 < store.count },
      "a point's image is not among the \(store.count) of the store")
    self.name = name
    self.store = store
    self.indices = indices
    self.labels = labels
    self.originalLabels = originalLabels
    self.strata = strata
    self.classNames = classNames
    self.stratumNames = stratumNames
  }

  /// The number of points, which may be smaller or larger than that of the store's images.
  public var count: Int { indices.count }

  /// Why the area under the ROC curve of these points is undefined: they have one of two classes only. Nil where it
  /// is defined, and where there are not two classes.
  package var undefinedAreaReason: String? {
    guard classNames.count == 2, count > 0, Set(labels).count == 1 else { return nil }
    return "no \(printable(classNames[1 - labels[0]])) test image"
  }

  /// Mean and deviation of each channel, of values in [0, 1]; where nothing varies, the deviation is given as
  /// 1, so that normalisation only shifts.
  public func channelStatistics() -> PixelStatistics {
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
    return PixelStatistics(mean: means.map { Float($0) }, deviation: deviations.map { Float($0) })
  }
}
