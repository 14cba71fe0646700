import Foundation

/// Any images with a table: `images/` and `labels.csv` beside it, in the data folder or in `folder` below it.
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
/// Blanks at the ends of a name are left out. A stratum's name that stands with several classes means one stratum in
/// each, named "class, stratum".
public enum ImageFolder: ImageFolderDataset {
  static let folders = ["folder", ""]

  /// How to lay the folder out.
  public static let advice =
    "Make a folder with 'images' and 'labels.csv' (columns path, class and, if you like, stratum and split: train, validation, "
    + "test), and name it, or the folder that holds it as 'folder', with --data or SPREAD_DATA."

  public static func table(in root: String?) throws -> ImageTable {
    let (folder, path) = try ImageTable.folder(
      folders, in: root, holding: ["labels.csv"], dataset: "The image folder", advice: advice)
    let table = try DelimitedTable(csv: path, columns: ["path", "class"], optional: ["stratum", "split"])
    let classes = try GroupNames("class", of: table, column: 1)
    let strata = try GroupNames("stratum", of: table, column: 2)
    let groups = table.rows.map { row in
      Group(classes.name(row.values[1]!), row.values[2].map(strata.name))
    }
    let classNames = ordered(groups.map(\.className))
    let stratumOf = numbered(groups)
    let classOf = Dictionary(uniqueKeysWithValues: classNames.enumerated().map { ($1, $0) })
    let entries = try zip(table.rows, groups).map { row, group in
      ImageTable.Entry(
        file: row.values[0]!, row: row, label: classOf[group.className]!, stratum: stratumOf.numbers[group]!,
        part: try row.values[3].map { try table.part(row, $0) })
    }
    return ImageTable(
      name: "Folder",
      images: try ImageTable.imagesFolder(
        ["images", "images/images"], in: folder, holding: entries.first?.file),
      table: table, entries: entries, classNames: classNames, stratumNames: stratumOf.names, advice: advice,
      notes: classes.notes + strata.notes)
  }

  /// A stratum by its name and its class; the name of the class alone where there are no strata.
  private struct Group: Hashable {
    let className: String
    let stratum: String?

    init(_ className: String, _ stratum: String?) { (self.className, self.stratum) = (className, stratum) }

    /// - Parameter isShared: some stratum's name occurs with several classes
    func name(isShared: Bool) -> String {
      guard let stratum else { return className }
      return isShared ? "\(className), \(stratum)" : stratum
    }
  }

  /// The strata's names in their order, and the number of each. Strata of two classes stay two, also where their
  /// names come to the same text.
  private static func numbered(_ groups: [Group]) -> (
    names: [String], numbers: [Group: Int]
  ) {
    let different = Set(groups)
    let isShared = Set(different.map(\.stratum)).count < different.count
    let byName = Dictionary(grouping: different) { $0.name(isShared: isShared) }
    let sorted = ordered(Array(byName.keys)).flatMap { name in
      byName[name]!.sorted { ($0.className, $0.stratum ?? "") < ($1.className, $1.stratum ?? "") }
    }
    return (
      sorted.map { $0.name(isShared: isShared) },
      Dictionary(uniqueKeysWithValues: sorted.enumerated().map { ($1, $0) })
    )
  }

  private static func ordered(_ names: [String]) -> [String] {
    let different = Set(names)
    let numbers = different.compactMap { Int($0) }
    return numbers.count == different.count
      ? different.sorted { (Int($0)!, $0) < (Int($1)!, $1) } : different.sorted()
  }
}
