import Foundation
import Tensors

/// What is told while a data set of image files is being read.
public enum ImageFolderEvent: Sendable {
  /// Something worth knowing, in a sentence.
  case note(String)
  /// How many of the images have been decoded, and the seconds that the rest will take.
  case decoding(done: Int, total: Int, secondsLeft: Double)
}

/// Called from the thread that loads the data set, about twice a second while images are decoded. What it
/// throws ends the loading.
public typealias ImageFolderReport = (ImageFolderEvent) throws -> Void

/// A table of image files with their classes, strata and parts: what every data set of image files comes to.
struct ImageTable {
  enum Part: Int, CaseIterable { case training, validation, test }

  struct Entry {
    /// The image's path within the folder of the images.
    let file: String
    let row: DelimitedTable.Row
    let label: Int
    let stratum: Int
    /// Nil where the table does not say.
    var part: Part?
  }

  /// For people, for example "Waterbirds".
  let name: String
  /// The folder that the entries' paths start from.
  let images: String
  let table: DelimitedTable
  var entries: [Entry]
  let classNames: [String]
  let stratumNames: [String]
  /// How to get the files.
  let advice: String

  /// The three parts over one store of `[3, size, size]` images, from the cache or decoded into it.
  ///
  /// - Throws: `FileFormatError` for a table or an image that cannot be used, `MissingDataError` where images
  ///   are not there.
  func load(size: Int, cache: String, report: ImageFolderReport?) throws -> DatasetPair {
    require((1...4096).contains(size), "images of side \(size) are not stored; use 1 to 4096")
    guard !entries.isEmpty else { throw FileFormatError(table.path, "the table has no images") }
    try refuseDuplicates()
    let sources = try SourceImages(self)
    let cached = try ImageCache(
      name: name, folder: cache, sources: sources, size: size, report: report ?? { _ in })
    let store = try cached.store()
    let parts = try assignedParts()
    func part(_ wanted: Part) -> ImageDataset {
      let places = entries.indices.filter { parts[$0] == wanted }
      return ImageDataset(
        name: name, store: store, indices: places, labels: places.map { entries[$0].label },
        strata: places.map { entries[$0].stratum }, classNames: classNames, stratumNames: stratumNames)
    }
    let (training, validation, test) = (part(.training), part(.validation), part(.test))
    for (part, what) in [(training, "training"), (test, "test")] where part.count == 0 {
      throw FileFormatError(table.path, "no image is for \(what)")
    }
    return DatasetPair(
      training: training, validation: validation.count == 0 ? nil : validation, test: test,
      source: "\(name), \(table.path), images scaled to \(size) x \(size)")
  }

  private func refuseDuplicates() throws {
    var lines: [String: Int] = [:]
    lines.reserveCapacity(entries.count)
    for entry in entries {
      if let line = lines.updateValue(entry.row.line, forKey: entry.file) {
        throw table.error(entry.row, "the image \(entry.file) is in line \(line) already")
      }
    }
  }

  /// The parts that the table gives; where it gives none, 80% of each stratum for training and 10% each for
  /// validation and test, at random by the names of the files: the order of the table does not matter.
  private func assignedParts() throws -> [Part] {
    guard let undecided = entries.first(where: { $0.part == nil }) else { return entries.map { $0.part! } }
    guard entries.allSatisfy({ $0.part == nil }) else {
      throw table.error(undecided.row, "no part is given, and other images have one")
    }
    var result = [Part](repeating: .training, count: entries.count)
    var strata: [Int: [Int]] = [:]
    for place in entries.indices { strata[entries[place].stratum, default: []].append(place) }
    for (stratum, places) in strata {
      let sorted = places.sorted { entries[$0].file < entries[$1].file }
      var generator = RandomGenerator(seed: ImageTable.splitSeed).stream(UInt64(stratum))
      let order = generator.permutation(sorted.count).map { sorted[$0] }
      let held = Int((Double(order.count) * 0.1).rounded())
      for place in order[..<held] { result[place] = .validation }
      for place in order[held..<(2 * held)] { result[place] = .test }
    }
    return result
  }

