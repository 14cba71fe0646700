import Foundation

/// How long runs take, by their folders.
package enum RunTimes {
  /// Of the start that completed it, in seconds.
  package static func total(of folder: RunFolder) -> Double? {
    RunEnvironment.read(folder.environment).seconds.map { $0.values.reduce(0, +) }
  }

  /// Of the epochs that are left, by the mean of those that are done.
  package static func left(of folder: RunFolder, epochs: Int) -> Double? {
    perEpoch(of: folder).map { $0.seconds * Double(max(0, epochs - $0.done)) }
  }

  /// Of all epochs.
  package static func expected(of folder: RunFolder, epochs: Int) -> Double? {
    perEpoch(of: folder).map { $0.seconds * Double(epochs) }
  }

  private static func perEpoch(of folder: RunFolder) -> (seconds: Double, done: Int)? {
    let entries = MetricsLog(file: folder.metrics).readableEntries
    let seconds = entries.compactMap { $0[.seconds] }
    guard !seconds.isEmpty, let done = entries.last?.epoch else { return nil }
    return (seconds.reduce(0, +) / Double(seconds.count), done)
  }
}
