import Basics
import Foundation
import Tensors

/// Some points of a data set with two views of each.
public struct Batch: Sendable {
  /// `[2 B, channels, height, width]` of the views' size: the first views, then the second ones.
  public let views: Tensor
  /// The class of each point.
  public let labels: [Int]
  /// The place of each point in the data set.
  public let places: [Int]

  /// The number of points.
  public var count: Int { labels.count }
}

/// One epoch of batches in random order, made by threads of their own while the last batch is being worked
/// on.
///
/// ```swift
/// let form = ImageForm(training.channelStatistics())
/// for batch in BatchLoader(training, augmentation: .colour, form: form, batchSize: 128, generator: epoch) { ... }
/// ```
///
/// The order and every view depend on the generator and the point only, not on threads or time. When the
/// loader is let go, its threads end.
public final class BatchLoader: Sequence, IteratorProtocol {
  private let work: LoaderWork
  /// Batches of the epoch.
  public let batchCount: Int

  /// - Parameters:
  ///   - dataset: the points
  ///   - augmentation: how views are made
  ///   - form: how views are normalised, and their size
  ///   - batchSize: points a batch; the last one may have fewer, unless `dropsLast`. A last batch of a single
  ///     point is always dropped, because no contrast can be made from it.
  ///   - generator: the epoch's; order and views come from it
  ///   - threads: how many make batches
  ///   - ahead: how many batches may wait
  ///   - first: the batch to begin with, for an epoch that was interrupted; the batches after it are the same
  ///     as ever
  public init(
    _ dataset: ImageDataset, augmentation: Augmentation,
    form: ImageForm,
    batchSize: Int, dropsLast: Bool = true, generator: RandomGenerator, threads: Int = 1, ahead: Int = 3,
    startingAt first: Int = 0
  ) {
    require(batchSize >= 2, "a batch of \(batchSize) points has no contrast; use at least 2")
    require(threads >= 1 && ahead >= 1, "a loader needs at least one thread and room for one batch")
    let whole = dataset.count / batchSize
    let rest = dataset.count % batchSize
    batchCount = whole + (!dropsLast && rest >= 2 ? 1 : 0)
    require((0...batchCount).contains(first), "batch \(first) of an epoch of \(batchCount)")
    work = LoaderWork(
      dataset: dataset,
      augmenter: Augmenter(augmentation, store: dataset.store, form: form),
      batchSize: batchSize, batchCount: batchCount, generator: generator, ahead: ahead, first: first)
    let work = work
    let started = (0..<threads).count { SystemThread.start("batches-\($0)") { work.produce() } == nil }
    // Where the system has no threads to spare, batches are made when they are asked for.
    if started == 0 { work.makesOnDemand = true }
  }

  deinit { work.cancel() }

  /// The next batch, waiting for it if need be; nil at the end of the epoch.
  public func next() -> Batch? { work.take() }

  /// Batches that are ready and not taken yet.
  var waitingCount: Int { work.waitingCount }
}

/// The queue between the threads that make batches and the one that takes them.
///
/// What changes is guarded by `condition`, but for `makesOnDemand`, which is set only where no other thread was
/// started. Batches are made outside the lock, each by one thread, and never changed once they are in `ready`.
private final class LoaderWork: @unchecked Sendable {
  private let dataset: ImageDataset
  private let augmenter: Augmenter
  private let batchSize: Int
  private let batchCount: Int
  private let order: [Int]
  private let viewGenerator: RandomGenerator
  private let ahead: Int

  // Guarded by `condition`.
  private let condition = NSCondition()
  private var nextToMake: Int
  private var nextToTake: Int
  private var ready: [Int: Batch] = [:]
  private var isCancelled = false

  /// No thread makes batches ahead. Set before the first batch is taken.
  var makesOnDemand = false

  init(
    dataset: ImageDataset, augmenter: Augmenter, batchSize: Int, batchCount: Int, generator: RandomGenerator,
    ahead: Int, first: Int
  ) {
    self.dataset = dataset
    self.augmenter = augmenter
    self.batchSize = batchSize
    self.batchCount = batchCount
    self.ahead = ahead
    (nextToMake, nextToTake) = (first, first)
    var orderGenerator = generator.stream(0)
    order = orderGenerator.permutation(dataset.count)
    viewGenerator = generator.stream(1)
  }

  func produce() {
    while let index = claim() {
      let batch = makeBatch(index)
      condition.lock()
      ready[index] = batch
      condition.broadcast()
      condition.unlock()
    }
  }

  func take() -> Batch? {
    condition.lock()
    defer { condition.unlock() }
    guard nextToTake < batchCount else { return nil }
    if makesOnDemand { ready[nextToTake] = makeBatch(nextToTake) }
    while ready[nextToTake] == nil { condition.wait() }
    let batch = ready.removeValue(forKey: nextToTake)
    nextToTake += 1
    condition.broadcast()
    return batch
  }

  var waitingCount: Int {
    condition.lock()
    defer { condition.unlock() }
    return ready.count
  }

  func cancel() {
    condition.lock()
    isCancelled = true
    condition.broadcast()
    condition.unlock()
  }

  /// The next batch to make, once there is room for it; nil when there is none.
  private func claim() -> Int? {
    condition.lock()
    defer { condition.unlock() }
    while !isCancelled && nextToMake < batchCount && nextToMake >= nextToTake + ahead { condition.wait() }
    guard !isCancelled && nextToMake < batchCount else { return nil }
    defer { nextToMake += 1 }
    return nextToMake
  }

  private func makeBatch(_ index: Int) -> Batch {
    let places = Array(order[(index * batchSize)..<Swift.min((index + 1) * batchSize, order.count)])
    let store = dataset.store
    let views = Tensor.uninitialised([2 * places.count] + augmenter.viewShape)
    withScratch(augmenter.scratchCount) { scratch in
      store.bytes.withUnsafeBufferPointer { bytes in
        for (i, place) in places.enumerated() {
          let image = bytes.baseAddress! + dataset.indices[place] * store.imageSize
          var generator = viewGenerator.stream(UInt64(place))
          for view in 0..<2 {
            let target = views.pointer + (view * places.count + i) * augmenter.viewCount
            augmenter.makeView(image, using: &generator, into: target, scratch: scratch)
          }
        }
      }
    }
    return Batch(views: views, labels: places.map { dataset.labels[$0] }, places: places)
  }
}

extension ImageDataset {
  /// The points at some places, normalised: `[count, channels, height, width]`. In parallel.
  ///
  /// - Parameter form: with another size than the store's, the images' shorter side is scaled to `size * 256 / 224` and
  ///   the centre kept.
  public func images(_ places: Range<Int>, form: ImageForm) -> Tensor {
    require(places.lowerBound >= 0 && places.upperBound <= count, "places \(places) of \(count) points")
    let augmenter = Augmenter(.none, store: store, form: form)
    let result = Tensor.uninitialised([places.count] + augmenter.viewShape)
    store.bytes.withUnsafeBufferPointer { bytes in
      Parallel.forEach(places.count, grain: 16) { range in
        withScratch(augmenter.scratchCount) { scratch in
          for i in range {
            let image = bytes.baseAddress! + indices[places.lowerBound + i] * store.imageSize
            augmenter.normalised(image, into: result.pointer + i * augmenter.viewCount, scratch: scratch)
          }
        }
      }
    }
    return result
  }
}
