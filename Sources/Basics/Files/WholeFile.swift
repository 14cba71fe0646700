import Foundation

/// Whole files, read with a sentence when they cannot be and written so that a kill at any moment leaves the
/// old or the new one.
package enum WholeFile {
  package static func read(_ path: String) throws -> Data {
    let file = try RegularFile(path)
    var data = Data()
    data.reserveCapacity(min(file.size, 1 << 26))
    var chunk = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let count = try chunk.withUnsafeMutableBytes { try file.read(into: $0) }
      guard count > 0 else { return data }
      data.append(contentsOf: chunk[..<count])
    }
  }

  /// A text of UTF-8 that a person wrote: a configuration, a list.
  /// - Throws: `FileFormatError` when it cannot be read, is no such text, or is larger than any should be.
  package static func readText(_ path: String, largest: Int = 1 << 24) throws -> String {
    let size = try RegularFile(path).size
    guard size <= largest else {
      throw FileFormatError(path, "\(size) bytes, and a text of at most \(largest) was expected")
    }
    let data = try read(path)
    guard let text = String(validating: data, as: UTF8.self) else {
      let isWide = [[0xFF, 0xFE], [0xFE, 0xFF]].contains { data.starts(with: $0) }
      throw FileFormatError(
        path,
        "this is not UTF-8 text" + (isWide ? " but seems to be UTF-16" : "") + ": save it as UTF-8")
    }
    return text
  }

  /// Writes beside the file under another name, brings it to the disk, and renames it.
  package static func write(_ data: Data, to path: String) throws {
    try write(to: path) { try $0.write(contentsOf: data) }
  }

  /// The same for what is written piece by piece.
  ///
  /// A link stays, and its file is replaced. A file that is replaced hands on its permissions, and its owner where the system
  /// allows. Devices, FIFOs and `/dev/stdout` are written into, as other programs do.
  /// - Throws: `FileFormatError` with the path; nothing is left beside the file.
  package static func write(to path: String, _ body: (FileWriter) throws -> Void) throws {
    do {
      switch try OutputPlace(path) {
      case .file(let target, let old): try replace(target, old, named: path, body)
      case .special(let target):
        try fill(open(target, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY), named: path, body)
      case .descriptor(let number): try fill(fcntl(number, F_DUPFD_CLOEXEC, 0), named: path, body)
      }
    } catch {
      throw error is FileFormatError
        ? error : FileFormatError(path, "cannot be written: \(error.localizedDescription)")
    }
  }

  /// Finds out whether `write` could succeed, before work is done for it.
  /// - Throws: `FileFormatError` where the path leads to a folder, into one that is missing, or where it may not be written.
  package static func check(_ path: String) throws { try OutputPlace(path).check(path) }

  private static func fill(_ descriptor: Int32, named path: String, _ body: (FileWriter) throws -> Void)
    throws
  {
    guard descriptor >= 0 else { throw OutputPlace.error(path, errno) }
    let writer = FileWriter(descriptor, path: path)
    try body(writer)
    try writer.close()
  }

  private static func replace(
    _ target: String, _ old: stat?, named path: String, _ body: (FileWriter) throws -> Void
  ) throws {
    let temporary = temporaryName(for: target)
    let mode = old.map { $0.st_mode & 0o700 | S_IWUSR } ?? 0o666
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard descriptor >= 0 else { throw OutputPlace.error(path, errno) }
    do {
      let writer = FileWriter(descriptor, path: path)
      if let old {
        // Bits that run a program as the file's owner mean something else with another one.
        let isOwnerKept = fchown(descriptor, old.st_uid, old.st_gid) == 0
        fchmod(descriptor, old.st_mode & (isOwnerKept ? 0o7777 : 0o777))
      }
      try body(writer)
      try writer.synchronise()
      try writer.close()
      guard rename(temporary, target) == 0 else {
        throw FileFormatError(path, "cannot be replaced: \(String(cString: strerror(errno)))")
      }
    } catch {
      unlink(temporary)
      throw error
    }
    synchroniseFolder(of: target)
  }

  /// A name that no other writer of the same file has, in this process or on another machine.
  private static func temporaryName(for target: String) -> String {
    let suffix = ".\(UUID().uuidString.prefix(13)).partial"
    let name = target.split(separator: "/", omittingEmptySubsequences: false).last ?? ""
    // The longest names leave no room for more.
    guard name.utf8.count + suffix.utf8.count > Int(NAME_MAX) else { return target + suffix }
    return "\(OutputPlace.folder(of: target))/\(suffix)"
  }

  /// The rename itself reaches the disk with its folder.
  private static func synchroniseFolder(of path: String) {
    let descriptor = open(OutputPlace.folder(of: path), O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }
}
