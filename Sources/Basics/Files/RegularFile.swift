import Foundation

/// A regular file, open for reading; closed with the last reference.
///
/// A FIFO, a device, a socket or a folder in a file's place is refused, and is never waited for: opening a FIFO
/// that nobody writes to would otherwise take for ever.
package final class RegularFile {
  /// The path as it was given.
  package let path: String
  /// Stays open as long as this object lives.
  package let descriptor: Int32
  /// Bytes, as the system said when the file was opened.
  package let size: Int

  /// - Throws: `FileFormatError` with the path: no such file, not a regular file, or the system's reason.
  package init(_ path: String) throws {
    // Without O_NONBLOCK a FIFO would hold us here; regular files take no notice of it.
    let opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard opened >= 0 else {
      throw FileFormatError(
        path,
        errno == ENOENT ? "there is no such file" : "cannot be read: \(String(cString: strerror(errno)))")
    }
    var status = stat()
    guard fstat(opened, &status) == 0 else {
      let reason = String(cString: strerror(errno))
      close(opened)
      throw FileFormatError(path, "cannot be read: \(reason)")
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      close(opened)
      throw FileFormatError(path, "this is \(Self.kind(status.st_mode)), and a file was expected")
    }
    self.path = path
    descriptor = opened
    size = Int(status.st_size)
  }

  deinit { close(descriptor) }

  /// Reads what comes next, as much as the buffer takes; 0 at the end.
  /// - Throws: `FileFormatError` with the system's reason.
  package func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    while true {
      let count = Foundation.read(descriptor, buffer.baseAddress, buffer.count)
      if count >= 0 { return count }
      guard errno == EINTR else {
        throw FileFormatError(path, "cannot be read: \(String(cString: strerror(errno)))")
      }
    }
  }

  /// In words, for messages: "a folder", "a FIFO".
  package static func kind(_ mode: mode_t) -> String {
    switch mode & S_IFMT {
    case S_IFDIR: "a folder"
    case S_IFIFO: "a FIFO"
    case S_IFSOCK: "a socket"
    case S_IFCHR, S_IFBLK: "a device"
    case S_IFLNK: "a link"
    default: "not a regular file"
    }
  }
}
