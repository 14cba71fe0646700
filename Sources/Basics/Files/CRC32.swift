import CZlib
import Foundation

/// CRC-32 of bytes that come in pieces, by zlib.
///
/// Every single flipped bit, every pair of them in up to 512 MB, and every burst of up to 32 bits changes it;
/// of other damage, one case in 2^32 stays unnoticed. It guards against faults of disks and copies, not against
/// forgery.
package struct CRC32 {
  package private(set) var value: UInt32

  /// - Parameter previous: the checksum of the bytes before those that will be added.
  package init(after previous: UInt32 = 0) { value = previous }

  package mutating func add(_ bytes: UnsafeRawBufferPointer) {
    // zlib takes a null pointer for the wish to start afresh.
    guard let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
    value = UInt32(truncatingIfNeeded: crc32_z(uLong(value), start, bytes.count))
  }

  package mutating func add(_ data: some DataProtocol) {
    for region in data.regions { region.withUnsafeBytes { add($0) } }
  }
}
