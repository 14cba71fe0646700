import Datasets
import Experiments
import Foundation
import Tensors

/// Two views of each image as training makes them, without a network.
package enum AugmentBenchmark {
  /// Times batches of views of random square images; the views are the paper's, those of digits for one
  /// channel.
  ///
  /// - Parameters:
  ///   - size, channels: of an image as it is stored
  ///   - view: side of the views; nil: that of the images
  ///   - images: points a batch; each has two views
  ///   - threads: how many make views
  package static func run(
    size: Int, view: Int? = nil, channels: Int, images: Int, threads: Int, runs: Int, machine: Machine
  ) -> BenchmarkResult {
    var generator = RandomGenerator(seed: 1)
    let points = max(images, size > 100 ? 128 : 2048)
    let pixels = (0..<points * channels * size * size).map { _ in UInt8(truncatingIfNeeded: generator.next())
    }
    let dataset = ImageDataset(
      name: "noise", store: ImageStore(pixels, count: points, channels: channels, height: size, width: size),
      labels: [Int](repeating: 0, count: points), strata: [Int](repeating: 0, count: points),
      classNames: ["noise"], stratumNames: ["noise"])
    let form = ImageForm(dataset.channelStatistics(), size: view)
    var batches = 0
    // An epoch a run: threads start and stop in it too, as they do in training.
    let timing = Timing.measure(runs: runs) {
      let loader = BatchLoader(
        dataset, augmentation: channels == 3 ? .colour : .paperDigits, form: form, batchSize: images,
        generator: generator, threads: threads)
      batches = 0
      for _ in loader { batches += 1 }
    }
    return BenchmarkResult(
      "augment",
      sizes: [
        "size": size, "view": view ?? size, "channels": channels, "images": images * batches,
        "threads": threads,
      ],
      timing: timing, views: 2 * images * batches, machine: machine)
  }
}
