import Basics
import CCurl
import Foundation

/// What takes an answer as it comes. An error thrown from any of these ends the transfer.
protocol TransferReceiver: AnyObject {
  /// The headers are there.
  /// - Returns: whether the body is wanted.
  func received(_ head: ResponseHead) throws -> Bool
  func received(_ body: UnsafeRawBufferPointer) throws
  /// Called ten times a second or more often.
  func tick() throws
}

/// One request of GET by libcurl, without redirects.
///
/// Why libcurl and not Foundation's URLSession: on Linux URLSession queues what its delegate has not taken yet.
/// With a server that is faster than the disk it grew by 600 MB a second; libcurl reads the socket no faster
/// than its callback returns. URLSession also decodes `Content-Encoding`, which makes counting, resuming and
/// checking of a .gz impossible.
///
/// Proxies are taken from `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`, as by every libcurl program.
struct HTTPTransfer {
  let address: String
  var headers: [String] = []
  var connectTimeout: Double
  var stall: Double

  /// How an exchange ended that was one.
  struct Answer {
    var head: ResponseHead
    /// Where a redirect leads to, made absolute.
    var redirect: String?
  }

  private static let isStarted: Bool = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

  /// - Throws: `FetchFailure`, or what the receiver throws.
  func run(_ receiver: any TransferReceiver) throws -> Answer {
    guard Self.isStarted, let handle = curl_easy_init() else {
      throw FetchFailure(.giveUp, "libcurl could not be started")
    }
    defer { curl_easy_cleanup(handle) }
    guard let multi = curl_multi_init() else { throw FetchFailure(.giveUp, "libcurl could not be started") }
    defer { curl_multi_cleanup(multi) }
    let context = TransferContext(receiver)
    var list: UnsafeMutablePointer<curl_slist>?
    for header in headers { list = curl_slist_append(list, header) }
    defer { curl_slist_free_all(list) }
    let message = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
    message.pointee = 0
    defer { message.deallocate() }

    configure(handle, context, list, message)
    curl_multi_add_handle(multi, handle)
    defer { curl_multi_remove_handle(multi, handle) }
    let code = try withExtendedLifetime(context) { try drive(multi, context) }
    if let error = context.error { throw error }
    if code != CURLE_OK, !context.isBodyUnwanted {
      let text = String(cString: message)
      let reason = text.isEmpty ? String(cString: curl_easy_strerror(code)) : text
      throw failure(code, reason, context)
    }
    return Answer(
      head: context.head, redirect: spread_curl_redirect(handle).map { String(cString: $0) })
  }

