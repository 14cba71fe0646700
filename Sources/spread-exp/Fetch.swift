import ArgumentParser
import Basics
import Datasets
import Experiments
import Fetching
import Foundation

struct Fetch: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Gets data sets from their publishers, or says how to get them.",
    discussion: """
      MNIST and CIFAR are downloaded into the data folder, where the other commands find them. A file gets its name only \
      when its contents have been compared with the published checksum. Waterbirds, CelebA and ISIC have terms that a \
      person must read: what to get, from where, and where to put it is printed.

      What is there and whole is not fetched again. A fetch that was stopped (Ctrl-C, a crash, a lost connection) goes on \
      from NAME.partial when the same command is given again, if the server still has the same file, and from the start \
      if not. Mirrors are tried in turn; when none gets further, the wait before the next round doubles, with a random \
      part. Proxies are taken from http_proxy, https_proxy, all_proxy and no_proxy.

      --from takes the files, under the same names, from a folder (a USB stick, a shared disk) or from another web \
      address, there or in the data set's folder (mnist/, cifar10/, cifar100/). They are compared with the published \
      checksums too, unless --any-contents is given.

      Progress goes to standard error, the summary by file to standard output.

      EXAMPLES
        spread-exp fetch mnist cifar10 --data ~/data
        spread-exp fetch all --list
        spread-exp fetch cifar100 --from /media/stick
        spread-exp fetch waterbirds

      EXIT CODES
        0 all is there, or directions were printed; 1 a file was not fetched; 64 a wrong name or option; 130 Ctrl-C.
      """)

  @Argument(
    help: ArgumentHelp(
      "\(FetchableDataset.all.map(\.name).joined(separator: ", ")), or all; a task's name (MNIST-Coarse) works too.",
      valueName: "name"))
  var names: [String] = []

  @Option(
    help: ArgumentHelp(
      "The folder to put data sets into (default: the environment variable SPREAD_DATA).", valueName: "folder"
    ))
  var data: UserPath?

  @Option(
    help: ArgumentHelp(
      "Take the files from this folder or web address instead of their publishers'.",
      valueName: "folder-or-address"))
  var from: UserPath?

  @Flag(help: "Fetch what is there again, and replace files of the same names.")
  var force = false

  @Flag(
    help:
      "With --from: take files whose contents are not the published ones. Gzip's own checksums still count.")
  var anyContents = false

  @Flag(
    name: [.customLong("list"), .customLong("dry-run")],
    help: "Show what would be fetched, with sizes and from where, and fetch nothing; without a name, for all."
  )
  var list = false

  @Option(
    help: ArgumentHelp(
      "Rounds over all addresses without getting further before a file is given up.", valueName: "rounds"))
  var attempts = FetchOptions().attempts

  @Option(help: ArgumentHelp("The wait after the first such round; it doubles.", valueName: "seconds"))
  var firstWait = FetchOptions().firstWait

  @Option(help: ArgumentHelp("The longest wait, also where a server asks for more.", valueName: "seconds"))
  var longestWait = FetchOptions().longestWait

  @Option(help: ArgumentHelp("Leave a server from which nothing has come for so long.", valueName: "seconds"))
  var stall = FetchOptions().stall

  @Option(
    help: ArgumentHelp(
      "Leave a server that does not take the connection within so long.", valueName: "seconds"))
  var connectTimeout = FetchOptions().connectTimeout

  func validate() throws {
    guard (1...1000).contains(attempts) else { throw ValidationError("--attempts must be in 1...1000") }
    for (option, seconds) in [
      ("first-wait", firstWait), ("longest-wait", longestWait), ("stall", stall),
      ("connect-timeout", connectTimeout),
    ] {
      guard seconds > 0, seconds <= 86_400 else {
        throw ValidationError("--\(option) must be more than 0 and at most 86400 seconds")
      }
    }
    guard !anyContents || from != nil else { throw ValidationError("--any-contents goes with --from") }
    guard !names.isEmpty || list else {
      throw ValidationError("name the data sets to fetch, or `all`; --list shows what there is")
    }
    guard list || folder != nil else {
      throw ValidationError(
        "where to? Name a folder with --data or the environment variable SPREAD_DATA")
    }
    do {
      _ = try datasets()
      _ = try from.map { try FetchSource($0.path) }
    } catch let error as FetchUsageError { throw ValidationError(error.description) }
  }

  private var folder: String? {
    guard var path = (data ?? UserPath(environment: "SPREAD_DATA"))?.path else { return nil }
    // Paths below it are shown to a person.
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    return path
  }

  private func datasets() throws -> [FetchableDataset] {
    try FetchableDataset.named(names.isEmpty ? ["all"] : names, nearest: { nearest(to: $0, among: $1) })
  }

  private func options() throws -> FetchOptions {
    var options = FetchOptions()
    (options.attempts, options.firstWait, options.longestWait) = (attempts, firstWait, longestWait)
    (options.stall, options.connectTimeout) = (stall, connectTimeout)
    (options.force, options.anyContents) = (force, anyContents)
    options.source = try from.map { try FetchSource($0.path) }
    return options
  }

  func run() throws {
    Interruption.install()
    let progress = ProgressLine()
    let root = folder ?? "DATA"
    let fetcher = Fetcher(
      folder: root, options: try options(), isInterrupted: { Interruption.pending != nil },
      onEvent: { Self.show($0, on: progress) })
    var results: [FetchedFile] = []
    var directions: [String] = []
    do {
      for dataset in try datasets() {
        if let text = dataset.directions {
          directions.append(
            "\(dataset.title): by hand. \(text.replacingOccurrences(of: "{data}", with: root))")
        } else if list {
          for planned in try fetcher.plan(dataset) {
            try StandardOutput.line(
              "\(dataset.name): \(planned.file.name), \(byteCountText(planned.file.size)), \(planned.description)"
            )
          }
        } else {
          results += try fetcher.fetch(dataset)
        }
      }
    } catch let stop as FetchInterruption {
      progress.clear()
      for result in results { try StandardOutput.line(Self.line(result)) }
      if let partial = stop.partial { progress.print("\(byteCountText(stop.bytes)) are kept in \(partial)") }
      try Interruption.check()
    }
    progress.clear()
    for result in results { try StandardOutput.line(Self.line(result)) }
    for text in directions { try StandardOutput.line(text) }
    let failed = results.count { if case .failed = $0.outcome { true } else { false } }
    if failed > 0 {
      throw RunError("\(failed) of \(results.count) files could not be fetched; see the summary")
    }
  }

  private static func show(_ event: FetchEvent, on progress: ProgressLine) {
    switch event {
    case .began(let file, let address, let resumed):
      progress.print(
        "\(file) from \(address)" + (resumed > 0 ? ", going on after \(byteCountText(resumed))" : ""))
    case .progress(let file, let state):
      progress.update(of: file, "\(state)" + (state.timeLeft.map { ", \(duration($0)) left" } ?? ""))
    case .failed(let file, let reason, let wait):
      progress.print("\(file): \(reason)" + (wait >= 0.5 ? "; again in \(duration(wait))" : ""))
    }
  }

  private static func line(_ result: FetchedFile) -> String {
    switch result.outcome {
    case .fetched(let bytes): "fetched  \(result.path) (\(byteCountText(bytes)))"
    case .present: "there    \(result.path)"
    case .failed(let reason): "failed   \(result.path): \(reason)"
    }
  }
}
