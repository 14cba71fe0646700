import Foundation

/// Why a run's folder could not be written or read.
public struct RunError: Error, Sendable, Equatable, CustomStringConvertible {
  public let description: String

  public init(_ description: String) { self.description = description }
}

/// Files that are replaced as a whole or not at all, whenever the process or the machine stops.
enum AtomicFile {
  /// Temporary files begin with this; what a killed process left is removed when its run goes on.
  static let temporaryPrefix = ".writing-"

  /// Writes bytes beside the file, forces them to disk, and puts them in the file's place.
  static func write(_ bytes: Data, to file: URL) throws {
    try replace(file) { try bytes.write(to: $0) }
  }

  static func write(_ text: String, to file: URL) throws { try write(Data(text.utf8), to: file) }

  /// Has `body` write a temporary file and puts it in the file's place.
  /// - Throws: `RunError` with the path and the system's reason, and what `body` throws.
  static func replace(_ file: URL, with body: (URL) throws -> Void) throws {
    let folder = file.deletingLastPathComponent()
    let temporary = folder.appendingPathComponent("\(temporaryPrefix)\(getpid())-\(file.lastPathComponent)")
    do {
      try body(temporary)
      try synchronise(temporary)
      guard rename(temporary.path, file.path) == 0 else { throw systemError("put in place", file) }
    } catch {
      unlink(temporary.path)
      throw error
    }
    // The new name must be on disk too before anything else counts on it.
    try synchronise(folder)
  }

  /// Adds text at the end and forces it to disk. A kill may leave part of it: readers drop a line without an end.
  static func append(_ text: String, to file: URL) throws {
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

  /// Removes the temporary files of processes that were killed while writing.
  static func removeLeftovers(in folder: URL) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    for name in names where name.hasPrefix(temporaryPrefix) {
      unlink(folder.appendingPathComponent(name).path)
    }
  }

  private static func synchronise(_ file: URL) throws {
    let descriptor = open(file.path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw systemError("opened", file) }
    defer { close(descriptor) }
    // Some file systems cannot synchronise folders and say EINVAL; there is nothing more to do there.
    guard fsync(descriptor) == 0 || errno == EINVAL else { throw systemError("forced to disk", file) }
  }

  private static func systemError(_ action: String, _ file: URL) -> RunError {
    RunError("\(file.path) could not be \(action): \(String(cString: strerror(errno)))")
  }
}
