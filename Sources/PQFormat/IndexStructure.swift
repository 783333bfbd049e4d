/// The parts of a file that say where the others are: header and section table (the footer is checked).
package struct IndexStructure: Sendable {
  package let header: Header
  package let table: SectionTable

  /// Decodes and checks the structure of a whole file (Formats/pqx-v1.md, "Reading", steps 1–7). O(1).
  package init(decoding bytes: RawSpan) throws(FormatError) {
    try self.init(Self.header(bytes), decoding: bytes)
  }

  /// The header of a whole file: steps 1–3. Reads nothing else.
  package static func header(_ bytes: RawSpan) throws(FormatError) -> Header {
    let copy = copy(bytes.slice(0, min(bytes.byteCount, Header.byteCount)))
    return try Header(decoding: copy.rawSpan, actualLength: UInt64(bytes.byteCount))
  }

  /// What is checked is what is decoded, even of a file that somebody is writing to.
  private static func copy(_ bytes: RawSpan) -> [UInt8] {
    var copy: [UInt8] = []
    copy.append(bytes)
    return copy
  }

  /// Decodes and checks the rest of the structure: steps 4–7. Reads from the section table to the end.
  package init(_ header: Header, decoding bytes: RawSpan) throws(FormatError) {
    self.header = header
    try Footer.check(bytes.slice(Int(header.footerOffset), Footer.byteCount), header: header)
    let tableBytes = Self.copy(
      bytes.slice(Int(header.sectionTableOffset), header.sectionCount * Section.byteCount))
    let crc = Checksum.plain(tableBytes.rawSpan)
    guard crc == header.sectionTableCRC else {
      throw .checksum(
        "section table", at: header.sectionTableOffset, expected: header.sectionTableCRC, found: crc)
    }
    table = try SectionTable(decoding: tableBytes.rawSpan, header: header)
  }
}
