import Foundation
import Tensors

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
/// `.gz` may be left out of the names of files that are not compressed.
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
  public static func load(from folder: String?) throws -> DatasetPair {
    let place = try find(in: folder)
    let names = try Names(in: place)
    let training = try IDXPart("train", in: place)
    let validation = try file("validation-images", in: place) == nil ? nil : IDXPart("validation", in: place)
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
    return DatasetPair(
      training: training.dataset(classes, strata), validation: validation?.dataset(classes, strata),
      test: test.dataset(classes, strata), source: "IDX files, \(place)")
  }

  /// A file of the folder, compressed or not.
  static func file(_ name: String, in folder: String) -> String? {
    ["\(folder)/\(name).idx.gz", "\(folder)/\(name).idx"].first { FileManager.default.fileExists(atPath: $0) }
  }

  private static func find(in folder: String?) throws -> String {
    let candidates =
      folder.map { root in ["idx", ""].map { (root as NSString).appendingPathComponent($0) } } ?? []
    let needed = ["train-images", "train-labels", "test-images", "test-labels"]
    var missing = needed
    for candidate in candidates {
      let absent = needed.filter { file($0, in: candidate) == nil }
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
  let imagesPath: String
  let labelsPath: String
  let strataPath: String
  let store: ImageStore
  let labels: [Int]
  let strata: [Int]?

  var shape: [Int] { [store.channels, store.height, store.width] }

  init(_ part: String, in folder: String) throws {
    func path(_ what: String) throws -> String {
      guard let path = IDXDataset.file("\(part)-\(what)", in: folder) else {
        throw MissingDataError(
          dataset: "A data set of IDX files", missing: ["\(part)-\(what).idx.gz"], searched: [folder],
          advice: IDXDataset.advice)
      }
      return path
    }
    imagesPath = try path("images")
    labelsPath = try path("labels")
    let images = try IDXArray(path: imagesPath)
    let shape = images.shape.count == 3 ? [images.shape[0], 1] + images.shape[1...] : images.shape
    guard images.holdsBytes, shape.count == 4, shape[1] == 1 || shape[1] == 3 else {
      throw FileFormatError(
        imagesPath, byte: 4,
        "images of unsigned bytes, [n, height, width] or [n, 1 or 3, height, width], expected, and the array has "
          + "the shape \(images.shape)" + (images.holdsBytes ? "" : " and another type"))
    }
    store = ImageStore(images.raw, count: shape[0], channels: shape[1], height: shape[2], width: shape[3])
    labels = try Self.numbers(labelsPath, count: shape[0], "classes")
    let strataFile = IDXDataset.file("\(part)-strata", in: folder)
    strataPath = strataFile ?? labelsPath
    strata = try strataFile.map { try Self.numbers($0, count: shape[0], "strata") }
  }

  private static func numbers(_ path: String, count: Int, _ what: String) throws -> [Int] {
    let array = try IDXArray(path: path)
    guard array.shape == [count] else {
      throw FileFormatError(
        path, byte: 4, "\(what) of \(count) images expected, and the array has the shape \(array.shape)")
    }
    guard let numbers = array.integers else {
      throw FileFormatError(path, byte: 2, "\(what) are whole numbers, and the array holds others")
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
