/// A data set of image files with a table that gives their classes, strata and parts.
///
/// ```swift
/// let data = try Waterbirds.load(from: "data", size: 256)
/// ```
public protocol ImageFolderDataset {
  /// How to get the files, in a sentence for people.
  static var advice: String { get }

  /// Reads the table, and looks for the folder of the images; reads none of them.
  ///
  /// - Parameter root: the data folder; nil where none is known, which throws `MissingDataError`.
  /// - Throws: `MissingDataError`, `FileFormatError`.
  static func table(in root: String?) throws -> ImageTable
}

extension ImageFolderDataset {
  /// Reads the data set: its images from the cache, or decoded into it.
  ///
  /// - Parameters:
  ///   - folder: the data folder; which folders in it are looked into stands at each data set.
  ///   - size: side of the stored images: the shorter side is scaled to it, and the centre kept
  ///   - cache: the folder of caches
  ///   - skipsDamaged: leaves damaged images out, which are an error otherwise
  ///   - report: told of the decoding
  /// - Throws: `MissingDataError`, `FileFormatError`, `CacheError`, `UnusableDataError`, and what `report` throws.
  public static func load(
    from folder: String?, size: Int, cache: String = CacheFolder.standard, skipsDamaged: Bool = false,
    report: ImageFolderReport? = nil
  ) throws -> DatasetSplits {
    try table(in: folder).load(size: size, cache: cache, skipsDamaged: skipsDamaged, report: report)
  }
}
