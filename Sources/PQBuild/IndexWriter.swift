internal import PQFormat
internal import PQModel
internal import PQStorage

/// Writes an index file, list by list in ascending order, and within a list by ascending id (Formats/pqx-v1.md,
/// "Writer duties"). The first frame section grows in the file itself; the others, whose place is not known yet, grow
/// in side files and are appended at the end. The header stays zero until `finish`.
struct IndexWriter: ~Copyable {
  private let index: IndexParameters
  private var header = Header()
  private var table = SectionTable()
  private var output: WorkFile
  private var idFile: WorkFile
  private var vectorFile: WorkFile
  private let bodyStart: UInt64
  private var brackets: Brackets?

  private var codeFrames: FrameWriter
  private var idFrames: FrameWriter
  private var vectorFrames: FrameWriter
  private var codes: [UInt16] = []
  private var ids: [UInt64] = []
  private var rows: [UInt8] = []
  private var raw: [UInt8] = []

  /// The list that is being written.
  private var list = 0
  private var listVectors: UInt64 = 0
  private var lastID: UInt64?
  private(set) var count: UInt64 = 0
  private var lists: [ListEntry] = []
  private var frames: [FrameEntry] = []

  /// The name of the finished file in the work folder.
  static let fileName = "index.pqx"

  init(
    _ index: IndexParameters, model: Model, compression: Compression, alignmentLog2: Int, folder: borrowing WorkFolder
  ) throws(FileError) {
    let brackets = index.hasBracket ? Brackets(model) : nil
    var output = try WorkFile(creating: folder.file(Self.fileName))
    let idFile = try WorkFile(creating: folder.file("ids"))
    let vectorFile = try WorkFile(creating: folder.file("vectors"))
    let alignment: UInt64 = 1 << UInt64(alignmentLog2)
    var table = SectionTable()
    try output.append([UInt8](repeating: 0, count: Header.byteCount).rawSpan)
    try output.pad(to: alignment)
    if let coarse = model.coarse {
      try Self.append(.centroids, coarse.blocks, &output, &table, alignment)
      if let groups = coarse.groups {
        let bytes = CoarseGroups.encoded(starts: groups.starts, blocks: groups.blocks)
        try Self.append(.groups, bytes.rawSpan, &output, &table, alignment)
      }
    }
    if let quantizer = model.quantizer {
      try Self.append(.codebooks, quantizer.codebooks, &output, &table, alignment)
    }
    if let brackets { try Self.append(.centre, brackets.centre, &output, &table, alignment) }
    bodyStart = output.position
    self.brackets = brackets
    self.index = index
    self.output = output
    self.idFile = idFile
    self.vectorFile = vectorFile
    self.table = table
    header.alignmentLog2 = alignmentLog2
    codeFrames = FrameWriter(.codes, compress: compression != .none)
    idFrames = FrameWriter(.ids, compress: compression != .none)
    vectorFrames = FrameWriter(.vectors, compress: compression == .lz4)
    lists.reserveCapacity(index.listCount)
  }

  private static func append(
    _ kind: SectionKind, _ floats: [Float], _ output: inout WorkFile, _ table: inout SectionTable,
    _ alignment: UInt64
  ) throws(FileError) {
    var bytes: [UInt8] = []
    bytes.append(floats: floats.span)
    try append(kind, bytes.rawSpan, &output, &table, alignment)
  }

  private static func append(
    _ kind: SectionKind, _ bytes: RawSpan, _ output: inout WorkFile, _ table: inout SectionTable,
    _ alignment: UInt64
  ) throws(FileError) {
    var section = Section(
      kind: kind, offset: output.position, length: UInt64(bytes.byteCount), crc: Checksum.plain(bytes))
    if !section.hasChecksum { section.crc = 0 }
    table.sections.append(section)
    try output.append(bytes)
    try output.pad(to: alignment)
  }

  /// Adds vectors to the current list: their codes `[vector][m]`, ids and packed rows, as far as the index has them.
  /// - Throws: `.badData` unless ids ascend strictly within the list.
  mutating func append(codes: Span<UInt16>, ids: Span<UInt64>, rows: RawSpan, count: Int) throws(BuildError) {
    for i in ids.indices {
      if let lastID, ids[i] <= lastID {
        throw .badData(
          ids[i] == lastID ? "id \(lastID) occurs twice; ids must be unique" : "ids are not in ascending order")
      }
      lastID = ids[i]
    }
    do throws(FileError) {
      if index.m > 0 { try appendCodes(codes) }
      if index.storesIDs { try appendIDs(ids) }
      if index.vectors != .none { try appendRows(rows) }
    } catch { throw .file(error) }
    listVectors += UInt64(count)
  }

  private mutating func appendCodes(_ span: Span<UInt16>) throws(FileError) {
    let frame = index.vectorsPerFrame(.codes) * index.m
    var next = 0
    while next < span.count {
      let take = min(frame - codes.count, span.count - next)
      for i in next..<next + take { codes.append(span[i]) }
      next += take
      if codes.count == frame { try flushCodes() }
    }
  }

  private mutating func flushCodes() throws(FileError) {
    guard !codes.isEmpty, let layout = index.codeLayout else { return }
    raw.removeAll(keepingCapacity: true)
    let codes = codes
    let frame = brackets?.frame(codes.span, list: list)
    layout.appendFrame(codes.span, brackets: frame?.bytes ?? [], to: &raw)
    let raw = raw  // a span of self's cannot live while self changes
    let range = frame.map { FrameEntry.brackets(minimum: $0.minimum, step: $0.step) } ?? 0
    try codeFrames.write(raw.rawSpan, list: list, firstID: range, to: &output, start: bodyStart)
    self.codes.removeAll(keepingCapacity: true)
  }

