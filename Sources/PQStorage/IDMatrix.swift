internal import PQFormat

/// Ids of search results or of the ground truth, one row a query, as a file holds them.
package struct IDMatrix: Sendable, Equatable {
  /// What an id is in a file.
  package enum Component: String, Sendable {
    case i64, i32, u32

    var bytes: Int { self == .i64 ? 8 : 4 }

    func id(_ number: Int, in row: RawSpan) -> Int64 {
      switch self {
      case .i64: Int64(bitPattern: row.u64(at: 8 * number))
      case .i32: Int64(Int32(bitPattern: row.u32(at: 4 * number)))
      case .u32: Int64(row.u32(at: 4 * number))
      }
    }
  }

  /// `[row][rank]`; −1 where a query has fewer results.
  package let ids: [Int64]
  package let width: Int
  package let component: Component

  package var rowCount: Int { ids.count / width }

  package init(ids: [Int64], width: Int, component: Component) {
    precondition(width > 0 && ids.count % width == 0, "rows are \(width) ids long")
    self.ids = ids
    self.width = width
    self.component = component
  }

  /// Whether a file of ids can have this name.
  package static func canBeNamed(_ path: String) -> Bool { isNPY(path) || path.lowercased().hasSuffix(".ivecs") }

  package static func isNPY(_ path: String) -> Bool { path.lowercased().hasSuffix(".npy") }

  /// Whether the file holds ids by its name, and, as vectors can be `.npy` too, its header.
  package static func isHeld(in path: String) -> Bool {
    guard isNPY(path) else { return canBeNamed(path) }
    return (try? VectorFileLayout.npyHeader(of: InputFile(path: path)).header.idComponent()) != nil
  }

  /// Reads a whole file: `.npy`, two dimensions of i64, i32 or u32, or else `.ivecs`, rows of an i32 length and as many
  /// i32. `-` is standard input, ivecs.
  package init(path: String) throws(VectorFileError) {
    let input = try InputFile(path: path)
    self = try Self.isNPY(path) ? Self(npy: input) : Self(ivecs: input)
  }

  /// Reads bytes that are in memory.
  package init(ivecs memory: MemoryFile) throws(VectorFileError) { try self.init(ivecs: InputFile(memory)) }
  package init(npy memory: MemoryFile) throws(VectorFileError) { try self.init(npy: InputFile(memory)) }

  private init(npy input: consuming InputFile) throws(VectorFileError) {
    let (header, dataOffset) = try VectorFileLayout.npyHeader(of: input)
    do { component = try header.idComponent() } catch { throw VectorFileLayout.refusedNPY(input, error.reason) }
    width = try VectorFileLayout.checkedDimension(
      UInt32(clamping: header.dimension), signed: false, row: nil, byteOffset: nil, of: input)
    let rowBytes = width * component.bytes
    try VectorFileLayout.checkSize(
      input, rows: header.rows, rowBytes: rowBytes, dataOffset: dataOffset,
      saying: "\(header.rows) rows of \(width) \(component.rawValue) ids", advice: "copy it again")
    var ids: [Int64] = []
    var bytes = [UInt8](repeating: 0, count: rowBytes)
    for row in 0..<header.rows {
      guard try input.read(into: &bytes, range: 0..<rowBytes) == rowBytes else {
        throw VectorFileError(
          .changed, file: input.label, row: row, "became shorter while it was read; keep it as it is until the end")
      }
      for i in 0..<width { ids.append(component.id(i, in: bytes.rawSpan)) }
    }
    self.ids = ids
  }

  private init(ivecs input: consuming InputFile) throws(VectorFileError) {
    // An i32 has the bytes of an f32, so the rows stand where those of fvecs do.
    let layout = try VectorFileLayout(of: input, format: .fvecs)
    var ids: [Int64] = []
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
      for i in 0..<layout.dimension { ids.append(Self.id(ofField: bytes.span.u32(at: 4 + 4 * i))) }
      row += 1
      filled = 0
    }
    self.init(ids: ids, width: layout.dimension, component: .i32)
  }

  /// Row numbers above 2³¹−1 are written as u32 by some; −1 says that there is none.
  private static func id(ofField field: UInt32) -> Int64 { field == .max ? -1 : Int64(field) }
}
