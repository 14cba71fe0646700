import Foundation

/// Bytes that go into an open file, one after the other.
package final class FileWriter {
  /// Of the file, for messages.
  private let path: String
  private var descriptor: Int32

  /// Takes over an open descriptor, and closes it in the end.
  package init(_ descriptor: Int32, path: String) { (self.descriptor, self.path) = (descriptor, path) }

  deinit { if descriptor >= 0 { Foundation.close(descriptor) } }

  /// Writes all of the data.
  /// - Throws: `FileFormatError` with the system's reason.
  package func write(contentsOf data: Data) throws {
    let failure = data.withUnsafeBytes { Self.write($0, to: descriptor) }
    guard failure == 0 else { throw error(failure) }
  }

  /// Forces what was written to the disk.
  func synchronise() throws {
    // EINVAL: a place that has nothing to force, such as a special file.
    guard fsync(descriptor) == 0 || errno == EINVAL else { throw error(errno) }
  }

  /// Some file systems tell only now that what was written is lost.
  package func close() throws {
    defer { descriptor = -1 }
    guard Foundation.close(descriptor) == 0 || errno == EINTR else { throw error(errno) }
  }

  private func error(_ number: Int32) -> FileFormatError {
    FileFormatError(path, "cannot be written: \(String(cString: strerror(number)))")
  }

  /// Writes all bytes, also to a descriptor that does not wait by itself.
  /// - Returns: 0, or the system's number of the error.
  package static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32 {
    var written = 0
    while written < bytes.count {
      let count = Foundation.write(descriptor, bytes.baseAddress! + written, bytes.count - written)
      if count > 0 {
        written += count
      } else if count < 0 && errno == EAGAIN {
        var room = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        poll(&room, 1, -1)
      } else if count == 0 || errno != EINTR {
        return count == 0 ? EIO : errno
      }
    }
    return 0
  }
}
