internal import PQFormat

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
    isNPY = IDMatrix.isNPY(path)
    guard path == "-" || IDMatrix.canBeNamed(path) else {
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
