internal import PQFormat
internal import PQStorage
internal import Synchronization

/// Rows of the input with their ids.
struct Chunk: Sendable {
  /// `[row][dimension]`.
  var rows: [Float] = []
  /// One a row, where they come from a file.
  var ids: [UInt64]?
  var count = 0
  /// The input up to the last of these rows.
  var mark = InputMark()
}

/// Reads the input chunk by chunk, on whatever thread asks for the next.
final class ChunkReader: Sendable {
  private let state: Mutex<State>
  private let chunkRows: Int
  /// Bytes of a row in the input.
  let rowBytes: UInt64

  private struct State: ~Copyable {
    var reader: VectorReader
    var ids: IDReader?
    let idFile: (path: String, count: UInt64)?
    /// Rows that are wanted of the input; nil for all.
    let rows: Range<UInt64>?
    var mark: InputMark
  }

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
      try BuildError.onInputs { () throws(VectorFileError) in try ids?.seek(toRow: row) }
      if let path = ids?.path, let count = ids?.count { idFile = (path, count) }
    }
    self.chunkRows = chunkRows
    rowBytes = UInt64(reader.rowBytes)
    state = Mutex(State(reader: reader, ids: ids, idFile: idFile, rows: rows, mark: mark))
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
        throw .badData("--resume: \(reader.path) ends at row \(reader.position), but more were encoded before")
      }
      crc = Checksum.plain(rows.span.rawSpan, continuing: crc)
      left -= UInt64(count)
    }
    guard crc == (isFile ? mark.lastCRC : mark.crc) || mark.rows == 0 else {
      throw .badData(
        "--resume: the rows up to \(reader.position) of \(reader.path) are not those that were encoded before; "
          + "give the same input, or start again with --force")
    }
  }

  /// The next chunk; of no rows at the end, where the inputs are checked to be what they were.
  func next() -> Result<Chunk, BuildError> {
    state.withLock { state in
      Result { () throws(BuildError) in try Self.next(&state, chunkRows) }
    }
  }

  private static func next(_ state: inout State, _ chunkRows: Int) throws(BuildError) -> Chunk {
    var chunk = Chunk()
    let wanted = state.rows.map { Int(min(UInt64(chunkRows), $0.upperBound - state.reader.position)) } ?? chunkRows
    if wanted > 0 {
      chunk.count = try BuildError.onInputs { () throws(VectorFileError) in
        try state.reader.read(maxRows: wanted, into: &chunk.rows)
      }
    }
    guard chunk.count > 0 else {
      try end(&state)
      return chunk
    }
    if state.ids != nil {
      var ids: [UInt64] = []
      try BuildError.onInputs { () throws(VectorFileError) in try state.ids?.read(maxCount: chunk.count, into: &ids) }
      guard ids.count == chunk.count else { throw countMismatch(state) }
      chunk.ids = ids
    }
    state.mark.add(chunk.rows.span, count: chunk.count)
    chunk.mark = state.mark
    return chunk
  }

  private static func end(_ state: inout State) throws(BuildError) {
    try BuildError.onInputs { () throws(VectorFileError) in
      try state.reader.checkUnchanged()
      try state.ids?.checkUnchanged()
    }
    if let rows = state.rows, state.reader.position < rows.upperBound {
      throw .badData(
        "\(state.reader.path): it has \(state.reader.position) rows, but rows \(rows.lowerBound):\(rows.upperBound) "
          + "were asked for")
    }
    if state.rows == nil, let count = state.idFile?.count, count != state.reader.position { throw countMismatch(state) }
  }

  private static func countMismatch(_ state: borrowing State) -> BuildError {
    .badData(
      "\(state.idFile?.path ?? ""): \(state.idFile?.count ?? 0) ids, but \(state.reader.path) has "
        + "\(state.reader.rowCount ?? state.reader.position) vectors; there must be one id for each")
  }
}
