import Foundation
import Synchronization

/// The last passing state that was shown, for who looks at it from another thread.
package final class ProgressState: Sendable {
  private let text = Mutex("")

  package init() {}

  package var current: String {
    get { text.withLock { $0 } }
    set { text.withLock { $0 = newValue } }
  }
}

/// What a person sees while a run goes on: on a terminal one line that is written over, elsewhere plain lines
/// now and then.
///
/// It writes to standard error, so that standard output holds results alone.
public final class ProgressLine {
  private let isTerminal: Bool
  private let width: () -> Int
  private let write: (String) -> Void
  private let clock: () -> Double
  private var isShowing = false
  private var lastUpdate: Double
  private var lastNoted = -Double.infinity
  /// The figures of the last update, at most a second old.
  package let state = ProgressState()

  /// Seconds between updates: on a terminal often enough to look alive, elsewhere seldom enough for a log.
  private var interval: Double { isTerminal ? 0.2 : 30 }

  /// The process's standard error.
  public convenience init() {
    self.init(
      isTerminal: isatty(STDERR_FILENO) == 1, width: { Self.terminalSize().columns },
      write: StandardError.write,
      clock: { Double(DispatchTime.now().uptimeNanoseconds) * 1e-9 })
  }

  /// For tests: another terminal, another clock.
  package init(
    isTerminal: Bool, width: @escaping () -> Int, write: @escaping (String) -> Void,
    clock: @escaping () -> Double
  ) {
    self.isTerminal = isTerminal
    self.width = width
    self.write = write
    self.clock = clock
    lastUpdate = clock()
  }

  /// Shows a passing state, if enough time has gone by since the last. What it is the state of is left out
  /// where both do not fit: the figures are what moves.
  public func update(of label: String? = nil, _ text: @autoclosure () -> String) {
    let now = clock()
    let isDue = now - lastUpdate >= interval
    guard isDue || now - lastNoted >= 1 else { return }
    let figures = text()
    lastNoted = now
    state.current = figures
    guard isDue else { return }
    lastUpdate = now
    var line = ((label.map { "\($0): " } ?? "") + figures).printableLine
    if isTerminal {
      let room = max(1, width() - 1)
      if line.count > room { line = figures.printableLine }
      write("\r" + line.prefix(room) + "\u{1B}[K")
      isShowing = true
    } else {
      write(line + "\n")
    }
  }

  /// Writes a line that stays.
  public func print(_ text: String) {
    clear()
    write(text.printable + "\n")
    // The next update comes soon after on a terminal, and not at once in a log.
    lastUpdate = isTerminal ? 0 : clock()
  }

  /// Takes the passing state away.
  public func clear() {
    if isShowing { write("\r\u{1B}[K") }
    isShowing = false
  }

  /// Of the terminal behind standard error; 80 by 24 where it does not say.
  static func terminalSize() -> (columns: Int, rows: Int) {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 else { return (80, 24) }
    return (size.ws_col > 0 ? Int(size.ws_col) : 80, size.ws_row > 0 ? Int(size.ws_row) : 24)
  }
}
