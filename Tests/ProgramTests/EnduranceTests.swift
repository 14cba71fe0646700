import Foundation
import TestSupport
import Testing

/// How often each of the endurance tests tries; `make test-long` asks for more.
private func count(_ variable: String, otherwise: Int) -> Int {
  ProcessInfo.processInfo.environment[variable].flatMap { Int($0) } ?? otherwise
}

/// Numbers that are the same in every test run.
private struct Sequence {
  private var state: UInt64

  init(seed: Int) { state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

  /// In 0..<bound.
  mutating func next(below bound: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(state >> 33) % max(1, bound)
  }
}

/// A run with everything that a run can keep, of some seconds at most.
private struct EnduranceRun {
  let folder: TemporaryFolder
  let epochs: Int

  var command: [String] {
    [
      "--config", "tiny", "--loss", "spread", "--set", "epochs=\(epochs)", "--set",
      "checkpoints.keepEvery=3", "--set", "tensorBoard.everySteps=7",
    ]
  }

  func start(_ runs: String, _ more: [String] = []) throws -> RunningProgram {
    try Program.experiments.start(command + ["--runs", runs] + more, in: folder.url)
  }

  func finish(_ runs: String, _ more: [String] = []) throws -> RunFiles {
    let outcome = try start(runs, more).wait(seconds: 120)
    #expect(outcome.code == 0, "\(outcome)")
    return try files(runs)
  }

  func files(_ runs: String) throws -> RunFiles {
    try RunFiles(in: URL(fileURLWithPath: runs, relativeTo: folder.url))
  }

  /// Whether a run came to the figures and the network of another.
  func isSame(_ run: RunFiles, _ reference: RunFiles) throws -> Bool {
    try ["result.json", "best.safetensors"].allSatisfy { try run.data($0) == reference.data($0) }
  }
}

extension ProgramTests {
  /// Damage of every kind to every file of a run. What comes of it is an error, or the same figures.
  ///
  /// `SPREAD_DAMAGES` says how often.
  @Suite struct DamageEnduranceTests {
    private let run: EnduranceRun
    private let times = count("SPREAD_DAMAGES", otherwise: 24)

    init() throws { run = EnduranceRun(folder: try tinyFolder(), epochs: 6) }

    @Test func noDamageChangesAFigureInSilence() throws {
      let whole = try run.finish("reference")
      let output = try run.start("reference").wait().output
      let program = try run.start("stopped")
      let isStopped = program.wait(until: {
        RunFiles.folders(in: run.folder.url.appendingPathComponent("stopped")).contains {
          RunFiles($0).text("metrics.jsonl").split(separator: "\n").count >= 3
        }
      })
      program.send(SIGKILL)
      _ = try program.wait()
      let evaluated = try run.finish("evaluated")
      try FileManager.default.removeItem(at: evaluated.file("result.json"))
      var sequence = Sequence(seed: 3)
      var refused = 0
      for number in 0..<times {
        // Complete, without its result, or stopped in the middle.
        let state = ["reference", "evaluated", isStopped ? "stopped" : "evaluated"][number % 3]
        let runs = "damaged-\(number)"
        try FileManager.default.copyItem(
          at: run.folder.url.appendingPathComponent(state), to: run.folder.url.appendingPathComponent(runs))
        let damage = try damage(run.files(runs), &sequence)
        // By itself, and as a queue does it, which believes the folder's files more.
        let outcome = try run.start(runs, number % 2 == 0 ? [] : ["--jobs", "1"]).wait(seconds: 120)
        if outcome.code == 0 {
          #expect(outcome.output == output, "\(state), \(damage): \(outcome)")
          // Of a complete run nothing but the result is read, and nothing written.
          if state != "reference" { #expect(try run.isSame(run.files(runs), whole), "\(state), \(damage)") }
        } else {
          refused += 1
          #expect(
            outcome.code == 1 && outcome.errors.contains(#/Error: |failed: /#),
            "\(state), \(damage): \(outcome)")
        }
        try FileManager.default.removeItem(at: run.folder.url.appendingPathComponent(runs))
      }
      print("\(times) damaged folders: \(refused) refused, \(times - refused) with the same figures")
    }

    /// Spoils one file.
    /// - Returns: which, and how.
    private func damage(_ run: RunFiles, _ sequence: inout Sequence) throws -> String {
      // The networks that are kept by epoch are many, and nothing is made of them.
      let kept = sequence.next(below: 8) == 0
      let names = run.names.filter { !$0.hasPrefix(".") && $0.hasPrefix("epoch-") == kept }
      let name = names[sequence.next(below: names.count)]
      var bytes = try [UInt8](run.data(name))
      let kinds = ["flipped", "cut", "zeroed", "swapped", "without a line", "with a line twice", "gone"]
      let kind = kinds[sequence.next(below: kinds.count)]
      let place = sequence.next(below: bytes.count)
      switch kind {
      case "flipped" where !bytes.isEmpty: bytes[place] ^= 1 << UInt8(sequence.next(below: 8))
      case "cut": bytes = Array(bytes.prefix(place))
      case "zeroed":
        let end = min(bytes.count, place + 1 + sequence.next(below: 512))
        for index in place..<end { bytes[index] = 0 }
      case "swapped":
        let (size, other) = (64, sequence.next(below: bytes.count))
        for index in 0..<size where max(place, other) + index < bytes.count {
          bytes.swapAt(place + index, other + index)
        }
      case "gone":
        try FileManager.default.removeItem(at: run.file(name))
        return "\(name) \(kind)"
      default:
        var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        let line = sequence.next(below: lines.count)
        if kind == "without a line" { lines.remove(at: line) } else { lines.insert(lines[line], at: line) }
        bytes = Array(lines.joined(separator: [0x0A]))
      }
      try Data(bytes).write(to: run.file(name))
      return "\(name) \(kind) at \(place)"
    }
  }

