internal import PQFormat
internal import PQStorage

/// Appends the directory: the lists, the frame table with its offsets made absolute, and the checksums of their pages.
/// Reads the side files from front to back, so that lists and frames ask for no memory but their pages' checksums.
struct DirectoryWriter {
  let index: IndexParameters
  /// Where each frame section begins in the file.
  let starts: [SectionKind: UInt64]
  let alignment: UInt64

  func append(
    lists: inout WorkFile, codes: inout WorkFile, ids: inout WorkFile, vectors: inout WorkFile,
    to output: inout WorkFile, _ table: inout SectionTable
  ) throws(FileError) {
    var listPages = PagedSection(.lists, at: output.position)
    var reader = EntryReader(ListEntry.byteCount)
    for _ in 0..<index.listCount { try listPages.append(reader.next(&lists), to: &output) }
    try listPages.end(&output, &table, alignment)

    var framePages = PagedSection(.frames, at: output.position)
    reader = EntryReader(ListEntry.byteCount)
    var frames = (
      EntryReader(FrameEntry.byteCount), EntryReader(FrameEntry.byteCount), EntryReader(FrameEntry.byteCount)
    )
    for _ in 0..<index.listCount {
      let entry = try reader.next(&lists)
      let count = ListEntry(decoding: entry.rawSpan, list: 0).count
      try copy(.codes, count, &frames.0, &codes, &framePages, &output)
      try copy(.ids, count, &frames.1, &ids, &framePages, &output)
      try copy(.vectors, count, &frames.2, &vectors, &framePages, &output)
    }
    try framePages.end(&output, &table, alignment)

    var pages: [UInt8] = []
    pages.reserveCapacity(4 * (listPages.checksums.count + framePages.checksums.count))
    for crc in listPages.checksums { pages.append(littleEndian: crc) }
    for crc in framePages.checksums { pages.append(littleEndian: crc) }
    table.sections.append(
      Section(kind: .pages, offset: output.position, length: UInt64(pages.count), crc: Checksum.plain(pages.rawSpan)))
    try output.append(pages.rawSpan)
    try output.pad(to: alignment)
  }

  /// Copies the frame entries of one list's section.
  private func copy(
    _ kind: SectionKind, _ count: UInt64, _ reader: inout EntryReader, _ file: inout WorkFile,
    _ section: inout PagedSection, _ output: inout WorkFile
  ) throws(FileError) {
    let start = starts[kind] ?? 0
    let frames = index.frames(of: kind, listCount: count)
    for _ in 0..<frames {
      let old = try reader.next(&file)
      var entry = FrameEntry(decoding: old.rawSpan, frame: 0)
      entry.offset += start
      var bytes: [UInt8] = []
      entry.encode(to: &bytes)
      try section.append(bytes, to: &output)
    }
  }
}

/// Entries of one size, read from a side file one after the other.
private struct EntryReader {
  private let size: Int
  private var offset: UInt64 = 0
  private var buffer: [UInt8]
  private var next = 0
  private var filled = 0

  init(_ size: Int) {
    self.size = size
    buffer = [UInt8](repeating: 0, count: 1024 * size)
  }

  mutating func next(_ file: inout WorkFile) throws(FileError) -> [UInt8] {
    if next == filled {
      filled = try file.read(at: offset, into: &buffer)
      offset += UInt64(filled)
      next = 0
    }
    next += size
    return Array(buffer[next - size..<next])
  }
}

/// A section of the directory on its way to the file, and the checksums of its pages.
private struct PagedSection {
  private let kind: SectionKind
  private let offset: UInt64
  private var page: [UInt8] = []
  private(set) var checksums: [UInt32] = []

  init(_ kind: SectionKind, at offset: UInt64) {
    self.kind = kind
    self.offset = offset
  }

  mutating func append(_ bytes: [UInt8], to output: inout WorkFile) throws(FileError) {
    try output.append(bytes.rawSpan)
    page += bytes
    let size = Int(ChecksumPage.byteCount)
    if page.count >= size {
      close(size)
      page.removeFirst(size)
    }
  }

  private mutating func close(_ count: Int) {
    let number = UInt32(truncatingIfNeeded: checksums.count)
    checksums.append(Checksum.salted(page.rawSpan.slice(0, count), kind: kind, index: number, list: 0))
  }

  mutating func end(
    _ output: inout WorkFile, _ table: inout SectionTable, _ alignment: UInt64
  ) throws(FileError) {
    if !page.isEmpty { close(page.count) }
    table.sections.append(Section(kind: kind, offset: offset, length: output.position - offset, crc: 0))
    try output.pad(to: alignment)
  }
}
