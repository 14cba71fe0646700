import Basics
import Foundation

/// A file that is on its way: `NAME.partial`, and beside it what tells whether a server still has the same file.
///
/// It outlives a kill at any moment. Bytes of two versions never meet in it: it is emptied before the note about
/// a new version is written, and filled after.
final class PartialFile {
  /// Where the bytes come from, in `NAME.partial.json`.
  struct Note: Codable, Equatable {
    /// Without a password: this is written to the disk.
    var address: String
    /// An entity tag or a date, for `If-Range`; nil where the server gave none, and nothing can be resumed.
    var validator: String?
    /// The whole file's size, if the server said.
    var total: Int?

    func isOfUse(to size: Int) -> Bool { validator != nil || total == size }
  }

  let path: String
  private let descriptor: Int32
  private(set) var size: Int
  private(set) var note: Note?
  private var notePath: String { path + ".json" }

  /// Opens or makes it.
  /// - Parameter file: the path of the file that it is to become.
  /// - Throws: `FetchFailure` when what is in its place, in its note's or in the file's is not to be written or
  ///   replaced: a FIFO or a device, a file of another owner, or one that has a second name.
  init(of file: String) throws {
    path = file + ".partial"
    for other in [file, path + ".json"] {
      var status = stat()
      guard stat(other, &status) == 0, status.st_mode & S_IFMT != S_IFREG else { continue }
      throw Self.inTheWay(
        other, "this is \(RegularFile.kind(status.st_mode)), and a file was expected")
    }
    let flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
    let made = open(path, flags | O_CREAT | O_EXCL, 0o644)
    // A link that someone left there must not decide which file is written.
    descriptor = made < 0 && errno == EEXIST ? open(path, flags) : made
    guard descriptor >= 0 else { throw FetchFailure.system("written", path, errno) }
    do { size = try made >= 0 ? 0 : Self.sizeOfOwn(descriptor, path) } catch {
      close(descriptor)
      throw error
    }
    note = Self.read(path + ".json")
  }

  deinit { close(descriptor) }

  static func inTheWay(_ path: String, _ reason: String) -> FetchFailure {
    FetchFailure(.giveUp, "\(path) is in the way: \(reason); move it away")
  }

