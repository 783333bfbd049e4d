/// How unequal lists are: nlist · Σ nᵢ² / n², where nᵢ are their sizes and n is the sum of these. 1 when all are equal,
/// nlist when one has all vectors; 1 where there are none.
package enum ListImbalance {
  package static func of(_ sizes: some Sequence<Int>) -> Double {
    var (lists, vectors, squares) = (0, 0.0, 0.0)
    for size in sizes {
      lists += 1
      vectors += Double(size)
      squares += Double(size) * Double(size)
    }
    return of(lists: lists, vectors: vectors, squares: squares)
  }

  /// - Parameter squares: Σ nᵢ².
  package static func of(lists: Int, vectors: Double, squares: Double) -> Double {
    vectors == 0 ? 1 : Double(lists) * squares / (vectors * vectors)
  }
}
