import Basics
import Foundation
import TestSupport
import Testing

@testable import Datasets

@Suite struct DelimitedTableTests {
  private let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private func table(
    _ text: String, columns: [String] = ["a", "b"], optional: [String] = []
  ) throws -> DelimitedTable {
    try DelimitedTable(csv: folder.write(text.utf8, "table.csv"), columns: columns, optional: optional)
  }

  @Test func wantedColumnsAreReadInTheOrderAskedFor() throws {
    let table = try table("x,b,a\n1,2,3\n4,5,6\n", optional: ["c", "x"])
    #expect(table.rows.map(\.values) == [["3", "2", nil, "1"], ["6", "5", nil, "4"]])
    #expect(table.rows.map(\.line) == [2, 3] && table.rows.map(\.byte) == [6, 12])
  }

  @Test(arguments: [
    ("a,b\r\n1,2\r\n", ["1", "2"]), ("\u{feff}a,b\n1,2", ["1", "2"]), ("a,b\n\n\n1,2\n\n", ["1", "2"]),
    ("\"a\",\"b\"\n\"x, y\",\"say \"\"so\"\"\"\n", ["x, y", "say \"so\""]),
    ("a,b\n\"two\nlines\",\n", ["two\nlines", ""]), ("a,b\n,\n", ["", ""]), ("a,b\nä,日本\n", ["ä", "日本"]),
    ("a,b\n 1 ,2\t\n", [" 1 ", "2\t"]),
  ])
  func formsOfTheFormat(text: String, row: [String]) throws {
    #expect(try table(text).rows.map(\.values) == [row])
  }

  @Test(arguments: [
    ("", 0, "empty"), ("\n\r\n", 0, "empty"), ("a,c\n", 0, "no column 'b'"),
    ("a;b\n1;2\n", 0, "there are a;b; commas separate"), ("a,b,a\n", 0, "comes 2 times"),
    ("a,b\n1,2\n1\n", 8, "line 3: 1 fields"), ("a,b\n1,2,3\n", 4, "line 2: 3 fields"),
    ("a,b\n1,x\"y\n", 7, "line 2: a quote within"), ("a,b\n1,\"x\"y\n", 9, "line 2: more follows"),
    ("a,b\n\n1,\"xy\n\n", 7, "line 3: the quote"), ("a,b\n1\r,2\n", 5, "carriage return"),
    ("a,b\n1,\u{0}\n", 6, "byte of 0"), ("a,b\n1,\"\u{0}\"\n", 7, "byte of 0"),
    ("a,b\n" + String(repeating: ",", count: 5000), 4 + 4096, "more than 4096"),
  ])
  func errorsNameTheLineAndTheByte(text: String, byte: Int, part: String) throws {
    let error = try #require(formatError { _ = try table(text) })
    #expect(error.byte == byte && error.description.contains(part), "\(error)")
    #expect(error.file == folder.path + "/table.csv")
  }

  @Test func whatIsNotTextIsRefused() throws {
    let path = try folder.write(Array("a,b\n1,".utf8) + [0xff, 0x0a], "table.csv")
    #expect(formatError { _ = try DelimitedTable(csv: path, columns: ["a", "b"]) }?.byte == 6)
    // A column that is not wanted is not looked at.
    #expect(try DelimitedTable(csv: path, columns: ["a"]).rows.count == 1)
    #expect(formatError { _ = try DelimitedTable(csv: folder.path + "/none.csv", columns: ["a"]) } != nil)
    let archive = try folder.write(gzipped(Array("a,b\n1,2\n".utf8)), "table.csv.gz")
    #expect(formatError { _ = try DelimitedTable(csv: archive, columns: ["a"]) } != nil)
  }

