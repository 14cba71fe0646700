import Basics
import Foundation

/// `metrics.jsonl`: one JSON object a line, one line an epoch, in order.
struct MetricsLog {
  let file: URL

  /// A whole line and the epoch that it is of.
  private struct Line {
    var text: String
    var metrics: EpochMetrics
    var epoch: Int { metrics.epoch }
  }

  /// Adds an epoch's line and forces it to disk.
  func append(_ metrics: EpochMetrics) throws {
    try AtomicFile.append(metrics.json.compactText + "\n", to: file)
  }

  /// Brings the file to what a checkpoint knows: one line for each epoch up to `epoch`, in order. Lines of later
  /// epochs go, and so does a line that a kill cut short.
  ///
  /// - Returns: what was wrong beyond that, in a sentence; nil for a file as a run leaves it.
  /// - Throws: `RunError` with the line that cannot be read.
  func restore(toEpoch epoch: Int) throws -> String? {
    let data = try contents()
    let found = try lines(in: data).filter { $0.epoch <= epoch }
    // Of an epoch that was trained twice, what came of the second time is what the checkpoint has.
    let kept = Dictionary(found.map { ($0.epoch, $0) }) { $1 }
    let result = kept.keys.sorted().map { kept[$0]!.text + "\n" }.joined()
    if Data(result.utf8) != data { try AtomicFile.write(result, to: file) }
    var problems: [String] = []
    let missing = (1...max(1, epoch)).filter { $0 <= epoch && kept[$0] == nil }
    if !missing.isEmpty { problems.append("has no line of \(Self.text(missing)): what it held is lost") }
    let repeated = Dictionary(grouping: found, by: \.epoch).filter { $1.count > 1 }.keys.sorted()
    if !repeated.isEmpty { problems.append("had \(Self.text(repeated)) twice, of which the last is kept") }
    if found.map(\.epoch) != found.map(\.epoch).sorted() { problems.append("was out of order") }
    return problems.isEmpty ? nil : "\(file.path) \(problems.joined(separator: "; it "))"
  }

  /// All entries; none when there is no file.
  /// - Throws: `RunError` with the line that cannot be read.
  func entries() throws -> [EpochMetrics] { try lines(in: contents()).map(\.metrics) }

  /// The entries of all lines that can be read.
  var readableEntries: [EpochMetrics] {
    guard let data = try? contents() else { return [] }
    return Self.wholeLines(data).compactMap { try? line($0, number: 0).metrics }
  }

  /// The last epoch of a line that can be read; 0 when there is none.
  var lastEpoch: Int {
    guard let data = try? contents(), var end = data.lastIndex(of: 0x0A) else { return 0 }
    // From the end, because a list of runs asks this of every one.
    while true {
      let before = data[..<end].lastIndex(of: 0x0A)
      if let line = try? line(data[(before.map { $0 + 1 } ?? data.startIndex)..<end], number: 0) {
        return line.epoch
      }
      guard let before else { return 0 }
      end = before
    }
  }

  private func contents() throws -> Data {
    FileManager.default.fileExists(atPath: file.path) ? try WholeFile.read(file.path) : Data()
  }

  private func lines(in data: Data) throws -> [Line] {
    try Self.wholeLines(data).enumerated().map { try line($1, number: $0 + 1) }
  }

  /// What follows the last line break is the rest of a write that was cut short, or nothing.
  private static func wholeLines(_ data: Data) -> [Data] {
    data.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast()
  }

  private func line(_ data: Data, number: Int) throws -> Line {
    func damaged(_ problem: String) -> RunError {
      RunError("\(file.path):\(number): \(problem). Remove this line to continue without it")
    }
    guard let text = String(validating: data, as: UTF8.self) else { throw damaged("not UTF-8 text") }
    do {
      return Line(text: text, metrics: try EpochMetrics(JSONParser.parse(text, source: file.path)))
    } catch let error as JSONSyntaxError {
      throw damaged(error.problem)
    } catch let error as EpochMetrics.Problem {
      throw damaged(error.sentence)
    }
  }

  /// "epoch 3", "epochs 3 to 7", "epochs 2, 5 to 9".
  private static func text(_ epochs: [Int]) -> String {
    var ranges: [ClosedRange<Int>] = []
    for epoch in epochs {
      if let last = ranges.last, last.upperBound == epoch - 1 {
        ranges[ranges.count - 1] = last.lowerBound...epoch
      } else {
        ranges.append(epoch...epoch)
      }
    }
    let parts = ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound) to \($0.upperBound)" }
    return (epochs.count == 1 ? "epoch " : "epochs ") + parts.joined(separator: ", ")
  }
}
