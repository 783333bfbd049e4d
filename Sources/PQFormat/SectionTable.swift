/// The sections of a file. Raw values are those of the file and never reused.
package enum SectionKind: UInt32, Sendable, CaseIterable, BitwiseCopyable {
  case centroids = 1
  case codebooks = 2
  case codes = 3
  case ids = 4
  case vectors = 5
  case lists = 6
  case frames = 7
  case pages = 8
  case metadata = 9
  /// Since 1.1.
  case groups = 10
  /// Since 1.1.
  case centre = 11
  /// The checksums of the pages of `centroids`. Since 1.2.
  case centroidPages = 12
  /// Since 1.3.
  case rotation = 13

  package var name: String { "\(self)" }

  /// Readers that do not know the kind skip the section.
  package var isOptional: Bool { self == .metadata || self == .groups || self == .centroidPages }
}

/// One entry of the section table: 32 bytes.
package struct Section: Sendable, Equatable {
  package var rawKind: UInt32
  package var flags: UInt32
  package var offset: UInt64
  package var length: UInt64
  /// CRC-32C of the whole section; 0 for sections whose frames or pages have their own.
  package var crc: UInt32

  package static let byteCount = 32
  /// Readers that do not know a section with this flag skip it.
  package static let optionalFlag: UInt32 = 1

  package init(kind: SectionKind, offset: UInt64, length: UInt64, crc: UInt32) {
    rawKind = kind.rawValue
    flags = kind.isOptional ? Section.optionalFlag : 0
    self.offset = offset
    self.length = length
    self.crc = crc
  }

  init(decoding bytes: RawSpan, at base: Int) {
    rawKind = bytes.u32(at: base)
    flags = bytes.u32(at: base + 4)
    offset = bytes.u64(at: base + 8)
    length = bytes.u64(at: base + 16)
    crc = bytes.u32(at: base + 24)
  }

  func encode(to bytes: inout [UInt8]) {
    bytes.append(littleEndian: rawKind)
    bytes.append(littleEndian: flags)
    bytes.append(littleEndian: offset)
    bytes.append(littleEndian: length)
    bytes.append(littleEndian: crc)
    bytes.append(littleEndian: UInt32(0))
  }

  package var kind: SectionKind? { SectionKind(rawValue: rawKind) }
  package var name: String { kind?.name ?? "kind \(rawKind)" }
  package var end: UInt64 { offset + length }
  package var isOptional: Bool { flags & Section.optionalFlag != 0 }

  /// True when the section's checksum is in the table: the others are covered by frame or page.
  package var hasChecksum: Bool {
    switch kind {
    case .codes, .ids, .vectors, .lists, .frames: false
    default: true
    }
  }
}

/// All sections of a file, in order of their offsets.
package struct SectionTable: Sendable, Equatable {
  package var sections: [Section] = []

  package init() {}

  package subscript(_ kind: SectionKind) -> Section? { sections.first { $0.rawKind == kind.rawValue } }

  package func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    for section in sections { section.encode(to: &bytes) }
    return bytes
  }

  /// Sections are few: their number bounds what a reader allocates for the table.
  package static let maximumCount = 64

  /// Decodes and checks the table: known or optional kinds, order, alignment, no overlap, and for every section whose
  /// length follows from the header, that length.
  package init(decoding bytes: RawSpan, header: Header) throws(FormatError) {
    let tableOffset = header.sectionTableOffset
    var previousEnd = UInt64(Header.byteCount)
    for index in 0..<header.sectionCount {
      let base = index * Section.byteCount
      let section = Section(decoding: bytes, at: base)
      var place: String { "section table entry \(index) (\(section.name))" }
      func bad(_ field: Int, _ detail: String) -> FormatError {
        FormatError(.badSection, place, at: tableOffset + UInt64(base + field), detail)
      }
      guard section.kind != nil || section.isOptional else {
        throw FormatError(
          .unsupportedFeature, place, at: tableOffset + UInt64(base),
          "this reader does not know the section and the file requires it; use a newer version")
      }
      guard section.flags & ~Section.optionalFlag == 0, bytes.u32(at: base + 28) == 0 else {
        throw bad(4, "reserved bits are set")
      }
      guard section.kind.map({ section.isOptional == $0.isOptional }) ?? true else {
        throw bad(4, "the flags are not those of the kind")
      }
      guard section.hasChecksum || section.crc == 0 else { throw bad(24, "a checksum where none belongs") }
      guard section.kind == nil || self[section.kind ?? .metadata] == nil else { throw bad(0, "the kind occurs twice") }
      guard section.offset >= previousEnd, section.offset % header.alignment == 0 else {
        throw bad(8, "offset \(section.offset) is before \(previousEnd) or no multiple of \(header.alignment)")
      }
      guard section.offset <= tableOffset, section.length <= tableOffset - section.offset else {
        throw bad(16, "\(section.length) bytes at \(section.offset) reach past the section table at \(tableOffset)")
      }
      previousEnd = section.end
      sections.append(section)
    }
    try checkLengths(header)
  }

  private func checkLengths(_ header: Header) throws(FormatError) {
    let p = header.parameters
    func require(_ kind: SectionKind, _ present: Bool, length: UInt64? = nil) throws(FormatError) {
      guard let section = self[kind] else {
        guard !present || kind.isOptional else {
          throw FormatError(
            .badSection, "section table", at: header.sectionTableOffset, "the section \(kind.name) is missing")
        }
        return
      }
      guard present else {
        throw FormatError(
          .badSection, "section \(kind.name)", at: section.offset, "the header's parameters call for no such section")
      }
      guard length == nil || section.length == length else {
        throw FormatError(
          .badSection, "section \(kind.name)", at: section.offset,
          "length expected \(length ?? 0), found \(section.length)")
      }
    }
    try require(.centroids, p.nlist > 0, length: UInt64(4 * p.centroidFloats))
    try require(.groups, p.nlist > 0)
    try require(.centroidPages, p.nlist > 0, length: 4 * ChecksumPage.count(UInt64(4 * p.centroidFloats)))
    try require(.codebooks, p.m > 0, length: UInt64(4 * p.m * p.codebookFloats))
    try require(.rotation, p.isRotated, length: UInt64(4 * p.rotationFloats))
    try require(.centre, p.hasBracket, length: UInt64(4 * p.dimension))
    try require(.codes, p.m > 0)
    try require(.ids, p.storesIDs)
    try require(.vectors, p.vectors != .none)
    try require(.lists, true, length: UInt64(p.listCount * ListEntry.byteCount))
    try require(.frames, true)
    guard let lists = self[.lists], let frames = self[.frames] else { return }
    guard frames.length % UInt64(FrameEntry.byteCount) == 0 else {
      throw FormatError(
        .badSection, "section frames", at: frames.offset,
        "length \(frames.length) is no multiple of \(FrameEntry.byteCount)")
    }
    // What readers keep of each frame is then in proportion to the vectors.
    guard frames.length / UInt64(FrameEntry.byteCount) <= p.mostFrames else {
      throw FormatError(
        .badSection, "section frames", at: frames.offset,
        "length \(frames.length), but \(p.count) vectors have \(p.mostFrames) frames at most")
    }
    try require(.pages, true, length: 4 * (ChecksumPage.count(lists.length) + ChecksumPage.count(frames.length)))
  }
}
