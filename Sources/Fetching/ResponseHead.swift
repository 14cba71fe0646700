import Foundation

/// Status and headers of an answer, read line by line as they come.
struct ResponseHead {
  var status = 0
  /// Names in lower case; of a header that comes twice, the last.
  private(set) var headers: [String: String] = [:]
  private(set) var isComplete = false
  private var bytes = 0

  /// What a server may send as headers, in bytes, informational answers included.
  static let largestSize = 1 << 18

  /// Takes the next line.
  /// - Returns: false when the headers are larger than any should be.
  mutating func add(_ line: UnsafeRawBufferPointer) -> Bool {
    bytes += line.count
    guard bytes <= Self.largestSize else { return false }
    let text = String(decoding: line, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    if text.hasPrefix("HTTP/") {
      let words = text.split(separator: " ", maxSplits: 2)
      status = words.count > 1 ? Int(words[1]) ?? 0 : 0
      headers = [:]
      isComplete = false
    } else if text.isEmpty {
      // After an informational answer the real one follows.
      isComplete = isComplete || status >= 200
    } else if !isComplete, let colon = text.firstIndex(of: ":") {
      let value = text[text.index(after: colon)...].trimmingCharacters(in: .whitespaces)
      headers[text[..<colon].lowercased()] = value
    }
    return true
  }

  var contentLength: Int? { headers["content-length"].flatMap { Int($0) }.flatMap { $0 < 0 ? nil : $0 } }

  /// The media type without parameters, as `text/html`.
  var contentType: String? {
    headers["content-type"].map {
      String($0.prefix { $0 != ";" }).trimmingCharacters(in: .whitespaces).lowercased()
    }
  }

  /// The first byte and the whole size of `Content-Range: bytes 100-199/200`; the size is nil where it is `*`.
  var contentRange: (start: Int, total: Int?)? {
    guard let text = headers["content-range"], text.lowercased().hasPrefix("bytes ") else { return nil }
    let parts = text.dropFirst(6).split(separator: "/")
    let ends = parts.first?.split(separator: "-") ?? []
    guard parts.count == 2, ends.count == 2, let start = Int(ends[0]), let end = Int(ends[1]), end >= start
    else { return nil }
    let total = Int(parts[1])
    guard parts[1] == "*" || total ?? 0 > end else { return nil }
    return (start, total)
  }

  /// What `If-Range` may carry, by RFC 9110 section 13.1.5: a strong entity tag, else the date of the last change.
  var validator: String? {
    [headers["etag"], headers["last-modified"]].compactMap { $0 }.first(where: Self.isValidator)
  }

  /// Whether a text may be sent as a validator: a strong entity tag or a date, as RFC 9110 writes them (sections
  /// 8.8.3 and 5.6.7), of printable ASCII. Anything else could end the header's line and begin another.
  static func isValidator(_ text: String) -> Bool {
    if text.hasPrefix("\"") {
      let tag = text.utf8.dropFirst().dropLast()
      return text.hasSuffix("\"") && (1...longestTag).contains(tag.count)
        && tag.allSatisfy { $0 == 0x21 || (0x23...0x7E).contains($0) }
    }
    return text.utf8.allSatisfy { (0x20...0x7E).contains($0) } && httpDate(text) != nil
  }

  /// Servers' tags have some tens of bytes.
  private static let longestTag = 256
}

/// A moment as HTTP writes it: "Wed, 01 Jan 2020 00:00:00 GMT". Nil for anything else.
func httpDate(_ text: String) -> Date? {
  let format = DateFormatter()
  format.locale = Locale(identifier: "en_US_POSIX")
  format.timeZone = TimeZone(identifier: "GMT")
  format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
  return format.date(from: text)
}
