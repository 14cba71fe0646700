import Basics
import Foundation

/// A data set of one's own, as gzipped IDX files in a folder.
///
/// | file | what |
/// |---|---|
/// | `train-images.idx.gz` | unsigned bytes, `[n, height, width]` (grey) or `[n, channels, height, width]`, 1 or 3 channels |
/// | `train-labels.idx.gz` | the class of each image, `[n]`, integers of any IDX type in 0...65,535 |
/// | `train-strata.idx.gz` | optional: the stratum of each image, likewise; else the classes are the strata |
/// | `test-images.idx.gz`, `test-labels.idx.gz`, `test-strata.idx.gz` | the test images |
/// | `validation-...` | optional: validation images, which else are split from the training images |
/// | `names.json` | optional: `{"classes": ["cat", ...], "strata": ["black cat", ...]}`, names for 0, 1, ... |
///
/// `.gz` may be left out of the names of files that are not compressed. Files that are called as MNIST's are
/// (`train-images-idx3-ubyte`, `train-images.idx3-ubyte.gz`), or lie in a folder of their own name, are found too,
/// and `source` says so.
public enum IDXDataset {
  static let largestNumber = 65_535
  static let largestNamesFile = 1 << 22

  /// How to arrange the files.
  public static let advice =
    "Put train-images.idx.gz, train-labels.idx.gz, test-images.idx.gz and test-labels.idx.gz (and, if you have them, "
    + "...-strata.idx.gz, validation-....idx.gz and names.json) into a folder 'idx', and name it or the folder that "
    + "holds it with --data or SPREAD_DATA; Guides/data-sets.md describes them."

  /// Classes and strata as given.
  /// - Parameter folder: the folder with the files, or one that has them in `idx`.
  /// - Throws: `MissingDataError` when a file is not there, `FileFormatError` when one is not what it should be.
  public static func load(from folder: String?) throws -> DatasetSplits {
    let place = try find(in: folder)
    let names = try Names(in: place)
    let training = try IDXPart("train", in: place)
    let hasValidation = file("validation-images", in: DataFolder(place)) != nil
    let validation = hasValidation ? try IDXPart("validation", in: place) : nil
    let test = try IDXPart("test", in: place)
    let parts = [training, validation, test].compactMap { $0 }
    for part in parts {
      guard part.shape == training.shape else {
        throw FileFormatError(
          part.imagesPath, byte: 4,
          "images of \(part.shape), and the training images are of \(training.shape)")
      }
      guard (part.strata == nil) == (training.strata == nil) else {
        throw FileFormatError(
          part.labelsPath, "strata are given for some parts of the data set and not for others")
      }
    }
    let classes = try names.checked("classes", parts.map(\.labels), paths: parts.map(\.labelsPath))
    let strata =
      training.strata == nil
      ? classes : try names.checked("strata", parts.map { $0.strata! }, paths: parts.map(\.strataPath))
    return DatasetSplits(
      training: training.dataset(classes, strata), validation: validation?.dataset(classes, strata),
      test: test.dataset(classes, strata),
      source: "IDX files, \(place)\(FoundFile.remark(parts.flatMap(\.files), in: place))")
  }

  /// A file of the folder, compressed or not.
  static func file(_ name: String, in folder: DataFolder) -> FoundFile? {
    folder.file(named: ["\(name).idx.gz", "\(name).idx"]) {
      $0.prefix(name.count).lowercased() == name
        && $0.dropFirst(name.count).wholeMatch(of: /[.-]idx\d?([.-]ubyte)?([.-]gz)?/.ignoresCase()) != nil
    }
  }

  private static func find(in folder: String?) throws -> String {
    let candidates =
      folder.map { root in ["idx", ""].map { (root as NSString).appendingPathComponent($0) } } ?? []
    let needed = ["train-images", "train-labels", "test-images", "test-labels"]
    var missing = needed
    for candidate in candidates {
      let place = DataFolder(candidate)
      let absent = needed.filter { file($0, in: place) == nil }
      if absent.isEmpty { return candidate }
      if absent.count < missing.count { missing = absent }
    }
    throw MissingDataError(
      dataset: "A data set of IDX files", missing: missing.map { "\($0).idx.gz" }, searched: candidates,
      advice: advice)
  }
}

/// The arrays of one part.
private struct IDXPart {
  /// Of images, labels and, where they are given, strata.
  let files: [FoundFile]
  let store: ImageStore
  let labels: [Int]
  let strata: [Int]?

  var imagesPath: String { files[0].path }
  var labelsPath: String { files[1].path }
  var strataPath: String { files[files.count - 1].path }
  var shape: [Int] { [store.channels, store.height, store.width] }