  /// As the validation's in the experiments.
  static let splitSeed: UInt64 = 42

  /// The first of `candidates` within the data folder that holds `file`, and its path.
  static func folder(
    _ candidates: [String], in root: String?, holding files: [String], dataset: String, advice: String
  ) throws -> (folder: String, file: String) {
    let folders = root.map { root in
      candidates.map { $0.isEmpty ? root : (root as NSString).appendingPathComponent($0) }
    }
    for folder in folders ?? [] {
      for file in files where FileManager.default.fileExists(atPath: "\(folder)/\(file)") {
        return (folder, "\(folder)/\(file)")
      }
    }
    throw MissingDataError(
      dataset: dataset, missing: [files.joined(separator: " or ")], searched: folders ?? [], advice: advice)
  }
}

/// The files of a table's images, each within the folder of the images and there.
struct SourceImages {
  let folder: String
  let files: [String]
  /// Of names, sizes and times of change: another whenever a file was changed.
  let digest: String

  var count: Int { files.count }
  func path(_ place: Int) -> String { "\(folder)/\(files[place])" }

  /// - Throws: `FileFormatError` with the line of a path that is absolute or leads out of the folder, by `..`
  ///   or by a link; `MissingDataError` with the first files that are not there, and their number.
  init(_ table: ImageTable) throws {
    guard let resolved = realpath(table.images, nil) else {
      throw MissingDataError(
        dataset: table.name, missing: [table.images], searched: [], advice: table.advice)
    }
    defer { free(resolved) }
    let root = String(cString: resolved)
    folder = table.images
    files = table.entries.map(\.file)
    var parents: [String: Bool] = [:]
    var missing: [String] = []
    var hash = Fingerprint()
    for entry in table.entries {
      let file = entry.file
      guard !file.hasPrefix("/"), !file.isEmpty, !file.split(separator: "/").contains("..") else {
        throw table.table.error(
          entry.row, "\"\(file.prefix(80))\" is not a path within the folder of the images")
      }
      let path = "\(table.images)/\(file)"
      var status = stat()
      guard lstat(path, &status) == 0 else {
        missing.append(file)
        continue
      }
      // One look at each folder, and one at each file that is a link itself.
      let parent = (file as NSString).deletingLastPathComponent
      let isWithin = parents[parent] ?? SourceImages.isWithin(root, "\(table.images)/\(parent)")
      parents[parent] = isWithin
      var isLink: Bool { status.st_mode & S_IFMT == S_IFLNK }
      guard isWithin, !isLink || SourceImages.isWithin(root, path) else {
        throw table.table.error(
          entry.row, "\"\(file.prefix(80))\" leads out of the folder of the images by a link")
      }
      if isLink && stat(path, &status) != 0 {
        missing.append(file)
        continue
      }
      guard status.st_mode & S_IFMT == S_IFREG else {
        throw table.table.error(entry.row, "\"\(file.prefix(80))\" is not a file")
      }
      hash.add(file)
      hash.add("\(status.st_size) \(status.st_mtim.tv_sec) \(status.st_mtim.tv_nsec)")
    }
    guard missing.isEmpty else {
      let first = missing.prefix(3).joined(separator: ", ")
      let what = missing.count > 3 ? "\(first) and \(missing.count - 3) other images" : first
      throw MissingDataError(
        dataset: table.name, missing: [what], searched: [table.images], advice: table.advice)
    }
    digest = hash.text
  }

  private static func isWithin(_ root: String, _ path: String) -> Bool {
    guard let resolved = realpath(path, nil) else { return true }  // not there, which is told elsewhere
    defer { free(resolved) }
    let real = String(cString: resolved)
    return real == root || real.hasPrefix(root == "/" ? "/" : root + "/")
  }
}
