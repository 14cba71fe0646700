import Basics
import Foundation
import TestSupport
import Testing

@testable import Tensors

@Suite(".safetensors files")
struct SafeTensorsTests {
  @Test("Every type that PyTorch stores here")
  func types() throws {
    let file = try SafeTensors(path: fixture("files/types.safetensors"))
    #expect(file.metadata == ["format": "pt"])
    #expect(file.tensors.count == 9)
    for name in ["double", "single", "half", "brain"] {
      #expect(file.tensors[name]?.shape == [3, 4])
      #expect(file.tensors[name]?.scalars() == NpyTests.values, "\(name)")
    }
    #expect(file.tensors["long"]?.scalars() == NpyTests.integers.map(Float.init))
    #expect(file.tensors["byte"]?.scalars() == (0...11).map(Float.init))
    #expect(file.tensors["truth"]?.scalars() == NpyTests.integers.map { $0 > 0 ? 1 : 0 })
    #expect(file.tensors["scalar"]?.shape == [] && file.tensors["scalar"]?.item() == 2.5)
    #expect(file.tensors["empty"]?.shape == [0, 3])
  }

  /// The header without the spaces that fill it up, and what follows.
  static func parts(of file: Data) -> (header: String, data: Data) {
    let length = file.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = String(decoding: file.dropFirst(8).prefix(length), as: UTF8.self)
    return (header.trimmingCharacters(in: .whitespaces), file.dropFirst(8 + length))
  }

