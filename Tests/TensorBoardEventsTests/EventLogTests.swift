import Basics
import Foundation
import TestSupport
import Testing

@testable import TensorBoardEvents

private func events(_ folder: URL) throws -> [Event] {
  try EventLog.files(in: folder).flatMap { name in
    try RecordFile.records(in: Data(contentsOf: folder.appendingPathComponent(name))).map {
      try Event(serializedBytes: $0.data)
    }
  }
}

/// Steps and values of one tag, over all files in the order in which TensorBoard reads them.
private func scalars(_ tag: String, in folder: URL) throws -> [[Float]] {
  try events(folder).flatMap { event in
    event.summary.value.filter { $0.tag == tag }.map { [Float(event.step), $0.simpleValue] }
  }
}

private func log(_ folder: URL, after step: Int?, at seconds: Double = 1.5) throws -> EventLog {
  try EventLog(folder: folder, after: step, now: { seconds })
}

@Suite struct RecordFileTests {
  /// The check value of CRC-32C, and RFC 3720's examples (B.4).
  @Test func checksumsAreThoseOfTheStandard() {
    #expect(MaskedChecksum.crc32c(Data("123456789".utf8)) == 0xE306_9283)
    #expect(MaskedChecksum.crc32c(Data(repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(MaskedChecksum.crc32c(Data(repeating: 0xFF, count: 32)) == 0x62A8_AB43)
    #expect(MaskedChecksum.crc32c(Data(0..<32)) == 0x46DD_794E)
    #expect(MaskedChecksum.crc32c(Data()) == 0)
  }

  @Test func recordsComeBack() {
    let data = [Data("first".utf8), Data(), Data((0..<1000).map { UInt8(truncatingIfNeeded: $0) })]
    let file = data.reduce(Data()) { $0 + RecordFile.framed($1) }
    let records = RecordFile.records(in: file)
    #expect(records.map(\.data) == data)
    #expect(records.map(\.end) == [21, 37, 1053])
  }

  /// Wherever a file ends or is damaged, what stands before is read and nothing after.
  @Test func readingEndsAtTheFirstRecordThatIsNotWhole() {
    let data = [Data("one".utf8), Data("two!".utf8), Data("three".utf8)]
    let file = data.reduce(Data()) { $0 + RecordFile.framed($1) }
    let ends = RecordFile.records(in: file).map(\.end)
    for length in 0..<file.count {
      #expect(RecordFile.records(in: file.prefix(length)).count == ends.count { $0 <= length })
      var damaged = file
      damaged[length] ^= 0x40
      #expect(
        RecordFile.records(in: damaged).map(\.data) == data.prefix(ends.count { $0 <= length }).map { $0 })
    }
  }

  @Test func aLengthBeyondTheFileIsNoRecord() {
    // A length of 2^63 and more with the checksum that belongs to it.
    for top in [UInt8(0x7F), 0xFF] {
      let length = Data([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, top])
      let checksum = withUnsafeBytes(of: MaskedChecksum.of(length).littleEndian) { Data($0) }
      #expect(RecordFile.records(in: length + checksum + Data(repeating: 1, count: 64)).isEmpty)
    }
  }
}

