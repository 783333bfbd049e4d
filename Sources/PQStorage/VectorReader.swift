/// A vector file, or standard input, read in chunks of rows as f32.
///
/// Memory: one buffer of a mebibyte or less, whatever the file's header says.
public struct VectorReader: ~Copyable, Sendable {
  private let input: InputFile
  private let layout: VectorFileLayout
  public let format: VectorFileFormat
  /// The next row.
  public private(set) var position: UInt64 = 0
  private var buffer: [UInt8]
  /// Bytes at the buffer's front that were read and not yet decoded, fewer than a row.
  private var filled: Int

  /// Opens a file and reads its header.
  /// - Parameters:
  ///   - path: `-` is standard input.
  ///   - format: nil: the one that the path's extension names.
  ///   - isCancelled: asked while standard input has nothing to read; true ends the wait with
  ///     ``VectorFileError/Cause/interrupted``.
  /// - Throws: at once, without waiting, if `path` is no regular file.
  public init(
    path: String, format: VectorFileFormat? = nil, isCancelled: @escaping @Sendable () -> Bool = { false }
  ) throws(VectorFileError) {
    let input = try InputFile(path: path, isCancelled: isCancelled)
    guard let format = format ?? VectorFileFormat(path: path) else {
      throw VectorFileError(
        .unknownFormat, file: input.label,
        "the name does not tell the format; give --format, one of \(VectorFileFormat.names)")
    }
    try self.init(input, format)
  }

  /// Opens a copy of standard input, which errors in its content name instead.
  package init(
    spool path: String, format: VectorFileFormat, isCancelled: @escaping @Sendable () -> Bool
  ) throws(VectorFileError) {
    try self.init(InputFile(path: path, label: InputFile.label("-"), isCancelled: isCancelled), format)
  }

  /// Reads the beginning of a stream, which is in memory: for its header, since rows end where it does.
  package init(beginning: MemoryFile, of stream: String, format: VectorFileFormat) throws(VectorFileError) {
    try self.init(InputFile(beginning: beginning, of: stream), format)
  }

  /// Reads bytes that are in memory.
  package init(_ memory: MemoryFile, format: VectorFileFormat) throws(VectorFileError) {
    try self.init(InputFile(memory), format)
  }

  private init(_ input: consuming InputFile, _ format: VectorFileFormat) throws(VectorFileError) {
    let layout = try VectorFileLayout(of: input, format: format)
    self.format = format
    let bufferRows = min(max(1, (1 << 20) / layout.rowBytes), Int(clamping: layout.rowCount ?? .max))
    buffer = [UInt8](repeating: 0, count: bufferRows * layout.rowBytes)
    filled = layout.lookahead.count
    for i in 0..<filled { buffer[i] = layout.lookahead[i] }
    self.layout = layout
    self.input = input
  }

  public var path: String { input.path }
  /// What errors call it.
  package var label: String { input.label }
  public var dimension: Int { layout.dimension }
  public var componentType: ComponentType { layout.componentType }
  /// Bytes of a row in the file.
  package var rowBytes: Int { layout.rowBytes }
  /// The number of rows; nil for a stream that does not say.
  public var rowCount: UInt64? { layout.rowCount }
  /// What tells this state of the file from another; nil for standard input.
  package var identity: InputIdentity? { input.identity }

  /// Throws ``VectorFileError/Cause/changed`` unless the path still leads to the file as it was when it was opened.
  public func checkUnchanged() throws(VectorFileError) { try input.checkUnchanged() }

  /// Reads up to `maxRows` rows, fewer only at the end.
  /// - Parameter rows: `[row][component]`; its content is replaced, its capacity kept. Undefined after an error.
  /// - Returns: the number of rows; 0 at the end.
  /// - Throws: for the first row that is damaged, not finite, or whose squared norm overflows f32.
  public mutating func read(maxRows: Int, into rows: inout [Float]) throws(VectorFileError) -> Int {
    precondition(maxRows > 0, "reading no rows says nothing about the end")
    let wanted = rowCount.map { Int(min($0 - position, UInt64(maxRows))) } ?? maxRows
    if rowCount != nil, rows.count < wanted * dimension { rows.reserveCapacity(wanted * dimension) }
    var count = 0
    while count < wanted {
      let batch = try fill(maxRows: wanted - count)
      guard batch > 0 else { break }
      let end = (count + batch) * dimension
      if rows.count < end { rows.append(contentsOf: repeatElement(0, count: end - rows.count)) }
      try decode(batch, into: &rows, at: count * dimension)
      count += batch
      position += UInt64(batch)
    }
    rows.removeLast(rows.count - count * dimension)
    if count == 0 { try checkEnd() }
    return count
  }

  /// All rows from the position on, `[row][component]`, of a file that is known to fit into memory, such as queries.
  package mutating func readAll() throws(VectorFileError) -> [Float] {
    var all: [Float] = []
    var rows: [Float] = []
    while try read(maxRows: buffer.count / layout.rowBytes, into: &rows) > 0 { all += rows }
    try checkUnchanged()
    return all
  }

