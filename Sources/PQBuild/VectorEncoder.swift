internal import PQFormat

/// Rows ↔ the bytes of the vectors section.
struct VectorEncoder: Sendable {
  let encoding: VectorEncoding
  let offset: Int
  let dimension: Int

  init(_ index: IndexParameters) {
    encoding = index.vectors
    offset = index.vectorOffset
    dimension = index.dimension
  }

  /// Appends `rows` `[row][dimension]`.
  /// - Parameters:
  ///   - firstRow: the number of the first, for errors.
  ///   - file: what errors call the file of these rows; nil where a caller gave them.
  /// - Throws: `.badData` with the file, row and component.
  func encode(
    _ rows: [Float], firstRow: UInt64, of file: String?, to bytes: inout [UInt8]
  ) throws(BuildError) {
    func refuse(at index: Int, _ why: String) -> BuildError {
      let (row, component) = (firstRow + UInt64(index / dimension), index % dimension)
      return .badData(
        (file.map { $0 + ": " } ?? "") + "row \(row), component \(component): \(rows[index]) does not fit; \(why)")
    }
    switch encoding {
    case .none: return
    case .f32: bytes.append(floats: rows.span)
    case .f16:
      for i in rows.indices {
        let half = Float16(rows[i])
        guard half.isFinite else { throw refuse(at: i, "f16 holds at most 65504; use --vectors f32") }
        bytes.append(littleEndian: half.bitPattern)
      }
    case .u8:
      for i in rows.indices {
        let value = rows[i] - Float(offset)
        guard value >= 0, value <= 255, value == value.rounded() else {
          throw refuse(at: i, "u8 vectors hold whole numbers \(offset)...\(255 + offset)")
        }
        bytes.append(UInt8(value))
      }
    }
  }
}
