extension JSON {
  /// The value that `text` is (RFC 8259); nil if it is none, has a number out of range, or nests deeper than 16 levels.
  /// Numbers may also have a plus sign or leading zeros, or lack digits on one side of the point. A value that
  /// ``text`` printed gives the same text again. O(text).
  package init?(parsing text: String) {
    var parser = Parser(bytes: Array(text.utf8))
    guard let value = parser.value(depth: 0) else { return nil }
    parser.skipSpace()
    guard parser.isAtEnd else { return nil }
    self = value
  }

  /// A member of an object; nil if there is none, or this is no object.
  package subscript(_ key: String) -> JSON? {
    guard case .object(let members) = self else { return nil }
    return members[key]
  }

  package var string: String? {
    guard case .string(let string) = self else { return nil }
    return string
  }

  private struct Parser {
    let bytes: [UInt8]
    private var next = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { next == bytes.count }
    private var byte: UInt8 { next < bytes.count ? bytes[next] : 0 }

    mutating func skipSpace() {
      while next < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[next]) { next += 1 }
    }

    private mutating func take(_ character: Character) -> Bool {
      skipSpace()
      guard byte == character.asciiValue else { return false }
      next += 1
      return true
    }

    private mutating func take(word: String) -> Bool {
      guard bytes[next...].starts(with: Array(word.utf8)) else { return false }
      next += word.utf8.count
      return true
    }

    mutating func value(depth: Int) -> JSON? {
      skipSpace()
      guard depth < 16 else { return nil }
      switch byte {
      case UInt8(ascii: "{"): return object(depth)
      case UInt8(ascii: "["): return array(depth)
      case UInt8(ascii: "\""): return string().map { .string($0) }
      case UInt8(ascii: "t"): return take(word: "true") ? .boolean(true) : nil
      case UInt8(ascii: "f"): return take(word: "false") ? .boolean(false) : nil
      case UInt8(ascii: "n"): return take(word: "null") ? .number(.nan) : nil
      default: return number()
      }
    }

    private mutating func object(_ depth: Int) -> JSON? {
      next += 1
      var members: [String: JSON] = [:]
      if take("}") { return .object(members) }
      repeat {
        skipSpace()
        guard byte == UInt8(ascii: "\""), let key = string(), take(":"), let value = value(depth: depth + 1) else {
          return nil
        }
        members[key] = value
      } while take(",")
      return take("}") ? .object(members) : nil
    }

    private mutating func array(_ depth: Int) -> JSON? {
      next += 1
      var values: [JSON] = []
      if take("]") { return .array(values) }
      repeat {
        guard let value = value(depth: depth + 1) else { return nil }
        values.append(value)
      } while take(",")
      return take("]") ? .array(values) : nil
    }

    private mutating func string() -> String? {
      next += 1
      var content: [UInt8] = []
      while next < bytes.count {
        let byte = bytes[next]
        next += 1
        switch byte {
        case UInt8(ascii: "\""): return String(validating: content, as: UTF8.self)
        case UInt8(ascii: "\\"):
          guard let scalar = escape() else { return nil }
          content += Array(String(scalar).utf8)
        case 0..<0x20: return nil
        default: content.append(byte)
        }
      }
      return nil
    }

    private mutating func escape() -> Unicode.Scalar? {
      let byte = byte
      next += 1
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
      case UInt8(ascii: "b"): return "\u{8}"
      case UInt8(ascii: "f"): return "\u{C}"
      case UInt8(ascii: "n"): return "\n"
      case UInt8(ascii: "r"): return "\r"
      case UInt8(ascii: "t"): return "\t"
      case UInt8(ascii: "u"):
        guard let unit = codeUnit() else { return nil }
        guard UTF16.isLeadSurrogate(unit) else { return Unicode.Scalar(unit) }
        // Beyond 16 bits a character is a pair of surrogates, neither of which is one alone.
        guard take(word: "\\u"), let second = codeUnit(), UTF16.isTrailSurrogate(second) else { return nil }
        return Unicode.Scalar(0x10000 + (UInt32(unit - 0xD800) << 10 | UInt32(second - 0xDC00)))
      default: return nil
      }
    }

    /// Four hexadecimal digits.
    private mutating func codeUnit() -> UInt16? {
      let digits = String(decoding: bytes[next...].prefix(4), as: UTF8.self)
      guard digits.count == 4, digits.allSatisfy(\.isHexDigit) else { return nil }
      next += 4
      return UInt16(digits, radix: 16)
    }

    private mutating func number() -> JSON? {
      let start = next
      while next < bytes.count, "+-.0123456789eE".utf8.contains(bytes[next]) { next += 1 }
      let text = String(decoding: bytes[start..<next], as: UTF8.self)
      if !text.contains(where: { ".eE".contains($0) }), let integer = Int64(text) { return .integer(integer) }
      return Double(text).flatMap { $0.isFinite ? .number($0) : nil }
    }
  }
}
