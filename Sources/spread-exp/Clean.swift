import ArgumentParser
import Basics
import Experiments
import Foundation
import Scheduling

struct Clean: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Removes runs that came to nothing; shows which unless --yes is given.",
    discussion: """
      Without names, runs that are stopped, failed or not begun are meant, less those that the filters leave out. One that is \
      complete is removed only where it is named, one that is damaged likewise, and one that is being worked on never.

      EXAMPLES
        spread-exp clean
        spread-exp clean --state failed --yes
        spread-exp clean --older-than 30 --yes
        spread-exp clean tiny/quick/spread-f1172091/seed-0 --yes
      """)

  @Argument(help: "Runs to remove, by name or folder, complete or not.")
  var names: [UserPath] = []

  @OptionGroup var filter: RunFilter

  @Option(
    name: .customLong("state"), help: "Only runs in this state: failed, stopped or waiting; may be repeated.")
  var states: [RunEntry.State] = []

  @Option(help: ArgumentHelp("Only runs to which nothing happened for so many days.", valueName: "days"))
  var olderThan: Double?

  @Flag(help: "Remove them.")
  var yes = false

  func validate() throws {
    if states.contains(.complete) || states.contains(.running) {
      throw ValidationError(
        "--state takes failed, stopped or waiting: a complete run is removed by its name alone, and one that runs never"
      )
    }
    if let olderThan, olderThan < 0 { throw ValidationError("--older-than must be at least 0 days") }
  }

  func run() throws {
    let inventory = filter.inventory
    let chosen =
      try names.isEmpty
      ? inventory.entries.filter(isMeant).map { Removal($0) }
      : names.map { try removal(named: $0.path, in: inventory) }
    if names.isEmpty {
      for run in inventory.damaged {
        StandardError.line("damaged, and removed by its name only: \(run.name): \(run.problem)")
      }
    }
    guard !chosen.isEmpty else { return try StandardOutput.line("There is nothing to remove.") }
    var freed = 0
    for run in chosen {
      let size = run.folder.size
      if yes { try run.folder.remove() }
      freed += size
      try StandardOutput.line(
        "\(yes ? "removed" : "would remove") \(run.name) (\(run.state), \(byteCountText(size)))")
    }
    try StandardOutput.line("\(yes ? "freed" : "would free") \(byteCountText(freed))")
    if !yes { try StandardOutput.line("Nothing was removed; with --yes it is.") }
  }

  /// A folder that is to go.
  private struct Removal {
    var folder: RunFolder
    var name: String
    var state: String

    init(_ entry: RunEntry) { (folder, name, state) = (entry.folder, entry.name, entry.state.rawValue) }
    init(_ run: DamagedRun) { (folder, name, state) = (run.folder, run.name, "damaged") }
  }

  private func removal(named text: String, in inventory: RunInventory) throws -> Removal {
    if let run = inventory.damagedRun(named: text) { return Removal(run) }
    let entry = try inventory.entry(named: text)
    guard entry.state != .running else { throw RunError("\(entry.name) is being worked on") }
    return Removal(entry)
  }

  private func isMeant(_ entry: RunEntry) -> Bool {
    guard entry.state != .complete, entry.state != .running, filter.matches(entry),
      states.isEmpty || states.contains(entry.state)
    else { return false }
    guard let olderThan else { return true }
    return Date().timeIntervalSince1970 - entry.changed >= olderThan * 86_400
  }
}
