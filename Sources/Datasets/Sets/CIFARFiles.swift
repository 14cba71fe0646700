import Basics
import Foundation

/// Where a CIFAR data set's files are, how a record is laid out, and what was published.
struct CIFARFiles: Sendable {
  /// One of the label bytes of a record, with the names of its values and the file that lists them.
  struct Label: Sendable {
    let names: [String]
    let file: String
  }

  let name: String
  /// Folders of the data folder in which people keep it.
  let folders: [String]
  /// Archives' names without `.tar.gz`, and the folder that they unpack to.
  let archive: String
  let smallArchive: String
  let unpacked: String
  let training: [String]
  let test: String
  /// Of each label byte, in order; the last one is the class.
  let labels: [Label]
  /// What the first label byte must be for each value of the second; empty when there is one byte.
  let coarseOfFine: [Int]
  let trainingCount: Int
  let testCount: Int
  /// How the published labels begin.
  let firstTrainingLabels: [Int]
  let firstTestLabels: [Int]

  static let side = 32
  static let pixels = 3 * side * side
  var recordSize: Int { labels.count + Self.pixels }

  var advice: String {
    "`spread-exp fetch \(folders[0])` gets it. By hand: put \(archive).tar.gz (from https://www.cs.toronto.edu/~kriz/cifar.html, the binary version; it need not be "
      + "unpacked) into a folder '\(folders[0])', and name the folder that holds it with --data or SPREAD_DATA."
  }

  // MARK: - Finding

  /// A place with the data.
  struct Place: Equatable {
    enum Kind: Equatable {
      case archive
      /// The files of the data set, by the names that they were published under.
      case folder([String: FoundFile])
    }

    let path: String
    var kind = Kind.archive
  }

  /// The full archive or the unpacked folder wherever they are; then the small archive.
  func find(in folder: String?) throws -> Place {
    let candidates =
      folder.map { root in (folders + [""]).map { (root as NSString).appendingPathComponent($0) } }
      ?? []
    var missing = ["\(archive).tar.gz"]
    for place in candidates.flatMap(unpackedPlaces) {
      if let found = existing(archive, in: place) { return found }
      let files = allFiles.reduce(into: [:]) { $0[$1] = place.file(named: [$1]) }
      let absent = (training + [test]).filter { files[$0] == nil }
      if absent.isEmpty { return Place(path: place.path, kind: .folder(files)) }
      if absent.count <= training.count,
        missing.count > absent.count || missing == ["\(archive).tar.gz"]
      {
        missing = absent.map { "\(place.path)/\($0)" }
      }
    }
    for candidate in candidates {
      if let found = existing(smallArchive, in: DataFolder(candidate)) { return found }
    }
    throw MissingDataError(dataset: name, missing: missing, searched: candidates, advice: advice)
  }

  private var allFiles: [String] { training + [test] + labels.map(\.file) }

  private func existing(_ name: String, in folder: DataFolder) -> Place? {
    let names = [".tar.gz", ".tgz", ".tar"].map { name + $0 }
    return folder.file(named: names) { names.contains($0.lowercased()) }.map {
      Place(path: $0.path)
    }
  }

  /// The folder that the archive unpacks to, in this one or within another that a program called as it or as the
  /// archive, and the folder itself.
  private func unpackedPlaces(_ candidate: String) -> [DataFolder] {
    let names = [unpacked, archive, archive + ".tar"]
    var places = [candidate]
    for _ in 0..<3 {
      places += places.flatMap { place in
        DataFolder(place).folders(named: { names.contains($0.lowercased()) }).filter {
          !places.contains($0)
        }
      }
    }
    return places.map(DataFolder.init)
  }

  // MARK: - Reading

  /// Records as they were read: part by part, in the order of the files that made them.
  struct ReadParts {
    let training: CIFARPart
    let test: CIFARPart
    let source: String
    let contents: ContentsCheck

    func splits(named name: String, classNames: [String], stratumNames: [String]) -> DatasetSplits {
      DatasetSplits(
        training: training.dataset(name, classNames, stratumNames),
        test: test.dataset(name, classNames, stratumNames), source: source, contents: contents)
    }
  }

  func read(from folder: String?) throws -> ReadParts { try read(find(in: folder)) }

