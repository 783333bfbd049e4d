/// What is wrong with the bytes of an index file, and where.
public struct FormatError: Failure, Equatable {
  public enum Code: String, Sendable {
    case notAnIndex = "not a PQ index"
    case unfinished = "unfinished index"
    case truncated = "truncated"
    case unsupportedVersion = "unsupported format version"
    case unsupportedFeature = "unsupported feature"
    case badChecksum = "checksum mismatch"
    case badField = "invalid field"
    case badSection = "invalid section"
    case badList = "invalid list"
    case badFrame = "invalid frame"
    case badPadding = "padding is not zero"
    /// The bytes cannot be had: reading them failed, or the file changed while it was open.
    case unreadable = "cannot be read"
  }

  public let code: Code
  /// The part of the file: `header`, `section codes`, `list 12, code frame 0`.
  public let place: String
  /// The byte offset in the file where that part, or the field in it, begins.
  public let offset: UInt64
  /// Expected against found.
  public let detail: String

  package init(_ code: Code, _ place: String, at offset: UInt64, _ detail: String) {
    self.code = code
    self.place = place
    self.offset = offset
    self.detail = detail
  }

  package static func checksum(_ place: String, at offset: UInt64, expected: UInt32, found: UInt32) -> FormatError {
    FormatError(
      .badChecksum, place, at: offset,
      "CRC-32C expected \(hex(expected)), found \(hex(found)); restore the file from a good copy or build it again")
  }

  public var kind: FailureKind { code == .unreadable ? .inputOutput : .badData }

  public var description: String { "\(code.rawValue): \(place), byte offset \(offset): \(detail)" }
}

/// `0x0000001f`: all digits, so that equal values look equal.
package func hex<Value: FixedWidthInteger & UnsignedInteger>(_ value: Value) -> String {
  let digits = String(value, radix: 16)
  return "0x" + String(repeating: "0", count: Value.bitWidth / 4 - digits.count) + digits
}
