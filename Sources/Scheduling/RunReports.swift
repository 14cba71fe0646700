import Basics
import Experiments
import Foundation

extension RunInventory {
  /// What runs and where, what was stopped or failed, and how much is complete; for a person.
  package var status: String {
    guard !entries.isEmpty || !damaged.isEmpty else { return "There are no runs.\n" }
    var parts: [String] = []
    let running = entries.filter { $0.state == .running }
    if !running.isEmpty {
      let rows = running.map { entry in
        [
          entry.name, entry.worker.map { "\($0.process) on \($0.host)" } ?? "", entry.progress,
          entry.secondsLeft.map(duration) ?? "?", entry.worker?.state ?? "",
        ]
      }
      parts.append("Running\n\n" + alignedTable([["run", "process", "epochs", "time left", "now"]] + rows))
    }
    for state in [RunEntry.State.failed, .stopped, .waiting] {
      let found = entries.filter { $0.state == state }
      guard !found.isEmpty else { continue }
      let lines = found.map { entry in
        "* \(entry.name): \(entry.progress) epochs" + (entry.failure.map { "; \($0.message)" } ?? "")
          + (state == .failed && entry.folder.hasLog ? "; log: \(entry.folder.log.path)" : "")
      }
      parts.append("\(state.title)\n\n" + lines.joined(separator: "\n"))
    }
    if !damaged.isEmpty {
      parts.append("Damaged\n\n" + damaged.map { "* \($0.name): \($0.problem)" }.joined(separator: "\n"))
    }
    let complete = entries.count { $0.state == .complete }
    parts.append("\(complete) of \(entries.count) runs are complete.")
    return parts.joined(separator: "\n\n") + "\n"
  }
}

extension RunEntry.State {
  fileprivate var title: String {
    switch self {
    case .complete: "Complete"
    case .running: "Running"
    case .failed: "Failed; the command that started them tries again"
    case .stopped: "Stopped; the command that started them goes on"
    case .waiting: "Not begun"
    }
  }
}

extension RunEntry {
  /// Epochs done of all.
  package var progress: String { "\(epochsDone)/\(configuration.epochs)" }

  /// Runs as a table.
  package static func table(_ entries: [RunEntry]) -> String {
    let measures = Measure.details.filter { $0.group == .accuracy }
    let head = ["run", "state", "epochs"] + measures.map(\.column) + ["time"]
    let rows = entries.map { entry in
      [entry.name, entry.state.rawValue, entry.progress]
        + measures.map { measure in
          entry.result.flatMap(measure.value).map { decimals($0, measure.digits) } ?? "-"
        } + [entry.seconds.map(duration) ?? "-"]
    }
    return alignedTable([head] + rows) + "\n"
  }

  /// Runs as JSON, an array.
  package static func json(_ entries: [RunEntry]) -> String {
    JSONNode.array(
      entries.map { entry in
        return .object(
          [
            ("run", .string(entry.name)), ("folder", .string(entry.folder.url.path)),
            ("experiment", .string(entry.configuration.experiment)),
            ("profile", .string(entry.configuration.profile)),
            ("loss", .string(entry.configuration.objective.loss.rawValue)), ("seed", .integer(entry.seed)),
            ("state", .string(entry.state.rawValue)), ("epochsDone", .integer(entry.epochsDone)),
            ("epochs", .integer(entry.configuration.epochs)), ("seconds", .number(entry.seconds)),
            ("secondsLeft", .number(entry.secondsLeft)),
          ]
            + (entry.result.map(figures) ?? [])
            + (entry.worker.map { worker in
              [
                (
                  "worker",
                  .object([
                    ("host", .string(worker.host)), ("process", .integer(Int(worker.process))),
                    ("threads", .integer(worker.threads)), ("state", .string(worker.state)),
                  ])
                )
              ]
            } ?? [])
            + (entry.failure.map { [("failure", .string($0.message))] } ?? []))
      }
    ).prettyText
  }

  private static func figures(of result: RunResult) -> [(String, JSONNode)] {
    let figures = Measure.all.map { ($0.key, JSONNode.number(result[$0])) }
    guard let undefined = result.undefined else { return figures }
    let reasons = undefined.sorted { $0.key < $1.key }.map { ($0.key, JSONNode.string($0.value)) }
    return figures + [("undefined", .object(reasons))]
  }

  /// The settings in which two runs differ, and their figures, side by side.
  package static func comparison(_ a: RunEntry, _ b: RunEntry) -> String {
    let differing = a.configuration.node.differences(from: b.configuration.node).map {
      [$0.path, $0.own ?? "-", $0.other ?? "-"]
    }
    let own: [(String, (RunResult) -> Double?, Int)] = [
      ("validation accuracy, %", { 100 * $0.validationAccuracy }, 2),
      ("best epoch", { Double($0.bestEpoch) }, 0), ("training images", { Double($0.trainingImages) }, 0),
    ]
    let measures =
      Measure.all.filter { a.result?[$0] != nil || b.result?[$0] != nil }.map {
        ($0.columnWithUnit, $0.value, $0.digits + 1)
      } + own
    let figures = measures.map { name, value, digits in
      let (x, y) = (a.result.flatMap(value), b.result.flatMap(value))
      func text(_ value: Double?) -> String { value.map { decimals($0, digits) } ?? "-" }
      let difference = x.flatMap { x in
        y.map { ($0 - x >= 0 ? "+" : "") + decimals($0 - x, digits) }
      }
      return [name, text(x), text(y), difference ?? "-"]
    }
    let states = ["state", a.state.rawValue, b.state.rawValue, ""]
    return "A: \(a.name)\nB: \(b.name)\n\n"
      + (differing.isEmpty
        ? "Their settings are the same.\n" : alignedTable([["setting", "A", "B"]] + differing) + "\n")
      + "\n" + alignedTable([["figure", "A", "B", "B - A"], states] + figures) + "\n"
  }
}