  @Test(
    arguments: [
      (String.Encoding.utf16LittleEndian, [0xff, 0xfe], "UTF-16"), (.utf16BigEndian, [0xfe, 0xff], "UTF-16"),
      (.utf16LittleEndian, [], "UTF-16"), (.utf16BigEndian, [], "UTF-16"),
      (.utf32LittleEndian, [0xff, 0xfe, 0, 0], "UTF-32"), (.utf32BigEndian, [0, 0, 0xfe, 0xff], "UTF-32"),
      (.utf32LittleEndian, [], "UTF-32"), (.utf32BigEndian, [], "UTF-32"),
    ] as [(String.Encoding, [UInt8], String)])
  func otherEncodingsAreNamed(encoding: String.Encoding, mark: [UInt8], name: String) throws {
    let bytes = mark + [UInt8](try #require("a,b\n1,2\n".data(using: encoding)))
    let path = try folder.write(bytes, "table.csv")
    for error in [
      formatError { _ = try DelimitedTable(csv: path, columns: ["a", "b"]) },
      formatError { _ = try DelimitedTable(blanks: path, columns: ["a", "b"]) },
    ] {
      #expect(
        error?.description.contains("\(name) text; save the table as UTF-8") == true,
        "\(String(describing: error))")
    }
  }

  @Test func latinLettersAreToldWithTheirLine() throws {
    let rows = Array("a,b\n1,2\n3,caf".utf8) + [0xe9] + Array("\n".utf8)
    let error = formatError {
      _ = try DelimitedTable(csv: folder.write(rows, "table.csv"), columns: ["a", "b"])
    }
    #expect(error?.description.contains("line 3: this is not UTF-8 text, but perhaps Latin-1") == true)
    let fields = Array("1\nb\ncaf".utf8) + [0xe9] + Array(" 1\n".utf8)
    let other = formatError {
      _ = try DelimitedTable(blanks: folder.write(fields, "table.txt"), columns: ["image_id", "b"])
    }
    #expect(other?.description.contains("line 3: this is not UTF-8 text") == true)
    // UTF-8's own mark is no part of the first field.
    let marked = try folder.write([0xef, 0xbb, 0xbf] + Array("1.jpg 0\n".utf8), "parts.txt")
    let table = try DelimitedTable(blanks: marked, names: ["i", "p"], columns: ["i"])
    #expect(table.rows.map(\.values) == [["1.jpg"]])
  }

  @Test func fieldsBetweenBlanks() throws {
    let text = "2\nHair Male \r\n1.jpg  -1  1\n\n2.jpg\t1 -1\n"
    let path = try folder.write(text.utf8, "table.txt")
    let table = try DelimitedTable(blanks: path, columns: ["image_id", "Male"])
    #expect(table.rows.map(\.values) == [["1.jpg", "1"], ["2.jpg", "-1"]])
    #expect(table.rows.map(\.line) == [3, 5])
    let parts = try folder.write("1.jpg 0\n2.jpg 2\n".utf8, "parts.txt")
    #expect(
      try DelimitedTable(blanks: parts, names: ["i", "p"], columns: ["p", "i"]).rows.map(\.values)
        == [["0", "1.jpg"], ["2", "2.jpg"]])
  }

  @Test(arguments: [
    ("", "line 1"), ("x\nHair\n", "line 1"), ("2\n", "line 2"), ("-1\nHair\n", "line 1"),
    ("2\nHair\n1.jpg 1\n", "promises 2"), ("1\nHair\n1.jpg 1 1\n", "line 3: 3 fields"),
    ("1\nNose\n1.jpg 1\n", "no column 'Hair'"), ("1\nHair\n1.jpg\u{0} 1\n", "line 3"),
  ])
  func errorsOfFieldsBetweenBlanks(text: String, part: String) throws {
    let path = try folder.write(text.utf8, "table.txt")
    let error = formatError { _ = try DelimitedTable(blanks: path, columns: ["image_id", "Hair"]) }
    #expect(error?.description.contains(part) == true, "\(String(describing: error))")
  }

  @Test func aWordThatIsNoneOfTheAlternativesIsNamed() throws {
    let table = try table("a,b\nTrain,maybe\n")
    #expect(try table.part(table.rows[0], "Train") == .training)
    let error = formatError {
      _ = try table.choice(table.rows[0], "b", "maybe", [["0", "no"], ["1", "yes"]])
    }
    #expect(error?.description.contains("line 2: b is \"maybe\"; expected one of 0, 1") == true)
  }
}
