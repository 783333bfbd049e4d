import PQFormat
import Testing

@Suite struct JSONTests {
  @Test func keysAreSortedAndNumbersExact() {
    let json = JSON.object([
      "b": .array([.integer(.min), .number(0.1), .number(.nan), .boolean(true)]),
      "a": .object([:]),
      "C": .object(["x": .string("y")]),
    ])
    #expect(
      json.text == """
        {
          "C": {
            "x": "y"
          },
          "a": {},
          "b": [-9223372036854775808, 0.1, null, true]
        }

        """)
  }

  @Test func stringsAreEscaped() {
    #expect(JSON.string("a\"\\\n\u{0}\u{1f}é😀").text == "\"a\\\"\\\\\\u000a\\u0000\\u001fé😀\"\n")
    #expect(JSON.object(["\"": .integer(1)]).text == "{\n  \"\\\"\": 1\n}\n")
  }

  @Test func equalValuesPrintTheSameBytes() {
    let keys = (0..<50).map { "key \($0)" }
    let forward = JSON.object(Dictionary(uniqueKeysWithValues: keys.map { ($0, .string($0)) }))
    let backward = JSON.object(Dictionary(uniqueKeysWithValues: keys.reversed().map { ($0, .string($0)) }))
    #expect(forward.text == backward.text)
  }

  /// What is JSON is read, and gives the same text again.
  @Test(arguments: [
    "{}", " [ ] ", "[1,-2.5e3,\"x\"]", "{\"a\": {\"b\": [true, false]}, \"c\": \"\"}",
    #""\"\\\/\b\f\n\r\t\u00e9\u0000""#, "-9223372036854775808", "9223372036854775808", "\r\n\t 0 \n",
    #"{"\ud83d\ude00": "\uD800\uDC00\uDBFF\uDFFF"}"#,
  ])
  func isParsed(_ text: String) throws {
    let json = try #require(JSON(parsing: text))
    #expect(JSON(parsing: json.text) == json)
    #expect(json["missing"] == nil)
  }

  @Test func escapesAreTheirCharacters() {
    #expect(JSON(parsing: #""\"\\\/\b\f\n\r\t\u00e9""#)?.string == "\"\\/\u{8}\u{C}\n\r\t\u{e9}")
    #expect(JSON(parsing: #""\ud800\udc00x\ud83d\ude00\uDBFF\uDFFF""#)?.string == "\u{10000}x😀\u{10FFFF}")
    #expect(JSON(parsing: "{\"a\": 1}")?["a"] == .integer(1))
    #expect(JSON(parsing: "1")?.string == nil)
  }

  /// What is none is refused, wherever it ends.
  @Test(arguments: [
    "", " ", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{1:2}", "[", "[1", "[1,", "[1,]", "\"",
    "\"a", "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\u12", "\"\\ud800\"", "\"\u{1}\"", "tru", "fals", "nul", "1e999",
    #""\ud800"#, #""\ud800\"#, #""\ud800\u"#, #""\ud800\u0041""#, #""\ud800\ud800""#, #""\udc00\ud800""#,
    #""\ud800\n""#, #""\u+041""#, "1.2.3", "--1", "+", "1 2", "{} {}", "x", "\"a\" b",
  ])
  func isRefused(_ text: String) { #expect(JSON(parsing: text) == nil) }

  @Test func depthIsLimited() {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    #expect(JSON(parsing: nested(16)) != nil)
    #expect(JSON(parsing: nested(17)) == nil)
    #expect(JSON(parsing: nested(100_000)) == nil)
  }
}
