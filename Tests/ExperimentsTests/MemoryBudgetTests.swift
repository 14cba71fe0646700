import Basics
import Foundation
import NeuralNetworks
import TestSupport
import Testing

@testable import Experiments

@Suite struct MemoryBudgetTests {
  /// A machine with 8 GiB available and no limits, less what is written over it.
  private func budget(_ files: [String: String], environment: [String: String] = [:]) throws -> MemoryBudget?
  {
    try withFolder { root in
      let machine = ["proc/meminfo": "MemTotal: 9000000 kB\nMemAvailable:    8388608 kB\nSwapFree: 1 kB\n"]
      for (path, text) in machine.merging(files, uniquingKeysWith: { $1 }) {
        let file = root.appendingPathComponent(path)
        try FileManager.default.createDirectory(
          at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try file.write(text)
      }
      return try MemoryBudget.current(environment: environment, root: root)
    }
  }

  private let gibibyte = 0x1p30

  @Test func theMachineIsTheBound() throws {
    let found = try #require(try budget([:]))
    #expect(found.bytes == 8 * gibibyte && found.reason == "are available on this machine")
    #expect(try budget(["proc/meminfo": "nonsense"]) == nil)
  }

  /// The tightest group up the tree, less what it uses that cannot be reclaimed.
  @Test func controlGroupsOfVersionTwo() throws {
    let found = try #require(
      try budget([
        "proc/self/cgroup": "0::/slice/job\n",
        "sys/fs/cgroup/slice/job/memory.max": "max\n", "sys/fs/cgroup/slice/job/memory.current": "5\n",
        "sys/fs/cgroup/slice/memory.max": "4294967296\n",
        "sys/fs/cgroup/slice/memory.current": "3221225472\n",
        "sys/fs/cgroup/slice/memory.stat": "anon 1\ninactive_file 1073741824\nactive_file 7\n",
      ]))
    #expect(found.bytes == 2 * gibibyte && found.reason.contains("/sys/fs/cgroup/slice/memory.max"))
  }

  @Test func aContainerSeesItsGroupAsTheRoot() throws {
    let found = try #require(
      try budget([
        "proc/self/cgroup": "0::/docker/abc\n", "sys/fs/cgroup/memory.max": "1073741824",
        "sys/fs/cgroup/memory.current": "0",
      ]))
    #expect(found.bytes == gibibyte)
  }

  @Test func controlGroupsOfVersionOne() throws {
    let files = [
      "proc/self/cgroup": "5:cpu,memory:/job\n1:name=systemd:/\n",
      "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
      "sys/fs/cgroup/memory/memory.usage_in_bytes": "9\n",
      "sys/fs/cgroup/memory/job/memory.limit_in_bytes": "3221225472\n",
      "sys/fs/cgroup/memory/job/memory.usage_in_bytes": "2147483648\n",
      "sys/fs/cgroup/memory/job/memory.stat": "inactive_file 1\ntotal_inactive_file 1073741824\n",
    ]
    #expect(try #require(try budget(files)).bytes == 2 * gibibyte)
    // More in use than allowed leaves nothing.
    #expect(
      try #require(
        try budget(files.merging(["sys/fs/cgroup/memory/job/memory.limit_in_bytes": "4096"]) { $1 })
      ).bytes
        == 0)
  }

  @Test func theVariableWinsOrSwitchesTheCheckOff() throws {
    func budget(_ text: String) throws -> Double? {
      try self.budget([:], environment: ["SPREAD_MEMORY": text])?.bytes
    }
    #expect(try budget("12G") == 12 * gibibyte && (try budget("1.5g")) == 1.5 * gibibyte)
    #expect(
      try budget("800M") == 800 * 0x1p20 && (try budget("1000")) == 1000 && (try budget("64K")) == 65_536)
    #expect(try budget("unchecked") == nil && (try budget("")) == 8 * gibibyte)
    for text in ["much", "-1G", "0", "G", "nan", "12GB"] {
      #expect(try #require(failure { try budget(text) }).contains("SPREAD_MEMORY is \"\(text)\""))
    }
  }

  @Test func aQueueSharesWhatThereIs() throws {
    let whole = try budget([:])
    #expect(MemoryBudget.share(among: 1, of: whole).isEmpty && MemoryBudget.share(among: 2, of: nil).isEmpty)
    let share = try #require(try budget([:], environment: MemoryBudget.share(among: 4, of: whole)))
    #expect(share.bytes == 2 * gibibyte && share.reason.contains("4 runs side by side (--jobs 1"))
  }

  @Test func aRunThatDoesNotFitIsRefusedWithWhatHelps() throws {
    try withFolder { folder in
      var tiny = try TinyExperiment(in: folder)
      let data = try tiny.data()
      let small = RunMemory(tiny.configuration, data: data)
      tiny.changeEncoder { $0.depth = 7 }
      #expect(RunMemory(tiny.configuration, data: data).tensors > 1.5 * small.tensors)
      tiny.changeEncoder { ($0.width, $0.mlpWidth, $0.depth) = (8192, 65_536, 128) }
      let text = try #require(
        failure { try RunMemory(tiny.configuration, data: data).check(tiny.configuration, data: data) })
      for part in [
        "GB of memory", "batchSize (it is 16)", "encoder.patch (7 makes 16 patches",
        "SPREAD_MEMORY=unchecked",
      ] {
        #expect(text.contains(part), "\(part) in \(text)")
      }
    }
  }

  /// More threads than any system has.
  @Test func threadsThatAreRefusedAreAnError() async {
    #expect(SystemThread.refusal(of: 4) == nil)
    await #expect(processExitsWith: .success) {
      var limit = rlimit(rlim_cur: 4 << 30, rlim_max: rlim_t.max)
      setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
      #expect(SystemThread.refusal(of: 10_000) != nil)
    }
  }

  @Test func anotherProgramsOutput() {
    #expect(CommandOutput.of(["sh", "-c", "printf 'two words'; echo no >&2"]) == "two words")
    #expect(CommandOutput.of(["sh", "-c", "echo begun; exit 3"]) == nil)
    #expect(CommandOutput.of(["there-is-no-such-program"]) == nil)
    #expect(CommandOutput.of(["sh", "-c", "head -c 300000 /dev/zero | tr '\\0' x"])?.count == 300_000)
  }
}
