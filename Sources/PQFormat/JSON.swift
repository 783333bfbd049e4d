/// A JSON value that prints the same bytes each time: keys sorted, numbers in their shortest exact form.
package enum JSON: Sendable, Equatable {
  case object([String: JSON])
  case array([JSON])
  case string(String)
  case integer(Int64)
  case number(Double)
  case boolean(Bool)

  package var text: String {
    var text = ""
    write(to: &text, indent: 0)
    return text + "\n"
  }

  private func write(to text: inout String, indent: Int) {
    let inner = String(repeating: "  ", count: indent + 1)
    let outer = String(repeating: "  ", count: indent)
    switch self {
    case .object(let members):
      text += "{"
      for (i, key) in members.keys.sorted().enumerated() {
        text += (i == 0 ? "\n" : ",\n") + inner + Self.quoted(key) + ": "
        members[key]?.write(to: &text, indent: indent + 1)
      }
      text += members.isEmpty ? "}" : "\n\(outer)}"
    case .array(let values):
      text += "["
      for (i, value) in values.enumerated() {
        if i > 0 { text += ", " }
        value.write(to: &text, indent: indent)
      }
      text += "]"
    case .string(let string): text += Self.quoted(string)
    case .integer(let integer): text += "\(integer)"
    case .number(let number): text += number.isFinite ? "\(number)" : "null"
    case .boolean(let boolean): text += boolean ? "true" : "false"
    }
  }

  private static func quoted(_ string: String) -> String {
    var text = "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case _ where scalar.value < 0x20: text += "\\u" + hex(UInt16(scalar.value)).dropFirst(2)
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text + "\""
  }
}
