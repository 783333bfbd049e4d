import Formats
import PQFormat

/// The damaged golden files, made from valid ones.
enum GoldenDamage {
  /// - Parameter valid: the bytes of a valid golden file by its name.
  static func files(_ valid: (String) throws -> [UInt8]) throws -> [(name: String, bytes: [UInt8])] {
    let flat = try valid("flat-u8.pqx")
    let ivf = try valid("ivfpq-4.pqx")
    // Errors that come before the header's file length is used need no more than a header.
    let header = Array(flat.prefix(Header.byteCount))
    let order = changed(flat) { bytes in
      let table = sectionTable(bytes).lowerBound
      for i in 0..<Section.byteCount { bytes.swapAt(table + i, table + Section.byteCount + i) }
      let crc = Checksum.plain(bytes.rawSpan.slice(table, sectionTable(bytes).count))
      bytes.set(crc, at: 68)
      sealHeader(&bytes)
      let footer = bytes.count - Footer.byteCount
      bytes.set(bytes.rawSpan.u64(at: 48), at: footer + 16)
      bytes.set(Checksum.plain(bytes.rawSpan.slice(footer, Footer.byteCount - 4)), at: bytes.count - 4)
    }
    return [
      ("damaged-truncated.pqx", Array(flat.prefix(10_000))),
      ("damaged-text-mode.pqx", textMode(header)),
      ("damaged-unfinished.pqx", changed(header) { $0 = [UInt8](repeating: 0, count: $0.count) }),
      ("damaged-header.pqx", changed(header) { $0[88] ^= 0x40 }),
      ("damaged-newer-major.pqx", changed(header) { $0.set(UInt16(2), at: 8) }),
      (
        "damaged-incompatible-bit.pqx",
        changed(header) {
          $0.set(UInt64(1) << 63, at: 32)
          sealHeader(&$0)
        }
      ),
      ("damaged-section-table.pqx", changed(flat) { $0[Int($0.rawSpan.u64(at: 56)) + 16] ^= 0x40 }),
      ("damaged-section-order.pqx", order),
      ("damaged-code-frame.pqx", changed(ivf) { $0[offset(of: .codes, $0) + 5] ^= 0x40 }),
      ("damaged-id-frame.pqx", changed(ivf) { $0[offset(of: .ids, $0) + 5] ^= 0x40 }),
      ("damaged-directory-page.pqx", changed(ivf) { $0[offset(of: .lists, $0)] ^= 0x40 }),
    ]
  }

  private static func changed(_ bytes: [UInt8], _ change: (inout [UInt8]) -> Void) -> [UInt8] {
    var bytes = bytes
    change(&bytes)
    return bytes
  }

  /// What a copy that turns CR LF into LF leaves.
  private static func textMode(_ bytes: [UInt8]) -> [UInt8] {
    bytes.indices.filter { !(bytes[$0] == 0x0D && $0 + 1 < bytes.count && bytes[$0 + 1] == 0x0A) }.map { bytes[$0] }
  }

  private static func offset(of kind: SectionKind, _ bytes: [UInt8]) -> Int { Int(section(kind, bytes).lowerBound) }

  /// The range of a sound file's section table.
  static func sectionTable(_ bytes: [UInt8]) -> Range<Int> {
    let start = Int(bytes.rawSpan.u64(at: 56))
    return start..<start + Section.byteCount * Int(bytes.rawSpan.u32(at: 64))
  }

  /// The range of a section of a sound file.
  static func section(_ kind: SectionKind, _ bytes: [UInt8]) -> Range<Int> {
    let table = sectionTable(bytes)
    for entry in stride(from: table.lowerBound, to: table.upperBound, by: Section.byteCount) {
      guard bytes.rawSpan.u32(at: entry) == kind.rawValue else { continue }
      let offset = Int(bytes.rawSpan.u64(at: entry + 8))
      return offset..<offset + Int(bytes.rawSpan.u64(at: entry + 16))
    }
    return 0..<0
  }

  /// Makes file id and checksum of a changed header right again.
  private static func sealHeader(_ bytes: inout [UInt8]) {
    bytes.set(bytes.rawSpan.u32(at: 68), at: 48)
    bytes.set(Checksum.plain(bytes.rawSpan.slice(0, Header.crcOffset)), at: Header.crcOffset)
  }
}

extension [UInt8] {
  mutating func set<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
    for i in 0..<Value.bitWidth / 8 { self[offset + i] = UInt8(truncatingIfNeeded: value >> (8 * i)) }
  }
}
