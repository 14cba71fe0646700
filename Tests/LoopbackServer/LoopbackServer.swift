import Foundation
import Synchronization

/// An HTTP server on loopback whose answers a test writes byte by byte, so that it can be as bad as it likes.
///
/// Each connection has a thread and serves one request. It listens until the value goes.
public final class LoopbackServer: Sendable {
  public struct Request: Sendable {
    public let path: String
    /// Names in lower case.
    public let headers: [String: String]
    /// How often this path had been asked for before.
    public let number: Int

    public var range: String? { headers["range"] }
  }

  public enum Action: Sendable {
    case send([UInt8])
    case pause(Double)
    /// Nothing more, until the client goes away.
    case hold
  }

  private let descriptor: Int32
  public let port: Int
  private let log = RequestLog()

  public var address: String { "http://127.0.0.1:\(port)/" }
  /// In the order in which they came.
  public var requests: [Request] { log.all.withLock { $0 } }
  public func requests(of path: String) -> [Request] { requests.filter { $0.path == path } }

  /// - Parameter answer: what is sent for a request before the connection is closed.
  public init(_ answer: @escaping @Sendable (Request) -> [Action]) throws {
    let listening = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let failure = withUnsafeMutablePointer(to: &name) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listening, $0, length) != 0 || listen(listening, 64) != 0
          || getsockname(listening, $0, &length) != 0
      }
    }
    guard listening >= 0, !failure else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    _ = fcntl(listening, F_SETFD, FD_CLOEXEC)
    descriptor = listening
    port = Int(UInt16(bigEndian: name.sin_port))
    Thread.detachNewThread { [log] in
      while true {
        let connection = accept(listening, nil, nil)
        guard connection >= 0 else { return }
        _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
        Thread.detachNewThread {
          defer { close(connection) }
          guard let (path, headers) = Self.readRequest(connection) else { return }
          Self.perform(answer(log.add(path, headers)), connection)
        }
      }
    }
  }

  deinit {
    // Ends `accept`.
    shutdown(descriptor, Int32(SHUT_RDWR))
    close(descriptor)
  }

  private final class RequestLog: Sendable {
    let all = Mutex<[Request]>([])

    func add(_ path: String, _ headers: [String: String]) -> Request {
      all.withLock { all in
        let request = Request(path: path, headers: headers, number: all.count { $0.path == path })
        all.append(request)
        return request
      }
    }
  }

  private static func readRequest(_ connection: Int32) -> (String, [String: String])? {
    var text = ""
    var buffer = [UInt8](repeating: 0, count: 1 << 14)
    while !text.hasSuffix("\r\n\r\n") {
      let count = recv(connection, &buffer, buffer.count, 0)
      guard count > 0 else { return nil }
      text += String(decoding: buffer[..<count], as: UTF8.self)
    }
    let lines = text.components(separatedBy: "\r\n")
    let words = lines[0].split(separator: " ")
    guard words.count == 3, words[0] == "GET" else { return nil }
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { continue }
      headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(
        in: .whitespaces)
    }
    return (String(words[1]), headers)
  }

  private static func perform(_ actions: [Action], _ connection: Int32) {
    for action in actions {
      switch action {
      case .send(let bytes):
        var rest = bytes[...]
        while !rest.isEmpty {
          let count = rest.withUnsafeBytes { send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
          guard count > 0 else { return }
          rest = rest.dropFirst(count)
        }
      case .pause(let seconds): usleep(UInt32(seconds * 1e6))
      case .hold:
        var byte: UInt8 = 0
        while recv(connection, &byte, 1, 0) > 0 {}
      }
    }
  }

  // MARK: answers

  /// Status line and headers; a content length is the caller's affair.
  public static func head(_ status: Int, _ headers: [String] = []) -> Action {
    .send(
      Array(
        "HTTP/1.1 \(status) Status\r\n\((headers + ["Connection: close"]).joined(separator: "\r\n"))\r\n\r\n"
          .utf8))
  }

  public static func page(_ status: Int, _ headers: [String] = [], _ text: String = "<html>no</html>")
    -> [Action]
  {
    [
      head(
        status, ["Content-Type: text/html; charset=utf-8", "Content-Length: \(text.utf8.count)"] + headers),
      .send(Array(text.utf8)),
    ]
  }

  /// A file as a good server sends it, or the rest of it where the request's `If-Range` names this version.
  /// - Parameters:
  ///   - cut: the byte of the file at which the connection breaks.
  ///   - hold: whether it goes silent there instead.
  public static func file(
    _ bytes: [UInt8], for request: Request, tag: String = "\"1\"", cut: Int? = nil, hold: Bool = false
  ) -> [Action] {
    var start = 0
    if let range = request.range, request.headers["if-range"] == tag, range.hasPrefix("bytes="),
      range.hasSuffix("-")
    {
      start = Int(range.dropFirst(6).dropLast()) ?? 0
    }
    if start >= bytes.count && start > 0 { return [head(416, ["Content-Range: bytes */\(bytes.count)"])] }
    let common = [
      "ETag: \(tag)", "Content-Length: \(bytes.count - start)", "Content-Type: application/x-gzip",
    ]
    let range = start > 0 ? ["Content-Range: bytes \(start)-\(bytes.count - 1)/\(bytes.count)"] : []
    let body = Array(bytes[start..<max(start, cut ?? bytes.count)])
    return [head(start > 0 ? 206 : 200, common + range), .send(body)] + (hold ? [.hold] : [])
  }
}
