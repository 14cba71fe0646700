import Basics
import Foundation

/// What a fetch would do about a file.
public struct PlannedFile: Sendable {
  /// What a fetch would do with it.
  public enum State: Sendable, Equatable {
    /// Whole, under this path.
    case present(String)
    /// Bytes of it are here.
    case partial(Int)
    case missing
    /// It would not be fetched.
    case inTheWay(String)
  }

  /// The file as it is published.
  public let file: RemoteFile
  /// What would be done.
  public let state: State
  /// Where it would be taken from first; a password that stands in it is left out.
  public let origin: String

  /// For a person: where it is, or from where it would come.
  public var description: String {
    switch state {
    case .present(let path): "there: \(path)"
    case .partial(let bytes): "\(byteCountText(bytes)) of it are there; the rest from \(origin)"
    case .missing: "from \(origin)"
    case .inTheWay(let reason): reason
    }
  }
}

extension Fetcher {
  /// What `fetch` would do. Files that are there are read and compared; nothing is written, and no server asked.
  /// - Throws: `FetchInterruption`.
  public func plan(_ dataset: FetchableDataset) throws -> [PlannedFile] {
    try dataset.files.map { file in
      let origins = FileOrigin.all(of: file, in: dataset, source: options.source)
      let bytes = PartialFile.usableBytes(of: "\(root)/\(dataset.folder)/\(file.name)")
      var state = bytes > 0 ? PlannedFile.State.partial(bytes) : .missing
      if !options.force {
        do { if let path = try whole(file, of: dataset) { state = .present(path) } } catch let failure
          as FetchFailure
        {
          state = .inTheWay(failure.reason)
        }
      }
      return PlannedFile(file: file, state: state, origin: origins.first?.shown ?? "nowhere")
    }
  }
}
