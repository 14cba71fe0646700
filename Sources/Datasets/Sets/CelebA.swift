import Foundation

/// CelebA (Liu et al. 2015): 202,599 aligned faces of 178 x 218 pixels with 40 attributes each.
///
/// Classes are blond hair or not (`Blond_Hair`), strata hair by `Male`, as in group DRO; the parts are the
/// published ones. Both tables are read as the authors' text files (blanks between the fields) or as the CSV
/// files of the copy on Kaggle, in one folder (`celeba` or `CelebA`) or in those of the authors' drive in it (`Anno`,
/// `Eval` and `Img`).
public enum CelebA: ImageFolderDataset {
  static let folders = ["celeba", "CelebA"]

  /// How to get the files.
  public static let advice =
    "Put img_align_celeba.zip, unpacked, with list_attr_celeba.txt and list_eval_partition.txt (from the authors' drive, see "
    + "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html; or the .csv files of Kaggle's copy) into a folder 'celeba', and name the "
    + "folder that holds it with --data or SPREAD_DATA."

  public static func table(in root: String?) throws -> ImageTable {
    func find(_ name: String, in folders: [String]) throws -> String {
      try ImageTable.folder(
        folders, in: root, holding: ["\(name).csv", "\(name).txt"], dataset: "CelebA", advice: advice
      ).file
    }
    let attributesPath = try find("list_attr_celeba", in: folders + folders.map { "\($0)/Anno" })
    let partsPath = try find("list_eval_partition", in: folders + folders.map { "\($0)/Eval" })
    let columns = ["image_id", "Blond_Hair", "Male"]
    let attributes =
      attributesPath.hasSuffix(".csv")
      ? try DelimitedTable(csv: attributesPath, columns: columns)
      : try DelimitedTable(blanks: attributesPath, columns: columns)
    let parts = try parts(partsPath)
    let entries = try attributes.rows.map { row in
      let values = row.values.map { $0! }
      let hair = try attributes.choice(row, "Blond_Hair", values[1], [["-1"], ["1"]])
      let sex = try attributes.choice(row, "Male", values[2], [["-1"], ["1"]])
      guard let part = parts[values[0]] else {
        throw attributes.error(row, "\(printable(values[0])) is in no part of list_eval_partition")
      }
      return ImageTable.Entry(file: values[0], row: row, label: hair, stratum: 2 * hair + sex, part: part)
    }
    // The authors' drive has the table in a folder beside that of the images; Kaggle's archive holds the folder of
    // images within one of the same name.
    var folder = (attributesPath as NSString).deletingLastPathComponent
    if (folder as NSString).lastPathComponent.lowercased() == "anno" {
      folder = (folder as NSString).deletingLastPathComponent
    }
    let images = ["img_align_celeba", "Img/img_align_celeba"].flatMap { ["\($0)/img_align_celeba", $0] }
    return ImageTable(
      name: "CelebA",
      images: try ImageTable.imagesFolder(images, in: folder, holding: entries.first?.file),
      table: attributes, entries: entries, classNames: ["not blond", "blond"],
      stratumNames: ["not blond, female", "not blond, male", "blond, female", "blond, male"],
      advice: advice)
  }

  private static func parts(_ path: String) throws -> [String: ImageTable.Part] {
    let names = ["image_id", "partition"]
    let table =
      path.hasSuffix(".csv")
      ? try DelimitedTable(csv: path, columns: names)
      : try DelimitedTable(blanks: path, names: names, columns: names)
    var result: [String: ImageTable.Part] = [:]
    for row in table.rows {
      let part = try table.choice(row, "partition", row.values[1]!, [["0"], ["1"], ["2"]])
      guard result.updateValue(.init(rawValue: part)!, forKey: row.values[0]!) == nil else {
        throw table.error(row, "the image \(printable(row.values[0]!)) comes a second time")
      }
    }
    return result
  }
}
