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
    if let tag = headers["etag"], tag.hasPrefix("\""), tag.hasSuffix("\""), tag.count > 2 { return tag }
    return headers["last-modified"]
  }
}
