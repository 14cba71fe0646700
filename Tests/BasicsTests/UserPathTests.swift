import Foundation
import Testing

@testable import Basics

@Suite struct UserPathTests {
  @Test func aTildeIsTheHomeOfTheEnvironment() {
    let variables = ["HOME": "/some/home"]
    func path(_ text: String) -> String { UserPath(text, variables: variables).path }
    #expect(path("~") == "/some/home" && path("~/a/b") == "/some/home/a/b")
    #expect(UserPath("~/a b", variables: variables).file.path == "/some/home/a b")
    for text in ["a/~/b", "./~", "/~", "a~", "", "a"] { #expect(path(text) == text) }
  }

  /// Foundation takes `~root/x` for the home of root.
  @Test func anotherUsersHomeIsAFileOfThatName() {
    let here = FileManager.default.currentDirectoryPath
    for text in ["~root", "~root/x", "~~"] {
      let path = UserPath(text)
      #expect(path.path == "./\(text)")
      #expect(path.file.path == "\(here)/\(text)" && path.folder.path == "\(here)/\(text)")
    }
  }

  @Test func withoutHomeTheSystemsListDecides() {
    let listed = getpwuid(getuid()).map { String(cString: $0.pointee.pw_dir) }
    for variables in [[:], ["HOME": ""]] { #expect(UserPath.home(variables) == listed) }
  }

  @Test func theCacheFollowsTheEnvironment() {
    for (variables, folder) in [
      ([:], "/h/.cache/spread"), (["XDG_CACHE_HOME": "relative"], "/h/.cache/spread"),
      (["XDG_CACHE_HOME": "~/x"], "/h/.cache/spread"), (["XDG_CACHE_HOME": "/xdg"], "/xdg/spread"),
      (["XDG_CACHE_HOME": "/xdg", "SPREAD_CACHE": "~/c"], "/h/c"),
      (["XDG_CACHE_HOME": "/xdg", "SPREAD_CACHE": ""], "/xdg/spread"), (["SPREAD_CACHE": "c"], "c"),
    ] as [([String: String], String)] {
      #expect(UserPath.cacheFolder(variables.merging(["HOME": "/h"]) { $1 }) == folder)
    }
  }
}

@Suite struct PrintableTextTests {
  @Test func controlCharactersAreShownAsNumbers() {
    #expect("a\u{1b}[31mb\r\u{7f}\u{9b}".printable == #"a\u{1b}[31mb\u{d}\u{7f}\u{9b}"#)
    #expect("\u{202e}\u{2067}\u{2028}".printable == #"\u{202e}\u{2067}\u{2028}"#)
    #expect("a\tb\nc".printable == "a\tb\nc" && "a\tb\nc".printableLine == #"a\u{9}b\u{a}c"#)
    #expect("a\r\nb".printable == "a\\u{d}\nb")
    let plain = "Grüße, 数字, 👩‍👩‍👧, e\u{301}, ±"
    #expect(plain.printable == plain && plain.printableLine == plain)
  }

  @Test func jsonStaysTheSameJSON() throws {
    let text = "[\"a\u{7f}\u{202e}\u{85}\"]\n"
    #expect(text.printableJSON == "[\"a\\u007f\\u202e\\u0085\"]\n")
    #expect(
      try JSONDecoder().decode([String].self, from: Data(text.printableJSON.utf8)) == [
        "a\u{7f}\u{202e}\u{85}"
      ])
  }

  @Test func aFileNameKeepsToItsLine() {
    let error = FileFormatError("a\nError: b\u{1b}c", byte: 3, "wrong")
    #expect(error.description == #"a\u{a}Error: b\u{1b}c, byte 3: wrong"#)
  }
}
