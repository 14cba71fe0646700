import Basics
import Foundation
import TestSupport
import Testing

@testable import Tensors

@Suite(".npy files")
struct NpyTests {
  /// What `Tests/Fixtures/make_file_fixtures.py` writes: -5 to 6, and a quarter of it.
  static let integers = Array(-5...6)
  static let values = integers.map { Float($0) * 0.25 }

  @Test(
    "NumPy's floating-point types, byte orders, versions and orders",
    arguments: ["version1", "version2", "version3", "f2", "f8", "big-f4", "big-f8", "fortran"])
  func floats(name: String) throws {
    let array = try Npy.read(fixture("files/\(name).npy"))
    #expect(array.shape == [3, 4])
    #expect(array.tensor().shape == [3, 4])
    #expect(array.tensor().scalars() == Self.values)
    let error = #expect(throws: FileFormatError.self) { try array.integers() }
    #expect(error?.reason.contains("integers were expected") == true)
  }

  @Test("NumPy's integers", arguments: ["i1", "i2", "i4", "i8", "big-i4"])
  func signed(name: String) throws {
    let array = try Npy.read(fixture("files/\(name).npy"))
    #expect(array.shape == [3, 4])
    #expect(try array.integers() == Self.integers)
    #expect(array.tensor().scalars() == Self.integers.map(Float.init))
  }

  @Test("NumPy's unsigned integers and booleans", arguments: ["u1", "u2", "u4", "u8"])
  func unsigned(name: String) throws {
    #expect(try Npy.read(fixture("files/\(name).npy")).integers() == Array(0...11))
  }

  @Test(
    "Booleans, a scalar, a vector, an empty array, three axes in Fortran's order, and a number beyond Int")
  func others() throws {
    func read(_ name: String) throws -> NpyArray { try Npy.read(fixture("files/\(name).npy")) }
    #expect(try read("boolean").integers() == Self.integers.map { $0 > 0 ? 1 : 0 })
    #expect(try read("scalar").shape == [] && read("scalar").tensor().item() == 2.5)
    #expect(try read("vector").integers() == [0, 1, 2, 3, 4])
    #expect(try read("empty").tensor().shape == [0, 3])
    let cube = try read("fortran3").tensor()
    #expect(cube.shape == [2, 3, 4] && cube.scalars() == (0..<24).map(Float.init))
    #expect(throws: FileFormatError.self) { try read("huge-unsigned").integers() }
    #expect(try read("huge-unsigned").tensor().item() == 0x1p64)
  }

  @Test("Types that are no numbers of ours are refused by name", arguments: ["complex", "structured"])
  func refused(name: String) {
    let path = fixture("files/\(name).npy")
    let error = #expect(throws: FileFormatError.self) { try Npy.read(path) }
    #expect(error?.file == path && error?.byte != nil)
  }

