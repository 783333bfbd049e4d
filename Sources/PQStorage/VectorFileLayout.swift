internal import PQFormat

/// What the beginning of a vector file says about the rest: where rows stand and what they are.
struct VectorFileLayout {
  let dimension: Int
  let componentType: ComponentType
  /// Where row 0 begins.
  let dataOffset: UInt64
  /// Bytes of a row before its components: its dimension, or none.
  let prefixBytes: Int
  /// From the header, else from the file's size (a last row that is cut counts); nil for a stream without a header.
  let rowCount: UInt64?
  /// Bytes that were read though they belong to row 0.
  let lookahead: [UInt8]

  var rowBytes: Int { prefixBytes + dimension * componentType.bytes }

  /// The offset of row `row`. No overflow: a file holds the row, or a stream has come to it.
  func offset(ofRow row: UInt64) -> UInt64 { dataOffset + row * UInt64(rowBytes) }

  /// Reads the beginning of `input` and checks it against the file's size.
  init(of input: borrowing InputFile, format: VectorFileFormat) throws(VectorFileError) {
    self =
      switch format {
      case .fvecs, .bvecs: try Self.rowHeaders(input, format)
      case .fbin, .u8bin, .i8bin: try Self.countHeader(input, format)
      case .npy: try Self.npy(input)
      }
  }

  private init(
    dimension: Int, componentType: ComponentType, dataOffset: UInt64, prefixBytes: Int = 0, rowCount: UInt64?,
    lookahead: [UInt8] = []
  ) {
    self.dimension = dimension
    self.componentType = componentType
    self.dataOffset = dataOffset
    self.prefixBytes = prefixBytes
    self.rowCount = rowCount
    self.lookahead = lookahead
  }

  /// fvecs and bvecs: row 0 says what the dimension is.
  private static func rowHeaders(
    _ input: borrowing InputFile, _ format: VectorFileFormat
  ) throws(VectorFileError) -> Self {
    let head = try header(of: input, bytes: 4, of: "a dimension")
    let dimension = try checkedDimension(head.span.u32(at: 0), signed: true, row: 0, byteOffset: 0, of: input)
    let rowBytes = UInt64(4 + dimension * format.componentType.bytes)
    let size = input.identity?.size
    if let size, size % rowBytes != 0 { try checkCut(input, size: size, dimension: dimension, rowBytes: rowBytes) }
    return Self(
      dimension: dimension, componentType: format.componentType, dataOffset: 0, prefixBytes: 4,
      rowCount: size.map { $0 / rowBytes + ($0 % rowBytes == 0 ? 0 : 1) }, lookahead: head)
  }

  /// Refuses at once a file whose last row is cut. A file in which the last rows have another dimension is not cut:
  /// reading it finds the row where the dimension changes. Leaves `input` behind byte 4.
  private static func checkCut(
    _ input: borrowing InputFile, size: UInt64, dimension: Int, rowBytes: UInt64
  ) throws(VectorFileError) {
    let whole = size / rowBytes
    for row in [whole - min(whole, 1), whole] where row * rowBytes + 4 <= size {
      try input.seek(to: row * rowBytes)
      let head = try input.read(count: 4)
      guard head.count == 4, head.span.u32(at: 0) == UInt32(dimension) else { return try input.seek(to: 4) }
    }
    throw VectorFileError(
      .truncated, file: input.label, row: whole, byteOffset: whole * rowBytes,
      "truncated: the last row has \(size % rowBytes) bytes, expected \(rowBytes); copy the file again")
  }

  /// fbin, u8bin and i8bin: a header of two u32.
  private static func countHeader(
    _ input: borrowing InputFile, _ format: VectorFileFormat
  ) throws(VectorFileError) -> Self {
    let head = try header(of: input, bytes: 8, of: "a header")
    let rows = head.span.u32(at: 0)
    let dimension = try checkedDimension(
      head.span.u32(at: 4), signed: false, row: nil, byteOffset: 4, of: input)
    return try counted(
      input, type: format.componentType, rows: UInt64(rows), dimension: dimension, dataOffset: 8)
  }

  private static func npy(_ input: borrowing InputFile) throws(VectorFileError) -> Self {
    let (parsed, dataOffset) = try npyHeader(of: input)
    let type: ComponentType
    do { type = try parsed.componentType() } catch { throw refusedNPY(input, error.reason) }
    let dimension = try checkedDimension(
      UInt32(clamping: parsed.dimension), signed: false, row: nil, byteOffset: nil, of: input)
    return try counted(input, type: type, rows: parsed.rows, dimension: dimension, dataOffset: dataOffset)
  }

