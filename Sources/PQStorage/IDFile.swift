internal import PQFormat

/// Ids of search results or of the ground truth, one row a query, as a file holds them.
package struct IDMatrix: Sendable, Equatable {
  /// `[row][rank]`; −1 where a query has fewer results.
  package let ids: [Int32]
  package let width: Int

  package var rowCount: Int { ids.count / width }

  package init(ids: [Int32], width: Int) {
    precondition(width > 0 && ids.count % width == 0, "rows are \(width) ids long")
    self.ids = ids
    self.width = width
  }

  /// Reads a whole `.ivecs` file: rows of an i32 length and as many i32. `-` is standard input.
  package init(path: String) throws(VectorFileError) { try self.init(InputFile(path: path)) }

  /// Reads bytes that are in memory.
  package init(_ memory: MemoryFile) throws(VectorFileError) { try self.init(InputFile(memory)) }

  private init(_ input: consuming InputFile) throws(VectorFileError) {
    // An i32 has the bytes of an f32, so the rows stand where those of fvecs do.
    let layout = try VectorFileLayout(of: input, format: .fvecs)
    var ids: [Int32] = []
    var row: UInt64 = 0
    var bytes = layout.lookahead + [UInt8](repeating: 0, count: layout.rowBytes - layout.lookahead.count)
    var filled = layout.lookahead.count
    while true {
      filled += try input.read(into: &bytes, range: filled..<layout.rowBytes)
      if filled == 0 { break }
      let offset = layout.offset(ofRow: row)
      guard filled == layout.rowBytes else {
        throw VectorFileError(
          .truncated, file: input.label, row: row, byteOffset: offset,
          "truncated: the row has \(filled) bytes, expected \(layout.rowBytes); copy the file again")
      }
      let width = Int32(bitPattern: bytes.span.u32(at: 0))
      guard width == layout.dimension else {
        throw VectorFileError(
          .dimensionChanged, file: input.label, row: row, byteOffset: offset,
          "the row is \(width) ids long, expected \(layout.dimension) as row 0; the file is damaged or not ivecs")
      }
      for i in 0..<layout.dimension { ids.append(Int32(bitPattern: bytes.span.u32(at: 4 + 4 * i))) }
      row += 1
      filled = 0
    }
    self.ids = ids
    width = layout.dimension
  }
}

/// Writes ids, one row a query, as `.ivecs` (i32) or `.npy` (i64). The file takes its name in ``finish()``.
package struct IDWriter: ~Copyable {
  private var output: OutputFile
  private let isNPY: Bool
  private let width: Int
  private let rowCount: Int
  private var written = 0

  /// - Parameters:
  ///   - path: ends in `.ivecs` or `.npy`, or is `-`: standard output, ivecs.
  ///   - rowCount: the number of rows that will be appended.
  ///   - idCount: what all ids will be less than, if known.
  ///   - replacing: whether a file that exists is replaced.
  package init(
    path: String, width: Int, rowCount: Int, idCount: UInt64? = nil, replacing: Bool = false
  ) throws(VectorFileError) {
    precondition((1...IndexParameters.maximumDimension).contains(width), "a row has 1 to 65,536 ids")
    isNPY = path.lowercased().hasSuffix(".npy")
    guard isNPY || path == "-" || path.lowercased().hasSuffix(".ivecs") else {
      throw VectorFileError(.unknownFormat, file: path, "ids are written as .ivecs or .npy; name such a file")
    }
    if let idCount, idCount > 1 << 31, !isNPY {
      throw VectorFileError(
        .notRepresentable, file: path,
        "ids up to \(idCount - 1), but ivecs holds \(Int32.max) at most; write .npy instead")
    }
    output = try OutputFile(path: path, replacing: replacing)
    self.width = width
    self.rowCount = rowCount
    if isNPY { output.buffer = NPYHeader.bytes(type: "<i8", rows: UInt64(rowCount), columns: width) }
  }

  /// Appends the ids of one query, −1 where it has none.
  /// - Throws: ``VectorFileError/Cause/notRepresentable`` for an id that ivecs cannot hold.
  package mutating func append(row ids: Span<Int64>) throws(VectorFileError) {
    precondition(ids.count == width && written < rowCount, "expected \(rowCount) rows of \(width) ids")
    if !isNPY { output.buffer.append(littleEndian: UInt32(width)) }
    for i in 0..<width {
      if isNPY {
        output.buffer.append(littleEndian: ids[i])
      } else if let id = Int32(exactly: ids[i]) {
        output.buffer.append(littleEndian: id)
      } else {
        throw VectorFileError(
          .notRepresentable, file: output.label, row: UInt64(written),
          "id \(ids[i]) is larger than ivecs can hold (\(Int32.max)); write .npy instead")
      }
    }
    written += 1
    try output.flush()
  }

  package consuming func finish() throws(VectorFileError) {
    precondition(written == rowCount, "expected \(rowCount) rows")
    try output.publish()
  }
}
