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
}
