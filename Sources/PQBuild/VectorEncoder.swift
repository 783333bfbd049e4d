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

  /// Appends `rows` `[row][dimension]`, whose first is row `firstRow` of the input.
  func encode(_ rows: [Float], firstRow: UInt64, to bytes: inout [UInt8]) throws(BuildError) {
    switch encoding {
    case .none: return
    case .f32: bytes.append(floats: rows.span)
    case .f16:
      for i in rows.indices {
        let half = Float16(rows[i])
        guard half.isFinite else {
          throw refuse(rows[i], at: i, firstRow, "f16 holds at most 65504; use --vectors f32")
        }
        bytes.append(littleEndian: half.bitPattern)
      }
    case .u8:
      for i in rows.indices {
        let value = rows[i] - Float(offset)
        guard value >= 0, value <= 255, value == value.rounded() else {
          throw refuse(rows[i], at: i, firstRow, "u8 vectors hold whole numbers \(offset)...\(255 + offset)")
        }
        bytes.append(UInt8(value))
      }
    }
  }

  private func refuse(_ value: Float, at index: Int, _ firstRow: UInt64, _ why: String) -> BuildError {
    .badData(
      "row \(firstRow + UInt64(index / dimension)), component \(index % dimension): \(value) does not fit; \(why)")
  }
}
