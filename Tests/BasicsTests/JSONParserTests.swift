import TestSupport
import Testing

@testable import Basics

@Suite struct JSONParserTests {
  private func parse(_ text: String) throws -> JSONNode { try JSONParser.parse(text, source: "t.json") }

  @Test func readsEveryKindOfValue() throws {
    let node = try parse(#" {"a": [1, -2.5e3, true, false, null], "b": {"c": "x\n\"\u00e9\ud83d\ude00"}} "#)
    let elements = try #require(node["a"]?.elements)
    #expect(elements[0].int == 1)
    #expect(elements[1].double == -2500)
    #expect(elements[2] == .bool(true) && elements[3] == .bool(false))
    #expect(elements[4] == JSONNode(.null))
    #expect(node["b"]?["c"]?.text == "x\n\"é😀")
  }

  @Test func knowsTheLineOfEveryValueAndKey() throws {
    let node = try parse("{\n  \"a\": 1,\n  \"b\":\n    2\n}")
    #expect(node["a"]?.origin?.line == 2)
    #expect(node["b"]?.origin?.line == 4)
    #expect(node.members?[1].origin?.line == 3)
  }

  @Test func whatIsWrittenIsReadBack() throws {
    let text =
      #"{"k\t": [[], {}, "\u0001\\"], "n": 1e-05, "long": [1000000, 2000000, 3000000, 4000000, "#
      + #"5000000, 6000000, 7000000, 8000000, 9000000, 10000000, 11000000, 12000000]}"#
    let node = try parse(text)
    #expect(try parse(node.prettyText) == node)
    #expect(try parse(node.compactText) == node)
    #expect(node.prettyText.split(separator: "\n").allSatisfy { $0.count <= 110 })
  }

  @Test func numbersKeepTheirValue() throws {
    for number in [0.1, 1 / 3.0, 3e-4, 1e-8, 1e300, -0.0, 123_456_789.123, 5] {
      #expect(try parse(JSONNode.number(number).compactText).double == number)
    }
    #expect(JSONNode.number(.infinity) == JSONNode(.null))
    #expect(JSONNode.number(.nan) == JSONNode(.null))
  }

  @Test(arguments: [
    ("", "line 1: not JSON: expected a value, found the end"),
    ("{", "expected a key in quotes, found the end"),
    ("{\"a\": 1,\n\n}", "line 1: not JSON: a comma follows the last member; remove it"),
    ("[1,\n2,\n]", "line 2: not JSON: a comma follows the last element of a list; remove it"),
    ("{\"a\" 1}", "expected ':' after the key \"a\", found '1'"),
    ("{\"a\": 1 \"b\": 2}", "expected ',' or '}' after the value of \"a\", found '\"'"),
    ("{\n\"a\": 1,\n\"a\": 2}", "line 3: not JSON: the key \"a\" stands twice in one object"),
    ("[1 2]", "expected ',' or ']' in a list, found '2'"),
    ("01", "a number may not start with 0 and another digit"),
    ("1.", "expected a digit after the point, found the end"),
    ("1e", "expected a digit in the exponent, found the end"),
    ("-", "expected a digit, found the end"),
    ("NaN", "NaN is not a number in JSON; write a number, or remove the key"),
    ("{\"a\": -Infinity}", "Infinity is not a number in JSON"),
    ("[inf]", "inf is not a number in JSON"),
    ("nul", "expected a value, found 'nul'; text must be in double quotes: \"nul\""),
    ("{\"a\": mnist}", "text must be in double quotes: \"mnist\""),
    ("{\"a\": True}", "True is written true"),
    ("{\"a\": None}", "None is written null"),
    ("[+1]", "does not begin with '+'"),
    ("[.5]", "begins with a digit"),
    ("{'a': 1}", "double quotes (\"), not single ones"),
    ("{\"a\": 'b'}", "double quotes (\"), not single ones"),
    ("{\u{201C}a\u{201D}: 1}", "not typographic ones"),
    ("{\n  a: 1}", "line 2: not JSON: keys must be in double quotes: \"a\""),
    ("{\"a\": 1, $b_2: 2}", "keys must be in double quotes: \"$b_2\""),
    (
      "\u{FEFF}{}",
      "line 1: not JSON: the text begins with a byte order mark; save it as UTF-8 without one"
    ),
    ("{\u{A0}\"a\": 1}", "an invisible character"),
    ("{} x", "expected the end, found 'x'"),
    ("\"abc", "a text in quotes does not end"),
    ("\"a\nb\"", "a line break or control character within quotes"),
    ("\"\\x\"", "there is no escape '\\x'"),
    ("\"\\u12g4\"", "expected four hexadecimal digits after \\u"),
    ("\"\\ud800\"", "half of a surrogate pair"),
    ("\"\\udc00\"", "half of a surrogate pair"),
    ("// comment", "line 1: not JSON: comments are not part of JSON; remove this one"),
    ("{\n// comment\n}", "line 2: not JSON: comments are not part of JSON"),
    ("{\n\"a\" /* c */: 1}", "line 2: not JSON: comments are not part of JSON"),
    ("{\"a\":\n# c\n1}", "line 2: not JSON: comments are not part of JSON"),
    ("{\"a\": 1 // c\n}", "line 1: not JSON: comments are not part of JSON"),
    ("{\"a\": 1,\n // c\n}", "line 2: not JSON: comments are not part of JSON"),
    ("[1, /* c */ 2]", "comments are not part of JSON"),
    ("{}\n// end", "line 2: not JSON: comments are not part of JSON"),
    ("[" + String(repeating: "0,", count: 300_000) + "0]", "more than 262144 values"),
    (String(repeating: "[", count: 100), "nested deeper than 64"),
  ]) func saysWhatIsWrong(text: String, message: String) throws {
    let found = try #require(failure { try parse(text) })
    #expect(found.contains(message), "\(found)")
    #expect(found.hasPrefix("t.json, line "))
  }

  @Test func mergesObjectsKeyByKeyAndReplacesVariants() throws {
    let base = try parse(#"{"a": {"x": 1, "y": [1, 2]}, "e": {"name": "vit", "depth": 7}, "z": 0}"#)
    let merged = base.merged(with: try parse(#"{"a": {"y": [3]}, "e": {"depth": 2}, "n": null}"#))
    #expect(
      merged
        == (try parse(#"{"a": {"x": 1, "y": [3]}, "e": {"name": "vit", "depth": 2}, "z": 0, "n": null}"#)))
    let other = base.merged(with: try parse(#"{"e": {"name": "resnet18"}}"#))
    #expect(other["e"] == (try parse(#"{"name": "resnet18"}"#)))
  }

  @Test(arguments: [
    ("", "", 0), ("abc", "", 3), ("abc", "abc", 0), ("tempreature", "temperature", 1), ("alpha", "alhpa", 1),
    ("kitten", "sitting", 3), ("Epochs", "epochs", 0), ("rate", "seed", 4),
  ]) func editDistances(a: String, b: String, distance: Int) {
    #expect(editDistance(a, b) == distance)
    #expect(editDistance(b, a) == distance)
  }
}
