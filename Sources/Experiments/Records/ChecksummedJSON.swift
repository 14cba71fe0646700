import Basics
import Foundation

/// JSON objects with a checksum of their own content, so that a flipped bit is noticed before a figure is believed.
///
/// The checksum is one more member. It covers the text of the others, less white space, so that a file may be laid
/// out anew. Objects without it, as earlier versions wrote them, are taken as they are.
enum ChecksummedJSON {
  static let key = "checksum"

  /// A value as JSON with sorted keys, the checksum among them: the same value gives the same bytes.
  static func write(_ value: some Encodable, to file: URL) throws {
    let content = try JSONParser.parse(
      String(decoding: AtomicFile.encoded(value), as: UTF8.self), source: file.path)
    try AtomicFile.write(Sealed(value: value, checksum: checksum(of: content)), to: file)
  }

  /// Reads what `write` wrote.
  /// - Throws: `FileFormatError` for a file that cannot be read, is not JSON, or whose content is not what was
  ///   written; `DecodingError` for another type's.
  static func read<Value: Decodable>(_: Value.Type, from file: URL) throws -> Value {
    let data = try WholeFile.read(file.path)
    guard let text = String(validating: data, as: UTF8.self) else {
      throw FileFormatError(file.path, "it is not JSON: it is not UTF-8 text")
    }
    do {
      try check(JSONParser.parse(text, source: file.path), file: file.path)
    } catch let error as JSONSyntaxError {
      throw FileFormatError(
        file.path, "it is \(error.problem)\(error.origin.line.map { " (line \($0))" } ?? "")")
    }
    return try JSONDecoder().decode(Value.self, from: data)
  }

  /// An object with its checksum as the last member.
  /// - Parameter excluded: members that it does not cover, such as times, so that it is the same in every run.
  static func sealed(_ node: JSONNode, excluding excluded: Set<String> = []) -> JSONNode {
    node.setting(key, to: .string(checksum(of: node, excluding: excluded)))
  }

  /// Whether an object's content is not what its checksum was made of; false for one without a checksum.
  static func isDamaged(_ node: JSONNode, excluding excluded: Set<String> = []) -> Bool {
    node[key].map { $0.text != checksum(of: node, excluding: excluded) } ?? false
  }

  private static func check(_ node: JSONNode, file: String) throws {
    guard !isDamaged(node) else {
      throw FileFormatError(file, "its content does not match its checksum")
    }
  }

  private static func checksum(of node: JSONNode, excluding excluded: Set<String> = []) -> String {
    let members = (node.members ?? []).filter { $0.key != key && !excluded.contains($0.key) }
    var fingerprint = Fingerprint()
    fingerprint.add(bytes: JSONNode(.object(members)).compactText.utf8)
    return fingerprint.text
  }
}

/// A value with its checksum in the same object.
private struct Sealed<Value: Encodable>: Encodable {
  var value: Value
  var checksum: String

  private struct Key: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  func encode(to encoder: any Swift.Encoder) throws {
    try value.encode(to: encoder)
    var members = encoder.container(keyedBy: Key.self)
    try members.encode(checksum, forKey: Key(stringValue: ChecksummedJSON.key))
  }
}