  private func configure(
    _ handle: UnsafeMutableRawPointer, _ context: TransferContext, _ list: UnsafeMutablePointer<curl_slist>?,
    _ message: UnsafeMutablePointer<CChar>
  ) {
    let pointer = Unmanaged.passUnretained(context).toOpaque()
    _ = spread_curl_set_text(handle, CURLOPT_URL, address)
    _ = spread_curl_set_text(handle, CURLOPT_USERAGENT, "spread-exp fetch")
    _ = spread_curl_set_number(handle, CURLOPT_NOSIGNAL, 1)
    spread_curl_end_at_once(handle)
    _ = spread_curl_set_number(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
    _ = spread_curl_set_number(handle, CURLOPT_BUFFERSIZE, 1 << 18)
    _ = spread_curl_set_number(handle, CURLOPT_CONNECTTIMEOUT_MS, max(1, Int(connectTimeout * 1000)))
    _ = spread_curl_set_pointer(handle, CURLOPT_HTTPHEADER, list)
    _ = spread_curl_set_pointer(handle, CURLOPT_ERRORBUFFER, message)
    _ = spread_curl_set_pointer(handle, CURLOPT_HEADERDATA, pointer)
    _ = spread_curl_set_pointer(handle, CURLOPT_WRITEDATA, pointer)
    _ = spread_curl_set_callback(handle, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
      TransferContext.of(context).header(UnsafeRawBufferPointer(start: bytes, count: size * count))
    }
    _ = spread_curl_set_callback(handle, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
      TransferContext.of(context).body(UnsafeRawBufferPointer(start: bytes, count: size * count))
    }
  }

  private func drive(_ multi: UnsafeMutableRawPointer, _ context: TransferContext) throws -> CURLcode {
    while true {
      var running: Int32 = 0
      guard curl_multi_perform(multi, &running) == CURLM_OK else {
        throw FetchFailure(.retry(after: 0), "libcurl failed")
      }
      if running == 0 { return CURLcode(rawValue: UInt32(max(0, spread_curl_result(multi)))) }
      try context.receiver.tick()
      if context.error == nil { try context.expectProgress(stall) }
      curl_multi_poll(multi, nil, 0, 100, nil)
    }
  }

  private func failure(_ code: CURLcode, _ reason: String, _ context: TransferContext) -> FetchFailure {
    switch code {
    case CURLE_PARTIAL_FILE:
      return FetchFailure(.retry(after: 0), "the connection was cut before the end of the file (\(reason))")
    case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_PINNEDPUBKEYNOTMATCH:
      return FetchFailure(
        .anotherMirror, "the server's certificate is not trusted (\(reason)); is ca-certificates installed?")
    case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY:
      return FetchFailure(.anotherMirror, "what answers does not speak HTTP (\(reason))")
    case CURLE_COULDNT_RESOLVE_PROXY:
      return FetchFailure(
        .anotherMirror, "\(reason): see the environment variables http_proxy and https_proxy")
    case CURLE_COULDNT_RESOLVE_HOST:
      return FetchFailure(
        .retry(after: 0), "\(reason): is there a network? (a proxy is named by http_proxy and https_proxy)")
    default: return FetchFailure(.retry(after: 0), reason)
    }
  }
}

/// What libcurl's callbacks find behind their pointer.
private final class TransferContext {
  let receiver: any TransferReceiver
  var head = ResponseHead()
  var error: (any Error)?
  /// The receiver has seen the headers and wants no more.
  var isBodyUnwanted = false
  private var isHeadSeen = false
  private let clock = ContinuousClock()
  private var lastBytes: ContinuousClock.Instant
  private var windowStart: ContinuousClock.Instant
  private var windowBytes = 0

  init(_ receiver: any TransferReceiver) {
    self.receiver = receiver
    lastBytes = clock.now
    windowStart = clock.now
  }

  static func of(_ pointer: UnsafeMutableRawPointer?) -> TransferContext {
    Unmanaged<TransferContext>.fromOpaque(pointer!).takeUnretainedValue()
  }

  /// Anything but the number of bytes tells libcurl to stop.
  private func taking(_ count: Int, _ body: () throws -> Bool) -> Int {
    do { return try body() ? count : -1 } catch {
      self.error = error
      return -1
    }
  }

  func header(_ line: UnsafeRawBufferPointer) -> Int {
    taking(line.count) {
      guard head.add(line) else {
        throw FetchFailure(
          .anotherMirror, "the server sends headers without end (\(ResponseHead.largestSize) bytes)")
      }
      guard head.isComplete, !isHeadSeen else { return true }
      isHeadSeen = true
      lastBytes = clock.now
      isBodyUnwanted = try !receiver.received(head)
      return !isBodyUnwanted
    }
  }

  func body(_ bytes: UnsafeRawBufferPointer) -> Int {
    taking(bytes.count) {
      lastBytes = clock.now
      windowBytes += bytes.count
      try receiver.received(bytes)
      return true
    }
  }

  /// - Throws: `FetchFailure` when nothing came for the time given, or next to nothing for twice as long.
  func expectProgress(_ stall: Double) throws {
    let now = clock.now
    if now - lastBytes > .seconds(stall) {
      throw FetchFailure(.retry(after: 0), "nothing came from the server for \(Self.text(stall)) s")
    }
    guard now - windowStart > .seconds(2 * stall) else { return }
    if Double(windowBytes) < 20 * stall {
      throw FetchFailure(
        .retry(after: 0),
        "only \(byteCountText(windowBytes)) came from the server in \(Self.text(2 * stall)) s")
    }
    (windowStart, windowBytes) = (now, 0)
  }

  private static func text(_ seconds: Double) -> String {
    seconds == seconds.rounded() ? "\(Int(seconds))" : "\(seconds)"
  }
}
