import Foundation
import TestSupport
import Testing

extension ProgramTests {
  /// Where results go, and what happens when they cannot get there.
  @Suite struct OutputTests {
    let folder: TemporaryFolder

    init() throws {
      folder = try tinyFolder()
      try folder.write(NumPy.floats([[1, 0], [0, 1], [0.6, 0.8]]), "z.npy")
      try folder.write(NumPy.integers([0, 0, 1]), "y.npy")
      try writeDigitFiles(folder, "data/mnist")
    }

    /// Runs through a shell, with redirections.
    private func run(
      _ arguments: [String], _ redirections: String, program: Program = .experiments, seconds: Double = 60
    ) throws -> Outcome {
      try program.start(arguments, in: folder.url) {
        ["sh", "-c", "exec \"$0\" \"$@\" \(redirections)"] + $0
      }.wait(seconds: seconds)
    }

    private static let table = ["table", "2", "--runs", "none", "--profile", "smoke"]
    private static let commands: [(program: Program, arguments: [String])] = [
      (.experiments, ["--help"]), (.experiments, ["help", "loss"]), (.experiments, ["loss", "--help"]),
      (.experiments, ["--version"]), (.experiments, ["--generate-completion-script", "bash"]),
      (.experiments, ["schema"]), (.experiments, table), (.experiments, table + ["--format", "csv"]),
      (.experiments, table + ["--format", "json"]), (.experiments, ["status"]), (.experiments, ["runs"]),
      (.experiments, ["runs", "--json"]), (.experiments, ["clean"]),
      (.experiments, ["fetch", "all", "--list"]),
      (.experiments, ["fetch", "isic", "--data", "data"]),
      (.experiments, ["data", "mnist", "--data", "data"]),
      (.experiments, ["data", "mnist", "--data", "data", "--json"]),
      (.experiments, ["--config", "tiny", "--print-configuration"]),
      (.experiments, ["--config", "tiny", "--grid", "loss.alpha=0,1", "--print-configuration"]),
      (.experiments, ["--config", "tiny", "--loss", "spread", "--dry-run"]),
      (.experiments, ["loss", "--loss", "selfSupervised", "--view1", "z.npy", "--view2", "z.npy"]),
      (.experiments, ["metrics", "--embeddings", "z.npy", "--labels", "y.npy"]),
      (.benchmarks, ["--help"]), (.benchmarks, []), (.benchmarks, ["--version"]),
      (.benchmarks, ["loss", "--batch", "8", "--runs", "1"]),
      (.benchmarks, ["loss", "--batch", "8", "--runs", "1", "--json"]),
    ]

    @Test(arguments: commands.indices) func aFullDiskIsAnError(index: Int) throws {
      let (program, arguments) = Self.commands[index]
      let outcome = try run(arguments, "> /dev/full", program: program)
      expectError(outcome, code: 1, naming: "standard output cannot be written: No space left on device")
    }

    @Test(arguments: [["schema"], ["--version"], ["status"]]) func aClosedOutputIsAnError(arguments: [String])
      throws
    {
      let outcome = try run(arguments, ">&-")
      expectError(outcome, code: 1, naming: "standard output cannot be written: Bad file descriptor")
    }

    /// The number of the closed output must not become that of a file which is opened next.
    @Test func aClosedOutputDoesNotGoIntoAFile() throws {
      let outcome = try run(Self.table + ["--output", "table.md", "--format", "csv"], "<&- >&-")
      expectError(outcome, code: 1, naming: "standard output")
      let whole = try run(Self.table + ["--format", "csv"], "").output
      #expect(folder.text("table.md") == whole && whole.contains("data set"))
    }

    @Test(arguments: [["schema"], ["--help"], ["table", "2", "--runs", "none"]])
    func aReaderThatIsGoneIsNotComplainedAbout(arguments: [String]) throws {
      let outcome = try Program.experiments.start(arguments, in: folder.url) {
        ["sh", "-c", "{ sleep 0.3; \"$0\" \"$@\"; echo \"code $?\" >&2; } | :"] + $0
      }.wait()
      #expect(outcome.errors == "code 141\n")
    }

