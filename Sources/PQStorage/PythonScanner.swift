/// Reads the few Python literals of which an npy header consists; nothing is evaluated.
struct PythonScanner {
  enum Value: Equatable {
    case string(String)
    case bool(Bool)
    case tuple([UInt64])
    /// A list: NumPy's description of a structured type, whose content does not matter here.
    case list
  }

  private let text: [UInt8]
  private var position = 0

  init(_ text: [UInt8]) { self.text = text }

  /// The entries of the dictionary that is the whole text.
  mutating func dictionary() throws(NPYHeader.Refusal) -> [(key: String, value: Value)] {
    var entries: [(key: String, value: Value)] = []
    try expect("{")
    while !accept("}") {
      let key = try string()
      try expect(":")
      entries.append((key, try value()))
      if !accept(",") {
        try expect("}")
        break
      }
    }
    skipSpace()
    guard position == text.count else { throw refusal() }
    return entries
  }

  private mutating func value() throws(NPYHeader.Refusal) -> Value {
    switch peek() {
    case "'", "\"": return .string(try string())
    case "(": return .tuple(try tuple())
    case "[": return try list()
    default:
      let word = run { $0 >= UInt8(ascii: "A") && $0 <= UInt8(ascii: "z") }
      guard word == "True" || word == "False" else { throw refusal() }
      return .bool(word == "True")
    }
  }

  private mutating func string() throws(NPYHeader.Refusal) -> String {
    let quote = peek()
    guard quote == "'" || quote == "\"" else { throw refusal() }
    position += 1
    let content = run { $0 != quote.value }
    try expect(quote)
    return content
  }

  private mutating func tuple() throws(NPYHeader.Refusal) -> [UInt64] {
    var numbers: [UInt64] = []
    try expect("(")
    while !accept(")") {
      skipSpace()
      guard let number = UInt64(run { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) else { throw refusal() }
      numbers.append(number)
      _ = accept("L")  // Python 2 wrote long integers so.
      if !accept(",") {
        try expect(")")
        break
      }
    }
    return numbers
  }

  private mutating func list() throws(NPYHeader.Refusal) -> Value {
    var depth = 0
    while position < text.count {
      if accept("[") {
        depth += 1
      } else if accept("]") {
        depth -= 1
        if depth == 0 { return .list }
      } else {
        position += 1
      }
    }
    throw refusal()
  }

  /// The bytes from here on for which `belongs` holds.
  private mutating func run(_ belongs: (UInt8) -> Bool) -> String {
    let start = position
    while position < text.count, belongs(text[position]) { position += 1 }
    return String(decoding: text[start..<position], as: UTF8.self)
  }

  /// The next character that is not space; NUL at the end.
  private mutating func peek() -> Unicode.Scalar {
    skipSpace()
    return position < text.count ? Unicode.Scalar(text[position]) : "\0"
  }

  private mutating func accept(_ character: Unicode.Scalar) -> Bool {
    guard peek() == character, position < text.count else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(NPYHeader.Refusal) {
    guard accept(character) else { throw refusal() }
  }

  private mutating func skipSpace() {
    while position < text.count, text[position] == UInt8(ascii: " ") || text[position] == UInt8(ascii: "\n") {
      position += 1
    }
  }

  private func refusal() -> NPYHeader.Refusal {
    NPYHeader.Refusal(reason: "its header is not a Python dictionary as NumPy writes it, from character \(position) on")
  }
}