  /// Disks that are full at any moment. The run ends with a sentence, and continues to the same bits when there is room.
  ///
  /// `SPREAD_DISKS` says how many.
  @Suite struct DiskEnduranceTests {
    private let run: EnduranceRun
    private let times = count("SPREAD_DISKS", otherwise: 5)

    init() throws { run = EnduranceRun(folder: try tinyFolder(), epochs: 6) }

    /// A limit on the size of files stands in for a disk: everybody may set it.
    @Test func aRunWithoutRoomForItsFilesSaysSoAndContinues() throws {
      let reference = try run.finish("reference")
      let blocks = try reference.data("checkpoint.safetensors").count / 512
      var sequence = Sequence(seed: 5)
      var stopped = 0
      for number in 0..<times {
        let (runs, limit) = ("small-\(number)", 8 + sequence.next(below: blocks))
        let outcome = try Program.experiments.start(run.command + ["--runs", runs], in: run.folder.url) {
          ["sh", "-c", "ulimit -f \(limit); exec \"$@\"", "sh"] + $0
        }.wait(seconds: 120)
        if outcome.code != 0 {
          stopped += 1
          expectError(outcome, code: 1, naming: run.folder.file(runs))
        }
        try expectSame(run.finish(runs), reference, "after a limit of \(limit) blocks")
      }
      print("\(times) limits on files: \(stopped) runs stopped")
    }

    private static let mayMount: Bool = {
      guard geteuid() == 0, let folder = try? TemporaryFolder() else { return false }
      return (try? mount(folder.url, kilobytes: 64)) == true && (try? unmount(folder.url)) == true
    }()

    @Test(.enabled(if: mayMount, "needs the right to mount"))
    func aRunOnAFullDiskSaysSoAndContinues() throws {
      let reference = try run.finish("reference")
      let size = try reference.names.reduce(0) { try $0 + reference.data($1).count } / 1000
      var sequence = Sequence(seed: 7)
      var stopped = 0
      for number in 0..<times {
        let disk = run.folder.url.appendingPathComponent("disk-\(number)")
        try FileManager.default.createDirectory(at: disk, withIntermediateDirectories: true)
        let room = 16 + sequence.next(below: size)
        try #require(try Self.mount(disk, kilobytes: room))
        defer { _ = try? Self.unmount(disk) }
        let outcome = try run.start(disk.path).wait(seconds: 120)
        if outcome.code != 0 {
          stopped += 1
          expectError(outcome, code: 1, naming: disk.path)
        }
        try #require(try Self.mount(disk, kilobytes: 100_000, again: true))
        try expectSame(run.finish(disk.path), reference, "after a disk of \(room) kB")
      }
      print("\(times) small disks: \(stopped) runs stopped")
    }

    private static func mount(_ folder: URL, kilobytes: Int, again: Bool = false) throws -> Bool {
      let options = (again ? "remount," : "") + "size=\(kilobytes)k"
      return try Program.experiments.start([], in: URL(fileURLWithPath: "/")) { _ in
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder.path]
      }.wait().code == 0
    }

    private static func unmount(_ folder: URL) throws -> Bool {
      try Program.experiments.start([], in: URL(fileURLWithPath: "/")) { _ in ["umount", folder.path] }.wait()
        .code
        == 0
    }
  }

  /// Kills at any moment. The run continues to the same bits.
  ///
  /// `SPREAD_KILLS` says how many.
  @Suite struct KillEnduranceTests {
    private let run: EnduranceRun
    private let times = count("SPREAD_KILLS", otherwise: 20)

    init() throws { run = EnduranceRun(folder: try tinyFolder(), epochs: 100) }

    @Test func aRunThatIsKilledAtRandomMomentsEndsWithTheSameBits() throws {
      let reference = try run.finish("reference")
      var sequence = Sequence(seed: 20)
      var (kills, round) = (0, 0)
      while kills < times {
        round += 1
        let before = kills
        kills += try kill("killed-\(round)", times: min(20, times - kills), &sequence)
        try #require(kills > before, "no run could be killed before its end")
        let killed = try run.finish("killed-\(round)")
        try expectSame(killed, reference, "after \(kills - before) kills")
        for epoch in stride(from: 3, through: 99, by: 3) {
          let name = "epoch-\(epoch).safetensors"
          #expect(try killed.data(name) == reference.data(name), "\(name) differs")
        }
        #expect(try killed.sessions().count > (kills - before) / 2)
        try FileManager.default.removeItem(at: run.folder.url.appendingPathComponent("killed-\(round)"))
      }
      print("\(kills) kills of \(round) runs")
    }

    /// Kills a run, from the start of the process to well within its training.
    /// - Returns: how often it was killed before its end.
    private func kill(_ runs: String, times: Int, _ sequence: inout Sequence) throws -> Int {
      for kills in 0..<times {
        let program = try run.start(runs)
        // Every fifth kill comes before or while the run is taken up; the others some epochs after.
        if kills % 5 != 0 {
          _ = program.wait(until: {
            program.errors.contains("starts") || program.errors.contains("goes on after")
          })
        }
        let end = ContinuousClock.now.advanced(by: .microseconds(sequence.next(below: 60_000)))
        _ = program.wait(until: { ContinuousClock.now >= end }, polling: 200)
        program.send(SIGKILL)
        if try program.wait().code == 0 { return kills }
      }
      return times
    }
  }
}