  func read(_ place: Place) throws -> ReadParts {
    var parts = [
      CIFARPart(files: training, reserving: trainingCount), CIFARPart(files: [test], reserving: testCount),
    ]
    switch place.kind {
    case .archive: try read(archive: place.path, into: &parts)
    case .folder(let files): try read(files, into: &parts)
    }
    let missing = parts.flatMap(\.missing)
    guard missing.isEmpty else {
      throw FileFormatError(place.path, "there is no \(missing.joined(separator: ", ")) in it")
    }
    let (training, test) = (parts[0], parts[1])
    for (part, name) in [(training, "training"), (test, "test")] where part.labels.isEmpty {
      throw FileFormatError(place.path, "there are no \(name) images in it")
    }
    let contents = check(training.labels, test.labels)
    var source = "\(name), \(place.path)"
    if case .folder(let files) = place.kind {
      source += FoundFile.remark(allFiles.compactMap { files[$0] }, in: place.path)
    }
    if case .other(let difference) = contents { source += " (\(difference))" }
    return ReadParts(training: training, test: test, source: source, contents: contents)
  }

  private func read(archive path: String, into parts: inout [CIFARPart]) throws {
    let reader = try TarReader(path: path)
    while let entry = try reader.next() {
      if let names = labels.first(where: { $0.file == entry.lastComponent }) {
        guard entry.size <= Self.largestNamesFile else {
          throw reader.error(
            "\(entry.name) has \(entry.size) bytes, and a list of names was expected", at: entry.start)
        }
        var text = [UInt8](repeating: 0, count: entry.size)
        _ = try text.withUnsafeMutableBytes { try reader.read(into: $0) }
        try check(text, names, entry.name) { reader.error($0, at: entry.start) }
      } else if let part = parts.firstIndex(where: { $0.files.contains(entry.lastComponent) }) {
        guard entry.size % recordSize == 0 else {
          throw reader.error(
            "\(entry.name) has \(entry.size) bytes, which are not whole records of \(recordSize)",
            at: entry.start)
        }
        try parts[part].read(
          entry.lastComponent, of: self, start: entry.start, room: reader.largestContents,
          from: { try reader.read(into: $0) }, error: { reader.error($0, at: $1) })
      }
    }
  }

  private func read(_ found: [String: FoundFile], into parts: inout [CIFARPart]) throws {
    for names in labels {
      guard let path = found[names.file]?.path else { continue }
      let reader = try GzipReader(path: path)
      guard reader.fileSize <= Self.largestNamesFile, !reader.isCompressed else {
        throw FileFormatError(path, "\(reader.fileSize) bytes, and a list of names was expected")
      }
      try check(reader.bytes(reader.fileSize, "the names"), names, names.file) {
        FileFormatError(path, byte: 0, $0)
      }
    }
    for part in parts.indices {
      for file in parts[part].files {
        guard let path = found[file]?.path else { continue }
        let reader = try GzipReader(path: path)
        try parts[part].read(
          file, of: self, start: 0, room: reader.largestContents, from: { try reader.read(into: $0) },
          error: { FileFormatError(path, byte: $1, $0) })
      }
    }
  }

  private static let largestNamesFile = 1 << 16

  /// The files' names must be those that the superclasses are made of: other names are other data.
  private func check(_ text: [UInt8], _ label: Label, _ file: String, error: (String) -> FileFormatError)
    throws
  {
    let found = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isNewline).map {
      $0.trimmingCharacters(in: .whitespaces)
    }.filter { !$0.isEmpty }.map { CIFARNames.otherSpellings[$0] ?? $0 }
    guard found.count == label.names.count else {
      throw error("\(file) lists \(found.count) names, and \(label.names.count) were expected")
    }
    for (number, (name, expected)) in zip(found, label.names).enumerated() where name != expected {
      throw error("\(file) calls label \(number) '\(name.prefix(40))', which should be '\(expected)'")
    }
  }

  private func check(_ trainingLabels: [UInt8], _ testLabels: [UInt8]) -> ContentsCheck {
    var differences: [String] = []
    for (labels, count, what) in [
      (trainingLabels, trainingCount, "training"), (testLabels, testCount, "test"),
    ] where labels.count != count {
      differences.append("\(grouped(labels.count)) of \(grouped(count)) \(what) images")
    }
    if !differences.isEmpty { return .other(differences.joined(separator: ", ")) }
    let begins =
      zip(trainingLabels, firstTrainingLabels).allSatisfy { $0 == $1 }
      && zip(testLabels, firstTestLabels).allSatisfy { $0 == $1 }
    return begins
      ? .unverified("numbers of images and first labels as published; no checksum is known")
      : .other("as many images as were published, but not in the published order")
  }
}
