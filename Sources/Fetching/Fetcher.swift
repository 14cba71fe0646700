import Basics
import Datasets
import Foundation

/// Something that happened and that a person may want to see.
public enum FetchEvent: Sendable {
  /// `resumed`: bytes that were there already.
  case began(file: String, address: String, resumed: Int)
  case progress(file: String, TransferProgress)
  /// An attempt failed; the next comes in `wait` seconds, from the address given.
  case failed(file: String, reason: String, wait: Double)
}

/// How a file of a data set ended.
public struct FetchedFile: Sendable, Equatable {
  /// What became of it.
  public enum Outcome: Sendable, Equatable {
    case fetched(bytes: Int)
    /// Whole and already there.
    case present
    case failed(String)
  }

  /// Where it is, or would be.
  public let path: String
  /// What became of it.
  public let outcome: Outcome
}

/// Fetches the files of data sets into a folder, each whole or not at all.
///
/// Addresses are tried in turn. One that got further is asked again for the rest; a round in which none did is
/// followed by a wait. Contents are compared with what is published before a file gets its name.
public final class Fetcher {
  let root: String
  let options: FetchOptions
  private let onEvent: (FetchEvent) -> Void
  private let isInterrupted: () -> Bool
  private let environment: FetchEnvironment

  /// - Parameters:
  ///   - folder: the data folder; it is made where it is missing.
  ///   - isInterrupted: looked at ten times a second; true ends the fetch with what has come kept.
  public convenience init(
    folder: String, options: FetchOptions = FetchOptions(), isInterrupted: @escaping () -> Bool = { false },
    onEvent: @escaping (FetchEvent) -> Void = { _ in }
  ) {
    self.init(
      folder: folder, options: options, environment: FetchEnvironment(), isInterrupted: isInterrupted,
      onEvent: onEvent)
  }

  init(
    folder: String, options: FetchOptions, environment: FetchEnvironment, isInterrupted: @escaping () -> Bool,
    onEvent: @escaping (FetchEvent) -> Void
  ) {
    root = folder
    self.options = options
    self.environment = environment
    self.isInterrupted = isInterrupted
    self.onEvent = onEvent
  }

  /// Fetches what of a data set is not there.
  /// - Returns: how each file ended. Data sets with directions only have no files.
  /// - Throws: `FetchInterruption`; everything else is an outcome.
  public func fetch(_ dataset: FetchableDataset) throws -> [FetchedFile] {
    guard !dataset.files.isEmpty else { return [] }
    let folder = "\(root)/\(dataset.folder)"
    let lock: FolderLock
    do {
      do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch
      {
        throw FetchFailure(.giveUp, "\(folder) cannot be made: \(error.localizedDescription)")
      }
      lock = try FolderLock(folder: folder)
    } catch let failure as FetchFailure {
      return dataset.files.map {
        FetchedFile(path: "\(folder)/\($0.name)", outcome: .failed(failure.reason))
      }
    }
    return try withExtendedLifetime(lock) { try dataset.files.map { try fetch($0, of: dataset) } }
  }

  private func fetch(_ file: RemoteFile, of dataset: FetchableDataset) throws -> FetchedFile {
    let path = "\(root)/\(dataset.folder)/\(file.name)"
    do {
      if !options.force, let there = try whole(file, of: dataset) {
        return FetchedFile(path: there, outcome: .present)
      }
      let partial = try PartialFile(of: path)
      do {
        return try FetchedFile(path: path, outcome: .fetched(bytes: bring(file, to: path, partial, dataset)))
      } catch {
        guard !partial.isOfUse else { throw error }
        // Nothing of it could be used by the next fetch.
        partial.discard()
        throw error is FetchInterruption ? FetchInterruption(partial: nil, bytes: 0) : error
      }
    } catch let failure as FetchFailure {
      return FetchedFile(path: path, outcome: .failed(failure.reason))
    }
  }

  /// Where the file is already, whole.
  /// - Throws: `FetchFailure` when other contents are in its place: they may be someone's only copy.
  func whole(_ file: RemoteFile, of dataset: FetchableDataset) throws -> String? {
    for folder in [dataset.folder] + dataset.otherFolders {
      for name in file.localNames {
        let path = ["\(root)", folder, name].filter { !$0.isEmpty }.joined(separator: "/")
        var status = stat()
        // A folder of this name may hold the file.
        guard stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFDIR else { continue }
        if status.st_mode & S_IFMT != S_IFREG, folder == dataset.folder {
          throw PartialFile.inTheWay(
            path, "this is \(RegularFile.kind(status.st_mode)), and a file was expected")
        }
        let problem = try problem(of: path, file)
        if problem == nil { return path }
        guard folder == dataset.folder else { continue }
        throw FetchFailure(
          .giveUp, "it is there with other contents than the published (\(problem!)); --force replaces it")
      }
      // Under a name that an unpacker gave it.
      let path = ["\(root)", folder].filter { !$0.isEmpty }.joined(separator: "/")
      for other in DataFolder(path).files(like: file.localNames)
      where try problem(of: other, file) == nil {
        return other
      }
    }
    return nil
  }

