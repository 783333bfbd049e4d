internal import PQFormat

/// What is spilled of one vector: u32 list, u64 id, the codes (a byte each up to 8 bits, else two), the packed row, and the
/// CRC-32C of all these: what is read is what was written, however long a build was interrupted.
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
  private var contentBytes: Int { Self.codesOffset + codeBytes + rowBytes }
  var byteCount: Int { contentBytes + 4 }

  /// Writes the record of one vector at `base`, but for its checksum; its codes begin at `codes[firstCode]` and its row at
  /// `rows[firstByte]`.
  func put(
    list: UInt32, id: UInt64, codes: Span<UInt16>, firstCode: Int, rows: Span<UInt8>, firstByte: Int, at base: Int,
    to bytes: inout MutableSpan<UInt8>
  ) {
    for i in 0..<4 { bytes[base + Self.listOffset + i] = UInt8(truncatingIfNeeded: list >> UInt32(8 * i)) }
    for i in 0..<8 { bytes[base + Self.idOffset + i] = UInt8(truncatingIfNeeded: id >> UInt64(8 * i)) }
    var next = base + Self.codesOffset
    for s in firstCode..<firstCode + m {
      bytes[next] = UInt8(truncatingIfNeeded: codes[s])
      next += 1
      guard wideCodes else { continue }
      bytes[next] = UInt8(truncatingIfNeeded: codes[s] >> 8)
      next += 1
    }
    for i in 0..<rowBytes { bytes[next + i] = rows[firstByte + i] }
  }

  /// Writes the checksum of the record at `base`, of which all else is there.
  func seal(_ records: inout [UInt8], at base: Int) {
    let crc = checksum(records.rawSpan, at: base)
    for i in 0..<4 { records[base + contentBytes + i] = UInt8(truncatingIfNeeded: crc >> UInt32(8 * i)) }
  }

  /// Whether the record at `base` is as it was written.
  func isWhole(_ records: RawSpan, at base: Int) -> Bool {
    records.u32(at: base + contentBytes) == checksum(records, at: base)
  }

  private func checksum(_ records: RawSpan, at base: Int) -> UInt32 {
    Checksum.plain(records.slice(base, contentBytes))
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
