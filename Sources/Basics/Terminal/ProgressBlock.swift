import Foundation

/// What a person sees of several things at once: on a terminal a few lines that are written over in place, elsewhere the
/// first of them now and then.
package final class ProgressBlock {
  private let isTerminal: Bool
  private let size: () -> (columns: Int, rows: Int)
  private let write: (String) -> Void
  private let clock: () -> Double
  private var shown = 0
  private var lastUpdate: Double

  /// Seconds between updates.
  private var interval: Double { isTerminal ? 0.5 : 30 }

  /// The process's standard error.
  package convenience init() {
    self.init(
      isTerminal: isatty(STDERR_FILENO) == 1, size: ProgressLine.terminalSize,
      write: StandardError.write,
      clock: { Double(DispatchTime.now().uptimeNanoseconds) * 1e-9 })
  }

  /// For tests: another terminal, another clock.
  package init(
    isTerminal: Bool, size: @escaping () -> (columns: Int, rows: Int), write: @escaping (String) -> Void,
    clock: @escaping () -> Double
  ) {
    (self.isTerminal, self.size, self.write, self.clock) = (isTerminal, size, write, clock)
    lastUpdate = clock()
  }

  /// Shows passing lines, if enough time has gone by since the last.
  package func update(_ lines: () -> [String]) {
    let now = clock()
    guard now - lastUpdate >= interval else { return }
    lastUpdate = now
    let lines = lines().map(\.printableLine)
    guard isTerminal else {
      if let first = lines.first { write(first + "\n") }
      return
    }
    // A line that wraps, or a block higher than the terminal, could not be written over.
    let (columns, rows) = size()
    let visible = lines.prefix(max(1, rows - 1)).map { String($0.prefix(max(1, columns - 1))) }
    write(start + visible.map { $0 + "\u{1B}[K\n" }.joined() + "\u{1B}[J")
    shown = visible.count
  }

  /// Writes a line that stays, above those that pass.
  package func print(_ text: String) {
    clear()
    write(text.printable + "\n")
    if isTerminal { lastUpdate = 0 }
  }

  /// Takes the passing lines away.
  package func clear() {
    if shown > 0 { write(start + "\u{1B}[J") }
    shown = 0
  }

  /// To the beginning of the block.
  private var start: String { shown > 0 ? "\u{1B}[\(shown)A\r" : "\r" }
}