  /// Moves to a row: at once in a file, by reading in a stream, which cannot go back.
  /// - Throws: ``VectorFileError/Cause/rowOutOfRange`` if there is no such row.
  public mutating func seek(toRow row: UInt64) throws(VectorFileError) {
    if let rowCount, row > rowCount {
      throw VectorFileError(.rowOutOfRange, file: input.label, "row \(row) was asked for, but it has \(rowCount) rows")
    }
    if input.identity != nil {
      try input.seek(to: layout.offset(ofRow: row))
      filled = 0
      position = row
      return
    }
    guard row >= position else {
      throw VectorFileError(
        .rowOutOfRange, file: input.label, "a stream at row \(position) cannot go back to row \(row); pass a file")
    }
    var skipped: [Float] = []
    while position < row {
      let step = Int(min(row - position, UInt64(buffer.count / layout.rowBytes)))
      guard try read(maxRows: step, into: &skipped) > 0 else {
        throw VectorFileError(
          .rowOutOfRange, file: input.label, "row \(row) was asked for, but it has \(position) rows")
      }
    }
  }

  /// Reads whole rows to the buffer's front; returns how many, 0 at the end.
  private mutating func fill(maxRows: Int) throws(VectorFileError) -> Int {
    let end = min(maxRows, buffer.count / layout.rowBytes) * layout.rowBytes
    filled += try input.read(into: &buffer, range: filled..<end)
    let whole = filled / layout.rowBytes
    if whole > 0 || filled == 0 && rowCount == nil { return whole }
    // The input ended within a row or before its last row.
    if filled >= layout.prefixBytes { try checkDimensions(rows: min(1, layout.prefixBytes)) }
    if let identity = input.identity { try checkLength(identity.size) }
    throw VectorFileError(
      .truncated, file: input.label, row: position, byteOffset: layout.offset(ofRow: position),
      "truncated: the row has \(filled) bytes, expected \(layout.rowBytes)"
        + (rowCount.map { " (there should be \($0) rows)" } ?? "") + "; make or copy the input again")
  }

  /// Decodes and checks the `batch` whole rows at the buffer's front, and moves what follows them there.
  private mutating func decode(_ batch: Int, into rows: inout [Float], at start: Int) throws(VectorFileError) {
    if layout.prefixBytes > 0 { try checkDimensions(rows: batch) }
    var output = rows.mutableSpan
    buffer.span.decodeRows(
      batch, componentType, stride: layout.rowBytes, prefix: layout.prefixBytes, dimension: dimension,
      into: &output, at: start)
    if componentType.integers == nil {
      let decoded = rows.span.extracting(start..<start + batch * dimension)
      if !decoded.haveFiniteNorms(dimension: dimension) { try refuseNumbers(decoded) }
    }
    let used = batch * layout.rowBytes
    for i in used..<filled { buffer[i - used] = buffer[i] }
    filled -= used
  }

  /// Checks the dimension before each of the first `rows` rows of the buffer.
  private func checkDimensions(rows: Int) throws(VectorFileError) {
    let bytes = buffer.span
    for row in 0..<rows {
      let field = bytes.u32(at: row * layout.rowBytes)
      guard field != UInt32(dimension) else { continue }
      let number = position + UInt64(row)
      let offset = layout.offset(ofRow: number)
      let found = try VectorFileLayout.checkedDimension(
        field, signed: true, row: number, byteOffset: offset, of: input)
      throw VectorFileError(
        .dimensionChanged, file: input.label, row: number, byteOffset: offset,
        "the dimension is \(found), expected \(dimension) as in row 0; the file is damaged or not \(format.rawValue)")
    }
  }

  /// Names the first of `rows` whose squared norm is not finite.
  private func refuseNumbers(_ rows: Span<Float>) throws(VectorFileError) {
    for row in 0..<rows.count / dimension {
      let vector = rows.extracting(row * dimension..<(row + 1) * dimension)
      guard !vector.haveFiniteNorms(dimension: dimension) else { continue }
      let number = position + UInt64(row)
      let offset = layout.offset(ofRow: number)
      for component in 0..<dimension where !vector[component].isFinite {
        throw VectorFileError(
          .notFinite, file: input.label, row: number,
          byteOffset: offset + UInt64(layout.prefixBytes + component * componentType.bytes),
          "component \(component) is \(vector[component]), expected a finite number; remove or repair the row")
      }
      throw VectorFileError(
        .normOverflow, file: input.label, row: number, byteOffset: offset,
        "the squared norm is larger than f32 can hold (3.4e38); scale the vectors down")
    }
  }

  /// Checks that nothing follows the last row.
  private func checkEnd() throws(VectorFileError) {
    guard let rowCount, input.identity == nil, try !input.read(count: 1).isEmpty else { return }
    throw VectorFileError(
      .sizeMismatch, file: input.label, byteOffset: layout.offset(ofRow: rowCount),
      "the header says \(rowCount) rows, but more bytes follow; make the input again")
  }

  /// Says that a file is shorter than when it was opened, if that is so.
  private func checkLength(_ size: UInt64) throws(VectorFileError) {
    if layout.offset(ofRow: position) + UInt64(filled) < size { try input.checkUnchanged() }
  }
}
