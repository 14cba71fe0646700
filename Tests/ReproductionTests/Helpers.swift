import Foundation

@testable import Reproduction

/// What a call throws, as text; nil when it throws nothing.
func failure<T>(_ body: () throws -> T) -> String? {
  do {
    _ = try body()
    return nil
  } catch {
    return "\(error)"
  }
}

/// Calls `body` with a folder of its own, which is removed afterwards.
func withFolder<R>(_ body: (URL) throws -> R) throws -> R {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
    "spread-test-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder)
}

extension URL {
  func write(_ text: String) throws { try Data(text.utf8).write(to: self) }
  func text() throws -> String { try String(contentsOf: self, encoding: .utf8) }
}
