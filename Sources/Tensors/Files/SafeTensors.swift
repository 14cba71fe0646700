import Basics
import Foundation

/// Named tensors in one file, as Hugging Face's `safetensors` defines it: how weights travel to and from
/// PyTorch.
public struct SafeTensors: Sendable {
  /// The tensors by name; every type is converted to float32.
  public var tensors: [String: Tensor]
  /// Strings that travel with them, without the checksum.
  public var metadata: [String: String]
  /// Whether the file has a checksum of its contents, as those that `write` made; what was read then matches it.
  public let hasChecksum: Bool

  /// Bytes of a header that is read. (The format's own limit is ten times that; what a header becomes in memory
  /// is larger than itself, which `JSONParser.mostValues` bounds: about 25,000 tensors.)
  static let longestHeader: UInt64 = 10_000_000

  /// Reads a whole file, and checks its contents against its checksum where it has one.
  ///
  /// - Parameter requiringChecksum: refuses a file without a checksum. Files of other programs have none; one
  ///   that is known to come from `write` has lost it by damage.
  /// - Throws: `FileFormatError` for contents that do not match the checksum, and, with the byte, for a header
  ///   that is not well-formed or not covered by the file: lengths, types, shapes and offsets are all checked
  ///   before a tensor is made, and the tensors must fill the data without gap or overlap.
  public init(path: String, requiringChecksum: Bool = false) throws {
    try self.init(WholeFile.read(path), file: path, requiringChecksum: requiringChecksum)
  }

  init(_ data: Data, file: String, requiringChecksum: Bool = false) throws {
    var reader = ByteReader(file: file, data: data)
    let length = try reader.number(UInt64.self, "the header's length")
    guard length <= Self.longestHeader, Int(length) <= reader.remaining else {
      throw reader.error(
        "the header's length of \(length) bytes is beyond the file of \(data.count) bytes or the limit of "
          + "\(Self.longestHeader)",
        at: 0)
    }
    let text = try reader.bytes(Int(length), "the header")
    let entries: [String: SafeTensorsEntry]
    (entries, metadata) = try SafeTensorsEntry.parse(text, file: file, dataCount: reader.remaining)
    hasChecksum = try EmbeddedChecksum.verify(data, head: reader.position, metadata: metadata, file: file)
    guard hasChecksum || !requiringChecksum else {
      throw FileFormatError(
        file, byte: 8, "the metadata lack the checksum '\(EmbeddedChecksum.key)': \(EmbeddedChecksum.advice)")
    }
    metadata[EmbeddedChecksum.key] = nil
    let start = data.startIndex + reader.position
    tensors = entries.mapValues { entry in
      let raw = data[(start + entry.begin)..<(start + entry.end)]
      return Tensor(entry.type.floats(raw, bigEndian: false), shape: entry.shape)
    }
  }

