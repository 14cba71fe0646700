import Basics
import Datasets
import Evaluation
import Foundation
import NeuralNetworks
import Tensors

/// The images of an experiment: what is trained on, what chooses the epoch, what is reported on.
package struct ExperimentData {
  /// The settings that decide which images these are.
  package struct Key: Equatable {
    package var data: DataSettings
    package var validation: ValidationSettings

    package init(_ configuration: ExperimentConfiguration) {
      data = configuration.data
      validation = configuration.validation
    }
  }

  package let training: ImageDataset
  package let validation: ImageDataset
  package let test: ImageDataset
  /// Training and validation images together, in their original order; where the data set has a validation
  /// part of its own, the training images alone.
  package let whole: ImageDataset
  /// How encoders see the images; the statistics are of all training images, before any were held out.
  package let form: ImageForm
  /// Where the data came from, in a sentence.
  package let source: String
  /// What a person should know of the data before training, in sentences.
  package let notes: [String]
  /// Damaged images that were left out; nil where none were.
  package let skippedImages: Int?

  /// - Parameters:
  ///   - folder: where data sets are; nil: the settings' folder, else the environment variable `SPREAD_DATA`.
  ///   - report: told while image files are decoded
  /// - Throws: `MissingDataError` with what to get from where; `FileFormatError`; `CacheError`;
  ///   `UnusableDataError`; `RunError` for images that are not square without a `data.imageSize`;
  ///   `ConfigurationError` when too few images are left, or wrong labels are asked for where there is one class.
  package init(_ key: Key, folder: URL?, report: ImageFolderReport? = nil) throws {
    let splits = try key.data.load(from: folder, report: report)
    let seed = UInt64(key.validation.seed)
    var whole = splits.training
    if let count = key.data.trainingImages { whole = whole.sample(count, seed: seed) }
    test = key.data.testImages.map { splits.test.sample($0, seed: seed) } ?? splits.test
    self.whole = whole
    source = splits.source
    notes = splits.notes
    skippedImages = splits.skippedImages == 0 ? nil : splits.skippedImages
    try Self.checkShape(splits, sizeOfViews: key.data.sizeOfViews)
    form = ImageForm(whole.channelStatistics(), size: key.data.sizeOfViews)
    var (training, validation) = (whole, splits.validation)
    if validation == nil {
      (training, validation) = whole.split(validationShare: key.validation.share, seed: seed)
    }
    let held = validation!
    guard training.count >= 2, held.count >= 1 else {
      throw ConfigurationError(
        place: nil, path: "validation.share",
        problem:
          "\(key.validation.share) of \(whole.count) training images leaves \(training.count) to train with and "
          + "\(held.count) to validate with; at least 2 and 1 are needed")
    }
    // Validation images are the same at every fraction and noise, and their classes right.
    let (fraction, noise) = (key.data.fraction, key.data.labelNoise)
    if fraction < 1 { training = training.fraction(fraction, seed: seed) }
    guard training.count >= 2 else {
      throw ConfigurationError(
        place: nil, path: "data.fraction",
        problem: "\(fraction) of the training images are \(training.count); at least 2 are needed")
    }
    guard noise.share == 0 || training.classNames.count >= 2 else {
      throw ConfigurationError(
        place: nil, path: "data.labelNoise.share",
        problem:
          "\(noise.share) of the training images cannot get another class, because the data set has one class "
          + "only, \"\(training.classNames.joined())\"; leave data.labelNoise out")
    }
    if noise.share > 0 { training = training.withLabelNoise(share: noise.share, seed: UInt64(noise.seed)) }
    (self.training, self.validation) = (training, held)
  }

  /// - Throws: `RunError` when no network here can take the images as they are.
  private static func checkShape(_ splits: DatasetSplits, sizeOfViews: Int?) throws {
    guard splits.test.count > 0 else {
      throw RunError("\(splits.source): there are no test images, and at least one is needed")
    }
    let store = splits.training.store
    guard sizeOfViews == nil, store.width != store.height else { return }
    throw RunError(
      "\(splits.source): the images are \(store.width) x \(store.height) pixels (width x height), and the networks "
        + "take square ones; data.imageSize, for example \(min(store.width, store.height)), scales them and cuts "
        + "squares out")
  }

  /// The side of the images as the encoder sees them, which are square.
  package var imageSize: Int { form.size ?? training.store.width }

  /// What a network for these images is made for.
  var task: TaskShape {
    TaskShape(
      images: ImageShape(size: imageSize, channels: training.store.channels),
      classes: training.classNames.count)
  }

  /// Points a batch: as configured, or all where there are fewer.
  package func batchSize(_ configuration: ExperimentConfiguration) -> Int {
    min(configuration.batchSize, training.count)
  }

  /// What a person should know of an experiment with these images before it is trained.
  package func warnings(_ configuration: ExperimentConfiguration) -> [String] {
    var warnings: [String] = []
    if configuration.batchSize > training.count {
      warnings.append(
        "batchSize \(grouped(configuration.batchSize)) is larger than the \(grouped(training.count)) training images: "
          + "each step takes all of them")
    }
    return warnings + test.notesOnFigures
  }

  /// Whole batches of the training images.
  package func stepsPerEpoch(_ configuration: ExperimentConfiguration) -> Int {
    training.count / batchSize(configuration)
  }

  /// Looks whether files that images are mapped from are still whole: cheap, and better than to meet it in a batch.
  /// - Throws: `CacheError`.
  func checkImages() throws {
    for part in [training, validation, test] { try part.store.check() }
  }

  /// One epoch of batches of the training images, their views as configured.
  package func batches(
    _ configuration: ExperimentConfiguration, generator: RandomGenerator, startingAt first: Int = 0
  ) -> BatchLoader {
    BatchLoader(
      training, augmentation: configuration.augmentation, form: form,
      batchSize: batchSize(configuration), generator: generator, startingAt: first)
  }

  /// Embeddings of a part as it is, without augmentation: `[count, embeddingDimension]`, finite.
  /// - Throws: `RunError` that names the first image whose embedding is not finite.
  package func embeddings(of part: ImageDataset, by encoder: any Encoder) throws -> Tensor {
    let embeddings = embed(part, with: encoder, form: form)
    if let row = embeddings.firstRowNotFinite {
      throw RunError(
        "the network's embedding of image \(row) of \(part.name) has values that are not finite; a lower "
          + "optimiser.rate, a warm-up or an optimiser.gradientClip may help")
    }
    return embeddings
  }
}

extension ImageDataset {
  /// What a person should know of the figures that these test images will give.
  package var notesOnFigures: [String] {
    undefinedAreaReason.map { ["the area under the ROC curve will be undefined: \($0)"] } ?? []
  }
}

extension DataSettings {
  /// Reads or draws the data set.
  package func load(from folder: URL?, report: ImageFolderReport? = nil) throws -> DatasetSplits {
    let folder = folder?.path ?? self.folder.map { UserPath($0).path } ?? Self.folderOfEnvironment
    guard let task = name.source.task(labels) else {
      throw ConfigurationError(place: nil, path: "data.labels", problem: conflict?.problem ?? "")
    }
    return task.view(
      name == .glyphs
        ? try glyphs.load()
        : try name.source.read(folder, size: sizeOfStore, skipsDamaged: skipDamaged, report: report))
  }

  /// Where the environment variable `SPREAD_DATA` says that data sets are; nil where it is empty or absent.
  public static var folderOfEnvironment: String? { UserPath(environment: "SPREAD_DATA")?.path }

  private var glyphs: Glyphs {
    Glyphs(trainingCounts: trainingImagesOfDigit, testCounts: testImagesOfDigit, seed: UInt64(seed))
  }
}