  /// The size of a file that was there before, when it is one that may be written into.
  private static func sizeOfOwn(_ descriptor: Int32, _ path: String) throws -> Int {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FetchFailure.system("read", path, errno) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw inTheWay(path, "this is \(RegularFile.kind(status.st_mode)), and a file was expected")
    }
    guard status.st_nlink == 1 else {
      throw inTheWay(path, "the file has a second name (a hard link) elsewhere")
    }
    guard status.st_uid == geteuid() else {
      throw inTheWay(path, "the file belongs to another user")
    }
    return Int(status.st_size)
  }

  private static func read(_ path: String) -> Note? {
    guard let file = try? RegularFile(path), file.size < 1 << 16,
      let data = try? WholeFile.read(path),
      let note = try? JSONDecoder().decode(Note.self, from: data)
    else { return nil }
    // It becomes part of a request.
    guard note.validator.map(ResponseHead.isValidator) ?? true, note.total ?? 0 >= 0 else {
      return nil
    }
    return note
  }

  /// How many bytes a fetch of this file would find and use.
  static func usableBytes(of file: String) -> Int {
    guard let partial = try? RegularFile(file + ".partial"), partial.size > 0,
      let note = read(file + ".partial.json"), note.isOfUse(to: partial.size)
    else { return 0 }
    return partial.size
  }

  /// Whether the bytes that are here can become part of the file: a server can be asked for the rest, or nothing
  /// is left to ask for.
  var isOfUse: Bool { size > 0 && note?.isOfUse(to: size) ?? false }

  /// What a request for the rest must carry; nil when the file must be fetched from its start.
  func resumption(from address: String) -> (start: Int, validator: String)? {
    guard size > 0, let note, note.address == withoutPassword(address), let validator = note.validator else {
      return nil
    }
    return (size, validator)
  }

  /// True when all that the server announced has come, and a kill came before the check.
  func isComplete(from address: String) -> Bool {
    size > 0 && note?.address == withoutPassword(address) && note?.total == size
  }

  /// Empties it for another version of the file.
  func restart(_ note: Note?) throws {
    guard ftruncate(descriptor, 0) == 0, lseek(descriptor, 0, SEEK_SET) == 0 else {
      throw FetchFailure.system("emptied", path, errno)
    }
    size = 0
    self.note = note
    guard let note else {
      unlink(notePath)
      return
    }
    do { try WholeFile.write(JSONEncoder().encode(note), to: notePath) } catch {
      throw FetchFailure(.giveUp, "\(error)")
    }
  }

  /// Adds bytes, unless the file then has more than there can be: then it is emptied.
  /// - Throws: `FetchFailure`.
  func append(
    _ bytes: UnsafeRawBufferPointer, within limit: SizeLimit, of file: RemoteFile, type: String?
  ) throws {
    do { try limit.check(size: size + bytes.count, file: file, type: type) } catch {
      try restart(nil)
      throw error
    }
    try append(bytes)
  }

  private func append(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = pwrite(descriptor, rest.baseAddress, rest.count, off_t(size))
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw FetchFailure.system("written", path, errno) }
      size += count
      rest = rest.dropFirst(count)
    }
  }

  /// Removes it and its note.
  func discard() {
    unlink(path)
    removeNotes()
  }

  /// Brings it to the disk and gives it its name.
  func install(as file: String) throws {
    guard fsync(descriptor) == 0 else { throw FetchFailure.system("forced to the disk", path, errno) }
    guard rename(path, file) == 0 else { throw FetchFailure.system("replaced", file, errno) }
    removeNotes()
    let folder = open((file as NSString).deletingLastPathComponent, O_RDONLY | O_CLOEXEC)
    guard folder >= 0 else { return }
    fsync(folder)
    close(folder)
  }

  /// Removes the note, and those that a kill left half written.
  private func removeNotes() {
    unlink(notePath)
    let folder = (path as NSString).deletingLastPathComponent
    let prefix = (notePath as NSString).lastPathComponent + "."
    for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    where name.hasPrefix(prefix) {
      unlink("\(folder)/\(name)")
    }
  }
}

extension Slice where Base == UnsafeRawBufferPointer {
  fileprivate var baseAddress: UnsafeRawPointer? { UnsafeRawBufferPointer(rebasing: self).baseAddress }
}

/// The right to write into a folder, held by one fetch at a time and given back by the system when it dies.
final class FolderLock {
  private let descriptor: Int32
  private let path: String

  /// - Throws: `FetchFailure` that names the process which has the lock.
  init(folder: String) throws {
    path = folder + "/.fetch.lock"
    while true {
      let opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o644)
      guard opened >= 0 else { throw FetchFailure.system("written", path, errno) }
      var status = stat()
      guard fstat(opened, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
        close(opened)
        throw PartialFile.inTheWay(path, "this is not a regular file")
      }
      if flock(opened, LOCK_EX | LOCK_NB) != 0 {
        let failure = errno
        var text = [UInt8](repeating: 0, count: 20)
        let count = pread(opened, &text, text.count, 0)
        close(opened)
        guard failure == EWOULDBLOCK else { throw FetchFailure.system("locked", path, failure) }
        let holder =
          Int(String(decoding: text.prefix(max(0, count)), as: UTF8.self)).map { " (process \($0))" } ?? ""
        throw FetchFailure(
          .giveUp, "another fetch\(holder) is writing into \(folder): wait for its end and try again")
      }
      // The holder before may have removed the file between our opening and our locking it.
      var (ours, present) = (stat(), stat())
      if fstat(opened, &ours) == 0, stat(path, &present) == 0, ours.st_ino == present.st_ino {
        descriptor = opened
        break
      }
      close(opened)
    }
    let text = Array("\(getpid())".utf8)
    ftruncate(descriptor, 0)
    _ = pwrite(descriptor, text, text.count, 0)
  }

  deinit {
    unlink(path)
    close(descriptor)
  }
}
