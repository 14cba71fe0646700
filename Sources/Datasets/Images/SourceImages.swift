import Basics
import Foundation

/// The files of a table's images, each within the folder of the images and there.
struct SourceImages {
  let folder: String
  /// As they are called on the disk.
  let files: [String]
  /// Of names, sizes and times of change: another whenever a file was changed.
  let digest: String
  /// What was found under other names than the table's.
  let notes: [String]

  var count: Int { files.count }
  func path(_ place: Int) -> String { "\(folder)/\(files[place])" }

  /// - Throws: `FileFormatError` with the line of a path that is absolute or leads out of the folder, by `..`
  ///   or by a link, of an image that comes a second time, and of a name that several files fit;
  ///   `MissingDataError` with the first files that are missing, and their number.
  init(_ table: ImageTable) throws {
    folder = table.images
    guard let root = Self.resolved(table.images) else {
      throw MissingDataError(
        dataset: table.name, missing: [table.images], searched: [], advice: table.advice)
    }
    var search = Search(table, root: root)
    var hash = Fingerprint()
    var (files, missing): ([String], [String]) = ([], [])
    files.reserveCapacity(table.entries.count)
    for entry in table.entries {
      guard let (file, status) = try search.find(entry) else {
        missing.append(printable(entry.file))
        continue
      }
      files.append(file)
      hash.add(file)
      hash.add("\(status.st_size) \(status.st_mtim.tv_sec) \(status.st_mtim.tv_nsec)")
    }
    guard missing.isEmpty else {
      let first = missing.prefix(3).joined(separator: ", ")
      let what = missing.count > 3 ? "\(first) and \(missing.count - 3) other images" : first
      throw MissingDataError(
        dataset: table.name, missing: [what], searched: [table.images], advice: table.advice)
    }
    self.files = files
    notes = search.notes
    digest = hash.text
  }

  /// A path without links; nil where there is nothing.
  private static func resolved(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  /// Finds one image after the other, and keeps what it learns of their folders.
  private struct Search {
    let table: ImageTable
    let root: String
    var finder: FileFinder
    /// Whether folders lie within the images' folder.
    var parents: [String: Bool] = [:]
    /// The lines of the files so far.
    var lines: [ExactText: Int] = [:]
    var renamed: [FileFinder.Difference: (count: Int, example: String)] = [:]

    init(_ table: ImageTable, root: String) {
      self.table = table
      self.root = root
      finder = FileFinder(in: table.images)
      lines.reserveCapacity(table.entries.count)
    }

    var notes: [String] {
      renamed.sorted { $0.key.rawValue < $1.key.rawValue }.map { difference, found in
        "\(table.table.path): \(grouped(found.count)) \(found.count == 1 ? "image was" : "images were") found under "
          + "names that differ from the table's in \(difference.rawValue) only, such as \(found.example)"
      }
    }

    /// The file of an entry, and what the system says of it; nil where it is missing.
    mutating func find(_ entry: ImageTable.Entry) throws -> (file: String, status: stat)? {
      let (wanted, row) = (entry.file, entry.row)
      let parts = wanted.split(separator: "/")
      guard !wanted.hasPrefix("/"), !parts.contains(".."), parts.contains(where: { $0 != "." }),
        !wanted.utf8.contains(0)
      else {
        throw table.table.error(row, "\(quoted(wanted)) is not a path within the folder of the images")
      }
      var (file, status) = (wanted, stat())
      if lstat("\(table.images)/\(file)", &status) != 0 {
        guard [ENOENT, ENOTDIR, ENAMETOOLONG].contains(errno) else {
          throw table.table.error(
            row,
            "\(quoted(wanted)) cannot be looked at in \(table.images): \(String(cString: strerror(errno)))")
        }
        guard let found = try look(for: wanted, row), lstat("\(table.images)/\(found)", &status) == 0 else {
          return nil
        }
        file = found
      }
      let path = "\(table.images)/\(file)"
      // One look at each folder, and one at each file that is a link itself.
      let parent = (file as NSString).deletingLastPathComponent
      let isWithin = parents[parent] ?? isWithinRoot("\(table.images)/\(parent)")
      parents[parent] = isWithin
      var isLink: Bool { status.st_mode & S_IFMT == S_IFLNK }
      guard isWithin, !isLink || isWithinRoot(path) else {
        throw table.table.error(row, "\(quoted(wanted)) leads out of the folder of the images by a link")
      }
      if isLink && stat(path, &status) != 0 { return nil }
      guard status.st_mode & S_IFMT == S_IFREG else {
        throw table.table.error(row, "\(quoted(wanted)) is not a file")
      }
      if let line = lines.updateValue(row.line, forKey: ExactText(Self.normalised(file))) {
        throw table.table.error(row, "the image \(printable(wanted)) is in line \(line) already")
      }
      return (file, status)
    }

    private mutating func look(for wanted: String, _ row: DelimitedTable.Row) throws -> String? {
      do {
        guard let found = try finder.find(wanted, endings: table.endings) else { return nil }
        if let difference = found.difference {
          // Forms of Unicode look the same.
          let shown = [found.path, wanted].map { quoted($0, asASCII: difference == .unicodeForm) }
          let example = "\(shown[0]) for \(shown[1])"
          renamed[difference, default: (0, example)].count += 1
        }
        return found.path
      } catch let error as FileFormatError {
        throw table.table.error(row, "\(error.reason) (in \(error.file))")
      }
    }

    /// The same path without empty parts and such as mean the folder itself.
    private static func normalised(_ path: String) -> String {
      guard path.hasPrefix("./") || path.contains("//") || path.contains("/./") else { return path }
      return path.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
    }

    private func isWithinRoot(_ path: String) -> Bool {
      guard let real = SourceImages.resolved(path) else { return true }  // missing, which is said elsewhere
      return real == root || real.hasPrefix(root == "/" ? "/" : root + "/")
    }
  }
}
