import Foundation

/// Training and test points of one task, and its validation points where the data set comes with some.
public struct DatasetSplits: Sendable {
  /// What is trained on; where there is no validation part, validation points are split from it.
  public let training: ImageDataset
  /// The data set's own validation part; nil where it has none, and one is split from the training points.
  public let validation: ImageDataset?
  /// What is reported on.
  public let test: ImageDataset
  /// Where the data came from, in a sentence.
  public let source: String
  /// What a comparison with the published files gave.
  public let contents: ContentsCheck

  /// What a person should know of the data before they are used, in sentences.
  public let notes: [String]
  /// Damaged images that were left out, as was asked for.
  public let skippedImages: Int

  /// Parts of one task; they may share a store or have one each.
  public init(
    training: ImageDataset, validation: ImageDataset? = nil, test: ImageDataset, source: String,
    contents: ContentsCheck = .unverified("nothing published to compare with"), notes: [String] = [],
    skippedImages: Int = 0
  ) {
    self.training = training
    self.validation = validation
    self.test = test
    self.source = source
    self.contents = contents
    self.notes = notes
    self.skippedImages = skippedImages
  }

  /// The same view of each part.
  func mapped(_ view: (ImageDataset) -> ImageDataset) -> DatasetSplits {
    DatasetSplits(
      training: view(training), validation: validation.map(view), test: view(test), source: source,
      contents: contents, notes: notes, skippedImages: skippedImages)
  }
}

/// Whether the contents of files are those that were published.
public enum ContentsCheck: Sendable, Equatable {
  /// Their checksums are those of the published files.
  case published
  /// They are not; in which way.
  case other(String)
  /// Not known; what could be compared.
  case unverified(String)
}

/// Data that are not there: what is missing, where it was looked for, and how to get it.
public struct MissingDataError: Error, CustomStringConvertible, Sendable {
  /// Its name, for a person.
  public let dataset: String
  /// Files that were looked for in vain.
  public let missing: [String]
  /// Folders that were looked into, as full paths.
  public let searched: [String]
  /// How to get the files, in sentences.
  public let advice: String

  /// The error for files of one data set.
  public init(dataset: String, missing: [String], searched: [String], advice: String) {
    self.dataset = dataset
    self.missing = missing
    self.searched = searched.map(Self.fullPath)
    self.advice = advice
  }

  /// A relative path means nothing without the folder in which the program was started.
  private static func fullPath(_ path: String) -> String {
    path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
  }

  /// All of it in sentences.
  public var description: String {
    "\(dataset) was not found: \(missing.joined(separator: ", ")) missing"
      + (searched.isEmpty ? "" : " (looked in \(searched.joined(separator: ", ")))") + ". \(advice)"
  }
}
