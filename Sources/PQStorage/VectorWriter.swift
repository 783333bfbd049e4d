internal import PQFormat

/// Writes a vector file, or a stream, row by row. A file takes its name in ``finish()``; one that is dropped
/// before leaves nothing behind.
package struct VectorWriter: ~Copyable {
  private var output: OutputFile
  package let format: VectorFileFormat
  private let dimension: Int
  /// The number of rows that the header of a stream has promised.
  private let promised: UInt64?
  package private(set) var rowCount: UInt64 = 0

  /// - Parameters:
  ///   - path: `-` is standard output.
  ///   - format: nil: the one that the path's extension names.
  ///   - rowCount: the number of rows that will be written, if known: a stream needs it for formats that count rows.
  ///   - replacing: whether a file that exists is replaced.
  package init(
    path: String, format: VectorFileFormat? = nil, dimension: Int, rowCount: UInt64? = nil, replacing: Bool = false
  ) throws(VectorFileError) {
    precondition((1...IndexParameters.maximumDimension).contains(dimension), "a vector has 1 to 65,536 components")
    guard let format = format ?? VectorFileFormat(path: path) else {
      throw VectorFileError(
        .unknownFormat, file: path,
        "the name does not tell the format; let it end in one of \(VectorFileFormat.names), or name the format")
    }
    var output = try OutputFile(path: path, replacing: replacing)
    let needsCount = output.isStream && !format.hasRowHeaders
    guard !needsCount || rowCount != nil else {
      throw VectorFileError(
        .unknownFormat, file: output.label,
        "\(format.rawValue) begins with the number of rows, which is not known yet; write a file, or fvecs or bvecs")
    }
    // Of a file the number of rows is what will have been written; one that does not fit is refused before.
    output.buffer = try Self.header(format, rows: rowCount ?? 0, dimension: dimension, label: output.label)
    promised = needsCount ? rowCount : nil
    self.format = format
    self.dimension = dimension
    self.output = output
  }

  /// Appends packed rows `[row][component]`. O(rows).
  /// - Throws: ``VectorFileError/Cause/notRepresentable`` for a component that is no integer of an integer format.
  package mutating func append(rows: Span<Float>) throws(VectorFileError) {
    precondition(rows.count % dimension == 0, "rows are \(dimension) components long")
    for start in stride(from: 0, to: rows.count, by: dimension) {
      let row = rows.extracting(start..<start + dimension)
      if format.hasRowHeaders { output.buffer.append(littleEndian: UInt32(dimension)) }
      if let integers = format.componentType.integers {
        guard row.appendBytes(to: &output.buffer, asIntegersIn: integers) else { throw notIntegers(row, integers) }
      } else {
        row.appendBytes(to: &output.buffer)
      }
      rowCount += 1
      try output.flush()
    }
  }

  private func notIntegers(_ row: Span<Float>, _ integers: ClosedRange<Int>) -> VectorFileError {
    let component = row.indices.first { !(Int(exactly: row[$0]).map(integers.contains) ?? false) } ?? 0
    return VectorFileError(
      .notRepresentable, file: output.label, row: rowCount,
      "component \(component) is \(row[component]), but \(format.rawValue) holds integers from"
        + " \(integers.lowerBound) to \(integers.upperBound); write fvecs or fbin instead")
  }

  /// Writes the number of rows where the format wants it, and gives the file its name.
  package consuming func finish() throws(VectorFileError) {
    precondition(promised == nil || promised == rowCount, "the header of the stream promised another number of rows")
    let header = try Self.header(format, rows: rowCount, dimension: dimension, label: output.label)
    try output.flush(from: 0)
    if !header.isEmpty, !output.isStream { try output.overwriteStart(with: header) }
    try output.publish()
  }

  private static func header(
    _ format: VectorFileFormat, rows: UInt64, dimension: Int, label: String
  ) throws(VectorFileError) -> [UInt8] {
    switch format {
    case .fvecs, .bvecs: return []
    case .npy: return NPYHeader.bytes(type: "<f4", rows: rows, columns: dimension)
    case .fbin, .u8bin, .i8bin:
      guard let count = UInt32(exactly: rows) else {
        throw VectorFileError(
          .notRepresentable, file: label,
          "\(rows) rows, but \(format.rawValue) holds at most \(UInt32.max); write fvecs, bvecs or npy instead")
      }
      var bytes: [UInt8] = []
      bytes.append(littleEndian: count)
      bytes.append(littleEndian: UInt32(dimension))
      return bytes
    }
  }
}
