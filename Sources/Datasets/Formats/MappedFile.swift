import Basics
import Foundation
import Synchronization

/// A file's bytes in the process's address space, read as they are touched, until this is let go.
///
/// Touching a part of the file that can no longer be read (it was cut short, or the disk failed) raises SIGBUS.
/// The process then ends with code 1 and a sentence on standard error that names the file. Only files are mapped
/// that this library replaces by renaming and never changes in place; so any thread may read the bytes at any time, as
/// long as it holds this.
final class MappedFile: @unchecked Sendable {
  let path: String
  let bytes: UnsafeRawBufferPointer
  private let file: RegularFile
  private let guarded: Int?

  /// - Throws: `FileFormatError` for what is not a file of at least one byte.
  init(path: String) throws {
    self.path = path
    file = try RegularFile(path)
    guard file.size > 0 else { throw FileFormatError(path, "the file is empty") }
    guard let start = mmap(nil, file.size, PROT_READ, MAP_SHARED, file.descriptor, 0), start != MAP_FAILED
    else { throw FileFormatError(path, "cannot be mapped: \(String(cString: strerror(errno)))") }
    bytes = UnsafeRawBufferPointer(start: start, count: file.size)
    guarded = MappingFaults.add(bytes, "\n\(Self.lost(path))\n")
  }

  deinit {
    if let guarded { MappingFaults.remove(guarded) }
    munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress!), bytes.count)
  }

  /// - Throws: `CacheError` when the file is shorter than it was.
  func check() throws {
    var status = stat()
    guard fstat(file.descriptor, &status) == 0, Int(status.st_size) >= bytes.count else {
      throw CacheError(path, "was cut short while it was in use", advice: Self.advice(path))
    }
  }

  private static func advice(_ path: String) -> String {
    "Remove the folder \((path as NSString).deletingLastPathComponent) and give the same command again: the images "
      + "are then decoded anew"
  }

  private static func lost(_ path: String) -> String {
    "Error: \(printable(path)): the cache can no longer be read: it was cut short while it was in use, or its disk "
      + "failed. \(printable(advice(path)))"
  }
}

/// The mappings that SIGBUS may come from, each with what to say then.
private enum MappingFaults {
  struct Mapping {
    var (start, end): (UInt, UInt) = (0, 0)
    var text: UnsafeMutablePointer<CChar>?
  }

  /// Enough for many data sets at once; faults of further ones end the process as the system does it.
  static let capacity = 256
  private static let isInstalled = Mutex(false)

  /// - Returns: what `remove` takes; nil where there is no room.
  static func add(_ bytes: UnsafeRawBufferPointer, _ text: String) -> Int? {
    isInstalled.withLock { isInstalled in
      if !isInstalled { install() }
      isInstalled = true
      guard let place = (0..<capacity).first(where: { mappings[$0].end == 0 }) else { return nil }
      let start = UInt(bitPattern: bytes.baseAddress!)
      mappings[place] = Mapping(start: start, end: start + UInt(bytes.count), text: strdup(text))
      return place
    }
  }

  static func remove(_ place: Int) {
    isInstalled.withLock { _ in
      let text = mappings[place].text
      mappings[place] = Mapping()
      free(text)
    }
  }

  private static func install() {
    mappings = .allocate(capacity: capacity)
    mappings.initialize(repeating: Mapping(), count: capacity)
    var action = sigaction()
    action.__sigaction_handler.sa_sigaction = { _, information, _ in
      let address = UInt(bitPattern: information?.pointee._sifields._sigfault.si_addr)
      for place in 0..<MappingFaults.capacity {
        let mapping = mappings[place]
        guard address >= mapping.start, address < mapping.end, let text = mapping.text else { continue }
        write(STDERR_FILENO, text, strlen(text))
        _exit(1)
      }
      // Somebody else's fault: it occurs again, and is theirs.
      sigaction(SIGBUS, &previous, nil)
    }
    action.sa_flags = SA_SIGINFO
    sigaction(SIGBUS, &action, &previous)
  }
}

// Written under the lock of `isInstalled` only. The handler of the signal reads them without it, because it may use
// neither locks nor memory of its own: an entry is there before anybody can touch its mapping, and until nobody does.
private nonisolated(unsafe) var mappings: UnsafeMutablePointer<MappingFaults.Mapping>! = nil
private nonisolated(unsafe) var previous = sigaction()