    @Test func progressThatNobodySeesEndsNoRun() throws {
      for (place, redirection) in ["2> /dev/full", "2>&-"].enumerated() {
        let outcome = try run(
          ["--config", "tiny", "--loss", "spread", "--runs", "runs-\(place)"], redirection)
        #expect(outcome.code == 0 && outcome.output.contains("Tiny"), "\(outcome)")
      }
      let outcome = try Program.experiments.start(
        ["--config", "tiny", "--loss", "spread", "--runs", "runs-pipe"], in: folder.url
      ) { ["sh", "-c", "exec 3>&1; { sleep 0.3; \"$0\" \"$@\" 2>&1 >&3; echo \"code $?\" >&3; } | :"] + $0 }
      .wait()
      #expect(outcome.output.contains("Tiny") && outcome.output.hasSuffix("code 0\n"), "\(outcome)")
    }

    // MARK: - --output

    private func table(_ file: String) throws -> Outcome {
      try Program.experiments.run(Self.table + ["--output", file], in: folder.url)
    }

    private func kind(_ name: String) -> mode_t {
      var status = stat()
      return lstat(folder.file(name), &status) == 0 ? status.st_mode & S_IFMT : 0
    }

    @Test func anOutputFileIsReplacedThroughItsLink() throws {
      try folder.write("old", "real")
      chmod(folder.file("real"), 0o640)
      symlink("real", folder.file("link"))
      let outcome = try table("link")
      #expect(outcome.code == 0, "\(outcome)")
      #expect(kind("link") == S_IFLNK && folder.text("real") == outcome.output)
      var status = stat()
      #expect(stat(folder.file("real"), &status) == 0 && status.st_mode & 0o777 == 0o640)
    }

    @Test func anOutputIntoAFIFOIsRead() throws {
      mkfifo(folder.file("fifo"), 0o600)
      let reader = open(folder.file("fifo"), O_RDWR | O_NONBLOCK)
      defer { close(reader) }
      let outcome = try table("fifo")
      #expect(outcome.code == 0 && kind("fifo") == S_IFIFO, "\(outcome)")
      var bytes = [UInt8](repeating: 0, count: 1 << 16)
      let count = read(reader, &bytes, bytes.count)
      #expect(count > 0 && String(decoding: bytes.prefix(max(0, count)), as: UTF8.self) == outcome.output)
    }

    @Test func standardOutputCanBeNamed() throws {
      for name in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
        let outcome = try table(name)
        let half = outcome.output.prefix(outcome.output.count / 2)
        #expect(outcome.code == 0 && !half.isEmpty && outcome.output == half + half, "\(outcome)")
      }
    }

    @Test(.enabled(if: getuid() == 0, "only root makes devices")) func aDeviceStaysADevice() throws {
      try #require(mknod(folder.file("sink"), S_IFCHR | 0o666, 1 << 8 | 3) == 0)
      #expect(try table("sink").code == 0)
      let picture = ["data", "mnist", "--data", "data", "--count", "1", "--preview", "sink"]
      #expect(try Program.experiments.run(picture, in: folder.url).code == 0)
      #expect(kind("sink") == S_IFCHR)
    }