  @Test("What is written is what NumPy writes, byte for byte")
  func writesAsNumPy() throws {
    let folder = try TemporaryFolder()
    func check(_ name: String, _ write: (String) throws -> Void) throws {
      try write(folder.file(name))
      let written = try Data(contentsOf: URL(fileURLWithPath: folder.file(name)))
      #expect(
        written == (try Data(contentsOf: URL(fileURLWithPath: fixture("files/\(name).npy")))), "\(name)")
    }
    try check("version1") { try Npy.write(Tensor(Self.values, shape: [3, 4]), to: $0) }
    try check("scalar") { try Npy.write(Tensor(2.5), to: $0) }
    try check("empty") { try Npy.write(Tensor.zeros([0, 3]), to: $0) }
    try check("vector") { try Npy.write([0, 1, 2, 3, 4], to: $0) }
    try check("i8") { try Npy.write(Self.integers, shape: [3, 4], to: $0) }
  }

  @Test("Bits survive, those of nan and -0 too, and no other file is left behind")
  func roundTrip() throws {
    let folder = try TemporaryFolder()
    let values: [Float] = [.nan, -0.0, .infinity, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 1 / 3]
    try Npy.write(Tensor([1]), to: folder.file("a.npy"))
    try Npy.write(Tensor(values, shape: [1, 6, 1]), to: folder.file("a.npy"))
    let read = try Npy.read(folder.file("a.npy")).tensor()
    #expect(read.shape == [1, 6, 1])
    #expect(read.scalars().map(\.bitPattern) == values.map(\.bitPattern))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["a.npy"])
    let labels = [.min, -1, 0, 5, .max]
    try Npy.write(labels, to: folder.file("y.npy"))
    #expect(try Npy.read(folder.file("y.npy")).integers() == labels)
  }

  /// A file with this header and so many bytes after it.
  static func file(_ header: String, bytes: Int = 0, version: UInt8 = 1, length: Int? = nil) -> Data {
    let length = length ?? header.utf8.count
    var data = Data([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0])
    data += Data((0..<(version == 1 ? 2 : 4)).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) })
    return data + Data(header.utf8) + Data(count: bytes)
  }

  static func header(_ type: String = "'<f4'", _ shape: String = "(3,)", _ order: String = "False") -> String
  {
    "{'descr': \(type), 'fortran_order': \(order), 'shape': \(shape), }\n"
  }

  @Test("Shapes as Python 2 wrote them", arguments: ["(2L, 3L)", "(2L, 3L,)", "(2, 3L)"])
  func pythonTwo(shape: String) throws {
    let array = try Npy.parse(Self.file(Self.header("'<f4'", shape), bytes: 24), file: "a.npy")
    #expect(array.shape == [2, 3])
    #expect(
      try Npy.parse(Self.file(Self.header("'<f4'", "(6L,)"), bytes: 24), file: "a.npy").shape == [6]
    )
  }

  @Test(
    "What are no labels says what it is and how to convert it",
    arguments: [
      ("'<f4'", 4, "numbers of type float32"), ("'<f8'", 8, "numbers of type float64"),
      ("'<c8'", 8, "(complex numbers)"), ("'<U3'", 12, "(text)"), ("'|S3'", 3, "(bytes of text)"),
      ("'|O'", 8, "(Python objects)"), ("'<M8[ns]'", 8, "(dates)"), ("'<f16'", 16, "'<f16'"),
    ])
  func labels(type: String, size: Int, says: String) throws {
    let data = Self.file(Self.header(type, "(1,)"), bytes: size)
    let error = try #require(throws: FileFormatError.self) {
      try Npy.parse(data, file: "y.npy").integers()
    }
    #expect(error.reason.contains(says) && error.reason.contains("astype(np.int64)"), "\(error)")
    let areNames = ["S", "U", "O"].contains { type.contains($0) }
    #expect(error.reason.contains("return_inverse") == areNames, "\(error)")
  }

  @Test("A structured array, and unsigned labels that fit and that do not")
  func unusualLabels() throws {
    let fields = Self.file(Self.header("[('x', '<f4'), ('y', '<i4')]", "(1,)"), bytes: 8)
    let structured = try #require(throws: FileFormatError.self) {
      try Npy.parse(fields, file: "y.npy")
    }
    #expect(
      structured.reason.contains("structured array") && structured.reason.contains("array['field']")
    )
    let header = Self.file(Self.header("'<u8'", "(2,)"))
    let fitting =
      header
      + Data([7] + [UInt8](repeating: 0, count: 7) + [UInt8](repeating: 255, count: 7) + [127])
    #expect(try Npy.parse(fitting, file: "y.npy").integers() == [7, .max])
    let large = header + Data(count: 15) + Data([128])
    let error = try #require(throws: FileFormatError.self) {
      try Npy.parse(large, file: "y.npy").integers()
    }
    #expect(error.reason.contains("a number of type uint64 is larger than 9223372036854775807"))
  }

  static let hostile: [(what: String, data: Data, says: String)] = [
    ("empty", Data(), "ends within the signature"),
    ("other signature", Data("PK\u{3}\u{4}..........".utf8), "not a .npy file"),
    ("version 9", file(header(), bytes: 12, version: 9), "version 9"),
    ("version 0", file(header(), bytes: 12, version: 0), "version 0"),
    ("cut in the length", file(header()).prefix(9), "ends within the header's length"),
    ("cut in the header", file(header()).prefix(30), "ends within the header"),
    (
      "header beyond the file", file(header(), bytes: 12, version: 2, length: 0xffff_ffff),
      "within the header"
    ),
    ("a huge header", file(String(repeating: " ", count: 70_000), version: 2), "at most 65536"),
    ("cut in the data", file(header(), bytes: 11), "12 bytes of data, and 11"),
    ("trailing bytes", file(header(), bytes: 13), "12 bytes of data, and 13"),
    ("more than memory", file(header("'<f4'", "(4611686018427387904,)")), "more elements"),
    ("overflow", file(header("'<f4'", "(4294967296, 4294967296)")), "more elements"),
    ("large and not there", file(header("'<f8'", "(1000000, 1000000)")), "8000000000000 bytes"),
    ("beyond Int", file(header("'<f4'", "(99999999999999999999,)")), "length expected"),
    ("negative length", file(header("'<f4'", "(-3,)"), bytes: 12), "length expected"),
    ("fraction", file(header("'<f4'", "(1.5,)"), bytes: 12), "expected"),
    ("an expression", file(header("'<f4'", "(__import__('os'),)"), bytes: 12), "length expected"),
    ("no tuple", file(header("'<f4'", "[3]"), bytes: 12), "'(' expected"),
    ("shape missing", file("{'descr': '<f4', 'fortran_order': False}\n"), "lacks the key 'shape'"),
    ("descr missing", file("{'fortran_order': False, 'shape': ()}\n", bytes: 4), "lacks the key 'descr'"),
    ("order missing", file("{'descr': '<f4', 'shape': ()}\n", bytes: 4), "lacks the key 'fortran_order'"),
    ("key twice", file("{'shape': (1,), 'shape': (2,)}\n", bytes: 4), "stands twice"),
    ("unknown key", file("{'descr': '<f4', 'x': 1}\n", bytes: 4), "'x' is not known"),
    ("no order", file(header("'<f4'", "(3,)", "maybe"), bytes: 12), "True or False"),
    ("text after the brace", file(header() + "import os\n", bytes: 12), "closing brace"),
    (
      "brace not closed", file("{'descr': '<f4', 'fortran_order': False, 'shape': (3,)", bytes: 12),
      "'}' expected"
    ),
    ("quote not closed", file("{'descr: 1}", bytes: 12), "quote is not closed"),
    ("not text", file("", length: 2) + Data([0xff, 0xfe]), "not text"),
    ("empty header", file("", bytes: 12), "'{' expected"),
    ("objects", file(header("'|O'"), bytes: 24), "type '|O'"),
    ("no type", file(header("''"), bytes: 12), "type ''"),
    ("byte order of one byte only", file(header("'|f4'"), bytes: 12), "type '|f4'"),
    ("65 axes", file(header("'<f4'", "(" + String(repeating: "1,", count: 65) + ")"), bytes: 4), "64 axes"),
  ]

  @Test("Hostile files are refused with the byte and the reason", arguments: hostile.map(\.what))
  func refuses(what: String) throws {
    let attempt = try #require(Self.hostile.first { $0.what == what })
    let folder = try TemporaryFolder()
    let path = try folder.write(attempt.data, "hostile.npy")
    let error = #expect(throws: FileFormatError.self) { try Npy.read(path) }
    #expect(error?.file == path)
    #expect(error?.byte.map { $0 >= 0 && $0 <= attempt.data.count } == true, "\(String(describing: error))")
    #expect(error?.reason.contains(attempt.says) == true, "\(String(describing: error))")
    #expect(error.map { "\($0)".hasPrefix("\(path), byte ") } == true)
  }

  @Test("Every prefix of a file is refused")
  func prefixes() throws {
    let whole = Npy.encode(Tensor(Self.values, shape: [3, 4]))
    #expect(try Npy.parse(whole, file: "x").tensor().scalars() == Self.values)
    for count in 0..<whole.count {
      #expect(throws: FileFormatError.self) { try Npy.parse(whole.prefix(count), file: "x") }
    }
  }

  @Test("A changed byte of the header gives an error or an array, never a stop")
  func changedBytes() {
    let whole = Npy.encode(Tensor(Self.values, shape: [3, 4]))
    var generator = RandomGenerator(seed: 3)
    for _ in 0..<3000 {
      var data = whole
      for _ in 0...generator.below(3) { data[generator.below(128)] = UInt8(generator.below(256)) }
      if let array = try? Npy.parse(data, file: "x") {
        #expect(elementCount(array.shape) == array.tensor().count)
      }
    }
  }

  @Test("A file that is not there, a folder, a folder that is not there to write to")
  func notThere() throws {
    let folder = try TemporaryFolder()
    let missing = #expect(throws: FileFormatError.self) { try Npy.read(folder.file("none.npy")) }
    #expect(missing?.reason.contains("no such file") == true)
    let isFolder = #expect(throws: FileFormatError.self) { try Npy.read(folder.path) }
    #expect(isFolder?.reason.contains("folder") == true)
    let unwritable = #expect(throws: FileFormatError.self) {
      try Npy.write(Tensor([1]), to: folder.file("none/a.npy"))
    }
    #expect(unwritable?.reason.contains("cannot be written") == true)
  }

  @Test("A write that fails leaves the old file and nothing beside it")
  func atomic() throws {
    struct Stop: Error {}
    let folder = try TemporaryFolder()
    let path = try folder.write(Data("old".utf8), "a")
    #expect(throws: FileFormatError.self) {
      try WholeFile.write(to: path) {
        try $0.write(contentsOf: Data("half".utf8))
        throw Stop()
      }
    }
    #expect(try WholeFile.read(path) == Data("old".utf8))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["a"])
  }
}
