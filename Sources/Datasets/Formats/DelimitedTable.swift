import Basics
import Foundation

/// The wanted columns of a table in a text file, with the place of each row for messages.
struct DelimitedTable {
  struct Row {
    /// Of the row's first character: its line, from 1, and its byte.
    let line: Int
    let byte: Int
    /// In the order of the wanted columns; nil for an optional column that the table has not.
    let values: [String?]
  }

  /// Larger files are not read: the largest table here, CelebA's attributes, has 26 MB.
  static let largestFile = 1 << 28

  let path: String
  let rows: [Row]

  /// What is wrong with a row, with its place.
  func error(_ row: Row, _ reason: String) -> FileFormatError {
    FileFormatError(path, byte: row.byte, "line \(row.line): \(reason)")
  }

  /// The number that stands for one of `words` (their place in the list of alternatives).
  func choice(_ row: Row, _ column: String, _ text: String, _ alternatives: [[String]]) throws -> Int {
    let word = text.lowercased()
    guard let place = alternatives.firstIndex(where: { $0.contains(word) }) else {
      throw error(
        row,
        "\(column) is \(quoted(text)); expected one of \(alternatives.map { $0[0] }.joined(separator: ", "))"
      )
    }
    return place
  }

  /// Reads comma-separated values with a line of column names, as RFC 4180 describes them.
  ///
  /// A byte order mark, lines that end in CR LF or LF, empty lines, and line ends within quotes are accepted.
  /// - Throws: `FileFormatError` with line and byte: for rows of another number of fields than the first line
  ///   has, a quote where none may stand, text that is not UTF-8, a missing column, one that comes twice.
  init(csv path: String, columns: [String], optional: [String] = []) throws {
    var reader = try CSVReader(path)
    let header = try reader.next { _ in true }
    guard let header else { throw FileFormatError(path, byte: 0, "the table is empty") }
    let places = try Self.places(of: columns, optional: optional, among: header.fields, path)
    let wanted = Set(places.compactMap { $0 })
    var rows: [Row] = []
    while let record = try reader.next(keeping: wanted.contains) {
      guard record.fields.count == header.fields.count else {
        throw FileFormatError(
          path, byte: record.byte,
          "line \(record.line): \(record.fields.count) fields, and \(header.fields.count) columns")
      }
      rows.append(
        Row(line: record.line, byte: record.byte, values: places.map { $0.map { record.fields[$0] } }))
    }
    self.path = path
    self.rows = rows
  }

  /// Reads lines of fields that are separated by blanks, as CelebA's own text files are.
  ///
  /// - Parameters:
  ///   - names: of the fields; nil where the file begins with the number of its rows and a line with the
  ///     names of all fields but the first
  ///   - columns: the wanted ones; the first field is called `image_id`
  init(blanks path: String, names: [String]? = nil, columns: [String]) throws {
    let bytes = try Self.contents(of: path)
    var lines = LineReader(path: path, bytes: bytes)
    var count: Int?
    var names = names
    if names == nil {
      guard let first = try lines.next(), first.fields.count == 1, let number = Int(first.fields[0]),
        number >= 0
      else { throw FileFormatError(path, byte: 0, "line 1: the number of images was expected") }
      count = number
      guard let second = try lines.next() else {
        throw FileFormatError(path, byte: bytes.count, "line 2: the names of the attributes were expected")
      }
      names = ["image_id"] + second.fields
    }
    let places = try Self.places(of: columns, optional: [], among: names!, path).compactMap { $0 }
    var rows: [Row] = []
    while let line = try lines.next() {
      guard line.fields.count == names!.count else {
        throw FileFormatError(
          path, byte: line.byte,
          "line \(line.line): \(line.fields.count) fields, and \(names!.count) expected")
      }
      rows.append(Row(line: line.line, byte: line.byte, values: places.map { line.fields[$0] }))
    }
    if let count, count != rows.count {
      throw FileFormatError(
        path, byte: 0, "the first line promises \(count) images, and there are \(rows.count)")
    }
    self.path = path
    self.rows = rows
  }

