internal import PQFormat

/// What is spilled of one vector: u32 list, u64 id, the codes (a byte each up to 8 bits, else two), the packed row.
struct SpillRecord: Sendable {
  let m: Int
  let wideCodes: Bool
  let rowBytes: Int

  init(_ index: IndexParameters) {
    m = index.m
    wideCodes = index.nbits > 8
    rowBytes = index.rowBytes
  }

  static let listOffset = 0
  static let idOffset = 4
  static let codesOffset = 12

  var codeBytes: Int { wideCodes ? 2 * m : m }
  var byteCount: Int { Self.codesOffset + codeBytes + rowBytes }

  /// Appends the record of one vector, whose codes begin at `codes[firstCode]` and whose row at `rows[firstByte]`.
  func append(
    list: UInt32, id: UInt64, codes: Span<UInt16>, firstCode: Int, rows: RawSpan, firstByte: Int,
    to bytes: inout [UInt8]
  ) {
    bytes.append(littleEndian: list)
    bytes.append(littleEndian: id)
    for s in firstCode..<firstCode + m {
      bytes.append(UInt8(truncatingIfNeeded: codes[s]))
      if wideCodes { bytes.append(UInt8(truncatingIfNeeded: codes[s] >> 8)) }
    }
    if rowBytes > 0 { bytes.append(rows.slice(firstByte, rowBytes)) }
  }

  /// Appends the codes of the record at `base`.
  func appendCodes(_ records: RawSpan, at base: Int, to codes: inout [UInt16]) {
    for s in 0..<m {
      codes.append(
        wideCodes
          ? records.u16(at: base + Self.codesOffset + 2 * s) : UInt16(records.u8(at: base + Self.codesOffset + s)))
    }
  }

  /// Appends the packed row of the record at `base`.
  func appendRow(_ records: RawSpan, at base: Int, to rows: inout [UInt8]) {
    if rowBytes > 0 { rows.append(records.slice(base + Self.codesOffset + codeBytes, rowBytes)) }
  }
}
