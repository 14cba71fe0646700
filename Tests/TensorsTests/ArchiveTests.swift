import Basics
import CZlib
import Foundation
import TestSupport
import Testing

@testable import Tensors

@Suite(".npz archives")
struct NpzTests {
  @Test("NumPy's stored and deflated archives")
  func reads() throws {
    let stored = try Npz.read(fixture("files/stored.npz"))
    #expect(stored.keys.sorted() == ["labels", "values"])
    #expect(stored["values"]?.tensor().scalars() == NpyTests.values)
    #expect(try stored["labels"]?.integers() == [0, 1, 2, 3, 4])
    let deflated = try Npz.read(fixture("files/deflated.npz"))
    #expect(deflated.keys.sorted() == ["labels", "values", "zeros"])
    #expect(deflated["values"]?.tensor().scalars() == NpyTests.values)
    #expect(deflated["zeros"]?.tensor().scalars() == [Float](repeating: 0, count: 2000))
  }

  @Test("Written archives read back, in the same bytes each time")
  func roundTrip() throws {
    let folder = try TemporaryFolder()
    let tensors = [("b", Tensor([1, 2, 3])), ("a/weight", Tensor(NpyTests.values, shape: [3, 4]))]
    try Npz.write(tensors.map { (name: $0.0, tensor: $0.1) }, to: folder.file("1.npz"))
    try Npz.write(tensors.map { (name: $0.0, tensor: $0.1) }, to: folder.file("2.npz"))
    #expect(try WholeFile.read(folder.file("1.npz")) == WholeFile.read(folder.file("2.npz")))
    let read = try Npz.read(folder.file("1.npz"))
    #expect(read.keys.sorted() == ["a/weight", "b"])
    for (name, tensor) in tensors {
      #expect(read[name]?.shape == tensor.shape && read[name]?.tensor().scalars() == tensor.scalars())
    }
    try Npz.write([], to: folder.file("0.npz"))
    #expect(try Npz.read(folder.file("0.npz")).isEmpty)
  }

  /// The places of a fixture's parts: its directory, and the first member's compressed data.
  static func archive(_ name: String = "deflated") throws -> (data: Data, directory: Int, contents: Int) {
    let data = try Data(contentsOf: URL(fileURLWithPath: fixture("files/\(name).npz")))
    let end = data.count - 22
    let directory = number(data, end + 16, 4)
    return (data, directory, 30 + number(data, 26, 2) + number(data, 28, 2))
  }

  static func number(_ data: Data, _ place: Int, _ bytes: Int) -> Int {
    (0..<bytes).reduce(0) { $0 | Int(data[place + $1]) << (8 * $1) }
  }

