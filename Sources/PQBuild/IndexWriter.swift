internal import PQFormat
internal import PQKernels
internal import PQModel
internal import PQStorage

/// Writes an index file, list by list in ascending order, and within a list by ascending id (Formats/pqx-v1.md,
/// "Writing"). The first frame section grows in the file itself; the others, whose place is not known yet, grow in side
/// files and are appended at the end, as does the directory. The header stays zero until `finish`.
///
/// What it keeps in memory does not grow with the number of vectors, frames or lists, but for a checksum of four bytes for
/// each page of the directory.
struct IndexWriter: ~Copyable {
  let index: IndexParameters
  private(set) var header = Header()
  private(set) var table: SectionTable
  private var output: WorkFile
  private var idFile: WorkFile
  private var vectorFile: WorkFile
  private var listFile: WorkFile
  private let bodyStart: UInt64
  private var brackets: Brackets?

  private var codeFrames: FrameWriter
  private var idFrames: FrameWriter
  private var vectorFrames: FrameWriter
  /// What has not made up a frame yet: codes `[vector][m]`, ids, packed rows.
  private var codes: [UInt16] = []
  private var ids: [UInt64] = []
  private var rows: [UInt8] = []
  private var raw: [UInt8] = []

  /// The list that is being written.
  private(set) var list = 0
  private var listVectors: UInt64 = 0
  private var lastID: UInt64?
  private(set) var count: UInt64 = 0
  private var frameCount: UInt64 = 0
  /// Σ nᵢ² over the lists that have ended.
  private var squares = 0.0

  /// Begins `name.pqx` in the folder, with the model, or goes on from a state of before.
  init(
    _ index: IndexParameters, model: Model, compression: Compression, alignmentLog2: Int, folder: borrowing WorkFolder,
    name: String, resuming state: State? = nil
  ) throws(FileError) {
    func open(_ suffix: String, _ length: UInt64?) throws(FileError) -> WorkFile {
      let path = folder.file(name + suffix)
      if let length { return try WorkFile(reopening: path, length: length) }
      folder.remove(name + suffix)  // of a build that was killed before it told the journal
      return try WorkFile(creating: path)
    }
    func frames(_ kind: SectionKind, _ compress: Bool, _ state: FrameWriter.State?) throws(FileError) -> FrameWriter {
      if state == nil { folder.remove("\(name).\(kind.name).frames") }
      return try FrameWriter(
        kind, compress: compress, path: folder.file("\(name).\(kind.name).frames"), resuming: state)
    }
    var output = try open(".pqx", state?.outputBytes)
    let idFile = try open(".ids", state?.idBytes)
    let vectorFile = try open(".vectors", state?.vectorBytes)
    let listFile = try open(".lists", state?.listBytes)
    let codeFrames = try frames(.codes, compression != .none, state?.codeFrames)
    let idFrames = try frames(.ids, compression != .none, state?.idFrames)
    let vectorFrames = try frames(.vectors, compression == .lz4, state?.vectorFrames)
    let brackets = index.hasBracket ? Brackets(model) : nil
    (table, bodyStart) = try Self.appendModel(
      model, centre: brackets?.centre, alignment: 1 << UInt64(alignmentLog2), &output, isThere: state != nil)
    self.brackets = brackets
    self.index = index
    self.output = output
    self.idFile = idFile
    self.vectorFile = vectorFile
    self.listFile = listFile
    self.codeFrames = codeFrames
    self.idFrames = idFrames
    self.vectorFrames = vectorFrames
    header.alignmentLog2 = alignmentLog2
    if let state { resume(state) }
  }