  init(_ part: String, in folder: String) throws {
    let place = DataFolder(folder)
    func file(_ what: String) throws -> FoundFile {
      guard let file = IDXDataset.file("\(part)-\(what)", in: place) else {
        throw MissingDataError(
          dataset: "A data set of IDX files", missing: ["\(part)-\(what).idx.gz"], searched: [folder],
          advice: IDXDataset.advice)
      }
      return file
    }
    let given = [try file("images"), try file("labels")]
    let strataFile = IDXDataset.file("\(part)-strata", in: place)
    files = given + (strataFile.map { [$0] } ?? [])
    let images = try Self.images(given[0].path)
    let shape = Self.fourAxes(images.shape)
    store = ImageStore(
      images.raw, count: shape[0], channels: shape[1], height: shape[2], width: shape[3])
    labels = try Self.numbers(given[1].path, count: shape[0], "classes")
    strata = try strataFile.map { try Self.numbers($0.path, count: shape[0], "strata") }
  }

  private static func images(_ path: String) throws -> IDXArray {
    try IDXArray(path: path) { shape, type in
      let axes = fourAxes(shape)
      guard type == IDXArray.byte, axes.count == 4, axes[1] == 1 || axes[1] == 3 else {
        throw FileFormatError(
          path, byte: 4,
          "images of unsigned bytes, [n, height, width] or [n, 1 or 3, height, width], expected, and the array has "
            + "the shape \(shape) of \(type)")
      }
    }
  }

  /// The shape with an axis of channels.
  private static func fourAxes(_ shape: [Int]) -> [Int] {
    shape.count == 3 ? [shape[0], 1] + shape[1...] : shape
  }

  private static func numbers(_ path: String, count: Int, _ what: String) throws -> [Int] {
    let array = try IDXArray(path: path) { shape, type in
      guard shape == [count] else {
        throw FileFormatError(
          path, byte: 4, "\(what) of \(count) images expected, and the array has the shape \(shape)"
        )
      }
    }
    guard let numbers = array.integers else {
      throw FileFormatError(
        path, byte: 2,
        "\(what) are whole numbers, and the array holds numbers of type \(array.type): write unsigned bytes or int32"
      )
    }
    if let place = numbers.firstIndex(where: { !(0...IDXDataset.largestNumber).contains($0) }) {
      throw FileFormatError(
        path, byte: 8 + place * array.type.size,
        "\(numbers[place]) is not in 0...\(IDXDataset.largestNumber) (byte of the decompressed data)")
    }
    return numbers
  }

  func dataset(_ classes: [String], _ strata: [String]) -> ImageDataset {
    ImageDataset(
      name: "IDX", store: store, labels: labels, strata: self.strata ?? labels, classNames: classes,
      stratumNames: strata)
  }
}

/// `names.json`, where there is one.
private struct Names {
  private let path: String
  private let lists: JSONNode?

  init(in folder: String) throws {
    path = "\(folder)/names.json"
    guard FileManager.default.fileExists(atPath: path) else {
      lists = nil
      return
    }
    let reader = try GzipReader(path: path)
    guard reader.fileSize <= IDXDataset.largestNamesFile, !reader.isCompressed else {
      throw FileFormatError(path, "\(reader.fileSize) bytes, and a JSON object of names was expected")
    }
    guard let text = String(bytes: try reader.bytes(reader.fileSize, "the names"), encoding: .utf8) else {
      throw FileFormatError(path, "this is not UTF-8 text")
    }
    do { lists = try JSONParser.parse(text, source: path) } catch let error as JSONSyntaxError {
      let line = error.origin.line.map { ", line \($0)" } ?? ""
      throw FileFormatError(path, "this is not JSON\(line): \(error.problem)")
    }
    guard let members = lists?.members, members.allSatisfy({ ["classes", "strata"].contains($0.key) }) else {
      throw FileFormatError(path, "an object with the lists `classes` and `strata` was expected")
    }
  }

  /// The names of the numbers of all parts: the file's, or the numbers themselves.
  func checked(_ key: String, _ numbers: [[Int]], paths: [String]) throws -> [String] {
    let largest = numbers.compactMap { $0.max() }.max() ?? 0
    guard let list = lists?[key] else { return (0...largest).map(String.init) }
    guard let nodes = list.elements, nodes.count <= IDXDataset.largestNumber + 1 else {
      throw FileFormatError(path, "`\(key)` is not a list of at most \(IDXDataset.largestNumber + 1) names")
    }
    let names = nodes.compactMap(\.text)
    guard names.count == nodes.count, names.allSatisfy({ !$0.isEmpty }), Set(names).count == names.count
    else {
      throw FileFormatError(path, "`\(key)` is not a list of different texts")
    }
    for (part, path) in zip(numbers, paths) {
      if let place = part.firstIndex(where: { $0 >= names.count }) {
        throw FileFormatError(
          path, "element \(place) is \(part[place]), and names.json has \(names.count) \(key)")
      }
    }
    return names
  }
}
