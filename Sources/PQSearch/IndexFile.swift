internal import PQFormat
internal import PQKernels
internal import PQStorage

/// A mapped index file, and what of it has been checked: nothing is copied out of the map.
///
/// Opening checks the structure (header, footer, section table). Each other byte is checked when it is first used,
/// once per open file; see `IndexFile+Checks.swift`.
struct IndexFile: ~Copyable, Sendable {
  let map: MappedFile
  let header: Header
  let table: SectionTable
  let checks: Checks

  var parameters: IndexParameters { header.parameters }

  /// Maps and checks the file's structure (Formats/pqx-v1.md, "Reading", steps 1–7). O(1).
  init(path: String, access: FileAccess) throws(IndexError) {
    let map: MappedFile
    do throws(FileError) { map = try MappedFile(path: path, access: access) } catch { throw .file(error) }
    let (header, table): (Header, SectionTable)
    do throws(FormatError) {
      (header, table) = try Self.decodeStructure(map)
    } catch {
      if let failure = map.failure { throw .file(failure) }
      throw .format(path: path, error)
    }
    checks = Checks(table)
    self.map = map
    self.header = header
    self.table = table
  }

  private static func decodeStructure(_ map: borrowing MappedFile) throws(FormatError) -> (Header, SectionTable) {
    let bytes = map.bytes
    try load(0..<min(bytes.byteCount, Header.byteCount), of: map)
    let header = try Header(
      decoding: bytes.slice(0, min(bytes.byteCount, Header.byteCount)), actualLength: UInt64(bytes.byteCount))
    try load(Int(header.sectionTableOffset)..<bytes.byteCount, of: map)
    try Footer.check(bytes.slice(Int(header.footerOffset), Footer.byteCount), header: header)
    let tableBytes = bytes.slice(Int(header.sectionTableOffset), header.sectionCount * Section.byteCount)
    let crc = Checksum.plain(tableBytes)
    guard crc == header.sectionTableCRC else {
      throw .checksum(
        "section table", at: header.sectionTableOffset, expected: header.sectionTableCRC, found: crc)
    }
    return (header, try SectionTable(decoding: tableBytes, header: header))
  }

  /// Sees to it that a range of the file can be used, before it is checked.
  borrowing func load(_ range: Range<Int>) throws(FormatError) { try Self.load(range, of: map) }

  private static func load(_ range: Range<Int>, of map: borrowing MappedFile) throws(FormatError) {
    do throws(FileError) {
      try map.load(range)
    } catch {
      throw FormatError(.unreadable, "file", at: UInt64(range.lowerBound), error.description)
    }
  }

  /// What `body` gives, unless the file failed under it: then nothing that it gave or threw counts.
  borrowing func unlessFailed<Result>(
    _ body: (borrowing IndexFile) throws(IndexError) -> Result
  ) throws(IndexError) -> Result {
    do throws(IndexError) {
      let result = try body(self)
      if let failure = map.failure { throw .file(failure) }
      return result
    } catch {
      if let failure = map.failure { throw .file(failure) }
      throw error
    }
  }

  /// The bytes of a section; none if the file has no such section. Its range was checked at open.
  @_lifetime(borrow self)
  borrowing func bytes(of kind: SectionKind) -> RawSpan {
    guard let section = table[kind] else { return map.bytes.slice(0, 0) }
    return map.bytes.slice(Int(section.offset), Int(section.length))
  }

  /// The bytes of a section, of a known kind or not.
  @_lifetime(borrow self)
  borrowing func bytes(of section: Section) -> RawSpan {
    map.bytes.slice(Int(section.offset), Int(section.length))
  }
}
