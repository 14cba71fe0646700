import Foundation

/// Waterbirds (Sagawa et al. 2020): birds of the CUB data set cut out and laid onto pictures of land or
/// water. 4,795 training, 1,199 validation and 5,794 test images; 95% of the training birds stand before
/// their own kind of place.
///
/// Read is the published folder, `waterbird_complete95_forest2water2` or `waterbirds`, with `metadata.csv` (img_id,
/// img_filename, y, split, place, place_filename; split 0 for training, 1 for validation, 2 for test). Classes are the
/// kinds of birds, strata kinds of birds before kinds of places.
public enum Waterbirds: ImageFolderDataset {
  static let folders = ["waterbird_complete95_forest2water2", "waterbirds"]

  /// How to get the files.
  public static let advice =
    "Unpack waterbird_complete95_forest2water2.tar.gz (https://nlp.stanford.edu/data/dro/, 0.5 GB) so that there is "
    + "'waterbird_complete95_forest2water2/metadata.csv', and name the folder that holds it with --data or SPREAD_DATA."

  public static func table(in root: String?) throws -> ImageTable {
    let (folder, path) = try ImageTable.folder(
      folders, in: root, holding: ["metadata.csv"],
      dataset: "Waterbirds", advice: advice)
    let table = try DelimitedTable(csv: path, columns: ["img_filename", "y", "split", "place"])
    let entries = try table.rows.map { row in
      let values = row.values.map { $0! }
      let bird = try table.choice(row, "y", values[1], [["0"], ["1"]])
      let part = try table.choice(row, "split", values[2], [["0"], ["1"], ["2"]])
      let place = try table.choice(row, "place", values[3], [["0"], ["1"]])
      return ImageTable.Entry(
        file: values[0], row: row, label: bird, stratum: 2 * bird + place, part: .init(rawValue: part))
    }
    return ImageTable(
      name: "Waterbirds", images: folder, table: table, entries: entries,
      classNames: ["landbird", "waterbird"],
      stratumNames: ["landbird on land", "landbird on water", "waterbird on land", "waterbird on water"],
      advice: advice)
  }
}
