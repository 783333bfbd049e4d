package import PQFormat

/// The bytes of an index file that can be changed, and all of whose checksums can then be made right: what a faulty or
/// hostile writer would have written.
public struct SealedFile: Sendable {
  public var bytes: [UInt8]

  public struct Frame: Sendable {
    package let kind: SectionKind
    package let list: Int
    package let index: Int
    /// Where its entry of the frame table is.
    public let entryOffset: Int
    package var entry: FrameEntry
  }

  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// What the header and the section table say; nil where a reader would refuse them.
  package var structure: (header: Header, table: SectionTable)? {
    let span = bytes.rawSpan
    guard
      let header = try? Header(
        decoding: span.slice(0, min(Header.byteCount, bytes.count)), actualLength: UInt64(bytes.count))
    else { return nil }
    let size = header.sectionCount * Section.byteCount
    guard
      let table = try? SectionTable(decoding: span.slice(Int(header.sectionTableOffset), size), header: header)
    else { return nil }
    return (header, table)
  }

  /// Where a section is; empty if the file has none, or no structure.
  package func range(_ kind: SectionKind) -> Range<Int> {
    (structure?.table[kind]).map { Int($0.offset)..<Int($0.end) } ?? 0..<0
  }

  /// All frames that a reader would look at, in the order of lists.
  public func frames() -> [Frame] {
    guard let (header, table) = structure, let lists = table[.lists], let frames = table[.frames] else { return [] }
    let (listSpan, frameSpan) = (slice(lists), slice(frames))
    let (p, total) = (header.parameters, frames.length / UInt64(FrameEntry.byteCount))
    var all: [Frame] = []
    for list in 0..<p.listCount {
      let entry = ListEntry(decoding: listSpan, list: list)
      do { try entry.check(list: list, parameters: p, frameCount: total, at: 0) } catch { continue }
      var number = entry.firstFrame
      for kind in IndexParameters.frameSections {
        for index in 0..<Int(p.frames(of: kind, listCount: entry.count)) {
          all.append(
            Frame(
              kind: kind, list: list, index: index,
              entryOffset: Int(frames.offset) + Int(number) * FrameEntry.byteCount,
              entry: FrameEntry(decoding: frameSpan, frame: number)))
          number += 1
        }
      }
    }
    return all
  }

  package func frame(_ kind: SectionKind, list: Int, _ index: Int = 0) -> Frame? {
    frames().first { $0.kind == kind && $0.list == list && $0.index == index }
  }

  /// Where the brackets are of the vectors in the first tile of a list; empty if the file has none.
  package func brackets(list: Int) -> Range<Int> {
    guard let entry = frame(.codes, list: list)?.entry, let header = structure?.header,
      let layout = header.parameters.codeLayout, layout.hasBracket
    else { return 0..<0 }
    let lists = range(.lists)
    let vectors = Int(bytes.rawSpan.u64(at: lists.lowerBound + ListEntry.byteCount * list))
    let lanes = CodeLayout.lanes(min(CodeLayout.tileLanes, vectors))
    let start = Int(entry.offset) + layout.codePlanes * lanes
    return start..<start + min(CodeLayout.tileLanes, vectors)
  }

  /// Makes every checksum right, from the frames' up to the header's and the footer's, as far as a reader would come.
  public mutating func seal() {
    sealHeader()
    sealFrames()
    sealDirectory()
  }

  /// As ``seal()``, but the frames' checksums stay as they are.
  public mutating func sealDirectory() {
    sealHeader()
    sealPages(of: [.lists, .frames], in: .pages)
    sealPages(of: [.centroids], in: .centroidPages)
    sealSections()
    sealHeader()
  }

  /// The checksums of frames, where the frame is in the file.
  private mutating func sealFrames() {
    for frame in frames() {
      let (offset, length) = (frame.entry.offset, UInt64(frame.entry.length))
      guard offset + length <= UInt64(bytes.count) else { continue }
      let crc = Checksum.salted(
        bytes.rawSpan.slice(Int(offset), Int(length)), kind: frame.kind,
        index: UInt32(truncatingIfNeeded: frame.index), list: UInt64(frame.list))
      set(crc, at: frame.entryOffset + 12)
    }
  }

  /// The checksums of the pages of some sections, where the file has them.
  private mutating func sealPages(of kinds: [SectionKind], in section: SectionKind) {
    guard let (_, table) = structure, let pages = table[section] else { return }
    var page = Int(pages.offset)
    for kind in kinds {
      guard let section = table[kind] else { continue }
      for crc in ChecksumPage.checksums(slice(section), kind: kind) {
        set(crc, at: page)
        page += 4
      }
    }
  }

  package mutating func sealSections() {
    guard let (header, table) = structure else { return }
    for (i, section) in table.sections.enumerated() where section.hasChecksum {
      set(Checksum.plain(slice(section)), at: Int(header.sectionTableOffset) + i * Section.byteCount + 24)
    }
  }

  /// The checksums of section table, header and footer, and the file id in both.
  package mutating func sealHeader() {
    guard bytes.count >= Header.byteCount + Footer.byteCount else { return }
    let (table, size) = (bytes.rawSpan.u64(at: 56), UInt64(bytes.rawSpan.u32(at: 64)) * UInt64(Section.byteCount))
    if table <= UInt64(bytes.count), size <= UInt64(bytes.count) - table {
      set(plain(Int(table)..<Int(table + size)), at: 68)
    }
    set(bytes.rawSpan.u32(at: 68), at: 48)
    set(plain(Header.parameterRange), at: 52)
    let footer = bytes.count - Footer.byteCount
    set(bytes.rawSpan.u64(at: 40), at: footer + 8)
    set(bytes.rawSpan.u64(at: 48), at: footer + 16)
    for part in [0, footer] { set(plain(part..<part + Header.crcOffset), at: part + Header.crcOffset) }
  }

  @_lifetime(borrow self)
  private func slice(_ section: Section) -> RawSpan { bytes.rawSpan.slice(Int(section.offset), Int(section.length)) }

  private func plain(_ range: Range<Int>) -> UInt32 {
    Checksum.plain(bytes.rawSpan.slice(range.lowerBound, range.count))
  }

  public mutating func set<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
    for i in 0..<Value.bitWidth / 8 { bytes[offset + i] = UInt8(truncatingIfNeeded: value >> (8 * i)) }
  }
}
