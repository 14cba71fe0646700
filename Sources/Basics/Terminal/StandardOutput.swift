import Foundation

/// Standard output: results, for a person or for the next program. What cannot be written is an error.
package enum StandardOutput {
  /// Standard output took no more.
  package struct Failure: Error, CustomStringConvertible {
    /// The system's number of the error.
    package let number: Int32

    /// Whether the reader is gone, as `head` is once it has its lines.
    package var isClosedPipe: Bool { number == EPIPE }

    package var description: String {
      "standard output cannot be written: \(String(cString: strerror(number)))"
    }
  }

  /// Writes text for a person; control characters are shown as numbers.
  /// - Throws: `Failure`.
  package static func write(_ text: String) throws { try send(text.printable) }

  /// Writes text for a person and ends the line.
  /// - Throws: `Failure`.
  package static func line(_ text: String = "") throws { try send(text.printable + "\n") }

  /// Writes JSON and ends its last line; control characters are escaped as JSON does.
  /// - Throws: `Failure`.
  package static func json(_ text: String) throws {
    try send(text.printableJSON + (text.hasSuffix("\n") ? "" : "\n"))
  }

  /// Nothing more follows. Some file systems tell only now that what was written is lost.
  /// - Throws: `Failure`.
  package static func close() throws {
    guard Foundation.close(STDOUT_FILENO) == 0 || errno == EBADF || errno == EINTR else {
      throw Failure(number: errno)
    }
  }

  private static func send(_ text: String) throws {
    var text = text
    let failure = text.withUTF8 { FileWriter.write(UnsafeRawBufferPointer($0), to: STDOUT_FILENO) }
    guard failure == 0 else { throw Failure(number: failure) }
  }
}

/// Standard error: progress, notes and errors. What nobody can read any more (a full disk, a terminal that is gone)
/// must not end the work.
package enum StandardError {
  /// Writes text and ends the line; control characters are shown as numbers.
  package static func line(_ text: String) { write(text.printable + "\n") }

  /// Writes as it is what may move a terminal's cursor.
  package static func write(_ text: String) {
    var text = text
    text.withUTF8 { _ = FileWriter.write(UnsafeRawBufferPointer($0), to: STDERR_FILENO) }
  }
}
