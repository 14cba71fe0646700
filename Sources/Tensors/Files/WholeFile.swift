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

  /// Writes beside the file under another name, brings it to the disk, and renames it.
  package static func write(_ data: Data, to path: String) throws {
    try write(to: path) { try $0.write(contentsOf: data) }
  }

  package static func write(to path: String, _ body: (FileHandle) throws -> Void) throws {
    // A name that no other writer of the same file has, in this process or on another machine.
    let temporary = "\(path).\(UUID().uuidString.prefix(13)).partial"
    do {
      guard FileManager.default.createFile(atPath: temporary, contents: nil),
        let handle = FileHandle(forWritingAtPath: temporary)
      else { throw FileFormatError(path, "cannot be written: \(String(cString: strerror(errno)))") }
      do {
        try body(handle)
        try handle.synchronize()
        try handle.close()
      } catch {
        try? handle.close()
        throw error
      }
      guard rename(temporary, path) == 0 else {
        throw FileFormatError(path, "cannot be replaced: \(String(cString: strerror(errno)))")
      }
      synchroniseFolder(of: path)
    } catch {
      unlink(temporary)
      throw error is FileFormatError
        ? error : FileFormatError(path, "cannot be written: \(reason(error))")
    }
  }

  /// The system's own words where Foundation hides them.
  private static func reason(_ error: any Error) -> String {
    let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
    guard let underlying, underlying.domain == NSPOSIXErrorDomain else { return error.localizedDescription }
    return String(cString: strerror(Int32(underlying.code)))
  }

  /// The rename itself reaches the disk with its folder.
  private static func synchroniseFolder(of path: String) {
    let folder = (path as NSString).deletingLastPathComponent
    let descriptor = open(folder.isEmpty ? "." : folder, O_RDONLY)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }
}
