import Basics
import Foundation

/// Memory that this process may still take, and what bounds it.
package struct MemoryBudget: Equatable {
  /// Bytes.
  package var bytes: Double
  /// For a message, behind the size: "are available on this machine".
  package var reason: String

  /// `SPREAD_MEMORY`: "unchecked", or a size such as 12G that takes the place of what the system says.
  package static let variable = "SPREAD_MEMORY"
  /// What a queue leaves each of its runs, in bytes, and how many they are: "8000000000/2".
  static let shareVariable = "SPREAD_MEMORY_SHARE"

  /// The smallest of: the machine's available memory, what the control groups leave (version 2 or 1, from the
  /// process's own up to the root), what limits of the address space leave, and a queue's share.
  ///
  /// - Parameters:
  ///   - environment: the process's.
  ///   - root: where `proc` and `sys` are.
  /// - Returns: nil where nothing is to be checked, or nothing is known.
  /// - Throws: `RunError` for a `SPREAD_MEMORY` that is neither a size nor "unchecked".
  package static func current(
    environment: [String: String] = ProcessInfo.processInfo.environment,
    root: URL = URL(fileURLWithPath: "/", isDirectory: true)
  ) throws -> MemoryBudget? {
    var budgets = [share(environment)]
    if let text = environment[variable], !text.isEmpty {
      if text == "unchecked" { return nil }
      guard let bytes = size(text) else {
        throw RunError(
          "the environment variable \(variable) is \"\(text)\", and must be \"unchecked\" or a size such as 12G or 800M"
        )
      }
      budgets.append(MemoryBudget(bytes: bytes, reason: "are allowed by \(variable)"))
    } else {
      let system = System(root: root)
      budgets += [system.machine] + system.controlGroups + system.limits
    }
    return budgets.compactMap { $0 }.min { $0.bytes < $1.bytes }
  }

  /// What a queue tells each of `jobs` runs: an equal part of what is there at its start.
  package static func share(among jobs: Int, of budget: MemoryBudget?) -> [String: String] {
    guard let budget, jobs > 1 else { return [:] }
    return [shareVariable: "\(Int(budget.bytes) / jobs)/\(jobs)"]
  }

  private static func share(_ environment: [String: String]) -> MemoryBudget? {
    let parts = environment[shareVariable]?.split(separator: "/").compactMap { Double($0) } ?? []
    guard parts.count == 2 else { return nil }
    return MemoryBudget(
      bytes: parts[0],
      reason: "are there for each of \(Int(parts[1])) runs side by side (--jobs 1 gives one run all)")
  }

  /// Bytes of "12G", "1.5G", "800M", "1000000K" or a plain number; powers of 1024.
  package static func size(_ text: String) -> Double? {
    let units: [Character: Double] = ["K": 0x1p10, "M": 0x1p20, "G": 0x1p30, "T": 0x1p40]
    let unit = text.last.flatMap { units[Character($0.uppercased())] }
    guard let number = Double(unit == nil ? text[...] : text.dropLast()), number > 0, number.isFinite else {
      return nil
    }
    return number * (unit ?? 1)
  }
}

/// What the system says, by its files.
private struct System {
  let root: URL

  private func text(_ path: String) -> String? {
    try? String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
  }

  private func number(_ path: String) -> Double? {
    text(path).flatMap { Double($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
  }

  /// The value behind a key, of lines such as "MemAvailable:  123 kB" or "inactive_file 456".
  private func value(_ key: String, in text: String?) -> Double? {
    for line in text?.split(separator: "\n") ?? [] {
      let words = line.split { $0 == " " || $0 == ":" || $0 == "\t" }
      if words.count >= 2, words[0] == key { return Double(words[1]) }
    }
    return nil
  }

  var machine: MemoryBudget? {
    value("MemAvailable", in: text("proc/meminfo")).map {
      MemoryBudget(bytes: $0 * 1024, reason: "are available on this machine")
    }
  }

  var controlGroups: [MemoryBudget?] {
    (text("proc/self/cgroup") ?? "").split(separator: "\n").flatMap { line -> [MemoryBudget?] in
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 3 else { return [] }
      if parts[0] == "0" {
        return folders("sys/fs/cgroup", parts[2]).map {
          left($0, limit: "memory.max", usage: "memory.current", inactive: "inactive_file")
        }
      }
      guard parts[1].split(separator: ",").contains("memory") else { return [] }
      return folders("sys/fs/cgroup/memory", parts[2]).map {
        left(
          $0, limit: "memory.limit_in_bytes", usage: "memory.usage_in_bytes", inactive: "total_inactive_file")
      }
    }
  }

  /// The group's folder and those above it. A container may see its own as the root, whatever its path says.
  private func folders(_ base: String, _ path: String) -> [String] {
    let names = path.split(separator: "/").map(String.init)
    return (0...names.count).map { ([base] + names.prefix($0)).joined(separator: "/") }
  }

  private func left(_ folder: String, limit: String, usage: String, inactive: String) -> MemoryBudget? {
    // Without a limit, version 2 says "max" and version 1 a number near 2^63.
    guard let most = number("\(folder)/\(limit)"), most < 0x1p62, let used = number("\(folder)/\(usage)")
    else {
      return nil
    }
    let reclaimable = value(inactive, in: text("\(folder)/memory.stat")) ?? 0
    return MemoryBudget(
      bytes: max(0, most - (used - reclaimable)),
      reason: "are left by the limit of the control group, /\(folder)/\(limit)")
  }

  var limits: [MemoryBudget?] {
    let status = text("proc/self/status")
    return [(RLIMIT_AS, "VmSize", "ulimit -v"), (RLIMIT_DATA, "VmData", "ulimit -d")].map {
      resource, key, name in
      guard let most = systemLimit(resource), let used = value(key, in: status) else { return nil }
      return MemoryBudget(bytes: max(0, Double(most) - used * 1024), reason: "are left by `\(name)`")
    }
  }
}
