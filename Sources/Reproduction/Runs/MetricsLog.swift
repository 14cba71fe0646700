import Foundation
import Tensors

/// `metrics.jsonl`: one JSON object a line, one line an epoch, in order.
struct MetricsLog {
  let file: URL

  /// Adds an epoch's line and forces it to disk.
  func append(_ entry: JSONNode) throws { try AtomicFile.append(entry.compactText + "\n", to: file) }

  /// Cuts the file back to what a checkpoint knows: whole lines of epochs up to `epoch`. A line that a kill
  /// cut short goes too.
  func truncate(afterEpoch epoch: Int) throws {
    guard let text = try? String(contentsOf: file, encoding: .utf8) else { return }
    let kept = try entries(in: text).filter { ($0["epoch"]?.int ?? .max) <= epoch }
    let result = kept.map { $0.compactText + "\n" }.joined()
    if result != text { try AtomicFile.write(result, to: file) }
  }

  /// All entries; none when there is no file.
  func entries() throws -> [JSONNode] {
    guard let text = try? String(contentsOf: file, encoding: .utf8) else { return [] }
    return try entries(in: text)
  }

  private func entries(in text: String) throws -> [JSONNode] {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    // What follows the last line break is the rest of a write that was cut short, or nothing.
    return try lines.dropLast().enumerated().map { index, line in
      do {
        return try JSONParser.parse(String(line), source: file.path)
      } catch let error as JSONSyntaxError {
        throw RunError(
          "\(file.path):\(index + 1): \(error.problem). Remove this line to go on without it")
      }
    }
  }
}
