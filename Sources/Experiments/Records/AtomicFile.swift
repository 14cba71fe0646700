import Basics
import Foundation

/// The files of a run: replaced as a whole or not at all, or lengthened, whenever the process or the machine
/// stops.
package enum AtomicFile {
  /// What `WholeFile` calls a file while it writes it; what a killed process left is removed when its run
  /// goes on.
  static let temporarySuffix = ".partial"

  /// Writes beside the file, forces it to disk, and puts it in the file's place.
  package static func write(_ text: String, to file: URL) throws {
    try requireNoSpecial(file)
    try WholeFile.write(Data(text.utf8), to: file.path)
  }

  /// A value as JSON with its keys sorted: the same value gives the same bytes.
  package static func write(_ value: some Encodable, to file: URL) throws {
    try requireNoSpecial(file)
    try WholeFile.write(encoded(value) + Data("\n".utf8), to: file.path)
  }

  package static func encoded(_ value: some Encodable) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(value)
  }

  /// A FIFO or a device in the place of a run's file would be written into, and waited for.
  static func requireNoSpecial(_ file: URL) throws {
    var status = stat()
    guard lstat(file.path, &status) == 0, ![S_IFREG, S_IFLNK, S_IFDIR].contains(status.st_mode & S_IFMT)
    else {
      return
    }
    throw RunError("\(file.path) is \(RegularFile.kind(status.st_mode)), and a file was expected; remove it")
  }

  /// Adds text at the end and forces it to disk. A kill may leave part of it: readers drop a line without an
  /// end.
  /// - Throws: `RunError` with the path and the system's reason.
  package static func append(_ text: String, to file: URL) throws {
    let descriptor = open(file.path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw systemError("opened", file) }
    defer { close(descriptor) }
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw systemError("written", file) }
      rest = rest.dropFirst(count)
    }
    guard fsync(descriptor) == 0 else { throw systemError("forced to disk", file) }
  }

  /// Makes a folder and those above it; one that is there is left as it is.
  /// - Throws: `RunError` with the path that could not be made and the system's reason.
  package static func makeFolder(_ folder: URL) throws {
    if mkdir(folder.path, 0o777) == 0 { return }
    if errno == ENOENT, folder.path != "/" {
      try makeFolder(folder.deletingLastPathComponent())
      if mkdir(folder.path, 0o777) == 0 { return }
    }
    var isFolder: ObjCBool = false
    let failure = errno
    if failure == EEXIST, FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder),
      isFolder.boolValue
    {
      return
    }
    errno = failure
    throw systemError("made", folder)
  }

  /// Removes the unfinished files of processes that were killed while writing.
  static func removeLeftovers(in folder: URL) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    for name in names where name.hasSuffix(temporarySuffix) {
      unlink(folder.appendingPathComponent(name).path)
    }
  }

  private static func systemError(_ action: String, _ file: URL) -> RunError {
    RunError("\(file.path) could not be \(action): \(String(cString: strerror(errno)))")
  }
}
