/// What the encoder is trained on.
public enum LabelChoice: String, CaseIterable, Sendable {
  /// Superclasses, or the classes of a data set that has strata of its own.
  case coarse
  /// The classes themselves, or the strata as classes.
  case fine
  /// Superclasses whose strata are of very different sizes.
  case coarseUnbalanced = "coarse-u"
}

/// The data sets that can be read, and the tasks that are made of them: the one list that configurations, `spread-exp
/// data` and `spread-exp fetch` go by.
public enum Catalogue {
  /// A data set as it is read.
  public struct Source: Sendable {
    /// Its name in configurations and on the command line.
    public let name: String
    /// The folder below the data folder in which its files are expected; nil where it needs none.
    public let folder: String?
    /// The files that it needs, as they are distributed.
    public let files: [String]
    /// How to get them.
    public let advice: String
    /// Reads it from a data folder.
    /// - Throws: `MissingDataError`, `FileFormatError`.
    public let read: @Sendable (_ folder: String?) throws -> DatasetSplits
    /// Reads image files, scaled to a size; nil where the images have a size of their own.
    private let readScaled: ScaledReading?
    /// What can be asked of it, each with classes and strata of its own.
    public let tasks: [Task]

    typealias ScaledReading =
      @Sendable (
        _ folder: String?, _ size: Int, _ cache: String, _ skipsDamaged: Bool, _ report: ImageFolderReport?
      ) throws -> DatasetSplits

    /// Whether the images are files of any size, scaled to one.
    public var isScaled: Bool { readScaled != nil }

    /// Side of the stored images where nothing else is asked for.
    static let usualSize = 256

    /// Side of the views that are cut from images of any size, where nothing else is asked for; nil where views
    /// have the size of the data set's images.
    public var viewSize: Int? { isScaled ? 224 : nil }

    /// Reads it, its images scaled to `size` where they are files of any size (nil: `usualSize`).
    /// - Parameter skipsDamaged: leaves image files that are damaged out, which are an error otherwise
    /// - Throws: `MissingDataError`, `FileFormatError`, `CacheError`, `UnusableDataError`, and what `report` throws.
    public func read(
      _ folder: String?, size: Int?, skipsDamaged: Bool = false, report: ImageFolderReport?
    ) throws -> DatasetSplits {
      guard let readScaled else { return try read(folder) }
      return try readScaled(folder, size ?? Self.usualSize, CacheFolder.standard, skipsDamaged, report)
    }

    init(
      _ name: String, folder: String?, files: [String], advice: String,
      read: @escaping @Sendable (String?) throws -> DatasetSplits, tasks: [Task]
    ) {
      self.name = name
      self.folder = folder
      self.files = files
      self.advice = advice
      self.read = read
      readScaled = nil
      self.tasks = tasks
    }

    init(
      scaled name: String, folder: String?, files: [String], advice: String, read: @escaping ScaledReading,
      title: String, trainingImages: Int? = nil, rareStrata: [String] = []
    ) {
      self.name = name
      self.folder = folder
      self.files = files
      self.advice = advice
      self.read = { try read($0, Self.usualSize, CacheFolder.standard, false, nil) }
      readScaled = read
      tasks = [Task(name, title, .coarse, trainingImages: trainingImages, rareStrata: rareStrata)]
    }

    /// The task with these labels; nil where the data set has none.
    public func task(_ labels: LabelChoice) -> Task? { tasks.first { $0.labels == labels } }
  }

  /// A data set with its classes and strata: a row of the paper's table 1.
  public struct Task: Sendable {
    /// On the command line, for example "cifar100-coarse-u".
    public let name: String
    /// In tables, for example "CIFAR100-Coarse-U".
    public let title: String
    /// The choice of labels in configurations that means this task.
    public let labels: LabelChoice
    /// Training images as they were published, those for validation included; nil where the files are anybody's own.
    public let publishedTrainingImages: Int?
    /// Names of the strata that are rare within their class by design: what recovery and robustness are about.
    public let rareStrata: [String]
    /// Made of the data set as it was read.
    public let view: @Sendable (DatasetSplits) -> DatasetSplits

