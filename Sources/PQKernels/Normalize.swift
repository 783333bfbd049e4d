/// Scales vectors to length 1, as cosine needs it.
///
/// Canonical: the squared norm is a sum of f64 products over components ascending; each component is the f64 quotient
/// by its root, rounded to f32. A zero vector stays zero.
package enum Normalize {
  /// Normalises each of the packed `rows` `[row][component]`, in place. O(rows).
  package static func rows(_ rows: inout MutableSpan<Float>, dimension: Int, threads: Int = 1) {
    precondition(dimension > 0 && rows.count % dimension == 0, "rows are \(dimension) components long")
    Threads.fill(&rows, stride: dimension, rowsPerPiece: max(1, 65_536 / dimension), threads: threads) { range, part in
      for row in 0..<range.count { normalize(&part, row * dimension..<(row + 1) * dimension) }
    }
  }

  /// Normalises one vector, in place. O(components).
  package static func row(_ row: inout MutableSpan<Float>) { normalize(&row, 0..<row.count) }

  private static func normalize(_ components: inout MutableSpan<Float>, _ range: Range<Int>) {
    var norm = 0.0
    for i in range { norm += Double(components[i]) * Double(components[i]) }
    guard norm > 0 else { return }
    let length = norm.squareRoot()
    for i in range { components[i] = Float(Double(components[i]) / length) }
  }
}
