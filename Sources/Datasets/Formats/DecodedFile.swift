import Basics
import Foundation
import Synchronization
import Tensors

/// Something that was noticed while an image was decoded: damage, or a warning.
struct DecodingFinding: Codable, Equatable {
  /// Of the image, among those of the table.
  var place: Int
  var reason: String
}

/// A file of images that threads decode into, each image to its place: memory holds one image a thread.
final class DecodedFile {
  private let path: String
  private let descriptor: Int32
  private let headerBytes: Int
  private let imageBytes: Int

  init(path: String, header: [UInt8], imageBytes: Int) throws {
    self.path = path
    headerBytes = header.count
    self.imageBytes = imageBytes
    descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw CacheError(systemError: path, "cannot be written") }
    try header.withUnsafeBytes { try write($0, at: 0) }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  private func write(_ bytes: UnsafeRawBufferPointer, at place: Int) throws {
    var written = 0
    while written < bytes.count {
      let count = pwrite(
        descriptor, bytes.baseAddress! + written, bytes.count - written, off_t(place + written))
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw CacheError(systemError: path, "cannot be written") }
      written += count
    }
  }

  /// What came of the images.
  struct Outcome {
    /// Of each image as it is in the file: zeros where it is damaged.
    var checksums: [UInt32]
    var damaged: [DecodingFinding] = []
    var warnings: [DecodingFinding] = []
    fileprivate var unreadable: [DecodingFinding] = []

    /// Those that no decoder saw are an error, which names the first.
    fileprivate mutating func finish(_ sources: SourceImages) throws {
      func inOrder(_ list: inout [DecodingFinding]) { list.sort { $0.place < $1.place } }
      inOrder(&damaged)
      inOrder(&warnings)
      inOrder(&unreadable)
      guard let first = unreadable.first else { return }
      if unreadable.count == 1 { throw FileFormatError(sources.path(first.place), first.reason) }
      throw FileFormatError(
        sources.folder, "\(grouped(unreadable.count)) images cannot be read: \(sources.list(unreadable))")
    }
  }

  /// Decodes all images, also after one that is damaged.
  /// - Throws: `FileFormatError` for files that cannot be opened or read, `CacheError`, what `report` throws.
  func fill(_ sources: SourceImages, size: Int, report: @escaping ImageFolderReport) throws -> Outcome {
    let total = sources.count
    // Room for all, or an error now and not after an hour.
    let status = posix_fallocate(descriptor, 0, off_t(headerBytes + total * imageBytes))
    guard status == 0 else {
      throw CacheError(
        systemError: path, "has no room for \(grouped(total * imageBytes)) bytes", code: status)
    }
    let next = Atomic(0)
    let done = Atomic(0)
    let isStopped = Atomic(false)
    let failure = Mutex<(any Error)?>(nil)
    let outcome = Mutex(Outcome(checksums: []))
    let zeros = Gzip.checksum([UInt8](repeating: 0, count: imageBytes))
    var checksums = [UInt32](repeating: zeros, count: total)
    var progress = DecodingProgress(total: total, report: report)
    try progress.tell(done: 0)
    checksums.withUnsafeMutableBufferPointer { checksums in
      Parallel.forEach(Parallel.threadCount) { thread in
        let decoder = ImageDecoder(size: size)
        let image = UnsafeMutableRawBufferPointer.allocate(byteCount: imageBytes, alignment: 16)
        defer { image.deallocate() }
        // One after the other and not a range each: images take unequal times.
        while !isStopped.load(ordering: .relaxed) {
          let place = next.add(1, ordering: .relaxed).oldValue
          guard place < total else { break }
          do {
            if let found = try decode(sources.path(place), place, with: decoder, into: image) {
              outcome.withLock { $0[keyPath: found.list].append(found.finding) }
              if found.list != \.warnings { continue }
            }
            checksums[place] = Gzip.checksum(UnsafeRawBufferPointer(image))
            try write(UnsafeRawBufferPointer(image), at: headerBytes + place * imageBytes)
            let count = done.add(1, ordering: .relaxed).newValue
            if thread.contains(0) { try progress.update(done: count) }
          } catch {
            failure.withLock { $0 = $0 ?? error }
            isStopped.store(true, ordering: .relaxed)
          }
        }
      }
    }
    if let failure = failure.withLock({ $0 }) { throw failure }
    var result = outcome.withLock { $0 }
    result.checksums = checksums
    try result.finish(sources)
    try progress.tell(done: total)
    guard fsync(descriptor) == 0 else { throw CacheError(systemError: path, "cannot be written") }
    return result
  }

  /// Decodes one image; gives what is to be said of it, if anything, and where.
  private func decode(
    _ path: String, _ place: Int, with decoder: ImageDecoder, into image: UnsafeMutableRawBufferPointer
  ) throws -> (list: WritableKeyPath<Outcome, [DecodingFinding]>, finding: DecodingFinding)? {
    func finding(_ error: FileFormatError) -> DecodingFinding {
      DecodingFinding(place: place, reason: (error.byte.map { "byte \($0): " } ?? "") + error.reason)
    }
    do { try decoder.load(path) } catch let error as FileFormatError { return (\.unreadable, finding(error)) }
    do {
      try decoder.decodeLoaded(into: image.baseAddress!.assumingMemoryBound(to: UInt8.self))
    } catch let error as FileFormatError { return (\.damaged, finding(error)) }
    return decoder.warning.map { (\.warnings, DecodingFinding(place: place, reason: $0)) }
  }
}

extension SourceImages {
  /// The first ten images of a list with what was found, and the number of the others.
  func list(_ findings: [DecodingFinding]) -> String {
    listed(findings.prefix(10).map { "\(printable(files[$0.place])) (\($0.reason))" }, of: findings.count)
  }
}

/// Tells about twice a second how far the decoding has come.
private struct DecodingProgress {
  let total: Int
  let report: ImageFolderReport
  private let clock = ContinuousClock()
  private let start = ContinuousClock.now
  private var last = ContinuousClock.now

  init(total: Int, report: @escaping ImageFolderReport) {
    self.total = total
    self.report = report
  }

  mutating func update(done: Int) throws {
    let now = clock.now
    guard now - last >= .milliseconds(500) else { return }
    last = now
    try tell(done: done)
  }

  func tell(done: Int) throws {
    let seconds = (clock.now - start) / .seconds(1)
    let left = done == 0 ? .infinity : seconds / Double(done) * Double(total - done)
    try report(.decoding(done: done, total: total, secondsLeft: left))
  }
}
