import Basics
import Foundation

/// Images in one piece of memory, shared by all views of them: unsigned bytes, `[count, channels, height,
/// width]`.
///
/// The bytes lie in memory of the process, or in a file that is mapped: then they cost no memory of their
/// own, processes that read the same file share its pages, and the system lets go of pages that are not in
/// use.
public final class ImageStore: Sendable {
  /// Images.
  public let count: Int
  /// 1 for grey, 3 for red, green and blue.
  public let channels: Int
  /// In pixels.
  public let height: Int
  /// In pixels.
  public let width: Int
  let bytes: ImageBytes

  /// A store of bytes `[count, channels, height, width]`, whose number must fit.
  public convenience init(_ bytes: [UInt8], count: Int, channels: Int, height: Int, width: Int) {
    self.init(.array(bytes), count: count, channels: channels, height: height, width: width)
  }

  init(_ bytes: ImageBytes, count: Int, channels: Int, height: Int, width: Int) {
    require(
      bytes.count == count * channels * height * width,
      "\(bytes.count) bytes are not \(count) images of \(channels) x \(height) x \(width)")
    self.bytes = bytes
    self.count = count
    self.channels = channels
    self.height = height
    self.width = width
  }

  /// Bytes in this process's own memory: none where a file is mapped.
  public var residentBytes: Int { if case .array(let bytes) = bytes { bytes.count } else { 0 } }

  /// Bytes of an image.
  public var imageSize: Int { channels * height * width }

  /// Looks whether a mapped file is still as long as it was.
  /// - Throws: `CacheError` when it was cut short: then its images can no longer be read.
  /// - Complexity: one system call, whatever the size.
  package func check() throws {
    if case .mapping(let file, _) = bytes { try file.check() }
  }
}

/// The bytes of a store, wherever they lie. Loops go through `withUnsafeBufferPointer`; single accesses are
/// for tests and messages.
enum ImageBytes: Sendable {
  case array([UInt8])
  /// The file from some byte to its end.
  case mapping(MappedFile, from: Int)

  func withUnsafeBufferPointer<Result>(_ body: (UnsafeBufferPointer<UInt8>) throws -> Result) rethrows
    -> Result
  {
    switch self {
    case .array(let bytes): try bytes.withUnsafeBufferPointer(body)
    case .mapping(let file, let start):
      try withExtendedLifetime(file) {
        try body(UnsafeBufferPointer(rebasing: file.bytes.bindMemory(to: UInt8.self)[start...]))
      }
    }
  }
}

extension ImageBytes: RandomAccessCollection {
  var startIndex: Int { 0 }
  var endIndex: Int {
    switch self {
    case .array(let bytes): bytes.count
    case .mapping(let file, let start): file.bytes.count - start
    }
  }
  subscript(place: Int) -> UInt8 {
    switch self {
    case .array(let bytes): bytes[place]
    case .mapping(let file, let start): file.bytes[start + place]
    }
  }
}

extension ImageBytes: Equatable {
  static func == (a: ImageBytes, b: ImageBytes) -> Bool { a.elementsEqual(b) }
}
