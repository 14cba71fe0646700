import Basics
import Foundation

/// The MNIST database of handwritten digits, from the four IDX files as they are distributed, gzipped or not.
public enum MNIST {
  static let names = [
    "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte",
  ]

  /// CRC-32 of the published files' decompressed contents, in the order of `names`.
  static let publishedChecksums: [UInt32] = [0xe9f4_d8b3, 0xe0cb_4ad2, 0x9137_3bdf, 0x4ab9_eff9]

  /// How to get the files.
  public static let advice =
    "`spread-exp fetch mnist` gets it. By hand: put the four files \(names.map { $0 + ".gz" }.joined(separator: ", ")) (from https://ossci-datasets.s3.amazonaws.com/mnist/ or "
    + "https://storage.googleapis.com/cvdf-datasets/mnist/) into a folder 'mnist', and name the folder that holds it with --data or "
    + "SPREAD_DATA."

  /// Digits as classes and strata.
  ///
  /// Files of the same form with other contents are read too (other data sets come under the same four
  /// names), and so are files that an unpacker named otherwise (`train-images.idx3-ubyte`, or a folder of the
  /// file's name with the file in it); `source` then says so.
  /// - Parameter folder: the folder with the files, or one that has them in `mnist`, `MNIST` or `MNIST/raw`.
  /// - Throws: `MissingDataError` when a file is not there, `FileFormatError` when one is not what it should
  ///   be.
  public static func load(from folder: String?) throws -> DatasetSplits {
    let (place, files) = try find(in: folder)
    let paths = files.map(\.path)
    let digits = (0...9).map(String.init)
    var checksums: [UInt32] = []
    func part(_ images: String, _ labels: String) throws -> ImageDataset {
      let (pixels, classes) = try DigitFiles.read(images: images, labels: labels, size: 28)
      checksums += [pixels.checksum, classes.checksum]
      let store = ImageStore(pixels.raw, count: pixels.shape[0], channels: 1, height: 28, width: 28)
      let fine = classes.raw.map(Int.init)
      return ImageDataset(
        name: "MNIST", store: store, labels: fine, strata: fine, classNames: digits, stratumNames: digits)
    }
    let (training, test) = (try part(paths[0], paths[1]), try part(paths[2], paths[3]))
    var source = "MNIST, \(place)\(FoundFile.remark(files, in: place))"
    let isPublished = checksums == publishedChecksums
    let difference = "contents other than those of the published MNIST files"
    if !isPublished { source += " (\(difference))" }
    return DatasetSplits(
      training: training, test: test, source: source, contents: isPublished ? .published : .other(difference))
  }

  /// Digits below 5 against the others as classes, digits as strata.
  public static func loadCoarse(from folder: String?) throws -> DatasetSplits {
    coarse(try load(from: folder), "MNIST-Coarse")
  }

  /// Ten digits as two classes.
  static func coarse(_ fine: DatasetSplits, _ name: String) -> DatasetSplits {
    fine.mapped {
      $0.relabelled(
        name, classOfStratum: (0...9).map { $0 < 5 ? 0 : 1 }, classNames: ["below 5", "5 and above"])
    }
  }

  private static func find(in folder: String?) throws -> (place: String, files: [FoundFile]) {
    let candidates =
      folder.map { root in
        ["mnist", "MNIST", "MNIST/raw", ""].map { (root as NSString).appendingPathComponent($0) }
      } ?? []
    var fewestMissing = names
    for candidate in candidates {
      let place = DataFolder(candidate)
      let found = names.map { place.file(named: [$0 + ".gz", $0]) }
      let missing = zip(names, found).filter { $1 == nil }.map(\.0)
      if missing.isEmpty { return (candidate, found.compactMap { $0 }) }
      if missing.count < fewestMissing.count { fewestMissing = missing }
    }
    throw MissingDataError(dataset: "MNIST", missing: fewestMissing, searched: candidates, advice: advice)
  }
}

/// A pair of digit files, checked.
enum DigitFiles {
  static func read(images: String, labels: String, size: Int) throws -> (
    images: IDXArray, labels: IDXArray
  ) {
    let pixels = try IDXArray(path: images) { shape, type in
      guard type == IDXArray.byte, shape.count == 3, shape[1] == size, shape[2] == size else {
        throw FileFormatError(
          images, byte: 4,
          "images of \(size) x \(size) bytes expected, and the array has the shape \(shape)")
      }
    }
    let classes = try IDXArray(path: labels) { shape, type in
      guard type == IDXArray.byte, shape == [pixels.shape[0]] else {
        throw FileFormatError(
          labels, byte: 4,
          "\(pixels.shape[0]) labels expected, and the array has the shape \(shape)")
      }
    }
    if let place = classes.raw.firstIndex(where: { $0 > 9 }) {
      throw FileFormatError(
        labels, byte: 8 + place, "label \(classes.raw[place]) is not a digit (byte of the decompressed data)")
    }
    return (pixels, classes)
  }
}
