/// Collects bytes whose number a file promises. Memory is taken as they arrive: up to 64 MiB at once, then as much
/// again as has come, so that a small file cannot have a large size allocated by promising it.
///
/// - Parameters:
///   - count: how many are wanted.
///   - read: fills the buffer, or as much of it as it has; 0 at the end.
/// - Returns: `count` bytes, or fewer where the end came before.
/// - Throws: what `read` throws.
package func arrivingBytes(_ count: Int, from read: (UnsafeMutableRawBufferPointer) throws -> Int) rethrows
  -> [UInt8]
{
  var result: [UInt8] = []
  var hasEnded = false
  while result.count < count, !hasEnded {
    let room = min(count, max(1 << 26, 2 * result.count))
    result = try [UInt8](unsafeUninitializedCapacity: room) { buffer, filled in
      filled = result.withUnsafeBufferPointer { buffer.update(fromContentsOf: $0) }
      while filled < room, !hasEnded {
        let rest = UnsafeMutableRawBufferPointer(
          rebasing: UnsafeMutableRawBufferPointer(buffer)[filled..<room])
        let arrived = try read(rest)
        filled += arrived
        hasEnded = arrived == 0
      }
    }
  }
  return result
}
