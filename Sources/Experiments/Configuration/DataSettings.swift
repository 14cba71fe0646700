import Datasets

/// Which images and labels an experiment is about.
public struct DataSettings: Sendable, Equatable {
  /// A data set that can be read: a name of `Catalogue`.
  public struct Name: RawRepresentable, CaseIterable, Sendable, Hashable {
    /// As `Catalogue` and configurations have it.
    public let rawValue: String

    /// Nil where the catalogue has no such name.
    public init?(rawValue name: String) {
      guard Catalogue.source(name) != nil else { return nil }
      rawValue = name
    }

    private init(_ source: Catalogue.Source) { rawValue = source.name }

    /// Every data set, in the catalogue's order.
    public static var allCases: [Name] { Catalogue.sources.map(Name.init) }

    /// What the program draws itself, and needs no files for.
    public static let glyphs = Name(rawValue: "glyphs")!

    var source: Catalogue.Source { Catalogue.source(rawValue)! }
  }

  /// What the encoder is trained on: a few superclasses, or the classes themselves.
  public typealias Labels = LabelChoice

  /// Which data set; it decides which of the other settings mean anything.
  public var name = Name.glyphs
  /// What is trained on; a choice that the data set lacks is a `ConfigurationError`.
  public var labels = Labels.coarse
  /// Where the files are, unless `--data` names a folder; nil: the environment variable `SPREAD_DATA`.
  public var folder: String?
  /// Training images (validation included) that are used, drawn at random with the validation's seed; nil:
  /// all.
  public var trainingImages: Int?
  /// Test images that are used; nil: all.
  public var testImages: Int?
  /// The share of the training images that is trained on, after validation images were held out; drawn at random
  /// with the validation's seed, a smaller share within a larger one.
  public var fraction = 1.0
  /// Wrong classes that training sees; none by default.
  public var labelNoise = LabelNoiseSettings()
  /// Side of the images that the encoder sees; nil: 224 for image folders, else that of the data set's images.
  public var imageSize: Int?
  /// Image folders: side to which images are scaled before they are stored, views being cut from these; nil:
  /// `round(imageSize * 256 / 224)`.
  public var storedSize: Int?
  /// Image folders: goes on without images that are damaged, which are an error otherwise.
  public var skipDamaged = false
  /// Glyphs: training images of each digit. Unequal numbers make rare strata.
  public var trainingImagesOfDigit = [Int](repeating: 600, count: 10)
  /// Glyphs: test images of each digit.
  public var testImagesOfDigit = [Int](repeating: 200, count: 10)
  /// Glyphs: seed of the drawings.
  public var seed = 1

  /// Creates settings with default values.
  public init() {}

  /// Training images of the task as it was published, those for validation included; nil where the files are anybody's own.
  package var publishedTrainingImages: Int? { name.source.task(labels)?.publishedTrainingImages }

  /// Side of the views; nil where they have the size of the data set's images.
  var sizeOfViews: Int? { imageSize ?? name.source.viewSize }

  /// Side of the stored images; nil where the data set has its own.
  var sizeOfStore: Int? {
    guard name.source.isScaled, let sizeOfViews else { return nil }
    return storedSize ?? Int((Double(sizeOfViews) * 256 / 224).rounded())
  }
}

/// Wrong classes among those that training sees. Validation and test images keep theirs, and strata stay.
public struct LabelNoiseSettings: Sendable, Equatable {
  /// Share of the training images, rounded to whole ones, that get one of the other classes, each with equal
  /// probability. 0: none.
  public var share = 0.0
  /// Seed of which images and which classes, the same for every seed of training. What is wrong at a smaller
  /// share is wrong in the same way at a larger one.
  public var seed = 0

  /// Creates settings with default values.
  public init() {}
}

extension LabelNoiseSettings: ConfigurationSection {
  package static var defaults: Self { Self() }

  package static var fields: [ConfigurationField<Self>] {
    [
      .value(
        "share", \.share, .within(0...1),
        "Share of the training images that get another class, each of the others with equal probability."),
      .value("seed", \.seed, .within(0...Int(Int32.max)), "Seed of the choice of images and classes."),
    ]
  }
}

extension DataSettings.Name: ConfigurationChoice {}
extension LabelChoice: ConfigurationChoice {}

extension DataSettings: ConfigurationSection {
  package static var defaults: Self { Self() }

  package static var fields: [ConfigurationField<Self>] {
    let isGenerated: (Self) -> Bool = { $0.name == .glyphs }
    let isRead: (Self) -> Bool = { $0.name != .glyphs }
    let digits = Limits<[Int]>.each(1...100_000, count: 10...10)
    return [
      .value(
        "name", \.name, "The data set: glyphs is drawn by the program itself; the others are read from files."
      ),
      .value(
        "labels", \.labels,
        "What the encoder is trained on: coarse (superclasses), fine, or coarse-u (cifar100: superclasses with rare strata)."
      ),
      .value(
        "folder", \.folder,
        "Folder of the files, unless --data names one; absent: SPREAD_DATA. Not part of a run's identity.",
        when: isRead),
      .value(
        "trainingImages", \.trainingImages, Limits<Int>.within(100...10_000_000).orAbsent(),
        "Training images used, validation included, drawn at random; absent: all.", when: isRead),
      .value(
        "testImages", \.testImages, Limits<Int>.within(10...10_000_000).orAbsent(),
        "Test images used, drawn at random; absent: all.", when: isRead),
      .value(
        "trainingImagesOfDigit", \.trainingImagesOfDigit, digits, "Training images of each digit.",
        when: isGenerated),
      .value(
        "testImagesOfDigit", \.testImagesOfDigit, digits, "Test images of each digit.", when: isGenerated),
      .value("seed", \.seed, .within(0...Int(Int32.max)), "Seed of the drawings.", when: isGenerated),
      .value(
        "imageSize", \.imageSize, Limits<Int>.within(8...1024).orAbsent(),
        "Side of the images that the encoder sees; absent: 224 for image folders, else as the data set has them."
      ),
      .value(
        "storedSize", \.storedSize, Limits<Int>.within(8...2048).orAbsent(),
        "Side to which the images of a folder are scaled before views are cut from them; absent: imageSize * 256 / 224.",
        when: { $0.name.source.isScaled }),
      // Not written where they change nothing: runs that were made before these keys keep their identity.
      .value(
        "skipDamaged", \.skipDamaged,
        "Whether images of a folder that are damaged are left out; otherwise they are an error.",
        when: { $0.name.source.isScaled }
      ).omitted { !$0.skipDamaged },
      .value(
        "fraction", \.fraction, .within(0.0001...1),
        "Share of the training images that is trained on, after validation images were held out."
      ).omitted { $0.fraction == 1 },
      .section(
        "labelNoise", \.labelNoise, "Wrong classes among the training images, for experiments on robustness."
      ).omitted { $0.labelNoise.share == 0 },
    ]
  }

  package var conflict: (key: String, problem: String)? {
    guard name.source.task(labels) == nil else { return nil }
    let known = name.source.tasks.map { "\"\($0.labels.rawValue)\"" }.joined(separator: ", ")
    return ("labels", "\(name.rawValue) has no labels \"\(labels.rawValue)\"; it has \(known)")
  }
}