  /// The header of an npy file, and where its rows begin.
  static func npyHeader(
    of input: borrowing InputFile
  ) throws(VectorFileError) -> (header: NPYHeader, dataOffset: UInt64) {
    let start = try header(of: input, bytes: 8, of: "a header")
    guard start.starts(with: NPYHeader.magic) else {
      let isZip = start.starts(with: Array("PK".utf8))
      throw refusedNPY(
        input,
        isZip
          ? "it is a zip archive (npz); save the array with numpy.save"
          : "it does not begin with \\x93NUMPY; give its real format with --format")
    }
    let version = start[6]
    guard (1...3).contains(version) else {
      throw refusedNPY(input, "version \(version) of its header is unknown; 1 to 3 are read")
    }
    let lengthBytes = version == 1 ? 2 : 4
    let length = try header(of: input, bytes: lengthBytes, of: "a header length") + [0, 0]
    let textBytes = Int(length.span.u32(at: 0))
    guard textBytes <= 65_535 else {
      throw refusedNPY(
        input, "its header claims \(textBytes) bytes, expected at most 65535; the file is damaged")
    }
    let text = try header(of: input, bytes: textBytes, of: "a header text")
    do { return (try NPYHeader(text: text), UInt64(8 + lengthBytes + textBytes)) } catch {
      throw refusedNPY(input, error.reason)
    }
  }

  static func refusedNPY(_ input: borrowing InputFile, _ reason: String) -> VectorFileError {
    VectorFileError(.badHeader, file: input.label, byteOffset: 0, "not an npy file that can be read: " + reason)
  }

  /// A layout whose header says how many rows there are, if the file has as many bytes.
  private static func counted(
    _ input: borrowing InputFile, type: ComponentType, rows: UInt64, dimension: Int, dataOffset: UInt64
  ) throws(VectorFileError) -> Self {
    try checkSize(
      input, rows: rows, rowBytes: dimension * type.bytes, dataOffset: dataOffset,
      saying: "\(rows) vectors of \(dimension) \(type.rawValue) components")
    return Self(dimension: dimension, componentType: type, dataOffset: dataOffset, rowCount: rows)
  }

  /// Checks what a header says, which errors quote, against the file's size.
  static func checkSize(
    _ input: borrowing InputFile, rows: UInt64, rowBytes: Int, dataOffset: UInt64, saying content: String,
    advice: String = "copy it again, or give its real format with --format"
  ) throws(VectorFileError) {
    guard rows > 0 else {
      throw VectorFileError(.empty, file: input.label, byteOffset: 0, "the header says that there are no rows")
    }
    let (data, overflow) = rows.multipliedReportingOverflow(by: UInt64(rowBytes))
    guard !overflow, data <= UInt64(Int64.max) - dataOffset else {
      throw VectorFileError(
        .badHeader, file: input.label, byteOffset: 0,
        "the header says \(content), more than any file holds; it is damaged")
    }
    if let size = input.identity?.size, size != dataOffset + data {
      throw VectorFileError(
        .sizeMismatch, file: input.label, byteOffset: 0,
        "the header says \(content), that is \(dataOffset + data) bytes, but the file has \(size); "
          + advice)
    }
  }

  /// The next `count` bytes of the file's beginning.
  private static func header(
    of input: borrowing InputFile, bytes count: Int, of what: String
  ) throws(VectorFileError) -> [UInt8] {
    if input.identity?.size == 0 { throw empty(input) }
    let bytes = try input.read(count: count)
    if bytes.count == count { return bytes }
    if bytes.isEmpty, input.identity == nil { throw empty(input) }
    throw VectorFileError(
      .truncated, file: input.label, row: 0, byteOffset: 0,
      "truncated: it ends within \(what), which has \(count) bytes; copy the file again")
  }

  private static func empty(_ input: borrowing InputFile) -> VectorFileError {
    VectorFileError(.empty, file: input.label, byteOffset: 0, "is empty, expected at least one vector")
  }

  /// `field` as a dimension.
  static func checkedDimension(
    _ field: UInt32, signed: Bool, row: UInt64?, byteOffset: UInt64?, of input: borrowing InputFile
  ) throws(VectorFileError) -> Int {
    let valid = 1...UInt32(IndexParameters.maximumDimension)
    if valid.contains(field) { return Int(field) }
    let found = signed ? "\(Int32(bitPattern: field))" : "\(field)"
    let advice =
      valid.contains(field.byteSwapped)
      ? "it looks byte-swapped (\(field.byteSwapped)): write the file little-endian"
      : "the file is damaged or of another format; give its real format with --format"
    throw VectorFileError(
      .badDimension, file: input.label, row: row, byteOffset: byteOffset,
      "the dimension is \(found), expected 1 to \(valid.upperBound); \(advice)")
  }
}
