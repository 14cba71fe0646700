import Basics
import Foundation

/// A place that may have a file.
enum FileOrigin: Equatable {
  /// With the address to try when this one has no such file.
  case address(String, fallback: String?)
  case path(String)

  var text: String {
    switch self {
    case .address(let text, _), .path(let text): text
    }
  }

  /// For messages.
  var shown: String { withoutPassword(text) }

  var fallback: FileOrigin? {
    if case .address(_, let other?) = self { .address(other, fallback: nil) } else { nil }
  }

  /// The published addresses, or the file's name under the source, there or in the data set's folder.
  static func all(of file: RemoteFile, in dataset: FetchableDataset, source: FetchSource?) -> [FileOrigin] {
    switch source {
    case nil: return file.addresses.map { .address($0, fallback: nil) }
    case .address(let base):
      return [.address(base + file.name, fallback: "\(base)\(dataset.folder)/\(file.name)")]
    case .folder(let base):
      let nested = "\(base)/\(dataset.folder)/\(file.name)"
      return [.path(FileManager.default.fileExists(atPath: nested) ? nested : "\(base)/\(file.name)")]
    }
  }
}

/// A file taken from a folder: through the same partial file and the same checks as one from the network.
enum LocalCopy {
  static func copy(
    _ source: String, _ file: RemoteFile, _ partial: PartialFile, _ limit: SizeLimit,
    _ report: (Int, Int?) throws -> Void
  ) throws {
    let opened: RegularFile
    do { opened = try RegularFile(source) } catch let error as FileFormatError {
      throw FetchFailure(.anotherMirror, error.reason)
    }
    try limit.check(announced: opened.size, file: file, type: nil)
    try partial.restart(nil)
    try limit.checkSpace(for: opened.size)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { buffer.deallocate() }
    while true {
      let count: Int
      do { count = try opened.read(into: buffer) } catch let error as FileFormatError {
        throw FetchFailure(.anotherMirror, error.reason)
      }
      guard count > 0 else { return }
      // It may be growing while it is read.
      try partial.append(
        UnsafeRawBufferPointer(rebasing: buffer[..<count]), within: limit, of: file, type: nil)
      try report(partial.size, opened.size)
    }
  }
}
