import Foundation

/// A folder that is searched for the files of a data set: under their own names, and under those that unpackers
/// give them.
///
/// 7-Zip and Kaggle make `train-images.idx3-ubyte` of `train-images-idx3-ubyte`, or a folder of the file's name
/// with the file in it; Windows may give names in capitals.
package final class DataFolder {
  package let path: String
  /// Names in the folder, sorted; read when a name is not found as it is.
  private lazy var entries = Self.names(in: path)

  package init(_ path: String) { self.path = path }

  /// A file by one of its names, the first that exists; else a file with a similar name.
  func file(named names: [String]) -> FoundFile? {
    file(named: names) { [plain = Set(names.map(Self.plain))] in plain.contains(Self.plain($0)) }
  }

  /// - Parameter isAlike: whether another name may be one of the file's.
  func file(named names: [String], or isAlike: (String) -> Bool) -> FoundFile? {
    if let name = names.first(where: { Self.kind("\(path)/\($0)") == .file }) {
      return FoundFile(path: "\(path)/\(name)", hasOwnName: true)
    }
    return filesAlike(isAlike).first.map { FoundFile(path: $0, hasOwnName: false) }
  }

  /// Files with names similar to these, and then those in folders with such names.
  package func files(like names: [String]) -> [String] {
    filesAlike { [plain = Set(names.map(Self.plain))] in plain.contains(Self.plain($0)) }
  }

  /// Folders in this one with names that fit.
  func folders(named fits: (String) -> Bool) -> [String] {
    entries.filter(fits).map { "\(path)/\($0)" }.filter { Self.kind($0) == .folder }
  }

  private func filesAlike(_ isAlike: (String) -> Bool) -> [String] {
    let alike = entries.filter(isAlike).map { "\(path)/\($0)" }
    let nested = alike.filter { Self.kind($0) == .folder }.flatMap { folder in
      Self.names(in: folder).filter(isAlike).map { "\(folder)/\($0)" }
    }
    return (alike + nested).filter { Self.kind($0) == .file }
  }

  /// A name without what unpackers change of it: capitals, a dot for a dash, `.gz`.
  private static func plain(_ name: String) -> String {
    let plain = name.lowercased().replacing(".", with: "-")
    return plain.hasSuffix("-gz") ? String(plain.dropLast(3)) : plain
  }

  private static func names(in folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
  }

  enum Kind { case file, folder }

  /// Nil where there is nothing. Anything but a folder counts as a file: its reader refuses what is not one.
  static func kind(_ path: String) -> Kind? {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return nil }
    return isFolder.boolValue ? .folder : .file
  }
}

/// A file that was found, under its own name or another.
struct FoundFile: Equatable {
  let path: String
  let hasOwnName: Bool

  /// Lists the files of a folder that were found under other names than their own; empty where there are none.
  static func remark(_ files: [FoundFile], in folder: String) -> String {
    let names = files.filter { !$0.hasOwnName }.map { $0.path.dropFirst(folder.count + 1) }
    return names.isEmpty ? "" : " (under other names: \(names.joined(separator: ", ")))"
  }
}