  /// The file's beginning: room for the header, and the model's sections. Only their places, if they are there.
  private static func appendModel(
    _ model: Model, centre: [Float]?, alignment: UInt64, _ output: inout WorkFile, isThere: Bool
  ) throws(FileError) -> (SectionTable, UInt64) {
    var table = SectionTable()
    var position = max(UInt64(Header.byteCount), alignment)
    if !isThere { try output.append(zeros: position) }
    func append(_ kind: SectionKind, _ bytes: RawSpan) throws(FileError) {
      let length = UInt64(bytes.byteCount)
      table.sections.append(Section(kind: kind, offset: position, length: length, crc: Checksum.plain(bytes)))
      if !isThere {
        try output.append(bytes)
        try output.pad(to: alignment)
      }
      position += (length + alignment - 1) / alignment * alignment
    }
    if let rotation = model.rotation { try append(.rotation, rotation.blocks.span.rawSpan) }
    if let coarse = model.coarse {
      try append(.centroids, coarse.blocks.span.rawSpan)
      if let groups = coarse.groups {
        try append(.groups, CoarseGroups.encoded(starts: groups.starts, blocks: groups.blocks).rawSpan)
        var pages: [UInt8] = []
        for crc in ChecksumPage.checksums(coarse.blocks.span.rawSpan, kind: .centroids) {
          pages.append(littleEndian: crc)
        }
        try append(.centroidPages, pages.rawSpan)
      }
    }
    if let quantizer = model.quantizer { try append(.codebooks, quantizer.codebooks.span.rawSpan) }
    if let centre { try append(.centre, centre.span.rawSpan) }
    guard output.position >= position else {
      throw .unfit(output.path, "has \(output.position) bytes, the model takes \(position)")
    }
    return (table, position)
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
      codes.append(span.extracting(next..<next + take))
      next += take
      if codes.count == frame { try flushCodes() }
    }
  }

  private mutating func flushCodes() throws(FileError) {
    guard !codes.isEmpty, let layout = index.codeLayout else { return }
    var (codes, raw) = (self.codes.takeAll(), self.raw.takeAll())
    let m = layout.m
    let frame = brackets?.frame(count: codes.count / m, list: list) { first, subspace, lanes in
      for lane in 0..<min(lanes.count, codes.count / m - first) { lanes[lane] = codes[(first + lane) * m + subspace] }
    }
    layout.appendFrame(codes.span, brackets: frame?.bytes ?? [], to: &raw)
    let range = frame.map { FrameEntry.brackets(minimum: $0.minimum, step: $0.step) } ?? 0
    try codeFrames.write(raw.rawSpan, list: list, firstID: range, to: &output, start: bodyStart)
    self.codes.putBack(&codes)
    self.raw.putBack(&raw)
  }

  private mutating func appendIDs(_ span: Span<UInt64>) throws(FileError) {
    for i in span.indices {
      ids.append(span[i])
      if ids.count == IndexParameters.idsPerFrame { try flushIDs() }
    }
  }

  private mutating func flushIDs() throws(FileError) {
    guard let first = ids.first else { return }
    var (ids, raw) = (self.ids.takeAll(), self.raw.takeAll())
    let planes = IDFrame.append(ids.span, to: &raw)
    try idFrames.write(raw.rawSpan, list: list, planes: planes, firstID: first, to: &idFile, start: 0)
    self.ids.putBack(&ids)
    self.raw.putBack(&raw)
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
    var rows = self.rows.takeAll()
    if index.m == 0 {
      try vectorFrames.write(rows.rawSpan, list: list, to: &output, start: bodyStart)
    } else {
      try vectorFrames.write(rows.rawSpan, list: list, to: &vectorFile, start: 0)
    }
    self.rows.putBack(&rows)
  }

  /// Ends the current list, which may be empty, and begins the next.
  mutating func endList() throws(BuildError) {
    do throws(FileError) {
      try flushCodes()
      try flushIDs()
      try flushRows()
      try endList(vectors: listVectors)
    } catch { throw .file(error) }
    codeFrames.endList()
    idFrames.endList()
    vectorFrames.endList()
    listVectors = 0
    lastID = nil
  }

  private mutating func endList(vectors: UInt64) throws(FileError) {
    var entry: [UInt8] = []
    ListEntry(count: vectors, firstFrame: frameCount).encode(to: &entry)
    try listFile.append(entry.rawSpan)
    for kind in IndexParameters.frameSections { frameCount += index.frames(of: kind, listCount: vectors) }
    count += vectors
    squares += Double(vectors) * Double(vectors)
    list += 1
  }

  /// Adds a piece whose frames have been made; a writer takes pieces or vectors, never both.
  mutating func append(_ piece: MergePiece) throws(BuildError) {
    do throws(FileError) {
      try codeFrames.write(piece.codes.batch, to: &output, start: bodyStart)
      try idFrames.write(piece.ids.batch, to: &idFile, start: 0)
      if index.m == 0 {
        try vectorFrames.write(piece.rows.batch, to: &output, start: bodyStart)
      } else {
        try vectorFrames.write(piece.rows.batch, to: &vectorFile, start: 0)
      }
      for vectors in piece.ended { try endList(vectors: vectors) }
    } catch { throw .file(error) }
  }

  /// An empty piece, as ``append(_:)`` takes it.
  func piece() -> MergePiece {
    MergePiece(
      codes: CodePiece(index, brackets, batch: codeFrames.batch), ids: IDPiece(batch: idFrames.batch),
      rows: RowPiece(index, batch: vectorFrames.batch))
  }

  /// Of the lists written so far.
  var imbalance: Double {
    ListImbalance.of(lists: index.listCount, vectors: Double(count), squares: squares)
  }

  /// Appends what is left, then the header, and makes the file durable and read-only.
  /// - Parameter isCancelled: asked while sections are appended that grew beside the file.
  /// - Throws: also `.interrupted`; then its last checkpoint is what can be gone on from.
  mutating func finish(metadata: JSON, isCancelled: () -> Bool = { false }) throws(FileError) {
    precondition(list == index.listCount, "every list must have ended")
    let starts = try appendBodies(isCancelled)
    try DirectoryWriter(index: index, starts: starts, alignment: header.alignment).append(
      lists: &listFile, codes: &codeFrames.entries, ids: &idFrames.entries, vectors: &vectorFrames.entries,
      to: &output, &table)
    let text = [UInt8](metadata.text.utf8)
    table.sections.append(
      Section(
        kind: .metadata, offset: output.position, length: UInt64(text.count), crc: Checksum.plain(text.rawSpan)))
    try output.append(text.rawSpan)
    try output.pad(to: header.alignment)

    header.parameters = index
    header.parameters.count = count
    header.sectionTableOffset = output.position
    header.sectionCount = table.sections.count
    let tableBytes = table.encoded()
    header.sectionTableCRC = Checksum.plain(tableBytes.rawSpan)
    try output.append(tableBytes.rawSpan)
    try output.pad(to: header.alignment)
    header.fileLength = output.position + UInt64(Footer.byteCount)
    guard header.fileLength <= Header.maximumFileLength else { throw .tooLong(output.path) }
    let headerBytes = header.encoded()
    try output.append(Footer.encoded(fileLength: header.fileLength, fileID: header.fileID).rawSpan)
    try output.synchronize()
    try output.write(headerBytes.rawSpan, at: 0)
    try output.makeReadOnly()
    try output.synchronize()
  }

  /// Ends the section that grew in place and appends the side files; returns where each frame section starts.
  private mutating func appendBodies(_ isCancelled: () -> Bool) throws(FileError) -> [SectionKind: UInt64] {
    var starts: [SectionKind: UInt64] = [:]
    let inPlace = index.m > 0 ? SectionKind.codes : .vectors
    starts[inPlace] = bodyStart
    table.sections.append(Section(kind: inPlace, offset: bodyStart, length: output.position - bodyStart, crc: 0))
    try output.pad(to: header.alignment)
    if index.storesIDs {
      starts[.ids] = output.position
      table.sections.append(Section(kind: .ids, offset: output.position, length: idFile.position, crc: 0))
      try output.append(contentsOf: &idFile, isCancelled: isCancelled)
      try output.pad(to: header.alignment)
    }
    if index.m > 0, index.vectors != .none {
      starts[.vectors] = output.position
      table.sections.append(Section(kind: .vectors, offset: output.position, length: vectorFile.position, crc: 0))
      try output.append(contentsOf: &vectorFile, isCancelled: isCancelled)
      try output.pad(to: header.alignment)
    }
    return starts
  }
}

