import Basics
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
public struct ImageTable {
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

  /// Endings that the files may have where the table's names do not.
  var endings: [String] = []
  /// What was noticed while the table was read, in sentences.
  var notes: [String] = []

  /// The three parts over one store of `[3, size, size]` images, from the cache or decoded into it.
  ///
  /// - Parameter skipsDamaged: leaves damaged images out, which are an error otherwise
  /// - Throws: `FileFormatError` for a table or images that cannot be used, `MissingDataError` where images
  ///   are missing, `CacheError` where the decoded ones cannot be kept, `UnusableDataError` where there are too few.
  func load(size: Int, cache: String, skipsDamaged: Bool, report: ImageFolderReport?) throws -> DatasetSplits
  {
    require((1...4096).contains(size), "images of side \(size) are not stored; use 1 to 4096")
    guard !entries.isEmpty else { throw FileFormatError(table.path, "the table has no images") }
    let sources = try SourceImages(self)
    let parts = try assignedParts(sources)
    try refuseEmptyParts(parts)
    let images = try ImageCache(
      name: name, folder: cache, sources: sources, size: size, report: report ?? { _ in }
    ).images()
    let damaged = Set(images.damaged.map(\.place))
    if !damaged.isEmpty && (!skipsDamaged || damaged.count == entries.count) {
      throw damageError(images.damaged, sources)
    }
    func part(_ wanted: Part) -> ImageDataset {
      let places = entries.indices.filter { parts[$0] == wanted && !damaged.contains($0) }
      return ImageDataset(
        name: name, store: images.store, indices: places, labels: places.map { entries[$0].label },
        strata: places.map { entries[$0].stratum }, classNames: classNames, stratumNames: stratumNames)
    }
    let (training, validation, test) = (part(.training), part(.validation), part(.test))
    for (part, what) in [(training, "training"), (test, "test")] where part.count == 0 {
      throw FileFormatError(table.path, "every image for \(what) is damaged")
    }
    return DatasetSplits(
      training: training, validation: validation.count == 0 ? nil : validation, test: test,
      source: "\(name), \(table.path), images scaled to \(size) x \(size)"
        + (damaged.isEmpty ? "" : ", \(count(damaged.count)) left out as damaged"),
      notes: notes + sources.notes + splitNotes + decodingNotes(images, sources), skippedImages: damaged.count
    )
  }

  private func count(_ images: Int) -> String { "\(grouped(images)) \(images == 1 ? "image" : "images")" }

  private func damageError(_ damaged: [DecodingFinding], _ sources: SourceImages) -> FileFormatError {
    if damaged.count == 1 {
      return FileFormatError(
        sources.path(damaged[0].place),
        "\(damaged[0].reason). Replace the image, or leave it out with data.skipDamaged")
    }
    return FileFormatError(
      sources.folder,
      "\(grouped(damaged.count)) of \(grouped(entries.count)) images are damaged: \(sources.list(damaged)). Replace "
        + "them, or leave them out with data.skipDamaged")
  }

  private func decodingNotes(_ images: ImageCache.Images, _ sources: SourceImages) -> [String] {
    var notes: [String] = []
    if !images.warnings.isEmpty {
      notes.append(
        "\(count(images.warnings.count)) used although libjpeg warns of a thing beside the pixels: \(sources.list(images.warnings))"
      )
    }
    if !images.damaged.isEmpty {
      notes.append(
        "\(count(images.damaged.count)) left out as damaged (data.skipDamaged): \(sources.list(images.damaged))"
      )
    }
    return notes
  }

  /// The parts that the table gives; where it gives none, 80% of each stratum for training and 10% each for
  /// validation and test, at random by the names of the files: the order of the table does not matter.
  private func assignedParts(_ sources: SourceImages) throws -> [Part] {
    guard let undecided = entries.first(where: { $0.part == nil }) else { return entries.map { $0.part! } }
    guard entries.allSatisfy({ $0.part == nil }) else {
      throw table.error(undecided.row, "no part is given, and other images have one")
    }
    // Names without an ending are sorted with the ending that was found: so they always were.
    let names = endings.isEmpty ? entries.map(\.file) : sources.files
    var result = [Part](repeating: .training, count: entries.count)
    for (stratum, places) in strata {
      let sorted = places.sorted { names[$0] < names[$1] }
      var generator = RandomGenerator(seed: ImageTable.splitSeed).stream(UInt64(stratum))
      let order = generator.permutation(sorted.count).map { sorted[$0] }
      let held = Self.held(of: order.count)
      for place in order[..<held] { result[place] = .validation }
      for place in order[held..<(2 * held)] { result[place] = .test }
    }
    return result
  }

