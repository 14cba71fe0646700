import Testing

@testable import Basics

@Suite struct ProgressLineTests {
  private final class Screen {
    var text = ""
    var time = 0.0

    func line(isTerminal: Bool, width: Int = 20) -> ProgressLine {
      ProgressLine(
        isTerminal: isTerminal, width: { width }, write: { self.text += $0 }, clock: { self.time })
    }
  }

  @Test func aTerminalShowsOneLineCutToItsWidth() {
    let screen = Screen()
    let line = screen.line(isTerminal: true)
    line.update("too soon")
    screen.time = 1
    line.update("epoch 1, step 2 of a very long line")
    line.update("too soon")
    line.print("epoch 1 done")
    #expect(screen.text == "\repoch 1, step 2 of \u{1B}[K\r\u{1B}[Kepoch 1 done\n")
  }

  @Test func whatDoesNotFitLosesItsNameFirst() {
    let screen = Screen()
    let line = screen.line(isTerminal: true, width: 30)
    screen.time = 1
    line.update(of: "run", "epoch 1, 3 s left")
    #expect(screen.text == "\rrun: epoch 1, 3 s left\u{1B}[K")
    screen.text = ""
    screen.time = 2
    line.update(of: "a run with a long name", "epoch 1, 3 s left")
    #expect(screen.text == "\repoch 1, 3 s left\u{1B}[K")
    screen.text = ""
    let log = screen.line(isTerminal: false, width: 10)
    screen.time = 60
    log.update(of: "a run with a long name", "epoch 1, 3 s left")
    #expect(screen.text == "a run with a long name: epoch 1, 3 s left\n")
  }

  @Test func aLogGetsPlainLinesNowAndThen() {
    let screen = Screen()
    let line = screen.line(isTerminal: false)
    for second in 1...65 {
      screen.time = Double(second)
      line.update("second \(second) of a long training")
    }
    line.print("done")
    #expect(screen.text == "second 30 of a long training\nsecond 60 of a long training\ndone\n")
  }

  @Test(arguments: [
    (0.2, "0 s"), (59.4, "59 s"), (60, "1 min 00 s"), (3599, "59 min 59 s"), (7620, "2 h 07 min"),
    (Double.infinity, "?"), (-1, "?"),
  ]) func durationsForAPerson(seconds: Double, text: String) {
    #expect(duration(seconds) == text)
  }
}
