import Foundation
import TestSupport
import Testing

@testable import Datasets

/// Names of classes and strata that may be meant for one.
@Suite struct GroupNamesTests {
  private let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private func table(_ rows: [String], header: String = "path,class") throws -> ImageTable {
    let rows = rows.enumerated().map { "\($0).png,\($1)" }
    try folder.write(([header] + rows).joined(separator: "\n").utf8, "labels.csv")
    return try ImageFolder.table(in: folder.path)
  }

  @Test(arguments: ["cat ", " cat", "\tcat", "cat\u{a0}", "\u{3000}cat", "cat\u{2009} "])
  func blanksAtTheEndsAreLeftOut(name: String) throws {
    let table = try table(["cat", name, "dog", name])
    #expect(table.classNames == ["cat", "dog"] && table.entries.map(\.label) == [0, 0, 1, 0])
    #expect(table.stratumNames == ["cat", "dog"])
    #expect(
      table.notes.count == 1 && table.notes[0].contains("labels.csv, line 3: blanks at an end of the class"))
    #expect(table.notes[0].contains("in 2 rows"))
  }

  @Test(arguments: [
    ("Cat", "letter case"), ("CAT", "letter case"), ("c at", "blanks"), ("c\u{a0}at", "blanks"),
    ("cat\u{200b}", "characters that cannot be seen"), ("\u{feff}cat", "characters that cannot be seen"),
    ("ca\u{ad}t", "characters that cannot be seen"), ("\u{ff43}at", "Unicode form"),
    ("C at", "letter case, blanks"),
  ])
  func namesThatLookAlikeStayApartWithANote(name: String, difference: String) throws {
    let table = try table(["dog", "cat", "dog", name, "cat"])
    #expect(table.classNames.count == 3)
    #expect(table.notes.count == 1, "\(table.notes)")
    #expect(table.notes[0].contains("labels.csv, lines 3 and 5: the classes \"cat\" and \""))
    #expect(table.notes[0].contains("differ in \(difference)"), "\(table.notes)")
  }

  @Test func whatCannotBeSeenIsWrittenInNotes() throws {
    #expect(try table(["cat", "cat\u{200b}"]).notes[0].contains("\"cat\\u{200b}\""))
    #expect(try table(["1", "01"]).notes[0].contains("the way a number is written"))
    #expect(try table(["cat", "dog", "kätzchen", "1", "2"]).notes.isEmpty)
  }

  @Test func unicodeFormsAreOneClass() throws {
    for names in [["\u{e9}", "e\u{301}"], ["e\u{301}", "\u{e9}"]] {
      let table = try table(names + ["z"])
      #expect(table.classNames == ["z", "\u{e9}"] && table.entries.map(\.label) == [1, 1, 0])
      #expect(Array(table.classNames[1].utf8) == Array("\u{e9}".utf8))
      #expect(table.notes.count == 1 && table.notes[0].contains("lines 2 and 3"), "\(table.notes)")
      #expect(table.notes[0].contains("two Unicode forms"))
    }
  }

  @Test func strataAreLookedAtAsWell() throws {
    let table = try table(["cat,in", "cat,in ", "dog,In"], header: "path,class,stratum")
    #expect(table.stratumNames == ["In", "in"] && table.entries.map(\.stratum) == [1, 1, 0])
    #expect(
      table.notes.count == 2
        && table.notes[1].contains("the strata \"in\" and \"In\" differ in letter case only"))
  }

  /// "a, b" of class "a" and "b" of class "a, b"... come to one text.
  @Test func strataOfTwoClassesStayTwo() throws {
    let rows = ["\"a, b\",c", "a,\"b, c\"", "a,c", "x,c"]
    let table = try table(rows, header: "path,class,stratum")
    #expect(table.stratumNames == ["a, b, c", "a, b, c", "a, c", "x, c"])
    #expect(Set(table.entries.map(\.stratum)).count == 4)
  }

  @Test func manyNotesAreCounted() throws {
    let table = try table((0..<14).flatMap { ["name \($0) x", "Name \($0) X"] })
    #expect(table.classNames.count == 28 && table.notes.count == 11)
    #expect(table.notes[10].contains("4 more notes"))
    let error = formatError { _ = try self.table(["cat", " \u{a0}"]) }
    #expect(error?.description.contains("line 3: the class is empty") == true)
  }
}
