import PQFormat
import Testing

/// The bytes of an index file that can be changed, and all of whose checksums can then be made right: what a faulty
/// writer would have written.
struct SealedFile {
  var bytes: [UInt8]
  private let header: Header
  private let table: SectionTable

  struct Frame {
    let kind: SectionKind
    let list: Int
    let index: Int
    /// Where its entry of the frame table is.
    let entryOffset: Int
    var entry: FrameEntry
  }

  init(_ bytes: [UInt8]) throws {
    self.bytes = bytes
    let span = bytes.rawSpan
    header = try Header(decoding: span.slice(0, Header.byteCount), actualLength: UInt64(bytes.count))
    let size = header.sectionCount * Section.byteCount
    table = try SectionTable(decoding: span.slice(Int(header.sectionTableOffset), size), header: header)
  }

  func range(_ kind: SectionKind) -> Range<Int> {
    table[kind].map { Int($0.offset)..<Int($0.end) } ?? 0..<0
  }

  /// All frames, in the order of the frame table.
  func frames() -> [Frame] {
    let (lists, frames) = (range(.lists), range(.frames))
    let (listSpan, frameSpan) = (
      bytes.rawSpan.slice(lists.lowerBound, lists.count), bytes.rawSpan.slice(frames.lowerBound, frames.count)
    )
    var all: [Frame] = []
    for list in 0..<header.parameters.listCount {
      let entry = ListEntry(decoding: listSpan, list: list)
      for kind in IndexParameters.frameSections {
        for index in 0..<Int(header.parameters.frames(of: kind, listCount: entry.count)) {
          all.append(
            Frame(
              kind: kind, list: list, index: index, entryOffset: frames.lowerBound + all.count * FrameEntry.byteCount,
              entry: FrameEntry(decoding: frameSpan, frame: UInt64(all.count))))
        }
      }
    }
    return all
  }

  func frame(_ kind: SectionKind, list: Int, _ index: Int = 0) -> Frame? {
    frames().first { $0.kind == kind && $0.list == list && $0.index == index }
  }

  /// Where the brackets are of the vectors in the first tile of a list.
  func brackets(list: Int) throws -> Range<Int> {
    let entry = try #require(frame(.codes, list: list)).entry
    let layout = try #require(header.parameters.codeLayout)
    let listEntries = range(.lists)
    let vectors = Int(bytes.rawSpan.u64(at: listEntries.lowerBound + ListEntry.byteCount * list))
    let lanes = CodeLayout.lanes(min(CodeLayout.tileLanes, vectors))
    let start = Int(entry.offset) + layout.codePlanes * lanes
    return start..<start + min(CodeLayout.tileLanes, vectors)
  }

  /// Makes every checksum right, from the frames' up to the header's and the footer's.
  mutating func seal() {
    for frame in frames() {
      set(checksum(frame), at: frame.entryOffset + 12)
    }
    var page = range(.pages).lowerBound
    for kind in [SectionKind.lists, .frames] {
      let section = range(kind)
      let checksums = DirectoryPage.checksums(bytes.rawSpan.slice(section.lowerBound, section.count), kind: kind)
      for crc in checksums {
        set(crc, at: page)
        page += 4
      }
    }
    let start = Int(header.sectionTableOffset)
    for (i, section) in table.sections.enumerated() where section.hasChecksum {
      let crc = plain(Int(section.offset)..<Int(section.end))
      set(crc, at: start + i * Section.byteCount + 24)
    }
    let tableCRC = plain(start..<start + table.sections.count * Section.byteCount)
    set(tableCRC, at: 68)
    set(tableCRC, at: 48)
    let footer = Int(header.footerOffset)
    set(bytes.rawSpan.u64(at: 48), at: footer + 16)
    for part in [0, footer] {
      let crc = plain(part..<part + Header.crcOffset)
      set(crc, at: part + Header.crcOffset)
    }
  }

  private func checksum(_ frame: Frame) -> UInt32 {
    Checksum.salted(
      bytes.rawSpan.slice(Int(frame.entry.offset), Int(frame.entry.length)), kind: frame.kind,
      index: UInt32(frame.index), list: UInt64(frame.list))
  }

  private func plain(_ range: Range<Int>) -> UInt32 {
    Checksum.plain(bytes.rawSpan.slice(range.lowerBound, range.count))
  }

  mutating func set<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
    for i in 0..<Value.bitWidth / 8 { bytes[offset + i] = UInt8(truncatingIfNeeded: value >> (8 * i)) }
  }
}
