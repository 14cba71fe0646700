import Foundation

/// A folder of its own for a test, removed when the value goes.
package final class TemporaryFolder: Sendable {
  /// The folder itself, which is there.
  package let url = FileManager.default.temporaryDirectory.appendingPathComponent(
    "spread-test-\(UUID().uuidString)", isDirectory: true)

  package init() throws {
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  package var path: String { url.path }

  /// The path of a file in the folder, which need not be there.
  package func file(_ name: String) -> String { "\(path)/\(name)" }

  /// A file's text; empty when there is none.
  package func text(_ name: String) -> String {
    (try? String(contentsOfFile: file(name), encoding: .utf8)) ?? ""
  }

  /// Writes a file, with the folders above it, and gives its path.
  @discardableResult
  package func write(_ bytes: some Sequence<UInt8>, _ name: String = "file") throws -> String {
    let file = url.appendingPathComponent(name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: file)
    return file.path
  }

  @discardableResult
  package func write(_ text: String, _ name: String = "file") throws -> String {
    try write(text.utf8, name)
  }

  /// Names of what is there, sorted.
  package var contents: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
  }
}

/// Calls `body` with a folder of its own, which is removed afterwards.
package func withFolder<R>(_ body: (URL) throws -> R) throws -> R {
  let folder = try TemporaryFolder()
  return try withExtendedLifetime(folder) { try body(folder.url) }
}

extension URL {
  package func write(_ text: String) throws { try Data(text.utf8).write(to: self) }
  package func text() throws -> String { try String(contentsOf: self, encoding: .utf8) }
}

/// `Tests/Fixtures/`, or a file in it.
package func fixture(_ name: String) -> String {
  URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures/\(name)").path
}

/// What a call throws, as text; nil when it throws nothing.
package func failure<T>(_ body: () throws -> T) -> String? {
  do {
    _ = try body()
    return nil
  } catch {
    return "\(error)"
  }
}