  /// The entries of each stratum.
  private var strata: [Int: [Int]] { Dictionary(grouping: entries.indices) { entries[$0].stratum } }

  private static func held(of count: Int) -> Int { Int((Double(count) * 0.1).rounded()) }

  /// On strata of an automatic split that nothing is reported on.
  private var splitNotes: [String] {
    guard entries.allSatisfy({ $0.part == nil }) else { return [] }
    let rare = strata.filter { Self.held(of: $0.value.count) == 0 }.keys.sorted()
    guard !rare.isEmpty else { return [] }
    let names = listed(rare.prefix(10).map { quoted(stratumNames[$0]) }, of: rare.count)
    return [
      "\(table.path): no image of the \(rare.count == 1 ? "stratum" : "strata") \(names) is for validation or the test: an "
        + "automatic split needs at least 5 images a stratum"
    ]
  }

  private func refuseEmptyParts(_ parts: [Part]) throws {
    for (part, what) in [(Part.training, "training"), (.test, "test")] where !parts.contains(part) {
      guard entries.allSatisfy({ $0.part == nil }) else {
        throw FileFormatError(table.path, "no image is for \(what)")
      }
      let largest = strata.values.map(\.count).max() ?? 0
      throw UnusableDataError(
        problem:
          "\(table.path): no image is for \(what): a table without a column 'split' holds back 10% of each "
          + "stratum, rounded, for validation and as many for the test, which is none of \(largest) (the largest "
          + "stratum has \(count(largest)))",
        advice: "Give the table a column 'split' (train, validation, test), or at least 5 images a stratum")
    }
  }

  /// As the validation's in the experiments.
  static let splitSeed: UInt64 = 42

  /// The first of `candidates` within the data folder that holds one of `files`, and its path. Each may lie in a
  /// folder of its own name, as some archives are unpacked, and be written in other letter case.
  static func folder(
    _ candidates: [String], in root: String?, holding files: [String], dataset: String, advice: String
  ) throws -> (folder: String, file: String) {
    let folders =
      candidates + candidates.filter { !$0.isEmpty && !$0.contains("/") }.map { "\($0)/\($0)" }
    func within(_ root: String, _ path: String) -> String {
      path.isEmpty ? root : (root as NSString).appendingPathComponent(path)
    }
    if let root {
      for folder in folders {
        for file in files where FileManager.default.fileExists(atPath: within(root, "\(folder)/\(file)")) {
          return (within(root, folder), within(root, folder) + "/\(file)")
        }
      }
      var finder = FileFinder(in: root)
      for path in folders.flatMap({ folder in files.map { "\(folder)/\($0)" } }) {
        guard let found = try finder.find(path) else { continue }
        return (within(root, (found.path as NSString).deletingLastPathComponent), within(root, found.path))
      }
    }
    throw MissingDataError(
      dataset: dataset, missing: [files.joined(separator: " or ")],
      searched: root.map { root in folders.map { within(root, $0) } } ?? [], advice: advice)
  }

  /// The first of `candidates` within a folder that holds an image of the table, else the first that is there, else
  /// the one with the shortest name.
  static func imagesFolder(
    _ candidates: [String], in folder: String, holding file: String?, endings: [String] = []
  ) throws -> String {
    var finder = FileFinder(in: folder)
    let found = try candidates.compactMap { try finder.find($0)?.path }
    let holding = try found.first { candidate in
      var finder = FileFinder(in: "\(folder)/\(candidate)")
      return try file.flatMap { try finder.find($0, endings: endings) } != nil
    }
    return "\(folder)/\(holding ?? found.first ?? candidates.min { $0.count < $1.count } ?? "")"
  }
}
