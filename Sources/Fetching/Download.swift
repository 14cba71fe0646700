import Basics
import Foundation

/// One attempt at one address: the request, what is made of the answer, and the bytes into the partial file.
final class Download: TransferReceiver {
  /// Redirects that are followed for one file.
  static let mostRedirects = 10

  private let file: RemoteFile
  private let address: String
  private let partial: PartialFile
  private let options: FetchOptions
  private let limit: SizeLimit
  private let onProgress: (_ bytes: Int, _ total: Int?) throws -> Void
  /// The address that answers, after redirects.
  private var current: String
  private var asked: (start: Int, validator: String)?
  private var head = ResponseHead()
  private var ignoredBytes = 0
  /// The server cannot go on from where the file ends: it must send the whole.
  private var mustRestart = false
  /// Bytes that came, whatever was there before.
  private(set) var received = 0

  init(
    of file: RemoteFile, from address: String, into partial: PartialFile, options: FetchOptions,
    limit: SizeLimit,
    onProgress: @escaping (Int, Int?) throws -> Void
  ) {
    (self.file, self.address, self.partial) = (file, address, partial)
    (self.options, self.limit, self.onProgress) = (options, limit, onProgress)
    current = address
  }

  /// What kind of thing the server said it sent, when that is not what a file is sent as; for messages.
  var suspiciousType: String? {
    guard let type = head.contentType,
      type.hasPrefix("text/") || type.hasSuffix("json") || type.hasSuffix("xml")
    else { return nil }
    return printable(type)
  }

  /// Brings the whole file into the partial one.
  /// - Throws: `FetchFailure`; the bytes that came stay for the next attempt.
  func run() throws {
    if partial.isComplete(from: address) { return }
    asked = partial.resumption(from: address)
    if try !exchange() {
      // Once more from the start. A server that still does not send the file has failed.
      try partial.restart(nil)
      (asked, mustRestart, current) = (nil, false, address)
      guard try exchange() else {
        throw FetchFailure(
          .anotherMirror, "the server answers a plain request with a part of the file (\(head.status))")
      }
    }
    if let total = partial.note?.total, partial.size != total {
      throw FetchFailure(
        .retry(after: 0), "\(partial.size) of \(total) bytes came")
    }
  }

  /// - Returns: false when the request must be repeated from the start of the file.
  private func exchange() throws -> Bool {
    for _ in 0...Self.mostRedirects {
      head = ResponseHead()
      ignoredBytes = 0
      var transfer = HTTPTransfer(
        address: current, connectTimeout: options.connectTimeout, stall: options.stall)
      if let asked { transfer.headers = ["Range: bytes=\(asked.start)-", "If-Range: \(asked.validator)"] }
      let answer = try transfer.run(self)
      if mustRestart { return false }
      if (200...299).contains(answer.head.status) { return true }
      current = try Self.target(of: answer, from: current)
    }
    throw FetchFailure(
      .anotherMirror, "more than \(Self.mostRedirects) redirects, the last to \(withoutPassword(current))")
  }

  /// Where a redirect leads to.
  /// - Throws: `FetchFailure` when that is nowhere, or nowhere to follow to.
  static func target(of answer: HTTPTransfer.Answer, from current: String) throws -> String {
    let named = answer.redirect ?? answer.head.headers["location"]
    guard let named else {
      throw FetchFailure(.anotherMirror, "a redirect (\(answer.head.status)) that does not say where to")
    }
    guard isWebAddress(named) else {
      throw FetchFailure(
        .anotherMirror, "a redirect to \(printable(named)), which is neither http nor https")
    }
    guard !(current.lowercased().hasPrefix("https:") && named.lowercased().hasPrefix("http:")) else {
      throw FetchFailure(
        .anotherMirror,
        "a redirect from https to \(printable(withoutPassword(named))), which anyone on the way could change")
    }
    return named
  }

  // MARK: the answer as it comes

  func received(_ head: ResponseHead) throws -> Bool {
    self.head = head
    switch head.status {
    case 200:
      try begin(head)
      return true
    case 206:
      mustRestart = !continues(head)
      return !mustRestart
    case 416 where asked != nil:
      mustRestart = true
      return false
    case 301, 302, 303, 307, 308:
      // libcurl works out where it leads once the body is over.
      return true
    default: throw Self.failure(head, longestWait: options.longestWait)
    }
  }

  private func begin(_ head: ResponseHead) throws {
    try limit.check(announced: head.contentLength, file: file, type: suspiciousType)
    try partial.restart(
      PartialFile.Note(
        address: withoutPassword(address), validator: head.validator, total: head.contentLength))
    try limit.checkSpace(for: head.contentLength ?? file.size)
  }

