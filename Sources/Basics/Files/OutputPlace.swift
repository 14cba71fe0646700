import Foundation

/// Where the bytes for a path go: a regular file is replaced as a whole, anything else is written into.
enum OutputPlace {
  /// A file that is there, with what is known about it, or that is not there yet. Links have been followed.
  case file(path: String, old: stat?)
  /// A device, a FIFO, or another process's open file.
  case special(path: String)
  /// A file that this process has open, as `/dev/stdout` names one.
  case descriptor(Int32)

  /// Links that are followed before they are taken for a circle, as the system does.
  private static let mostLinks = 40
  /// Where links such as `/proc/self/fd/1` lie; nil on a machine without.
  private static let processFileSystem: dev_t? = {
    var status = stat()
    return stat("/proc", &status) == 0 ? status.st_dev : nil
  }()

  /// - Throws: `FileFormatError` for a folder, a circle of links, or a path that cannot be looked at.
  init(_ path: String) throws {
    var target = path
    for _ in 0..<Self.mostLinks {
      var status = stat()
      guard lstat(target, &status) == 0 else {
        guard errno == ENOENT else { throw Self.error(path, errno) }
        self = .file(path: target, old: nil)
        return
      }
      switch status.st_mode & S_IFMT {
      case S_IFREG:
        self = .file(path: target, old: status)
        return
      case S_IFDIR: throw FileFormatError(path, "this is a folder, and a file was expected")
      case S_IFLNK where status.st_dev == Self.processFileSystem:
        // What such a link says is no path that could be followed.
        self = Self.openFile(target).map { .descriptor($0) } ?? .special(path: target)
        return
      case S_IFLNK: target = try Self.destination(of: target, from: path)
      default:
        self = .special(path: target)
        return
      }
    }
    throw Self.error(path, ELOOP)
  }

  /// Finds out, before the work is done, whether its result could be written.
  func check(_ path: String) throws {
    switch self {
    case .file(let target, _?):
      guard access(target, W_OK) == 0 else { throw Self.error(path, errno) }
      try Self.checkFolder(of: target, path)
    case .file(let target, nil): try Self.checkFolder(of: target, path)
    case .special(let target): guard access(target, W_OK) == 0 else { throw Self.error(path, errno) }
    case .descriptor: break
    }
  }

  private static func checkFolder(of target: String, _ path: String) throws {
    guard access(folder(of: target), W_OK | X_OK) == 0 else { throw error(path, errno) }
  }

  /// The folder of a path, which may begin in the working folder.
  static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  static func error(_ path: String, _ number: Int32) -> FileFormatError {
    FileFormatError(path, "cannot be written: \(String(cString: strerror(number)))")
  }

  private static func destination(of link: String, from path: String) throws -> String {
    var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = readlink(link, &bytes, bytes.count)
    guard count > 0 else { throw error(path, errno) }
    guard let text = String(validating: bytes[..<count], as: UTF8.self) else {
      throw FileFormatError(path, "cannot be written: the link leads to a name that is not UTF-8")
    }
    return text.hasPrefix("/") ? text : "\(folder(of: link))/\(text)"
  }

  /// The descriptor that a link such as `/proc/self/fd/1` stands for; nil where it is not this process's.
  private static func openFile(_ link: String) -> Int32? {
    guard let number = link.split(separator: "/").last.flatMap({ Int32($0) }) else { return nil }
    var (named, opened) = (stat(), stat())
    guard stat(link, &named) == 0, fstat(number, &opened) == 0, named.st_dev == opened.st_dev,
      named.st_ino == opened.st_ino
    else { return nil }
    return number
  }
}