@Suite struct EventLogTests {
  /// Written by TensorBoard 2.21's own `RecordWriter` from its own messages, with the time 1.5.
  @Test func filesHaveTheBytesThatTensorBoardsWriterMakes() throws {
    let expected = [
      "1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c",
      "0f000000000000006d532b0909000000000000f83f10083a0208019571c7d1",
      "39000000000000008b0737f109000000000000f83f10072a2c0a140a0d747261696e696e672f6c6f7373150000803e0a140a0d747261"
        + "696e696e672f726174651500004040fcd766db",
      "3700000000000000e7e8ca5909000000000000f83f2a2c0a2a0a0d636f6e66696775726174696f6e420f080712041202080142057c20"
        + "61207c4a080a060a047465787481f76012",
      "74000000000000005f6773d209000000000000f83f2a690a670a1c5f68706172616d735f2f73657373696f6e5f73746172745f696e66"
        + "6f420e08011204120208012a04000000004a370a350a0768706172616d73122a1a280a1d0a106c6f73732e74656d7065726174757265"
        + "120911000000000000e03f29000000000000f83fdf04a735",
    ]
    try withFolder { folder in
      let log = try log(folder, after: 7)
      try log.add([("training/loss", 0.25), ("training/rate", 3)], step: 7)
      try log.add(text: "| a |", tag: "configuration")
      try log.add(hyperparameters: [("loss.temperature", .number(0.5))])
      let name = try #require(EventLog.files(in: folder).first)
      let file = try Data(contentsOf: folder.appendingPathComponent(name))
      #expect(
        file.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() == expected.joined())
      #expect(name.wholeMatch(of: /events\.out\.tfevents\.0000000001\.[A-Za-z0-9-]+\.\d+\.0/) != nil)
    }
  }

  @Test func aRunThatBeginsHasNoPastAndMakesNoFileBeforeItSaysSomething() throws {
    try withFolder { folder in
      try log(folder, after: nil).add([("a", 1)], step: 5)
      #expect(
        try events(folder).map(\.what).contains { $0 == .sessionLog(.with { $0.status = .start }) } == false)
      let anew = try log(folder, after: nil)
      #expect(EventLog.files(in: folder).isEmpty)
      try anew.add([("a", 2)], step: 3)
      #expect(try scalars("a", in: folder) == [[3, 2]])
    }
  }

  /// A kill at step 9 after a checkpoint at step 6: what goes on tells 7, 8 and 9 again.
  @Test func stepsAfterTheCheckpointAreToldOnce() throws {
    try withFolder { folder in
      let first = try log(folder, after: nil)
      try first.add(text: "settings", tag: "configuration")
      for step in 1...9 { try first.add([("a", Double(step))], step: step) }
      let second = try log(folder, after: 6)
      for step in 7...8 { try second.add([("a", 10 * Double(step))], step: step) }
      #expect(try scalars("a", in: folder).map { $0[0] } == [1, 2, 3, 4, 5, 6, 7, 8])
      #expect(try scalars("a", in: folder).map { $0[1] } == [1, 2, 3, 4, 5, 6, 70, 80])
      #expect(try events(folder).filter { $0.summary.value.first?.tag == "configuration" }.count == 1)
      // TensorBoard may have read the first file to its end: it is told from which step on to forget.
      let starts = try events(folder).filter { $0.sessionLog.status == .start }
      #expect(starts.map(\.step) == [7])
      // A third start, from before the second: that one's file goes as a whole.
      #expect(EventLog.files(in: folder).count == 2)
      try log(folder, after: 6).add([("a", -1)], step: 7)
      #expect(try scalars("a", in: folder).last == [7, -1])
      #expect(EventLog.files(in: folder).count == 2)
    }
  }

  @Test func filesSortInTheOrderOfStartsWhateverTheClockSays() throws {
    try withFolder { folder in
      var names: [String] = []
      for (start, seconds) in [1_790_000_000, 1_790_000_000, 1_780_000_000, 1_790_000_009.5].enumerated() {
        try log(folder, after: start, at: seconds).add([("a", 0)], step: start)
        names.append(try #require(EventLog.files(in: folder).last))
      }
      #expect(names == names.sorted() && Set(names).count == 4)
      #expect(try scalars("a", in: folder).map { $0[0] } == [0, 1, 2, 3])
    }
  }

  @Test func whatAKillLeftOfARecordIsCutOff() throws {
    try withFolder { folder in
      try log(folder, after: nil).add([("a", 1)], step: 1)
      let file = folder.appendingPathComponent(EventLog.files(in: folder)[0])
      let whole = try Data(contentsOf: file)
      try log(folder, after: 1).add([("a", 2)], step: 2)
      let event = Event.with {
        $0.step = 1
        $0.summary.value = [.with { $0.tag = "a" }]
      }
      let torn = RecordFile.framed(try event.serializedBytes())
      for length in 1..<torn.count {
        try (whole + torn.prefix(length)).write(to: file)
        _ = try log(folder, after: 2)
        #expect(try Data(contentsOf: file) == whole)
      }
      // Not a record at all: nothing can be told from it, and nothing is lost by removing it.
      try Data("no events".utf8).write(to: file)
      _ = try log(folder, after: 2)
      #expect(EventLog.files(in: folder).count == 1)
      #expect(try scalars("a", in: folder) == [[2, 2]])
    }
  }

  @Test func aFolderThatCannotBeWrittenIsNamed() throws {
    let folder = URL(fileURLWithPath: "/proc/no-such-folder")
    let error = #expect(throws: (any Error).self) {
      try log(folder, after: nil).add([("a", 1)], step: 1)
    }
    #expect("\(error!)".contains("/proc/no-such-folder/events.out.tfevents."))
  }
}
