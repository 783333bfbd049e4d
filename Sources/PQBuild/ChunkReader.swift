internal import PQFormat
internal import PQStorage

/// Reads the input chunk by chunk.
struct ChunkReader: ~Copyable, ChunkSource {
  private var reader: VectorReader
  private var ids: IDReader?
  private let idFile: (path: String, count: UInt64)?
  /// Rows that are wanted of the input; nil for all.
  private let rows: Range<UInt64>?
  private let chunkRows: Int
  private var mark: InputMark
  /// Bytes of a row in the input.
  let rowBytes: UInt64

  /// - Parameters:
  ///   - rows: the rows to read; nil for all.
  ///   - mark: what was read before; it is found again, and its checksums are compared.
  /// - Throws: `.badData` when these are not the rows that were read before.
  init(
    _ reader: consuming VectorReader, ids: consuming IDReader?, rows: Range<UInt64>?, chunkRows: Int,
    after mark: InputMark
  ) throws(BuildError) {
    try Self.find(mark, from: rows?.lowerBound ?? 0, &reader, chunkRows)
    var idFile: (String, UInt64)?
    if ids != nil {
      let row = reader.position
      if let path = ids?.path, let count = ids?.count {
        guard row <= count else {
          throw .badData("\(path): \(count) ids, but row \(row) and more were asked for; there must be one id for each")
        }
        idFile = (path, count)
      }
      try BuildError.onInputs { () throws(VectorFileError) in try ids?.seek(toRow: row) }
    }
    self.idFile = idFile
    self.rows = rows
    self.chunkRows = chunkRows
    self.mark = mark
    rowBytes = UInt64(reader.rowBytes)
    self.reader = reader
    self.ids = ids
  }

  private static func find(
    _ mark: InputMark, from first: UInt64, _ reader: inout VectorReader, _ chunkRows: Int
  ) throws(BuildError) {
    // A stream has to be read again anyway; of a file the last chunk is enough, its state was compared before.
    let isFile = reader.identity != nil
    let skipped = isFile ? mark.rows - UInt64(mark.lastRows) : 0
    try BuildError.onInputs { () throws(VectorFileError) in
      if first + skipped != reader.position { try reader.seek(toRow: first + skipped) }
    }
    var crc: UInt32 = 0
    var left = mark.rows - skipped
    var rows: [Float] = []
    while left > 0 {
      let count = try BuildError.onInputs { () throws(VectorFileError) in
        try reader.read(maxRows: Int(min(left, UInt64(chunkRows))), into: &rows)
      }
      guard count > 0 else {
        throw .badData("--resume: \(reader.label) ends at row \(reader.position), but more were encoded before")
      }
      crc = Checksum.plain(rows.span.rawSpan, continuing: crc)
      left -= UInt64(count)
    }
    guard crc == (isFile ? mark.lastCRC : mark.crc) || mark.rows == 0 else {
      throw .badData(
        "--resume: the rows up to \(reader.position) of \(reader.label) are not those that were encoded before; "
          + "give the same input, or start again with --force")
    }
  }

  /// The next rows; at the end, where there are none, the inputs are checked to be what they were.
  mutating func next(into chunk: inout Chunk) throws(BuildError) {
    let wanted = rows.map { Int(min(UInt64(chunkRows), $0.upperBound - reader.position)) } ?? chunkRows
    chunk.count = 0
    if wanted > 0 {
      chunk.count = try BuildError.onInputs { () throws(VectorFileError) in
        try reader.read(maxRows: wanted, into: &chunk.rows)
      }
    }
    guard chunk.count > 0 else { return try end() }
    (chunk.file, chunk.firstRow) = (reader.label, reader.position - UInt64(chunk.count))
    if ids != nil {
      var read = chunk.ids.take() ?? []
      try BuildError.onInputs { () throws(VectorFileError) in try ids?.read(maxCount: chunk.count, into: &read) }
      guard read.count == chunk.count else { throw countMismatch() }
      chunk.ids = read
    }
    mark.add(chunk.rows.span, count: chunk.count)
    chunk.mark = mark
  }

  private func end() throws(BuildError) {
    try BuildError.onInputs { () throws(VectorFileError) in
      try reader.checkUnchanged()
      try ids?.checkUnchanged()
    }
    if let rows, reader.position < rows.upperBound {
      throw .badData(
        "\(reader.label): it has \(reader.position) rows, but rows \(rows.lowerBound):\(rows.upperBound) "
          + "were asked for")
    }
    if rows == nil, let count = idFile?.count, count != reader.position { throw countMismatch() }
  }

  private func countMismatch() -> BuildError {
    .badData(
      "\(idFile?.path ?? ""): \(idFile?.count ?? 0) ids, but \(reader.label) has "
        + "\(reader.rowCount ?? reader.position) vectors; there must be one id for each")
  }
}

/// Rows of a caller as chunks.
struct RowChunks: ChunkSource {
  private let rows: [Float]
  private let ids: [UInt64]?
  private let index: IndexParameters
  private let chunkRows: Int
  private var mark: InputMark
  private var next = 0

  /// - Parameter mark: what was added before these.
  init(_ rows: [Float], ids: [UInt64]?, _ index: IndexParameters, chunkRows: Int, after mark: InputMark) {
    self.rows = rows
    self.ids = ids
    self.index = index
    self.chunkRows = chunkRows
    self.mark = mark
  }

  mutating func next(into chunk: inout Chunk) throws(BuildError) {
    let range = next..<min(rows.count / index.dimension, next + chunkRows)
    next = range.upperBound
    chunk.count = range.count
    chunk.rows.removeAll(keepingCapacity: true)
    chunk.rows += rows[range.lowerBound * index.dimension..<range.upperBound * index.dimension]
    chunk.ids = ids.map { Array($0[range]) }
    chunk.firstRow = mark.rows
    try RowCheck.check(chunk.rows, index: index, firstRow: chunk.firstRow)
    mark.add(chunk.rows.span, count: chunk.count)
    chunk.mark = mark
  }
}
