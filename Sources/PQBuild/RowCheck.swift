internal import PQFormat
internal import PQKernels
internal import PQStorage

/// Rows as they come from a caller, made ready: every value finite, every squared norm within f32, and normalised
/// for cosine.
enum RowCheck {
  /// Checks and normalises.
  /// - Throws: `.badData` with the row and component.
  static func prepare(
    _ rows: inout [Float], index: IndexParameters, firstRow: UInt64, threads: Int
  ) throws(BuildError) {
    try check(rows, index: index, firstRow: firstRow)
    normalize(&rows, index: index, threads: threads)
  }

  /// - Throws: `.badData` with the row and component.
  static func check(_ rows: [Float], index: IndexParameters, firstRow: UInt64) throws(BuildError) {
    let dimension = index.dimension
    guard rows.count % dimension == 0 else {
      throw .usage("\(rows.count) components are no whole number of rows of \(dimension)")
    }
    for number in 0..<rows.count / dimension {
      let row = rows.span.extracting(number * dimension..<(number + 1) * dimension)
      // A value that is not finite leaves no finite norm; which it is matters only then.
      guard row.haveFiniteNorms(dimension: dimension) else { throw refuse(row, number, firstRow) }
    }
  }

  /// Normalises rows that have been checked, where the metric asks for it.
  static func normalize(_ rows: inout [Float], index: IndexParameters, threads: Int) {
    guard index.metric == .cosine else { return }
    var span = rows.mutableSpan
    Normalize.rows(&span, dimension: index.dimension, threads: threads)
  }

  private static func refuse(_ row: Span<Float>, _ number: Int, _ firstRow: UInt64) -> BuildError {
    for i in row.indices where !row[i].isFinite {
      return .badData("row \(firstRow + UInt64(number)), component \(i): \(row[i]) is not finite")
    }
    return .badData("row \(firstRow + UInt64(number)): the squared norm overflows f32; scale the vectors down")
  }
}