  /// Whether this part is the one asked for, of the file asked for.
  private func continues(_ head: ResponseHead) -> Bool {
    guard let asked, let range = head.contentRange, range.start == asked.start, range.start == partial.size
    else {
      return false
    }
    if let known = partial.note?.total, let total = range.total, known != total { return false }
    // A server that gives another tag or date with the part did not look at If-Range.
    let name = asked.validator.hasPrefix("\"") ? "etag" : "last-modified"
    return head.headers[name].map { $0 == asked.validator } ?? true
  }

  func received(_ body: UnsafeRawBufferPointer) throws {
    guard head.status == 200 || head.status == 206 else {
      ignoredBytes += body.count
      guard ignoredBytes < 1 << 20 else {
        throw FetchFailure(.anotherMirror, "a redirect (\(head.status)) with more than a megabyte of text")
      }
      return
    }
    try partial.append(body, within: limit, of: file, type: suspiciousType)
    received += body.count
  }

  func tick() throws { try onProgress(partial.size, partial.note?.total ?? limit.expected(file)) }

  /// What an answer other than the file means, and what a person can do.
  static func failure(_ head: ResponseHead, longestWait: Double) -> FetchFailure {
    let asked = head.headers["retry-after"].flatMap { BackOff.seconds(retryAfter: $0) }
    func later(_ reason: String) -> FetchFailure {
      guard let asked, asked > longestWait else { return FetchFailure(.retry(after: asked ?? 0), reason) }
      return FetchFailure(
        .anotherMirror,
        "\(reason); it asks to come back in \(Int(min(asked, 1e9))) s (--longest-wait \(Int(longestWait)))")
    }
    switch head.status {
    case 401, 403:
      return FetchFailure(
        .anotherMirror,
        "the server refuses the file (\(head.status)): try from another network, or get it with a browser and give its folder "
          + "with --from")
    case 404, 410:
      return FetchFailure(
        .notFound, "the server has no such file (\(head.status)): has it moved? --from takes another place")
    case 407:
      return FetchFailure(
        .anotherMirror,
        "the proxy asks for a password (407): set http_proxy and https_proxy to http://user:password@host:port"
      )
    case 408, 425: return later("the server gave up waiting (\(head.status))")
    case 429: return later("the server has had too many requests (429): wait, or use --from")
    case 500...599: return later("the server is in trouble (\(head.status)): later may be better")
    default: return FetchFailure(.anotherMirror, "an answer that was not expected (status \(head.status))")
    }
  }
}

/// How much a file may be: what is published, and what the disk has room for.
struct SizeLimit {
  /// With contents other than the published ones, the disk is the only limit.
  let anyContents: Bool
  let folder: String
  let partial: PartialFile
  let freeBytes: (String) -> Int?

  /// Left free for everything else that writes to the disk.
  static let reserve = 1 << 24

  func expected(_ file: RemoteFile) -> Int? { anyContents ? nil : file.size }

  /// - Throws: `FetchFailure` when the size that a server announces cannot be right.
  func check(announced: Int?, file: RemoteFile, type: String?) throws {
    guard !anyContents, let announced else { return }
    let expected = file.exactSize ?? file.largestSize
    guard announced > expected || (file.exactSize != nil && announced != expected) else { return }
    throw FetchFailure(
      .anotherMirror,
      "\(announced) bytes are announced, and \(file.exactSize == nil ? "at most " : "")\(expected) are published"
        + Self.remark(type))
  }

  /// - Throws: `FetchFailure` when more came than there can be.
  func check(size: Int, file: RemoteFile, type: String?) throws {
    guard !anyContents, size > file.largestSize else { return }
    throw FetchFailure(
      .anotherMirror,
      "more bytes come than the \(file.largestSize) that are published\(Self.remark(type)); they were thrown away"
    )
  }

  /// - Throws: `FetchFailure` when the disk has no room for the rest of a file of `size` bytes.
  func checkSpace(for size: Int) throws {
    let needed = max(0, size - partial.size)
    guard let free = freeBytes(folder), free - Self.reserve < needed else { return }
    throw FetchFailure(
      .giveUp,
      "\(folder) has \(byteCountText(free)) free, and \(byteCountText(needed)) more are needed (besides \(byteCountText(Self.reserve)) "
        + "of reserve)")
  }

  static func remark(_ type: String?) -> String {
    type.map { "; the server calls what it sends \($0): a page with a message rather than the file?" } ?? ""
  }
}