  /// Tries the addresses until the file has its name.
  private func bring(
    _ file: RemoteFile, to path: String, _ partial: PartialFile, _ dataset: FetchableDataset
  ) throws -> Int {
    var origins = FileOrigin.all(of: file, in: dataset, source: options.source)
    // The one that sent what is there can go on.
    if let address = partial.note?.address, let place = origins.firstIndex(where: { $0.shown == address }) {
      origins.insert(origins.remove(at: place), at: 0)
    }
    let backOff = BackOff(first: options.firstWait, longest: options.longestWait)
    var reasons: [(origin: String, reason: String)] = []
    var furthest = partial.size
    var round = 1
    while true {
      var left: [FileOrigin] = []
      var asked = Double.infinity
      var place = 0
      while place < origins.count {
        let origin = origins[place]
        var isNewsworthy = true
        do {
          try attempt(file, origin, path, partial)
          return partial.size
        } catch let failure as FetchFailure {
          reasons.removeAll { $0.origin == origin.shown }
          reasons.append((origin.shown, failure.reason))
          switch failure.remedy {
          case .giveUp: throw failure
          case .anotherMirror: break
          case .notFound:
            guard let other = origin.fallback else { break }
            origins.insert(other, at: place + 1)
            isNewsworthy = false
          case .retry(let seconds):
            if partial.size >= furthest + 1 << 16 {
              (furthest, round) = (partial.size, 1)
              try wait(backOff.wait(round: 1, random: environment.random()), file, failure.reason)
              continue
            }
            asked = min(asked, seconds)
            left.append(origin)
          }
        }
        place += 1
        if isNewsworthy, place < origins.count {
          onEvent(.failed(file: file.name, reason: reasons.last!.reason, wait: 0))
        }
      }
      guard !left.isEmpty, round < options.attempts else { throw Self.summary(reasons, partial) }
      let seconds = max(backOff.wait(round: round, random: environment.random()), asked)
      try wait(seconds, file, reasons.last!.reason)
      round += 1
      origins = left
    }
  }

  private static func summary(_ reasons: [(origin: String, reason: String)], _ partial: PartialFile)
    -> FetchFailure
  {
    let kept =
      partial.isOfUse
      ? "; \(byteCountText(partial.size)) are kept, and the same command continues from there"
      : partial.size > 0
        ? "; what came is not kept, because the server gave no tag or date by which the rest could be asked for"
        : ""
    return FetchFailure(
      .giveUp, reasons.map { "\($0.origin): \($0.reason)" }.joined(separator: "; ") + kept)
  }

  /// One attempt at one address, up to the file's name.
  private func attempt(_ file: RemoteFile, _ origin: FileOrigin, _ path: String, _ partial: PartialFile)
    throws
  {
    let limit = SizeLimit(
      anyContents: options.anyContents, folder: (path as NSString).deletingLastPathComponent,
      partial: partial,
      freeBytes: environment.freeBytes)
    var progress = ProgressMeter()
    let report = { [self] (bytes: Int, total: Int?) in
      if isInterrupted() { throw FetchInterruption(partial: partial.path, bytes: bytes) }
      onEvent(.progress(file: file.name, progress.update(bytes: bytes, total: total)))
    }
    if let most = limit.expected(file).map({ _ in file.largestSize }), partial.size > most {
      try partial.restart(nil)
    }
    let resumed = partial.resumption(from: origin.text)?.start ?? 0
    onEvent(.began(file: file.name, address: origin.shown, resumed: resumed))
    var type: String?
    switch origin {
    case .path(let source): try LocalCopy.copy(source, file, partial, limit, report)
    case .address(let address, _):
      try limit.checkSpace(for: file.size)
      let download = Download(
        of: file, from: address, into: partial, options: options, limit: limit, onProgress: report)
      try download.run()
      type = download.suspiciousType
    }
    if let problem = try problem(of: partial.path, file) {
      let size = partial.size
      try partial.restart(nil)
      // Where a part was here before, the disk may be what spoilt it: once more from the start.
      throw FetchFailure(
        resumed > 0 ? .retry(after: 0) : .anotherMirror,
        "the \(size) bytes that came are not the file (\(problem))\(SizeLimit.remark(type)); they were thrown away"
      )
    }
    try partial.install(as: path)
  }

  private func problem(of path: String, _ file: RemoteFile) throws -> String? {
    try ContentsComparison.problem(
      of: path, published: options.anyContents ? nil : file.contents, tick: stopIfInterrupted)
  }

  private func stopIfInterrupted() throws {
    if isInterrupted() { throw FetchInterruption(partial: nil, bytes: 0) }
  }

  private func wait(_ seconds: Double, _ file: RemoteFile, _ reason: String) throws {
    onEvent(.failed(file: file.name, reason: reason, wait: seconds))
    var left = seconds
    while left > 0 {
      try stopIfInterrupted()
      environment.sleep(min(left, 0.1))
      left -= 0.1
    }
  }
}
