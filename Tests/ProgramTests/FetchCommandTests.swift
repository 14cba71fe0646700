import Foundation
import LoopbackServer
import TestSupport
import Testing

extension ProgramTests {
  @Suite struct FetchCommandTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static let names = [
      "train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1",
    ].map {
      "\($0)-ubyte.gz"
    }

    /// Contents for the tests: of no data set, and so only taken with --any-contents.
    private static let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }

    private func start(_ more: [String], environment: [String: String] = [:]) throws -> RunningProgram {
      try Program.experiments.start(
        ["fetch", "--data", "data", "--first-wait", "0.05"] + more, in: folder.url,
        environment: ["no_proxy": "127.0.0.1"].merging(environment) { $1 })
    }

    private func fetch(_ more: String..., environment: [String: String] = [:]) throws -> Outcome {
      try start(more, environment: environment).wait()
    }

    private func contents(_ name: String) -> [UInt8]? {
      FileManager.default.contents(atPath: folder.file("data/mnist/\(name)")).map { [UInt8]($0) }
    }

    private var files: [String] {
      ((try? FileManager.default.contentsOfDirectory(atPath: folder.file("data/mnist"))) ?? []).sorted()
    }

    private func expectAllFiles(sourceLocation: SourceLocation = #_sourceLocation) {
      #expect(files == Self.names.sorted(), sourceLocation: sourceLocation)
      #expect(Self.names.allSatisfy { contents($0) == Self.bytes }, sourceLocation: sourceLocation)
    }

    @Test func mistakesOfUsageSayWhatIsRight() throws {
      expectError(try fetch("mnits"), code: 64, naming: "`mnits`", "nearest: `mnist`")
      expectError(try fetch("cifar", "mnist"), code: 64, naming: "`cifar`", "cifar10", "cifar100")
      expectError(try fetch(), code: 64, naming: "all", "--list")
      expectError(try fetch("mnist", "--from", "ftp://x/"), code: 64, naming: "ftp", "http")
      expectError(try fetch("mnist", "--from", "http://host/a#b"), code: 64, naming: "fragment")
      expectError(
        try fetch("mnist", "--from", "nowhere"), code: 64, naming: "nowhere", "neither a folder nor")
      expectError(try fetch("mnist", "--any-contents"), code: 64, naming: "--from")
      expectError(try fetch("mnist", "--stall", "0"), code: 64, naming: "--stall")
      let homeless = try Program.experiments.run(["fetch", "mnist"], in: folder.url)
      expectError(homeless, code: 64, naming: "--data", "SPREAD_DATA")
      #expect(!FileManager.default.fileExists(atPath: folder.file("data")))
    }

    /// A FIFO that nobody writes to would be waited for without end.
    @Test func aFIFOInAFilesPlaceIsRefusedAtOnce() throws {
      for name in ["train-images-idx3-ubyte", "train-labels-idx1-ubyte.gz"] {
        try FileManager.default.createDirectory(
          atPath: folder.file("data/mnist"), withIntermediateDirectories: true)
        #expect(mkfifo(folder.file("data/mnist/\(name)"), 0o600) == 0)
      }
      for name in ["train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"] {
        try folder.write("", "data/mnist/\(name)")
      }
      let fetched = try fetch("mnist", "--from", "http://127.0.0.1:9", "--attempts", "1")
      #expect(
        fetched.code == 1 && fetched.output.contains("is in the way: this is a FIFO"), "\(fetched)")
      let shown = try Program.experiments.run(["data", "mnist", "--data", "data"], in: folder.url)
      #expect("\(shown)".contains("this is a FIFO, and a file was expected"), "\(shown)")
    }

    @Test func theListTouchesNothing() throws {
      let outcome = try fetch("--list")
      #expect(outcome.code == 0 && outcome.errors.isEmpty, "\(outcome)")
      for words in [
        "cifar10: cifar-10-binary.tar.gz, 170 MB, from https://www.cs.toronto.edu/",
        "mnist: train-images-idx3-ubyte.gz, 9.9 MB, from https://", "CelebA: by hand", "data/celeba",
      ] { #expect(outcome.output.contains(words), "\(words) in: \(outcome.output)") }
      #expect(!FileManager.default.fileExists(atPath: folder.file("data")))
    }

    @Test func dataSetsWithTermsComeWithDirections() throws {
      let outcome = try fetch("waterbirds", "celeba", "isic")
      #expect(outcome.code == 0)
      for words in [
        "https://nlp.stanford.edu/data/dro/waterbird_complete95_forest2water2.tar.gz",
        "data/waterbird_complete95_forest2water2/metadata.csv",
        "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html", "https://www.isic-archive.com",
        "data/isic/labels.csv",
      ] { #expect(outcome.output.contains(words), "\(words) in: \(outcome.output)") }
    }

    /// Cut off, silent, in trouble, moved: one command gets there.
    @Test func aServerInEveryTroubleIsOutlasted() throws {
      let server = try LoopbackServer { request in
        switch (request.path, request.number) {
        case ("/" + Self.names[0], 0): LoopbackServer.file(Self.bytes, for: request, cut: 100_000)
        case ("/" + Self.names[1], 0): LoopbackServer.file(Self.bytes, for: request, cut: 200_000, hold: true)
        case ("/" + Self.names[2], 0): LoopbackServer.page(503, ["Retry-After: 1"])
        case ("/" + Self.names[3], 0): LoopbackServer.page(302, ["Location: /there/\(Self.names[3])"])
        default: LoopbackServer.file(Self.bytes, for: request)
        }
      }
      let outcome = try fetch("mnist", "--from", server.address, "--any-contents", "--stall", "0.4")
      #expect(outcome.code == 0, "\(outcome)")
      expectAllFiles()
      #expect(
        server.requests.map(\.range) == [nil, "bytes=100000-", nil, "bytes=200000-", nil, nil, nil, nil])
      for words in [
        "cut before the end", "nothing came", "in trouble (503)", "again in 1 s", "going on after 200 kB",
      ] {
        #expect(outcome.errors.contains(words), "\(words) in: \(outcome.errors)")
      }
      #expect(
        outcome.output.split(separator: "\n").allSatisfy {
          $0.hasPrefix("fetched  data/mnist/") && $0.hasSuffix("(300 kB)")
        })
      let again = try fetch("mnist", "--from", server.address, "--any-contents")
      #expect(again.code == 0 && again.output.components(separatedBy: "there    ").count == 5, "\(again)")
      #expect(server.requests.count == 8)
    }

    @Test func otherContentsThanThePublishedAreRefused() throws {
      let server = try LoopbackServer { request in
        request.path.contains("labels")
          ? LoopbackServer.page(404) : LoopbackServer.file(Self.bytes, for: request)
      }
      let outcome = try fetch("mnist", "--from", server.address)
      expectError(outcome, code: 1, naming: "4 of 4 files")
      let lines = outcome.output.split(separator: "\n").filter { $0.hasPrefix("failed   data/mnist/") }
      #expect(
        lines.count == 4 && lines[0].contains("are published") && lines[1].contains("404"), "\(outcome)")
      #expect(files.isEmpty)
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGKILL]) func aFetchThatWasStoppedGoesOn(signal: Int32) throws {
      let server = try LoopbackServer { request in
        request.path.hasSuffix(Self.names[1]) && request.number == 0
          ? LoopbackServer.file(Self.bytes, for: request, cut: 150_000, hold: true)
          : LoopbackServer.file(Self.bytes, for: request)
      }
      let arguments = ["mnist", "--from", server.address, "--any-contents"]
      let program = try start(arguments)
      #expect(
        program.wait(until: { contents(Self.names[1] + ".partial")?.count == 150_000 }), "\(program.errors)")
      // Another one in the meantime keeps out of its way.
      let second = try start(arguments).wait()
      #expect(second.code == 1 && second.output.contains("another fetch (process "), "\(second)")
      program.send(signal)
      let stopped = try program.wait(seconds: 5)
      if signal == SIGKILL {
        #expect(stopped.signal == SIGKILL)
      } else {
        expectError(stopped, code: 128 + signal, naming: "the same command continues from here")
        #expect(stopped.errors.contains("150 kB are kept in data/mnist/\(Self.names[1]).partial"))
        #expect(stopped.output == "")
      }
      #expect(contents(Self.names[1]) == nil && contents(Self.names[1] + ".partial")?.count == 150_000)
      let list = try fetch("mnist", "--dry-run", "--from", server.address, "--any-contents")
      #expect(
        list.output.contains("150 kB of it are there")
          && list.output.contains("there: data/mnist/\(Self.names[0])"))
      let outcome = try start(arguments).wait()
      #expect(outcome.code == 0 && outcome.output.hasPrefix("there    "), "\(outcome)")
      #expect(server.requests(of: "/" + Self.names[1]).map(\.range) == [nil, "bytes=150000-"])
      expectAllFiles()
    }

    /// A body of 200 MB goes through a process that never has more than a fraction of it in memory.
    @Test func memoryIsBounded() throws {
      let piece = [UInt8](repeating: 7, count: 1 << 20)
      let server = try LoopbackServer { _ in
        [LoopbackServer.head(200)] + [LoopbackServer.Action](repeating: .send(piece), count: 200) + [.hold]
      }
      let program = try start(["mnist", "--from", server.address, "--any-contents"])
      var status = stat()
      let isThere = program.wait(until: {
        stat(folder.file("data/mnist/\(Self.names[0]).partial"), &status) == 0 && status.st_size == 200 << 20
      })
      #expect(isThere, "\(program.errors)")
      let text = try String(contentsOfFile: "/proc/\(program.processIdentifier)/status", encoding: .utf8)
      let peak = try #require(text.firstMatch(of: /VmHWM:\s*(\d+) kB/).flatMap { Int($0.1) })
      #expect(peak < 100_000, "\(peak) kB")
    }

    @Test func proxiesOfTheEnvironmentAreUsed() throws {
      let proxy = try LoopbackServer { LoopbackServer.file(Self.bytes, for: $0) }
      let outcome = try fetch(
        "mnist", "--from", "http://data.invalid/x", "--any-contents",
        environment: ["http_proxy": proxy.address])
      #expect(outcome.code == 0, "\(outcome)")
      #expect(proxy.requests.map(\.path) == Self.names.map { "http://data.invalid/x/\($0)" })
    }

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/script"), "needs util-linux"))
    func onATerminalOneLineShowsHowFarItIs() throws {
      let server = try LoopbackServer { request in
        guard request.path.hasSuffix(Self.names[0]) else {
          return LoopbackServer.file(Self.bytes, for: request)
        }
        let pieces = stride(from: 0, to: 300_000, by: 30_000).flatMap { start -> [LoopbackServer.Action] in
          [.send(Array(Self.bytes[start..<start + 30_000])), .pause(0.1)]
        }
        return [LoopbackServer.head(200, ["Content-Length: 300000"])] + pieces
      }
      let program = try Program.experiments.start(
        ["fetch", "mnist", "--data", "data", "--from", server.address, "--any-contents"], in: folder.url,
        wrapped: { ["script", "-qec", $0.joined(separator: " "), "/dev/null"] })
      let outcome = try program.wait()
      #expect(outcome.code == 0, "\(outcome)")
      let lines = outcome.output.components(separatedBy: "\r").filter { $0.contains(" of 300 kB (") }
      #expect(lines.count >= 2, "\(outcome)")
      #expect(lines.contains { $0.contains("kB/s") && $0.contains("s left") }, "\(lines)")
      expectAllFiles()
    }

    @Test(.enabled(if: ProcessInfo.processInfo.environment["SPREAD_DATA"] != nil, "set SPREAD_DATA"))
    func theRealFilesPassTheChecks() throws {
      let real = try #require(ProcessInfo.processInfo.environment["SPREAD_DATA"])
      guard FileManager.default.fileExists(atPath: "\(real)/mnist/\(Self.names[0])") else { return }
      let local = try fetch("mnist", "--from", real)
      #expect(local.code == 0, "\(local)")
      let server = try LoopbackServer { request in
        let bytes = FileManager.default.contents(atPath: real + request.path).map { [UInt8]($0) }
        return bytes.map { LoopbackServer.file($0, for: request) } ?? LoopbackServer.page(404)
      }
      let remote = try fetch("MNIST-Coarse", "--from", server.address, "--force")
      #expect(remote.code == 0 && remote.output.components(separatedBy: "fetched  ").count == 5, "\(remote)")
      for name in Self.names {
        #expect(
          FileManager.default.contentsEqual(
            atPath: folder.file("data/mnist/\(name)"), andPath: "\(real)/mnist/\(name)"))
      }
    }
  }
}
