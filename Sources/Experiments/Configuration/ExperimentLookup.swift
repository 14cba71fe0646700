import Basics
import Foundation

/// Finds experiment files by name.
public enum ExperimentLookup {
  /// Finds the file that a name stands for.
  ///
  /// A path that exists is taken as it is; a bare name is looked for in the working directory, then in
  /// `Experiments/` there, then in `Experiments/` of the folders above the program (a package that is run
  /// from elsewhere). `.json` may be left out.
  /// - Throws: `ConfigurationError` that lists where it looked and the nearest experiment.
  public static func find(
    _ name: String, workingDirectory: URL = currentDirectory, program: URL? = programFile
  ) throws -> URL {
    guard !name.isEmpty else { throw ConfigurationError(place: "--config", problem: "the name is empty") }
    let names = name.hasSuffix(".json") ? [name] : [name, name + ".json"]
    if name.contains("/") {
      for candidate in names {
        let isAbsolute = candidate.hasPrefix("/")
        let file =
          isAbsolute ? URL(fileURLWithPath: candidate) : workingDirectory.appendingPathComponent(candidate)
        if isFile(file) { return file }
      }
      let isFolder = FileManager.default.fileExists(
        atPath: URL(fileURLWithPath: name, relativeTo: workingDirectory).path)
      throw ConfigurationError(
        place: "--config",
        problem: isFolder ? "\(name) is a folder, and a file was expected" : "there is no file \(name)")
    }
    let folders = folders(workingDirectory: workingDirectory, program: program)
    for folder in [workingDirectory] + folders {
      for candidate in names.map(folder.appendingPathComponent) where isFile(candidate) { return candidate }
    }
    throw notFound(name, workingDirectory: workingDirectory, folders: folders)
  }

  /// The `Experiments` folders that a bare name is looked for in; those that exist.
  package static func folders(workingDirectory: URL, program: URL?) -> [URL] {
    var folders = [workingDirectory.appendingPathComponent("Experiments")]
    var folder = program?.resolvingSymlinksInPath().deletingLastPathComponent()
    while let current = folder, current.path != "/" {
      folders.append(current.appendingPathComponent("Experiments"))
      folder = current.deletingLastPathComponent()
    }
    return folders.filter { folder in
      var isFolder: ObjCBool = false
      return FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder) && isFolder.boolValue
    }
  }

  /// Every file in the folders that names are looked for in: experiments, tables, the schema.
  package static var allFiles: [URL] {
    folders(workingDirectory: currentDirectory, program: programFile).flatMap { folder in
      files(in: folder).map(folder.appendingPathComponent)
    }
  }

  /// The numbers of the tables that are defined, wherever a name is looked for.
  package static func tables(workingDirectory: URL = currentDirectory, program: URL? = programFile)
    -> [String]
  {
    let folders = [workingDirectory] + folders(workingDirectory: workingDirectory, program: program)
    let numbers = folders.flatMap(files(in:)).filter(isTable).map { $0.dropFirst(5).dropLast(5) }
    return Set(numbers.map(String.init)).sorted()
  }

  private static func isTable(_ name: String) -> Bool { name.hasPrefix("table") }

  private static func files(in folder: URL) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).filter {
      $0.hasSuffix(".json")
    }
  }

  /// This process's working directory.
  public static var currentDirectory: URL {
    URL(fileURLWithPath: FileManager.default.currentDirectoryPath, isDirectory: true)
  }

  /// This process's program file, also after a build has put a newer one in its place.
  public static var programFile: URL? {
    guard let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") else {
      return nil
    }
    let replaced = " (deleted)"
    return URL(fileURLWithPath: path.hasSuffix(replaced) ? String(path.dropLast(replaced.count)) : path)
  }

  private static func notFound(_ name: String, workingDirectory: URL, folders: [URL]) -> ConfigurationError {
    let known = folders.flatMap(files(in:)).filter { !$0.hasSuffix("schema.json") && !isTable($0) }.sorted()
    let best = nearest(to: name, among: known).map { "; nearest: \($0)" } ?? ""
    let places = ([workingDirectory] + folders).map(\.path).joined(separator: ", ")
    return ConfigurationError(
      place: "--config", problem: "there is no experiment \"\(name)\" in \(places)\(best)")
  }

  private static func isFile(_ url: URL) -> Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory)
      && !isDirectory.boolValue
  }
}