    init(
      _ name: String, _ title: String, _ labels: LabelChoice, trainingImages: Int? = nil,
      rareStrata: [String] = [],
      view: @escaping @Sendable (DatasetSplits) -> DatasetSplits = { $0 }
    ) {
      self.name = name
      self.title = title
      self.labels = labels
      publishedTrainingImages = trainingImages
      self.rareStrata = rareStrata
      self.view = view
    }
  }

  /// Every data set that can be read, in the order in which `spread-exp data` lists them.
  public static let sources: [Source] = [
    Source(
      "cifar10", folder: CIFAR10.files.folders[0], files: ["cifar-10-binary.tar.gz"], advice: CIFAR10.advice,
      read: CIFAR10.load,
      tasks: [
        Task("cifar10", "CIFAR10", .fine, trainingImages: 50_000),
        Task("cifar10-coarse", "CIFAR10-Coarse", .coarse, trainingImages: 50_000, view: CIFAR10.coarse),
      ]),
    Source(
      "cifar100", folder: CIFAR100.files.folders[0], files: ["cifar-100-binary.tar.gz"],
      advice: CIFAR100.advice,
      read: CIFAR100.load,
      tasks: [
        Task("cifar100", "CIFAR100", .fine, trainingImages: 50_000),
        Task("cifar100-coarse", "CIFAR100-Coarse", .coarse, trainingImages: 50_000, view: CIFAR100.coarse),
        // 20 superclasses with strata of 500, 250, 100, 50 and 50 images.
        Task("cifar100-coarse-u", "CIFAR100-Coarse-U", .coarseUnbalanced, trainingImages: 19_000) {
          CIFAR100.coarseUnbalanced($0)
        },
      ]),
    Source(
      "mnist", folder: "mnist", files: MNIST.names.map { $0 + ".gz" }, advice: MNIST.advice, read: MNIST.load,
      tasks: [
        Task("mnist", "MNIST", .fine, trainingImages: 60_000),
        Task("mnist-coarse", "MNIST-Coarse", .coarse, trainingImages: 60_000) {
          MNIST.coarse($0, "MNIST-Coarse")
        },
      ]),
    Source(
      "glyphs", folder: nil, files: [], advice: "Glyphs are drawn by this program and need no files.",
      read: { _ in
        try Glyphs(
          trainingCounts: [Int](repeating: 600, count: 10), testCounts: [Int](repeating: 200, count: 10),
          seed: 1
        ).load()
      },
      tasks: [
        Task("glyphs", "Glyphs", .fine),
        Task("glyphs-coarse", "Glyphs-Coarse", .coarse) { MNIST.coarse($0, "Glyphs-Coarse") },
      ]),
    Source(
      "idx", folder: "idx",
      files: ["train-images", "train-labels", "test-images", "test-labels"].map { $0 + ".idx.gz" },
      advice: IDXDataset.advice, read: IDXDataset.load, tasks: [Task("idx", "IDX files", .coarse)]),
    Source(
      scaled: "waterbirds", folder: Waterbirds.folders[0], files: ["metadata.csv"],
      advice: Waterbirds.advice, read: Waterbirds.load, title: "Waterbirds",
      // The published validation images are among these.
      trainingImages: 4795 + 1199, rareStrata: ["landbird on water", "waterbird on land"]),
    Source(
      scaled: "celeba", folder: CelebA.folders[0],
      files: ["list_attr_celeba.txt", "list_eval_partition.txt", "img_align_celeba"], advice: CelebA.advice,
      read: CelebA.load, title: "CelebA",
      trainingImages: 162_770 + 19_867, rareStrata: ["blond, male"]),
    Source(
      scaled: "isic", folder: ISIC.folders[0], files: ["labels.csv", "images"], advice: ISIC.advice,
      read: ISIC.load, title: "ISIC",
      rareStrata: ["benign with patch"]),
    Source(
      scaled: "folder", folder: ImageFolder.folders[0], files: ["labels.csv", "images"],
      advice: ImageFolder.advice, read: ImageFolder.load, title: "Image folder"),
  ]

  /// The data set of a name in configurations.
  public static func source(_ name: String) -> Source? { sources.first { $0.name == name } }

  /// The task of a name on the command line, with its data set.
  public static func task(_ name: String) -> (source: Source, task: Task)? {
    for source in sources {
      if let task = source.tasks.first(where: { $0.name == name }) { return (source, task) }
    }
    return nil
  }
}