  @Test("What is written is what the reference writes, byte for byte, and a checksum")
  func writesAsTheReference() throws {
    let folder = try TemporaryFolder()
    try SafeTensors.write(
      [
        (name: "a", tensor: Tensor(NpyTests.values, shape: [3, 4])),
        (name: "b.weight", tensor: Tensor([1.5, -2])),
      ],
      metadata: ["note": "caf\u{e9} \"quoted\" \\ / line\nend"], to: folder.file("a.safetensors"))
    let expected = Self.parts(of: try WholeFile.read(fixture("files/plain.safetensors")))
    let written = Self.parts(of: try WholeFile.read(folder.file("a.safetensors")))
    let checksum = try #require(
      written.header.range(
        of: #","spread.crc32":"crc32-of-file:[0-9a-f]{8}""#,
        options: .regularExpression))
    #expect(written.header.replacingCharacters(in: checksum, with: "") == expected.header)
    #expect(written.data == expected.data)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["a.safetensors"])
  }

  @Test("Names, shapes, bits and metadata survive, in the same bytes each time")
  func roundTrip() throws {
    let folder = try TemporaryFolder()
    let tensors: [(name: String, tensor: Tensor)] = [
      ("z", Tensor([.nan, -0.0, .infinity, .leastNonzeroMagnitude])), ("a \"quoted\" \u{1F600}\n", Tensor(7)),
      ("none", Tensor.zeros([2, 0, 3])), ("view", Tensor([1, 2, 3, 4, 5, 6], shape: [3, 2]).sliced(1..<3)),
    ]
    let metadata = ["b": "2", "a": "", "\u{1}": "tab\t"]
    for name in ["1", "2"] { try SafeTensors.write(tensors, metadata: metadata, to: folder.file(name)) }
    #expect(try WholeFile.read(folder.file("1")) == WholeFile.read(folder.file("2")))
    let read = try SafeTensors(path: folder.file("1"))
    #expect(read.metadata == metadata)
    #expect(read.tensors.count == tensors.count)
    for (name, tensor) in tensors {
      #expect(read.tensors[name]?.shape == tensor.shape)
      #expect(read.tensors[name]?.scalars().map(\.bitPattern) == tensor.scalars().map(\.bitPattern))
    }
    try SafeTensors.write([], to: folder.file("empty"))
    #expect(try SafeTensors(path: folder.file("empty")).tensors.isEmpty)
  }

  static func file(_ header: String, bytes: Int = 0, length: UInt64? = nil) -> Data {
    let length = length ?? UInt64(header.utf8.count)
    return Data((0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }) + Data(header.utf8)
      + Data(count: bytes)
  }

  static func entry(
    _ name: String = "a", _ type: String = "\"F32\"", _ shape: String = "[2]", _ offsets: String = "[0,8]"
  ) -> String {
    "\"\(name)\":{\"dtype\":\(type),\"shape\":\(shape),\"data_offsets\":\(offsets)}"
  }

  static let hostile: [(what: String, data: Data, says: String)] = [
    ("empty", Data(), "ends within the header's length"),
    ("seven bytes", Data(count: 7), "ends within the header's length"),
    ("length 0", Data(count: 8), "not a JSON object"),
    ("length beyond the file", file("{}", length: 3), "beyond the file"),
    ("length beyond Int", file("{}", length: .max), "beyond the file"),
    ("length beyond the limit", file("{}", length: 10_000_001), "beyond the file"),
    ("no JSON", file("{'a'}"), "not a JSON object"),
    ("a list", file("[]"), "not a JSON object"),
    ("cut JSON", file("{\(entry())", bytes: 8), "not a JSON object"),
    ("text after it", file("{\(entry())} x", bytes: 8), "not a JSON object"),
    ("no data", file("{\(entry())}"), "0 follow"),
    ("data cut", file("{\(entry())}", bytes: 7), "7 follow"),
    ("data left over", file("{\(entry())}", bytes: 9), "9 follow"),
    ("a gap at the start", file("{\(entry("a", "\"F32\"", "[2]", "[4,12]"))}", bytes: 12), "begin at 4"),
    (
      "an overlap", file("{\(entry()),\(entry("b", "\"F32\"", "[2]", "[4,12]"))}", bytes: 12), "begin at 4"
    ),
    ("a gap", file("{\(entry()),\(entry("b", "\"F32\"", "[1]", "[12,16]"))}", bytes: 16), "begin at 12"),
    ("two at one place", file("{\(entry()),\(entry("b"))}", bytes: 8), "begin at 0"),
    ("a name twice", file("{\(entry()),\(entry())}", bytes: 8), "twice"),
    ("metadata twice", file("{\"__metadata__\":{},\"__metadata__\":{}}"), "twice"),
    (
      "a field twice",
      file("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", bytes: 4),
      "twice"
    ),
    ("offsets reversed", file("{\(entry("a", "\"F32\"", "[2]", "[8,0]"))}", bytes: 8), "data_offsets"),
    ("offsets of another size", file("{\(entry("a", "\"F32\"", "[3]"))}", bytes: 8), "data_offsets"),
    ("offsets beyond", file("{\(entry("a", "\"U8\"", "[9]", "[0,9]"))}", bytes: 8), "8 follow"),
    ("negative offsets", file("{\(entry("a", "\"F32\"", "[2]", "[-8,0]"))}", bytes: 8), "data_offsets"),
    ("three offsets", file("{\(entry("a", "\"F32\"", "[2]", "[0,8,8]"))}", bytes: 8), "data_offsets"),
    ("no list of offsets", file("{\(entry("a", "\"F32\"", "[2]", "8"))}", bytes: 8), "data_offsets"),
    ("overflow", file("{\(entry("a", "\"F32\"", "[4294967296,4294967296]"))}", bytes: 8), "can be counted"),
    (
      "overflow in bytes", file("{\(entry("a", "\"F32\"", "[4611686018427387904]"))}", bytes: 8),
      "data_offsets"
    ),
    ("beyond Int", file("{\(entry("a", "\"F32\"", "[99999999999999999999]"))}", bytes: 8), "shape of 'a'"),
    ("negative length", file("{\(entry("a", "\"F32\"", "[-2]"))}", bytes: 8), "shape of 'a'"),
    ("a fraction", file("{\(entry("a", "\"F32\"", "[2.5]"))}", bytes: 8), "shape of 'a'"),
    ("true for a length", file("{\(entry("a", "\"F32\"", "[2,true]"))}", bytes: 8), "shape of 'a'"),
    ("text for a length", file("{\(entry("a", "\"F32\"", "[\"2\"]"))}", bytes: 8), "shape of 'a'"),
    ("null for a length", file("{\(entry("a", "\"F32\"", "[null]"))}", bytes: 8), "shape of 'a'"),
    ("unknown type", file("{\(entry("a", "\"F8_E4M3\"", "[8]"))}", bytes: 8), "F8_E4M3"),
    ("no type", file("{\(entry("a", "3"))}", bytes: 8), "type"),
    ("a field missing", file("{\"a\":{\"dtype\":\"F32\",\"shape\":[]}}", bytes: 4), "exactly"),
    ("a field too many", file("{\(entry().dropLast()),\"x\":1}}", bytes: 8), "exactly"),
    ("no object", file("{\"a\":3}"), "exactly"),
    ("metadata of numbers", file("{\"__metadata__\":{\"a\":1}}"), "object of strings"),
    ("metadata no object", file("{\"__metadata__\":\"x\"}"), "object of strings"),
    ("deep nesting", file(String(repeating: "{\"a\":", count: 100_000)), "not a JSON object"),
  ]

  @Test("Hostile files are refused with the byte and the reason", arguments: hostile.map(\.what))
  func refuses(what: String) throws {
    let attempt = try #require(Self.hostile.first { $0.what == what })
    let folder = try TemporaryFolder()
    let path = try folder.write(attempt.data, "hostile.safetensors")
    let error = #expect(throws: FileFormatError.self) { try SafeTensors(path: path) }
    #expect(error?.file == path && error?.byte != nil)
    #expect(error?.reason.contains(attempt.says) == true, "\(String(describing: error))")
  }

  @Test("Every prefix is refused, and changed bytes give an error or tensors, never a stop")
  func noise() throws {
    let folder = try TemporaryFolder()
    let data = try WholeFile.read(fixture("files/types.safetensors"))
    for count in stride(from: 0, to: data.count, by: 5) {
      let path = try folder.write(data.prefix(count))
      #expect(throws: FileFormatError.self) { try SafeTensors(path: path) }
    }
    var generator = RandomGenerator(seed: 5)
    for _ in 0..<500 {
      var other = data
      for _ in 0...generator.below(3) { other[generator.below(600)] = UInt8(generator.below(256)) }
      let path = try folder.write(other)
      do { _ = try SafeTensors(path: path) } catch { #expect(error is FileFormatError) }
    }
  }

  @Test("A name twice, and the name of the metadata, stop the writer")
  func names() async {
    let twice = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      try SafeTensors.write(
        [(name: "a", tensor: Tensor(1)), (name: "a", tensor: Tensor(2))], to: "/dev/null/x")
    }
    AutodiffTests.expect(twice, says: "must differ")
  }
}