extension IndexWriter {
  /// Makes all that was written durable and tells where the writer stands.
  mutating func checkpoint() throws(FileError) -> State {
    try output.synchronizeData()
    try idFile.synchronizeData()
    try vectorFile.synchronizeData()
    try listFile.synchronizeData()
    try codeFrames.synchronize()
    try idFrames.synchronize()
    try vectorFrames.synchronize()
    var codeBytes: [UInt8] = []
    for code in codes { codeBytes.append(littleEndian: code) }
    return State(
      list: UInt64(list), listVectors: listVectors, lastID: lastID, count: count, frameCount: frameCount,
      squares: squares, outputBytes: output.position, idBytes: idFile.position, vectorBytes: vectorFile.position,
      listBytes: listFile.position, codeFrames: codeFrames.state, idFrames: idFrames.state,
      vectorFrames: vectorFrames.state, codes: codeBytes, ids: ids, rows: rows)
  }

  private mutating func resume(_ state: State) {
    list = Int(state.list)
    listVectors = state.listVectors
    lastID = state.lastID
    count = state.count
    frameCount = state.frameCount
    squares = state.squares
    codes = (0..<state.codes.count / 2).map { state.codes.rawSpan.u16(at: 2 * $0) }
    ids = state.ids
    rows = state.rows
  }
}

extension BuildReport {
  /// What a writer has finished.
  init(_ writer: borrowing IndexWriter, _ clock: StageClock) {
    vectors = writer.count
    imbalance = writer.imbalance
    fileBytes = writer.header.fileLength
    for section in writer.table.sections { sectionBytes[section.name] = section.length }
    stages = clock.stages
  }
}
