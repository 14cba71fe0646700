import Foundation

/// Why an attempt at a file failed, and what may help.
struct FetchFailure: Error, Equatable {
  enum Remedy: Equatable {
    /// The same address may answer later, after at least this many seconds.
    case retry(after: Double)
    /// This address will not do; another may.
    case anotherMirror
    /// The address has no such file; the same base may have it in a folder.
    case notFound
    /// No address can help: the disk, or a file that stands in the way.
    case giveUp
  }

  let remedy: Remedy
  /// What was wrong and what was expected, for a person.
  let reason: String

  init(_ remedy: Remedy, _ reason: String) {
    self.remedy = remedy
    self.reason = reason
  }

  static func system(_ action: String, _ path: String, _ code: Int32) -> FetchFailure {
    FetchFailure(.giveUp, "\(path) cannot be \(action): \(String(cString: strerror(code)))")
  }
}

/// Thrown when a fetch was asked to stop; what had come is kept.
public struct FetchInterruption: Error, Equatable {
  /// The unfinished file; nil when none is.
  public let partial: String?
  /// Bytes of it.
  public let bytes: Int
}

/// A command that cannot be carried out: an unknown name, an address that is none.
public struct FetchUsageError: Error, Equatable, CustomStringConvertible {
  /// What was wrong with the arguments, in a sentence.
  public let description: String

  init(_ description: String) { self.description = description }
}

/// An address for a message: a password that stands in it is left out.
func withoutPassword(_ address: String) -> String {
  guard let scheme = address.range(of: "://") else { return address }
  let rest = address[scheme.upperBound...]
  let host = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
  guard let at = host.lastIndex(of: "@") else { return address }
  return String(address[..<scheme.upperBound]) + String(rest[rest.index(after: at)...])
}

/// Text from outside as it may go to a terminal: whatever could steer one is replaced, and there is an end to it.
func printable(_ text: String) -> String {
  String(
    String.UnicodeScalarView(
      text.unicodeScalars.prefix(200).map { $0.properties.generalCategory == .control ? "?" : $0 }))
}
