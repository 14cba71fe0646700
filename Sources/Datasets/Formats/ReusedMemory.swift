import Basics
import Foundation
import Tensors

/// Memory that grows with need, and is let go when a rare large file is done with.
struct ReusedMemory: ~Copyable {
  private var start: UnsafeMutableRawPointer?
  private var count = 0

  init() {}

  deinit { free(start) }

  /// At least one byte, contents undefined.
  mutating func atLeast(_ needed: Int) -> UnsafeMutableRawPointer {
    if needed > count || start == nil {
      free(start)
      count = max(needed, 1)
      start = malloc(count)
    }
    guard let start else {
      ResourceFailure.outOfMemory(Double(count), held: MemoryPool.statistics.bytesHeld)
    }
    return start
  }

  /// The same for the image file of a path, whose size is the file's doing.
  mutating func atLeast(_ needed: Int, for path: String) throws -> UnsafeMutableRawPointer {
    if needed > count || start == nil {
      free(start)
      (start, count) = (nil, 0)
      guard let memory = malloc(max(needed, 1)) else {
        throw ImageMemoryError(path: path, reason: "\(needed) bytes are needed")
      }
      (start, count) = (memory, max(needed, 1))
    }
    return start!
  }

  mutating func releaseLarge() {
    guard count > 1 << 25 else { return }
    free(start)
    (start, count) = (nil, 0)
  }
}

/// There is too little memory for an image, which may be sound.
package struct ImageMemoryError: Error, CustomStringConvertible {
  let path: String
  let reason: String

  package var description: String {
    "\(path): there is no memory to decode it in (\(reason)); close other programs, or use fewer threads"
  }
}