  static func refuses(
    _ data: Data, _ says: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(data, "hostile.npz")
    let error = #expect(throws: FileFormatError.self, sourceLocation: sourceLocation) { try Npz.read(path) }
    #expect(error?.file.hasPrefix(path) == true, sourceLocation: sourceLocation)
    #expect(
      error?.reason.contains(says) == true, "\(String(describing: error))", sourceLocation: sourceLocation)
  }

  static func changed(_ data: Data, _ place: Int, to bytes: [UInt8]) -> Data {
    var data = data
    for (i, byte) in bytes.enumerated() { data[place + i] = byte }
    return data
  }

  @Test("Damaged archives are refused")
  func damaged() throws {
    let (data, directory, contents) = try Self.archive()
    try Self.refuses(Data(), "not a zip archive")
    try Self.refuses(
      Data("nothing of the kind, but long enough to hold a directory".utf8), "not a zip archive")
    try Self.refuses(data.prefix(data.count - 1), "not a zip archive, or cut off")
    try Self.refuses(Self.changed(data, contents + 3, to: [data[contents + 3] ^ 0x55]), "damaged")
    let stored = try Self.archive("stored")
    let lastByte = stored.contents + Self.number(stored.data, stored.directory + 20, 4) - 1
    try Self.refuses(Self.changed(stored.data, lastByte, to: [stored.data[lastByte] ^ 1]), "checksum")
    try Self.refuses(Self.changed(data, 0, to: [0]), "does not begin with its signature")
    try Self.refuses(Self.changed(data, directory, to: [0]), "directory entry")
    try Self.refuses(Self.changed(data, directory + 8, to: [1]), "encrypted")
    try Self.refuses(Self.changed(data, directory + 10, to: [99]), "compression method 99")
    try Self.refuses(
      Self.changed(data, directory + 42, to: [0xfe, 0xff, 0xff, 0x7f]), "outside the file")
    try Self.refuses(
      Self.changed(data, directory + 20, to: [0xff, 0xff, 0xff, 0x7f]), "ends within")
    try Self.refuses(Self.changed(data, 30, to: [0x5a]), "its header gives another name")
    try Self.refuses(Self.changed(data, data.count - 6, to: [0xff, 0xff, 0xff, 0x7f]), "directory")
    try Self.refuses(Self.changed(data, data.count - 12, to: [9]), "director")
  }

  @Test("A declared size that the compressed data cannot give is refused before it is allocated")
  func bomb() throws {
    let (data, directory, _) = try Self.archive()
    try Self.refuses(Self.changed(data, directory + 24, to: [0, 0, 0, 0x70]), "cannot give")
    // A size that deflate could give, and this stream does not.
    let size = Self.number(data, directory + 24, 4)
    try Self.refuses(Self.changed(data, directory + 24, to: [UInt8((size + 1) & 0xff)]), "declared size")
    try Self.refuses(Self.changed(data, directory + 24, to: [UInt8((size - 1) & 0xff)]), "declared size")
  }

  @Test("Two members of one name, and a member that is no array")
  func members() throws {
    let folder = try TemporaryFolder()
    let one = Tensor([1])
    try Npz.write([("a", one), ("a", one)].map { (name: $0.0, tensor: $0.1) }, to: folder.file("a.npz"))
    let twice = #expect(throws: FileFormatError.self) { try Npz.read(folder.file("a.npz")) }
    #expect(twice?.reason.contains("stands twice") == true)
    var (data, directory, _) = try Self.archive("stored")
    let place = directory + 46 + Self.number(data, directory + 28, 2) - 4
    let own = 30 + Self.number(data, 26, 2) - 4
    for place in [place, own] { data = Self.changed(data, place, to: Array(".txt".utf8)) }
    try Self.refuses(data, "is not a .npy array")
  }

  @Test("The directory's size and the number of members must agree: no array is left out unnoticed")
  func numbersOfMembers() throws {
    let (data, directory, _) = try Self.archive()
    let end = data.count - 22
    // Three members; the number stands twice.
    for count: UInt8 in [0, 1, 2, 4] {
      try Self.refuses(
        Self.changed(data, end + 10, to: [count]), "lists 3 members, and its end says")
      try Self.refuses(
        Self.changed(data, end + 8, to: [count, 0, count, 0]), "lists 3 members, and its end says")
    }
    // A directory that is said to be one entry shorter, or to begin one entry later.
    let entry = 46 + Self.number(data, directory + 28, 2) + Self.number(data, directory + 30, 2)
    let size = Self.number(data, end + 12, 4) - entry
    try Self.refuses(
      Self.changed(data, end + 12, to: [UInt8(size), 0, 0, 0]), "does not fit the file")
    let start = directory + entry
    let later = Self.changed(
      data, end + 12, to: [UInt8(size), 0, 0, 0, UInt8(start & 0xff), UInt8(start >> 8)])
    try Self.refuses(later, "lists 2 members, and its end says 3")
  }

  /// An archive whose members share one deflated stream: its local header and data stand once.
  static func overlapping(_ members: Int, size: Int) throws -> Data {
    let raw = [UInt8](Npy.encode(Tensor.zeros([(size - 128) / 4])))
    var length = compressBound(uLong(raw.count))
    var packed = [UInt8](repeating: 0, count: Int(length))
    compress2(&packed, &length, raw, uLong(raw.count), 9)
    // Without zlib's own header and checksum.
    let stream = Array(packed[2..<(Int(length) - 4)])
    func bytes(_ value: Int, _ count: Int) -> [UInt8] {
      (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
    let name = Array("0.npy".utf8)
    var fields = bytes(20, 2) + bytes(0, 2) + bytes(8, 2) + bytes(0, 4)
    fields +=
      bytes(Int(crc32(0, raw, uInt(raw.count))), 4) + bytes(stream.count, 4) + bytes(raw.count, 4)
    fields += bytes(name.count, 2) + bytes(0, 2)
    var file = bytes(0x0403_4b50, 4) + fields + name + stream
    let start = file.count
    for _ in 0..<members {
      file += bytes(0x0201_4b50, 4) + bytes(20, 2) + fields + bytes(0, 14) + name
    }
    let end = file.count
    file += bytes(0x0605_4b50, 4) + bytes(0, 4) + bytes(members, 2) + bytes(members, 2)
    file += bytes(end - start, 4) + bytes(start, 4) + bytes(0, 2)
    return Data(file)
  }

  @Test("Members that share bytes of the file are refused")
  func overlap() throws {
    let folder = try TemporaryFolder()
    #expect(
      try Npz.read(folder.write(Self.overlapping(1, size: 4000), "one.npz"))["0"]?.shape == [
        (4000 - 128) / 4
      ])
    try Self.refuses(Self.overlapping(30, size: 4000), "overlap")
    let (data, directory, _) = try Self.archive()
    // The first member's data are said to reach into the second's.
    let size = Self.number(data, directory + 20, 4) + 8
    try Self.refuses(
      Self.changed(data, directory + 20, to: [UInt8(size & 0xff), UInt8(size >> 8)]), "overlap")
  }

  @Test("A size that is promised and does not come takes no memory")
  func promises() {
    var largest = 0
    let bytes = arrivingBytes(1 << 40) { buffer in
      largest = max(largest, buffer.count)
      guard largest == buffer.count else { return 0 }
      buffer[0] = 7
      return 1
    }
    #expect(bytes == [7] && largest == 1 << 26)
    var sent = 0
    let whole = arrivingBytes(200_000_000) { buffer in
      let count = min(buffer.count, 50_000_000)
      buffer[0] = UInt8(sent / 50_000_000)
      sent += count
      return count
    }
    #expect(whole.count == 200_000_000 && sent == whole.count)
  }

  @Test("Every prefix is refused, and changed bytes give an error or arrays, never a stop")
  func noise() throws {
    let folder = try TemporaryFolder()
    let (data, _, _) = try Self.archive()
    for count in stride(from: 0, to: data.count, by: 7) {
      let path = try folder.write(data.prefix(count))
      #expect(throws: FileFormatError.self) { try Npz.read(path) }
    }
    var generator = RandomGenerator(seed: 4)
    for _ in 0..<500 {
      var other = data
      for _ in 0...generator.below(3) { other[generator.below(data.count)] = UInt8(generator.below(256)) }
      let path = try folder.write(other)
      do { _ = try Npz.read(path) } catch { #expect(error is FileFormatError) }
    }
  }
}
