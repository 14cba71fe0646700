import Foundation
import Tensors

/// Any images with a table: `images/` and `labels.csv` beside it.
///
/// The table has the columns
/// * `path`: the file within `images`;
/// * `class`: the class's name;
/// * `stratum`, which may be left out: the finer group within the class; without it, the classes are the
///   strata;
/// * `split`, which may be left out: train, validation or test; without it, 80% of each stratum are for
///   training and 10% each for validation and test, with seed 42 by the files' names.
///
/// Classes and strata are numbered in the order of their names (of their values where all are whole numbers).
/// A stratum's name that stands with several classes means one stratum in each, named "class, stratum".
public enum ImageFolder {
  static let folders = ["folder", ""]

  /// How to lay the folder out.
  public static let advice =
    "Make a folder with 'images' and 'labels.csv' (columns path, class and, if you like, stratum and split: train, validation, "
    + "test), and name it, or the folder that holds it as 'folder', with --data or SPREAD_DATA."

  /// - Parameters:
  ///   - folder: holds `images` and `labels.csv`, or both in `folder`
  ///   - size: side of the stored images: the shorter side is scaled to it, and the centre kept
  ///   - cache: the folder of caches
  ///   - report: told of the decoding
  /// - Throws: `MissingDataError`, `FileFormatError`.
  public static func load(
    from folder: String?, size: Int, cache: String = Glyphs.defaultCache, report: ImageFolderReport? = nil
  ) throws -> DatasetPair {
    try table(in: folder).load(size: size, cache: cache, report: report)
  }

  static func table(in root: String?) throws -> ImageTable {
    let (folder, path) = try ImageTable.folder(
      folders, in: root, holding: ["labels.csv"], dataset: "The image folder", advice: advice)
    let table = try DelimitedTable(csv: path, columns: ["path", "class"], optional: ["stratum", "split"])
    for row in table.rows {
      for (value, column) in zip(row.values[1...2], ["class", "stratum"]) where value == "" {
        throw table.error(row, "the \(column) is empty")
      }
    }
    let classNames = ordered(table.rows.map { $0.values[1]! })
    var classesOfStratum: [String: Set<String>] = [:]
    for row in table.rows {
      row.values[2].map { _ = classesOfStratum[$0, default: []].insert(row.values[1]!) }
    }
    let isShared = classesOfStratum.values.contains { $0.count > 1 }
    func stratum(_ row: DelimitedTable.Row) -> String {
      guard let stratum = row.values[2] else { return row.values[1]! }
      return isShared ? "\(row.values[1]!), \(stratum)" : stratum
    }
    let stratumNames = ordered(table.rows.map(stratum))
    func numbers(_ names: [String]) -> [String: Int] {
      Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    }
    let (classes, strata) = (numbers(classNames), numbers(stratumNames))
    let entries = try table.rows.map { row in
      ImageTable.Entry(
        file: row.values[0]!, row: row, label: classes[row.values[1]!]!, stratum: strata[stratum(row)]!,
        part: try row.values[3].map { try table.part(row, $0) })
    }
    return ImageTable(
      name: "Folder", images: "\(folder)/images", table: table, entries: entries, classNames: classNames,
      stratumNames: stratumNames, advice: advice)
  }

  private static func ordered(_ names: [String]) -> [String] {
    let different = Set(names)
    let numbers = different.compactMap { Int($0) }
    return numbers.count == different.count
      ? different.sorted { (Int($0)!, $0) < (Int($1)!, $1) } : different.sorted()
  }
}
