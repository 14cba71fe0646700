import Foundation
import LoopbackServer
import Synchronization
import Tensors
import TestSupport

@testable import Fetching

/// A data folder, a file that is published as these bytes, and what a fetch of it said.
final class FetchFixture {
  private let temporary: TemporaryFolder
  let bytes: [UInt8]
  var options = FetchOptions()
  var environment = FetchEnvironment()
  var isInterrupted: () -> Bool = { false }
  private(set) var events: [FetchEvent] = []
  /// The waits between rounds, which tests do not wait for.
  private(set) var waited = 0.0

  init(bytes count: Int = 200_000) throws {
    var generator = RandomGenerator(seed: 7)
    bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    temporary = try TemporaryFolder()
    options.stall = 0.3
    options.connectTimeout = 2
    environment.random = { 1 }
    environment.sleep = { [unowned self] in waited += $0 }
  }

  var folder: String { temporary.path }
  var path: String { folder + "/set/file.bin" }
  var partial: [UInt8]? { contents("file.bin.partial") }
  /// What a fetch left in the data set's folder.
  var names: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder + "/set")) ?? []).sorted()
  }

  func contents(_ name: String) -> [UInt8]? {
    FileManager.default.contents(atPath: "\(folder)/set/\(name)").map { [UInt8]($0) }
  }

  func write(_ bytes: [UInt8], _ name: String) throws {
    try temporary.write(bytes, "set/\(name)")
  }

  static func md5(_ bytes: [UInt8]) throws -> String {
    let digest = try MD5()
    bytes.withUnsafeBytes { digest.update($0) }
    return digest.hexadecimal()
  }

  func dataset(_ addresses: [String], size: Int? = nil) throws -> FetchableDataset {
    let contents = PublishedContents.file(md5: try Self.md5(bytes), bytes: size ?? bytes.count)
    return FetchableDataset(
      name: "set", title: "Set", folder: "set",
      files: [RemoteFile(name: "file.bin", addresses: addresses, size: bytes.count, contents: contents)])
  }

  /// Fetches from servers in turn.
  @discardableResult
  func fetch(_ servers: LoopbackServer...) throws -> FetchedFile.Outcome {
    try fetch(servers.map { $0.address + "file.bin" })
  }

  @discardableResult
  func fetch(_ addresses: [String]) throws -> FetchedFile.Outcome {
    try fetch(dataset(addresses))
  }

  @discardableResult
  func fetch(_ dataset: FetchableDataset) throws -> FetchedFile.Outcome {
    let fetcher = Fetcher(
      folder: folder, options: options, environment: environment,
      isInterrupted: { [unowned self] in isInterrupted() },
      onEvent: { [unowned self] in events.append($0) })
    return try fetcher.fetch(dataset)[0].outcome
  }

  /// Bytes that attempts found there, in order.
  var resumed: [Int] {
    events.compactMap { if case .began(_, _, let bytes) = $0 { bytes } else { nil } }
  }

  var reasons: [String] {
    events.compactMap { if case .failed(_, let reason, _) = $0 { reason } else { nil } }
  }
}

/// The reason of a failure; nil when it was none.
func reason(_ outcome: FetchedFile.Outcome) -> String? {
  if case .failed(let reason) = outcome { reason } else { nil }
}
