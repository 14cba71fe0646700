import Foundation
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
    try Self.refuses(Self.changed(data, directory + 42, to: [0xfe, 0xff, 0xff, 0x7f]), "outside the file")
    try Self.refuses(Self.changed(data, directory + 20, to: [0xff, 0xff, 0xff, 0x7f]), "ends within")
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
    data = Self.changed(data, place, to: Array(".txt".utf8))
    try Self.refuses(data, "is not a .npy array")
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