@Suite("Checksums of .safetensors files")
struct SafeTensorsChecksumTests {
  private func written(_ metadata: [String: String] = ["format": "mine"]) throws -> Data {
    let folder = try TemporaryFolder()
    try SafeTensors.write(
      [("a", Tensor([1, 2, 3, 4], shape: [2, 2]))], metadata: metadata, to: folder.file("a"))
    return try WholeFile.read(folder.file("a"))
  }

  private func changed(_ data: Data, _ old: String, to new: String) throws -> Data {
    var data = data
    let place = try #require(data.range(of: Data(old.utf8)))
    data.replaceSubrange(place, with: Data(new.utf8))
    return data
  }

  private func refusal(_ data: Data, requiring: Bool = false) throws -> String {
    try #require(throws: FileFormatError.self) {
      try SafeTensors(data, file: "w.safetensors", requiringChecksum: requiring)
    }.description
  }

  @Test("A written file has one, and the metadata are as they were given")
  func present() throws {
    let read = try SafeTensors(written(), file: "w", requiringChecksum: true)
    #expect(read.hasChecksum && read.metadata == ["format": "mine"])
    #expect(try SafeTensors(written([:]), file: "w").metadata.isEmpty)
  }

  @Test("A change of a weight, a name, a shape or the metadata is refused with what to do")
  func changes() throws {
    let data = try written()
    var weight = data
    weight[data.count - 1] ^= 1
    for damaged in [
      weight, try changed(data, "\"a\":{", to: "\"b\":{"), try changed(data, "[2,2]", to: "[4,1]"),
      try changed(data, "mine", to: "mind"),
    ] {
      let message = try refusal(damaged)
      #expect(message.hasPrefix("w.safetensors: the contents do not match the checksum"))
      #expect(message.contains("put a whole copy in its place, or delete it"))
    }
  }

  @Test("A name or a mark of the checksum that is damaged does not make it a file of another origin")
  func names() throws {
    let data = try written()
    for damaged in [
      try changed(data, "spread.crc32", to: "spread.crc22"),
      try changed(data, "crc32-of-file", to: "crc32-of-fime"),
    ] {
      #expect(try refusal(damaged).contains("cannot be understood"))
    }
  }

  @Test("A file of another origin has none, and is read where none is required")
  func otherOrigin() throws {
    let data = try WholeFile.read(fixture("files/plain.safetensors"))
    #expect(try !SafeTensors(data, file: "plain").hasChecksum)
    #expect(try refusal(data, requiring: true).contains("lack the checksum 'spread.crc32'"))
  }

  @Test("The checksum is that of the published check value")
  func checkValue() {
    var checksum = CRC32()
    checksum.add(Data("1234".utf8))
    checksum.add([])
    checksum.add(Data("56789".utf8))
    #expect(checksum.value == 0xCBF4_3926)
  }
}
