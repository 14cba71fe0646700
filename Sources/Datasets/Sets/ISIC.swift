import Foundation

/// Skin lesions of the ISIC archive with Rieger et al.'s (2020) coloured patches: in about half of the benign
/// images, and in none of the malignant ones, a plaster lies beside the lesion.
///
/// There is no published table of both, so this one is read: `isic/labels.csv` (or `ISIC/labels.csv`), with the columns
/// * `image`: the file in `isic/images`, with or without `.jpg`, `.jpeg` or `.png` (in any letter case);
/// * `malignant`: 0 or benign, 1 or malignant (the archive's field `benign_malignant`);
/// * `patch`: 1 where there is a patch (the images in Rieger et al.'s lists of segmentation masks), else 0;
/// * `split`, which may be left out: train, validation or test. Without it, 80% of each stratum are for
///   training and 10% each for validation and test, with seed 42 by the images' names.
///
/// Classes are benign and malignant; the strata are benign without a patch, benign with one, and malignant.
public enum ISIC: ImageFolderDataset {
  static let folders = ["isic", "ISIC"]

  /// How to get the images and make the table.
  public static let advice =
    "Download the images and their metadata from https://www.isic-archive.com, put the images into 'isic/images' and write "
    + "'isic/labels.csv' with the columns image, malignant (the field benign_malignant) and patch (1 for the images in the patch lists "
    + "of https://github.com/laura-rieger/deep-explanation-penalization); name the folder that holds 'isic' with --data or SPREAD_DATA."

  public static func table(in root: String?) throws -> ImageTable {
    let (folder, path) = try ImageTable.folder(
      folders, in: root, holding: ["labels.csv"], dataset: "ISIC", advice: advice)
    let table = try DelimitedTable(csv: path, columns: ["image", "malignant", "patch"], optional: ["split"])
    let entries = try table.rows.map { row in
      let isMalignant = try table.choice(
        row, "malignant", row.values[1]!, [["0", "benign"], ["1", "malignant"]])
      let hasPatch = try table.choice(row, "patch", row.values[2]!, [["0"], ["1"]])
      return ImageTable.Entry(
        file: row.values[0]!, row: row, label: isMalignant,
        stratum: isMalignant == 1 ? 2 : hasPatch, part: try row.values[3].map { try table.part(row, $0) })
    }
    let endings = [".jpg", ".jpeg", ".png"]
    let images = try ImageTable.imagesFolder(
      ["images", "images/images"], in: folder, holding: entries.first?.file, endings: endings)
    return ImageTable(
      name: "ISIC", images: images, table: table, entries: entries,
      classNames: ["benign", "malignant"],
      stratumNames: ["benign without patch", "benign with patch", "malignant"], advice: advice,
      endings: endings)
  }
}

extension DelimitedTable {
  /// A part of the data by the words that people write.
  func part(_ row: Row, _ text: String) throws -> ImageTable.Part {
    let place = try choice(
      row, "split", text, [["train", "training", "0"], ["validation", "val", "valid", "1"], ["test", "2"]])
    return ImageTable.Part(rawValue: place)!
  }
}
