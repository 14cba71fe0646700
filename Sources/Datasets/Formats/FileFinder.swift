import Basics
import Foundation

/// Finds files below a folder also under names that differ from the wanted ones in letter case or in Unicode form
/// only, as they do after a copy from another system.
///
/// A name that is there as it is wanted is taken. Otherwise the folder is listed, once; several that fit are an error.
struct FileFinder {
  /// In what the path that was found differs from the wanted one, less an ending that was not given.
  enum Difference: String {
    case letterCase = "letter case"
    case unicodeForm = "Unicode form"
  }

  struct Found {
    /// Within the folder.
    var path: String
    /// Nil where the name is there as it is wanted.
    var difference: Difference?
  }

  let root: String
  /// The names in folders that were listed, by their names in small letters. (Texts that Unicode takes for the
  /// same are equal as keys.)
  private var listings: [String: [String: [String]]] = [:]
  private var folders: [ExactText: Found?] = [:]

  init(in root: String) { self.root = root }

  /// The file or folder of a relative path without `..`; nil where there is none.
  ///
  /// - Parameter endings: that the last name may have, though the path does not
  /// - Throws: `FileFormatError` with the folder where several names fit equally well.
  mutating func find(_ path: String, endings: [String] = []) throws -> Found? {
    var components = path.split(separator: "/").filter { $0 != "." }.map(String.init)
    guard let last = components.popLast(), last != "..", !components.contains("..") else { return nil }
    let parent = components.joined(separator: "/")
    guard let folder = try self.folder(parent, components) else { return nil }
    return try name(last, in: folder, endings: endings)
  }

  private mutating func folder(_ path: String, _ components: [String]) throws -> Found? {
    if let known = folders[ExactText(path)] { return known }
    var found: Found? = Found(path: "")
    for component in components {
      guard let folder = found else { break }
      found = try name(component, in: folder, endings: [])
    }
    folders[ExactText(path)] = found
    return found
  }

  private mutating func name(_ name: String, in folder: Found, endings: [String]) throws -> Found? {
    let place = folder.path.isEmpty ? root : "\(root)/\(folder.path)"
    func found(_ actual: String, _ difference: Difference?) -> Found {
      Found(
        path: folder.path.isEmpty ? actual : "\(folder.path)/\(actual)",
        difference: folder.difference ?? difference)
    }
    var status = stat()
    if lstat("\(place)/\(name)", &status) == 0 { return found(name, nil) }
    let listing = self.listing(of: place)
    let wanted = ([""] + endings).map { name + $0 }
    let fitting = wanted.flatMap { listing[$0.lowercased()] ?? [] }
    let exact = fitting.filter { candidate in wanted.contains { ExactText($0) == ExactText(candidate) } }
    let best = exact.isEmpty ? fitting : exact
    guard best.count <= 1 else {
      throw FileFormatError(
        place,
        "the name \(quoted(name)) may mean \(listed(best.sorted().map { quoted($0) })); name the file as it is written"
      )
    }
    guard let best = best.first else { return nil }
    // Equal strings are those that Unicode takes for the same.
    let difference: Difference = wanted.contains(best) ? .unicodeForm : .letterCase
    return found(best, exact.isEmpty ? difference : nil)
  }

  private mutating func listing(of folder: String) -> [String: [String]] {
    if let known = listings[folder] { return known }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    let listing = Dictionary(grouping: names) { $0.lowercased() }
    listings[folder] = listing
    return listing
  }
}
