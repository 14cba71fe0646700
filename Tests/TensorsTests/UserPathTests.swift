import Foundation
import Testing

@testable import Tensors

/// The environment is one for the whole process, so these tests take turns.
@Suite(.serialized) struct UserPathTests {
  private func with<Result>(_ variables: [String: String?], _ body: () throws -> Result) rethrows -> Result {
    let before = variables.keys.map { ($0, ProcessInfo.processInfo.environment[$0]) }
    func set(_ name: String, _ value: String?) {
      if let value { setenv(name, value, 1) } else { unsetenv(name) }
    }
    defer { for (name, value) in before { set(name, value) } }
    for (name, value) in variables { set(name, value) }
    return try body()
  }

  @Test func aTildeIsTheHomeOfTheEnvironment() {
    with(["HOME": "/some/home"]) {
      #expect(UserPath("~").path == "/some/home" && UserPath("~/a/b").path == "/some/home/a/b")
      #expect(UserPath("~/a b").file.path == "/some/home/a b")
      for text in ["a/~/b", "./~", "/~", "a~", "", "a"] { #expect(UserPath(text).path == text) }
    }
  }

  /// Foundation takes `~root/x` for the home of root.
  @Test func anotherUsersHomeIsAFileOfThatName() {
    let here = FileManager.default.currentDirectoryPath
    for text in ["~root", "~root/x", "~~"] {
      #expect(UserPath(text).path == "./\(text)")
      #expect(
        UserPath(text).file.path == "\(here)/\(text)" && UserPath(text).folder.path == "\(here)/\(text)")
    }
  }

  @Test func withoutHomeTheSystemsListDecides() {
    let listed = getpwuid(getuid()).map { String(cString: $0.pointee.pw_dir) }
    for home in [nil, ""] as [String?] {
      with(["HOME": home]) { #expect(UserPath.home == listed) }
    }
  }

  @Test func theCacheFollowsTheEnvironment() {
    with(["HOME": "/h", "SPREAD_CACHE": nil, "XDG_CACHE_HOME": nil]) {
      #expect(UserPath.cacheFolder == "/h/.cache/spread")
      with(["XDG_CACHE_HOME": "relative"]) { #expect(UserPath.cacheFolder == "/h/.cache/spread") }
      with(["XDG_CACHE_HOME": "/xdg"]) {
        #expect(UserPath.cacheFolder == "/xdg/spread")
        with(["SPREAD_CACHE": "~/c"]) { #expect(UserPath.cacheFolder == "/h/c") }
        with(["SPREAD_CACHE": ""]) { #expect(UserPath.cacheFolder == "/xdg/spread") }
      }
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