  private mutating func appendIDs(_ span: Span<UInt64>) throws(FileError) {
    for i in span.indices {
      ids.append(span[i])
      if ids.count == IndexParameters.idsPerFrame { try flushIDs() }
    }
  }

  private mutating func flushIDs() throws(FileError) {
    guard let first = ids.first else { return }
    raw.removeAll(keepingCapacity: true)
    let ids = ids
    let planes = IDFrame.append(ids.span, to: &raw)
    let raw = raw
    try idFrames.write(raw.rawSpan, list: list, planes: planes, firstID: first, to: &idFile, start: 0)
    self.ids.removeAll(keepingCapacity: true)
  }

  private mutating func appendRows(_ span: RawSpan) throws(FileError) {
    let frame = index.rowsPerFrame * index.rowBytes
    var next = 0
    while next < span.byteCount {
      let take = min(frame - rows.count, span.byteCount - next)
      rows.append(span.slice(next, take))
      next += take
      if rows.count == frame { try flushRows() }
    }
  }

  private mutating func flushRows() throws(FileError) {
    guard !rows.isEmpty else { return }
    let rows = rows
    if index.m == 0 {
      try vectorFrames.write(rows.rawSpan, list: list, to: &output, start: bodyStart)
    } else {
      try vectorFrames.write(rows.rawSpan, list: list, to: &vectorFile, start: 0)
    }
    self.rows.removeAll(keepingCapacity: true)
  }

  /// Ends the current list, which may be empty, and begins the next.
  mutating func endList() throws(BuildError) {
    do throws(FileError) {
      try flushCodes()
      try flushIDs()
      try flushRows()
    } catch { throw .file(error) }
    lists.append(ListEntry(count: listVectors, firstFrame: UInt64(frames.count)))
    frames += codeFrames.endList()
    frames += idFrames.endList()
    frames += vectorFrames.endList()
    count += listVectors
    list += 1
    listVectors = 0
    lastID = nil
  }

  /// Sizes of the lists written so far.
  var listSizes: [Int] { lists.map { Int($0.count) } }

  /// Appends what is left, then the header, and makes the file durable and read-only.
  /// - Returns: the file's length in bytes, and of each section.
  mutating func finish(metadata: JSON) throws(FileError) -> (length: UInt64, table: SectionTable) {
    precondition(lists.count == index.listCount, "every list must have ended")
    let starts = try appendBodies()
    try appendDirectory(starts)
    let text = [UInt8](metadata.text.utf8)
    try Self.append(.metadata, text.rawSpan, &output, &table, header.alignment)

    header.parameters = index
    header.parameters.count = count
    header.sectionTableOffset = output.position
    header.sectionCount = table.sections.count
    let tableBytes = table.encoded()
    header.sectionTableCRC = Checksum.plain(tableBytes.rawSpan)
    try output.append(tableBytes.rawSpan)
    try output.pad(to: header.alignment)
    header.fileLength = output.position + UInt64(Footer.byteCount)
    let headerBytes = header.encoded()
    try output.append(Footer.encoded(fileLength: header.fileLength, fileID: header.fileID).rawSpan)
    try output.synchronize()
    try output.write(headerBytes.rawSpan, at: 0)
    try output.makeReadOnly()
    try output.synchronize()
    return (header.fileLength, table)
  }

  /// Ends the section that grew in place and appends the side files; returns where each frame section starts.
  private mutating func appendBodies() throws(FileError) -> [SectionKind: UInt64] {
    var starts: [SectionKind: UInt64] = [:]
    let inPlace = index.m > 0 ? SectionKind.codes : .vectors
    starts[inPlace] = bodyStart
    table.sections.append(Section(kind: inPlace, offset: bodyStart, length: output.position - bodyStart, crc: 0))
    try output.pad(to: header.alignment)
    if index.storesIDs {
      starts[.ids] = output.position
      table.sections.append(Section(kind: .ids, offset: output.position, length: idFile.position, crc: 0))
      try output.append(contentsOf: &idFile)
      try output.pad(to: header.alignment)
    }
    if index.m > 0, index.vectors != .none {
      starts[.vectors] = output.position
      table.sections.append(Section(kind: .vectors, offset: output.position, length: vectorFile.position, crc: 0))
      try output.append(contentsOf: &vectorFile)
      try output.pad(to: header.alignment)
    }
    return starts
  }

  /// The lists, the frame table with its offsets made absolute, and the checksums of their pages.
  private mutating func appendDirectory(_ starts: [SectionKind: UInt64]) throws(FileError) {
    var listBytes: [UInt8] = []
    var frameBytes: [UInt8] = []
    frameBytes.reserveCapacity(frames.count * FrameEntry.byteCount)
    var next = 0
    for entry in lists {
      entry.encode(to: &listBytes)
      for kind in IndexParameters.frameSections {
        for _ in 0..<index.frames(of: kind, listCount: entry.count) {
          frames[next].offset += starts[kind] ?? 0
          frames[next].encode(to: &frameBytes)
          next += 1
        }
      }
    }
    try Self.append(.lists, listBytes.rawSpan, &output, &table, header.alignment)
    try Self.append(.frames, frameBytes.rawSpan, &output, &table, header.alignment)
    var pages: [UInt8] = []
    for crc in DirectoryPage.checksums(listBytes.rawSpan, kind: .lists) { pages.append(littleEndian: crc) }
    for crc in DirectoryPage.checksums(frameBytes.rawSpan, kind: .frames) { pages.append(littleEndian: crc) }
    try Self.append(.pages, pages.rawSpan, &output, &table, header.alignment)
  }
}