    /// What cannot be written is found before the work: none of these reads what it would work on.
    @Test func aPlaceThatCannotBeWrittenIsNamedAtOnce() throws {
      try folder.write("x", "sub/a")
      for (place, part) in [("sub", "this is a folder"), ("none/a", "No such file or directory")] {
        for arguments in [
          Self.table + ["--output", place], ["reproduce", "2", "--runs", "none", "--output", place],
          ["embed", "--checkpoint", "none", "--data", "glyphs", "--output", place],
          ["embed", "--checkpoint", "none", "--data", "glyphs", "--output", "z", "--strata", place],
          ["data", "mnist", "--data", "data", "--preview", place],
        ] {
          let outcome = try Program.experiments.run(arguments, in: folder.url)
          expectError(outcome, code: 1, naming: place, part)
          #expect(outcome.output.isEmpty)
        }
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("sub")) == ["a"])
    }

    // MARK: - Control characters

    @Test func controlCharactersDoNotReachTheTerminal() throws {
      for arguments in [
        ["metrics", "--embeddings", "\u{1b}]0;x\u{7}\u{9b}.npy", "--labels", "y.npy"],
        ["data", "\u{1b}[2J"], ["\u{1b}[2J"], ["--config", "\u{1b}[2J"], ["--config", "tiny", "--\u{1b}[2J"],
        ["embed", "--data", "\u{1b}[2J"], ["runs", "--compare", "\u{1b}[2J", "b"],
      ] {
        let outcome = try Program.experiments.run(arguments, in: folder.url)
        #expect(outcome.code != 0 && outcome.errors.contains("\\u{1b}"), "\(arguments) \(outcome)")
        #expect(
          !(outcome.errors + outcome.output).unicodeScalars.contains { $0 == "\u{1b}" || $0 == "\u{9b}" })
      }
    }

    @Test func namesInADataSetAreShownAndKeptInJSON() throws {
      let name = "a\u{202e}b\u{1b}[31m\u{9b}c"
      for (part, count) in [("train", 20), ("test", 10)] {
        let size: [UInt8] = [0, 0, 0, UInt8(count)]
        let pixels = [UInt8](repeating: 7, count: count * 64)
        let images = Data([0, 0, 8, 3] + size + [0, 0, 0, 8, 0, 0, 0, 8] + pixels)
        try folder.write(images, "data/idx/\(part)-images.idx")
        let labels = Data([0, 0, 8, 1] + size + (0..<count).map { UInt8($0 % 2) })
        try folder.write(labels, "data/idx/\(part)-labels.idx")
      }
      let names = try JSONSerialization.data(withJSONObject: ["classes": [name, "plain"]])
      try folder.write(names, "data/idx/names.json")
      let text = try Program.experiments.run(["data", "idx", "--data", "data"], in: folder.url)
      #expect(text.output.contains(#"a\u{202e}b\u{1b}[31m\u{9b}c"#), "\(text)")
      let json = try Program.experiments.run(["data", "idx", "--data", "data", "--json"], in: folder.url)
      #expect(!json.output.unicodeScalars.contains { [0x202e, 0x1b, 0x9b].contains($0.value) })
      let reports = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [[String: Any]]
      let contents = try #require(reports?.first?["contents"] as? [String: Any], "\(json)")
      #expect((contents["classes"] as? [[String: Any]])?.first?["name"] as? String == name)
    }

    @Test func outputsThatWouldReplaceOneAnotherOrWhatIsReadAreRefused() throws {
      try folder.write("weights", "best.safetensors")
      let embed = ["embed", "--checkpoint", "best.safetensors", "--data", "glyphs", "--output"]
      symlink("best.safetensors", folder.file("link"))
      for (arguments, options) in [
        (embed + ["a.npy", "--labels", "./a.npy"], ["--labels", "--output"]),
        (embed + ["best.safetensors"], ["--output", "--checkpoint"]),
        (embed + ["link"], ["--output", "--checkpoint"]),
      ] {
        let outcome = try Program.experiments.run(arguments, in: folder.url)
        #expect(outcome.code == 64 && options.allSatisfy(outcome.errors.contains), "\(outcome)")
      }
      #expect(folder.text("best.safetensors") == "weights")
      try folder.write(NumPy.floats([[1, 0], [0, 1]]), "out/grad1.npy")
      let loss = try Program.experiments.run(
        [
          "loss", "--loss", "selfSupervised", "--view1", "out/grad1.npy", "--view2", "z.npy", "--gradients",
          "out",
        ],
        in: folder.url)
      #expect(loss.code == 64 && loss.errors.contains("--view1"), "\(loss)")
    }
  }
}