  private static func places(
    of columns: [String], optional: [String], among names: [String], _ path: String
  ) throws -> [Int?] {
    try (columns + optional).enumerated().map { i, column in
      let found = names.indices.filter { names[$0] == column }
      guard found.count <= 1 else {
        throw FileFormatError(path, byte: 0, "the column '\(column)' comes \(found.count) times")
      }
      guard !found.isEmpty || i >= columns.count else {
        let list = names.prefix(8).map { printable($0, limit: 24) }.joined(separator: ", ")
        let separator =
          names.count == 1 && names[0].contains { ";\t|".contains($0) } ? "; commas separate columns" : ""
        throw FileFormatError(
          path, byte: 0,
          "there is no column '\(column)'; there are \(list)\(names.count > 8 ? ", ..." : "")\(separator)")
      }
      return found.first
    }
  }

  static func contents(of path: String) throws -> [UInt8] {
    let reader = try GzipReader(path: path)
    guard reader.fileSize <= largestFile, !reader.isCompressed else {
      throw FileFormatError(
        path,
        reader.isCompressed
          ? "a gzipped table is not read" : "a table of \(reader.fileSize) bytes is too large")
    }
    let bytes = try reader.bytes(reader.fileSize, "the table")
    if let encoding = wideEncoding(of: bytes) {
      throw FileFormatError(
        path, byte: 0, "this is \(encoding) text; save the table as UTF-8 (in Excel: \"CSV UTF-8\")")
    }
    return bytes
  }

  /// UTF-8's byte order mark, which may precede a text.
  static let mark: [UInt8] = [0xef, 0xbb, 0xbf]

  /// The encoding of texts in units of two or four bytes: by its byte order mark, or by the zeros of its first
  /// characters, which are those of a column's name or a number. Nil for bytes that may be UTF-8.
  private static func wideEncoding(of bytes: [UInt8]) -> String? {
    let start = Array(bytes.prefix(4))
    if start == [0xff, 0xfe, 0, 0] || start == [0, 0, 0xfe, 0xff] { return "UTF-32" }
    if start.starts(with: [0xff, 0xfe]) || start.starts(with: [0xfe, 0xff]) { return "UTF-16" }
    guard start.count == 4 else { return nil }
    switch start.map({ $0 == 0 }) {
    case [false, true, true, true], [true, true, true, false]: return "UTF-32"
    case [false, true, false, true], [true, false, true, false]: return "UTF-16"
    default: return nil
    }
  }

  /// What is wrong with bytes that are not UTF-8.
  static let otherEncoding =
    "this is not UTF-8 text, but perhaps Latin-1 or Windows-1252; save the table as UTF-8"
}

/// Lines of fields separated by spaces or tabs; empty lines are passed over.
private struct LineReader {
  let path: String
  let bytes: [UInt8]
  private var place = 0
  private var line = 0

  init(path: String, bytes: [UInt8]) {
    self.path = path
    self.bytes = bytes
    if bytes.starts(with: DelimitedTable.mark) { place = DelimitedTable.mark.count }
  }

  mutating func next() throws -> (line: Int, byte: Int, fields: [String])? {
    while place < bytes.count {
      line += 1
      let start = place
      let end = bytes[start...].firstIndex(of: 0x0a) ?? bytes.count
      place = end + 1
      let fields = try bytes[start..<end].split(whereSeparator: { [0x20, 0x09, 0x0d].contains($0) }).map {
        field in
        guard !field.contains(0) else {
          throw FileFormatError(path, byte: start, "line \(line): a byte of 0 is not text")
        }
        guard let text = String(validating: field, as: UTF8.self) else {
          throw FileFormatError(path, byte: start, "line \(line): \(DelimitedTable.otherEncoding)")
        }
        return text
      }
      if !fields.isEmpty { return (line, start, fields) }
    }
    return nil
  }
}