  /// Writes tensors as float32 in the given order, with a checksum in the metadata (`spread.crc32`) that `init`
  /// checks; the same input gives the same bytes. A kill at any moment leaves the old file or the new one.
  /// - Throws: `FileFormatError` when the file cannot be written.
  public static func write(
    _ tensors: [(name: String, tensor: Tensor)], metadata: [String: String] = [:], to path: String
  ) throws {
    let names = tensors.map(\.name)
    require(
      Set(names).count == names.count && !names.contains("__metadata__"),
      "names in a .safetensors file must differ, and __metadata__ is taken")
    require(
      metadata[EmbeddedChecksum.key] == nil, "the metadata key \(EmbeddedChecksum.key) is the checksum's own")
    let texts = metadata.merging([EmbeddedChecksum.key: EmbeddedChecksum.placeholder]) { own, _ in own }
    let pairs = texts.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(quoted($0.value))" }
    var fields = ["\"__metadata__\":{\(pairs.joined(separator: ","))}"]
    var offset = 0
    for (name, tensor) in tensors {
      let end = offset + tensor.count * 4
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      fields.append(
        "\(quoted(name)):{\"dtype\":\"F32\",\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    var header = Data("{\(fields.joined(separator: ","))}".utf8)
    header.append(Data(repeating: 0x20, count: (8 - header.count % 8) % 8))
    var head = Data((0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }) + header
    var checksum = CRC32()
    checksum.add(head)
    for (_, tensor) in tensors { tensor.withUnsafeData { checksum.add(UnsafeRawBufferPointer($0)) } }
    EmbeddedChecksum.complete(&head, with: checksum.value)
    try WholeFile.write(to: path) { file in
      try file.write(contentsOf: head)
      for (_, tensor) in tensors where tensor.count > 0 {
        try tensor.withUnsafeData { values in
          let bytes = UnsafeMutableRawPointer(mutating: values.baseAddress!)
          try file.write(contentsOf: Data(bytesNoCopy: bytes, count: values.count * 4, deallocator: .none))
        }
      }
    }
  }

  private static func quoted(_ text: String) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    return (try? encoder.encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
  }
}

/// One tensor's line of the header.
private struct SafeTensorsEntry {
  var type: ElementType
  var shape: [Int]
  var begin: Int
  var end: Int

  private static let types: [String: ElementType] = [
    "F64": .float64, "F32": .float32, "F16": .float16, "BF16": .bfloat16, "BOOL": .boolean,
    "I8": .signed(bytes: 1),
    "I16": .signed(bytes: 2), "I32": .signed(bytes: 4), "I64": .signed(bytes: 8), "U8": .unsigned(bytes: 1),
    "U16": .unsigned(bytes: 2), "U32": .unsigned(bytes: 4), "U64": .unsigned(bytes: 8),
  ]

  static func parse(
    _ text: Data, file: String, dataCount: Int
  ) throws -> (entries: [String: SafeTensorsEntry], metadata: [String: String]) {
    func fail(_ reason: String) -> FileFormatError { FileFormatError(file, byte: 8, reason) }
    let header: JSONNode
    do {
      guard let text = String(validating: text, as: UTF8.self) else {
        throw fail("the header is not a JSON object: it is not UTF-8")
      }
      header = try JSONParser.parse(text, source: file)
    } catch let error as JSONSyntaxError {
      throw fail("the header is not a JSON object: \(error.problem)")
    }
    guard let members = header.members else { throw fail("the header is not a JSON object") }
    var metadata: [String: String] = [:]
    var entries: [String: SafeTensorsEntry] = [:]
    for member in members {
      if member.key == "__metadata__" {
        for item in member.node.members ?? [] { metadata[item.key] = item.node.text }
        guard let count = member.node.members?.count, metadata.count == count else {
          throw fail("__metadata__ is not an object of strings")
        }
      } else {
        entries[member.key] = try entry(member.key, member.node, fail)
      }
    }
    // Sorted by place, the tensors must follow each other exactly; this also shows a name that stands twice.
    var expected = 0
    for (name, entry) in entries.sorted(by: {
      ($0.value.begin, $0.value.end) < ($1.value.begin, $1.value.end)
    }) {
      guard entry.begin == expected else {
        throw fail("the data of '\(name)' begin at \(entry.begin), and the data before end at \(expected)")
      }
      expected = entry.end
    }
    guard expected == dataCount else {
      throw fail("the tensors take \(expected) bytes, and \(dataCount) follow the header")
    }
    return (entries, metadata)
  }

  private static func entry(
    _ name: String, _ node: JSONNode, _ fail: (String) -> FileFormatError
  ) throws -> SafeTensorsEntry {
    guard let fields = node.members, Set(fields.map(\.key)) == ["dtype", "shape", "data_offsets"] else {
      throw fail("'\(name)' must have exactly dtype, shape and data_offsets")
    }
    guard let typeName = node["dtype"]?.text, let type = types[typeName] else {
      throw fail("'\(name)' has the type \(node["dtype"]?.kind ?? "none"), which is not known")
    }
    guard let shape = lengths(node["shape"]), shape.count <= 64, let count = checkedCount(shape) else {
      throw fail("the shape of '\(name)' is not a list of lengths, or has more elements than can be counted")
    }
    guard let offsets = lengths(node["data_offsets"]), offsets.count == 2, offsets[0] <= offsets[1],
      count <= Int.max / type.size, offsets[1] - offsets[0] == count * type.size
    else {
      throw fail("the data_offsets of '\(name)' do not fit its shape \(shape) of \(typeName)")
    }
    return SafeTensorsEntry(type: type, shape: shape, begin: offsets[0], end: offsets[1])
  }

  /// A list of whole numbers from 0 on; nil for anything else (JSON's true, 1.5 and "3" too).
  private static func lengths(_ node: JSONNode?) -> [Int]? {
    guard let list = node?.elements else { return nil }
    let numbers = list.compactMap(\.int).filter { $0 >= 0 }
    return numbers.count == list.count ? numbers : nil
  }
}
