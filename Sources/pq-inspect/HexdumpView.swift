import Foundation
import PQFormat
import PQSearch
import ToolSupport

/// The bytes of one part of the file, each row with the field that it is (names as in Formats/pqx-v1.md). They are
/// shown as they are, so that damage can be looked at; only the structure that opening checks must be sound.
struct HexdumpView {
  private struct Row: Encodable {
    let offset: UInt64
    let bytes: String
    let field: String
  }

  /// Names and lengths of the fields that follow one another; a record's fields recur.
  private typealias Fields = [(name: String, bytes: Int)]

  private static let header: Fields = [
    ("magic", 8), ("major", 2), ("minor", 2), ("alignment_log2", 4), ("compatible", 8), ("read_compatible", 8),
    ("incompatible", 8), ("file_length", 8), ("file_id", 8), ("section_table_offset", 8), ("section_count", 4),
    ("section_table_crc", 4), ("count", 8), ("first_id", 8), ("dimension", 4), ("nlist", 4), ("m", 4), ("nbits", 1),
    ("metric", 1), ("residual", 1), ("vectors", 1), ("vector_offset", 4), ("ids", 1), ("reserved", 3),
  ]
  private static let footer: Fields = [("magic", 8), ("file_length", 8), ("file_id", 8)]
  private static let table: Fields = [
    ("kind", 4), ("flags", 4), ("offset", 8), ("length", 8), ("crc", 4), ("reserved", 4),
  ]
  private static let list: Fields = [("count", 8), ("first_frame", 8)]
  private static let frame: Fields = [("offset", 6), ("planes", 2), ("length", 4), ("crc", 4), ("first_id", 8)]

  private var rows: [Row] = []
  private var more = false

  init(_ index: Index, part: String, limit: Int) throws {
    switch part {
    case "header":
      try append(index, at: 0, Self.header, name: { $0 })
      try append(index, at: 4092, [("crc", 4)], name: { $0 })
    case "footer":
      try append(index, at: index.footerOffset, Self.footer, name: { $0 })
      try append(index, at: index.footerOffset + 4092, [("crc", 4)], name: { $0 })
    case "table":
      try records(index, "section", Self.table, at: index.sectionTableOffset, count: index.sectionCount, limit)
    default:
      guard let range = index.sectionRange(part) else {
        let names = (["header", "table", "footer"] + index.sectionNames).joined(separator: ", ")
        throw ToolFailure(.usage, "hexdump \(part): no such part; choose one of \(names)")
      }
      switch part {
      case "lists": try records(index, "list", Self.list, at: range.lowerBound, count: range.count / 16, limit)
      case "frames": try records(index, "frame", Self.frame, at: range.lowerBound, count: range.count / 24, limit)
      default: try plain(index, range.lowerBound, range.count, limit)
      }
    }
  }

  private mutating func append(_ index: Index, at offset: UInt64, _ fields: Fields, name: (String) -> String) throws {
    var offset = offset
    for field in fields {
      let bytes = try index.fileBytes(at: offset, count: field.bytes)
      rows.append(Row(offset: offset, bytes: Self.hex(bytes), field: name(field.name) + " = " + Self.value(bytes)))
      offset += UInt64(field.bytes)
    }
  }

  private mutating func records(
    _ index: Index, _ kind: String, _ fields: Fields, at offset: UInt64, count: Int, _ limit: Int
  ) throws {
    let size = fields.reduce(0) { $0 + $1.bytes }
    for record in 0..<count where rows.count < limit {
      try append(index, at: offset + UInt64(record * size), fields) { "\(kind) \(record) \($0)" }
    }
    more = rows.count < count * fields.count
  }

  private mutating func plain(_ index: Index, _ offset: UInt64, _ length: Int, _ limit: Int) throws {
    for start in stride(from: 0, to: length, by: 16).prefix(limit) {
      let bytes = try index.fileBytes(at: offset + UInt64(start), count: min(16, length - start))
      let text = String(decoding: bytes.map { (0x20..<0x7F).contains($0) ? $0 : 0x2E }, as: UTF8.self)
      rows.append(Row(offset: offset + UInt64(start), bytes: Self.hex(bytes), field: "|\(text)|"))
    }
    more = length / 16 + (length % 16 == 0 ? 0 : 1) > limit
  }

  private static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { String(format: "%02x", $0) }.joined(separator: " ")
  }

  private static func value(_ bytes: [UInt8]) -> String {
    "\(bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) })"
  }

  func show(json: Bool) throws {
    if json {
      try printJSON(["rows": rows])
      return
    }
    for row in rows {
      let pad = String(repeating: " ", count: max(0, 48 - row.bytes.count))
      print(String(format: "%08llx  ", row.offset) + row.bytes + pad + row.field)
    }
    if more { print("…; --limit N shows more") }
  }
}
