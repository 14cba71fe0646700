import Foundation

/// What is wrong with a file, and where.
public struct FileFormatError: Error, CustomStringConvertible, Equatable {
  /// The file's path.
  public let file: String
  /// The byte at which it was noticed, from 0; nil where it concerns the whole file.
  public let byte: Int?
  /// A sentence: what was wrong and what was expected.
  public let reason: String

  /// The error for a file, at a byte or as a whole; `reason` follows the path in the message.
  public init(_ file: String, byte: Int? = nil, _ reason: String) {
    self.file = file
    self.byte = byte
    self.reason = reason
  }

  public var description: String {
    "\(file.printableLine)\(byte.map { ", byte \($0)" } ?? ""): \(reason)"
  }
}
