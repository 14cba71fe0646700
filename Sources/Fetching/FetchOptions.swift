import Foundation

/// Where files are taken from instead of their publishers' addresses.
public enum FetchSource: Sendable, Equatable {
  case folder(String)
  /// Ends in "/".
  case address(String)

  /// - Parameter text: an http or https address, or a folder that is there.
  /// - Throws: `FetchUsageError`.
  public init(_ text: String) throws {
    if let scheme = text.range(of: "://") {
      guard ["http", "https"].contains(text[..<scheme.lowerBound].lowercased()) else {
        throw FetchUsageError(
          "addresses of \(printable(String(text[..<scheme.lowerBound]))) cannot be fetched from: http, https or a "
            + "folder is expected")
      }
      if let problem = Self.problem(ofAddress: text) {
        // Not the address itself, in which a password may stand.
        throw FetchUsageError("the address cannot be used: \(problem)")
      }
      self = .address(text.hasSuffix("/") ? text : text + "/")
      return
    }
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: text, isDirectory: &isFolder), isFolder.boolValue else {
      throw FetchUsageError("\(text) is neither a folder nor an address that begins with http:// or https://")
    }
    self = .folder(text)
  }
}

extension FetchSource {
  /// What keeps an address of http or https from being one to which the names of files can be added.
  fileprivate static func problem(ofAddress text: String) -> String? {
    if text.contains("#") {
      return "it has a fragment (#...), which is not sent to servers; leave it out"
    }
    if text.contains("?") {
      return
        "it has a query (?...), behind which the names of files cannot be added; name a folder of a server"
    }
    if text.contains("\\") {
      return "it has a backslash; the parts of an address are separated by /"
    }
    guard isWebAddress(text), text.unicodeScalars.allSatisfy(\.isASCII) else {
      return
        "a host is missing after ://, or it has spaces or other characters that an address writes as %20"
    }
    let authority = text[text.range(of: "://")!.upperBound...].prefix { $0 != "/" }
    let parts = authority.split(separator: "@", omittingEmptySubsequences: false)
    guard parts.count <= 2 else {
      return "it has more than one @ before the first /; write %40 for one in a password"
    }
    if parts.count == 2,
      parts[0].split(separator: ":", omittingEmptySubsequences: false).first?.isEmpty ?? true
    {
      return "a name is missing before the @: http://user:password@host/"
    }
    guard
      let place = parts[parts.count - 1].wholeMatch(
        of: /(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(:(\d{1,5}))?/)
    else {
      return "host and port are not of the form host:port (a / in a password is written %2F)"
    }
    if let port = place.3.flatMap({ Int($0) }), !(1...65_535).contains(port) {
      return "there is no port \(port)"
    }
    return nil
  }
}

/// Whether this is an address of http or https with a host.
func isWebAddress(_ text: String) -> Bool {
  for scheme in ["http://", "https://"] where text.lowercased().hasPrefix(scheme) {
    let rest = text.dropFirst(scheme.count)
    return !(rest.first.map { "/?#".contains($0) } ?? true)
      && text.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value != 0x7f }
  }
  return false
}

/// How files are fetched. Times are seconds.
public struct FetchOptions: Sendable {
  /// Rounds over all addresses of a file, without getting further, before it is given up.
  public var attempts = 5
  /// The wait after the first such round; it doubles from round to round.
  public var firstWait = 1.0
  /// The longest wait, also where a server asks for more.
  public var longestWait = 60.0
  /// A transfer that brings nothing for so long, or less than 10 bytes a second for twice as long, is broken off.
  public var stall = 30.0
  /// A server that has not taken the connection within so long is left.
  public var connectTimeout = 15.0
  /// Replace files that are there.
  public var force = false
  /// Take contents other than the published ones.
  public var anyContents = false
  /// Where to take files from instead of their publishers; nil: the publishers.
  public var source: FetchSource?

  /// The defaults of `spread-exp fetch`.
  public init() {}
}

/// What a fetch asks of the machine; tests have others.
struct FetchEnvironment {
  /// Bytes that may be written into the file system of a folder; nil when it does not say.
  var freeBytes: (_ folder: String) -> Int? = { folder in
    var status = statvfs()
    guard statvfs(folder, &status) == 0 else { return nil }
    let (bytes, overflow) = Int(status.f_bavail).multipliedReportingOverflow(by: Int(status.f_frsize))
    return overflow ? .max : bytes
  }
  /// Of [0, 1).
  var random: () -> Double = { Double.random(in: 0..<1) }
  /// Waits for some seconds; the pieces are short, so that an interruption is seen.
  var sleep: (Double) -> Void = { usleep(UInt32($0 * 1e6)) }
}

/// The waits between rounds: exponential back-off whose random half keeps many clients from coming back together.
struct BackOff {
  let first: Double
  let longest: Double

  /// The wait after the given fruitless round, counted from 1.
  func wait(round: Int, random: Double) -> Double {
    min(longest, first * pow(2, Double(min(round, 40) - 1))) * (0.5 + 0.5 * random)
  }

  /// Seconds that a `Retry-After` header asks for: a number, or a date. Nil when it is neither.
  static func seconds(retryAfter text: String, now: Date = Date()) -> Double? {
    let text = text.trimmingCharacters(in: .whitespaces)
    if !text.isEmpty, text.allSatisfy({ $0.isASCII && $0.isNumber }) { return Double(text) }
    return httpDate(text).map { max(0, $0.timeIntervalSince(now)) }
  }
}
