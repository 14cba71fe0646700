import Basics
import Foundation

/// The place of a cache cannot be used. What the cache is made of may be sound.
public struct CacheError: Error, CustomStringConvertible, Sendable {
  /// The file or folder of the cache.
  public let path: String
  /// What could not be done, and the system's reason.
  public let reason: String
  /// What to do, in a sentence.
  public let advice: String

  init(
    _ path: String, _ reason: String,
    advice: String = "The data themselves are not at fault: set SPREAD_CACHE to another folder"
  ) {
    self.path = path
    self.reason = reason
    self.advice = advice
  }

  /// With the reason of the system call that failed last.
  init(systemError path: String, _ what: String, code: Int32 = errno) {
    self.init(path, "\(what): \(String(cString: strerror(code)))")
  }

  /// With the reason that Foundation gives.
  init(_ path: String, _ what: String, because error: any Error) {
    let words = error.localizedDescription.replacingOccurrences(
      of: "The operation could not be completed. ", with: "")
    self.init(path, "\(what): \(words.hasSuffix(".") ? String(words.dropLast()) : words)")
  }

  /// The place and the reason, without the advice.
  public var problem: String { "the cache \(printable(path)) \(reason)" }

  /// All of it in sentences.
  public var description: String { "\(problem). \(advice)" }
}

/// Data that are sound, and cannot be used as they are.
public struct UnusableDataError: Error, CustomStringConvertible, Sendable {
  /// What cannot be done with them, and why.
  public let problem: String
  /// What to do, in a sentence.
  public let advice: String

  /// All of it in sentences.
  public var description: String { "\(problem). \(advice)" }
}

/// Where what is drawn or decoded once is kept.
public enum CacheFolder {
  /// `SPREAD_CACHE`, else `$XDG_CACHE_HOME/spread`, else `~/.cache/spread`.
  public static var standard: String { UserPath.cacheFolder() }
}
