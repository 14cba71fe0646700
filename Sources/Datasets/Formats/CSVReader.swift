import Basics
import Foundation

/// Comma-separated values, record by record, as RFC 4180 describes them.
///
/// A reader of its own, and not a package's: a table from elsewhere is told of with line and byte, lines of
/// unequal length and misplaced quotes are errors, and of CelebA's 8 million fields only those of the wanted
/// columns become strings.
struct CSVReader {
  private let path: String
  private let bytes: [UInt8]
  private var place = 0
  private var line = 1

  private static let mostFields = 4096
  private static let longestField = 1 << 16
  private static let (quote, comma, lineFeed, carriageReturn): (UInt8, UInt8, UInt8, UInt8) = (
    0x22, 0x2c, 0x0a, 0x0d
  )

  init(_ path: String) throws {
    self.path = path
    bytes = try DelimitedTable.contents(of: path)
    if bytes.starts(with: DelimitedTable.mark) { place = DelimitedTable.mark.count }
  }

  /// The next record that is not an empty line; fields that are not kept are left empty.
  mutating func next(keeping isWanted: (Int) -> Bool) throws -> (line: Int, byte: Int, fields: [String])? {
    while place < bytes.count, isLineEnd(place) { endLine() }
    guard place < bytes.count else { return nil }
    let (firstLine, start) = (line, place)
    var fields: [String] = []
    while true {
      guard fields.count < Self.mostFields else { throw error(place, "more than \(Self.mostFields) fields") }
      let isKept = isWanted(fields.count)
      fields.append(
        place < bytes.count && bytes[place] == Self.quote ? try quoted(isKept) : try plain(isKept))
      guard place < bytes.count else { break }
      if bytes[place] == Self.comma {
        place += 1
      } else {
        endLine()
        break
      }
    }
    return (firstLine, start, fields)
  }

  private func error(_ byte: Int, _ reason: String) -> FileFormatError {
    FileFormatError(path, byte: byte, "line \(line): \(reason)")
  }

  private func isLineEnd(_ place: Int) -> Bool {
    bytes[place] == Self.lineFeed
      || bytes[place] == Self.carriageReturn && place + 1 < bytes.count && bytes[place + 1] == Self.lineFeed
  }

  private mutating func endLine() {
    place += bytes[place] == Self.carriageReturn ? 2 : 1
    line += 1
  }

  /// Up to the next comma, line end or the file's end.
  private mutating func plain(_ isKept: Bool) throws -> String {
    let start = place
    while place < bytes.count, bytes[place] != Self.comma, !isLineEnd(place) {
      switch bytes[place] {
      case Self.quote: throw error(place, "a quote within a field that does not begin with one")
      case Self.carriageReturn: throw error(place, "a carriage return without a line feed")
      case 0: throw error(place, "a byte of 0 is not text")
      default: place += 1
      }
    }
    return isKept ? try text(bytes[start..<place], start) : ""
  }

  /// Up to the quote that ends the field; two quotes stand for one.
  private mutating func quoted(_ isKept: Bool) throws -> String {
    let start = place
    let startLine = line
    var contents: [UInt8] = []
    place += 1
    while place < bytes.count {
      let byte = bytes[place]
      place += 1
      if byte == Self.lineFeed { line += 1 }
      if byte == 0 { throw error(place - 1, "a byte of 0 is not text") }
      if byte != Self.quote {
        if isKept { contents.append(byte) }
        continue
      }
      if place < bytes.count, bytes[place] == Self.quote {
        if isKept { contents.append(byte) }
        place += 1
        continue
      }
      guard place == bytes.count || bytes[place] == Self.comma || isLineEnd(place) else {
        throw error(place, "more follows after the quote that ends a field")
      }
      return isKept ? try text(contents[...], start) : ""
    }
    throw FileFormatError(path, byte: start, "line \(startLine): the quote that begins here does not end")
  }

  private func text(_ field: ArraySlice<UInt8>, _ start: Int) throws -> String {
    guard field.count <= Self.longestField else {
      throw error(start, "a field of \(field.count) bytes, and at most \(Self.longestField) are read")
    }
    guard let text = String(validating: field, as: UTF8.self) else {
      throw error(start, DelimitedTable.otherEncoding)
    }
    return text
  }
}
