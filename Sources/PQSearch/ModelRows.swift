internal import PQFormat
internal import PQKernels

/// What a process derives from the model of an l2 index with residual codes, once per open file: copies row by row. One
/// distance reads a few lines of them; in the file's lane blocks it would read a line a component.
final class ModelRows: Sendable {
  /// `[subspace][codeword][component]`; empty where the copies would take more than a few MiB: then the file's blocks are
  /// read.
  let codewords: [Float]
  /// `[list][component]`, or empty as above.
  let centroids: [Float]
  /// The square root of the sum over subspaces of the largest squared norm of a codeword: no decoded residual is longer.
  let longestResidual: Double

  /// What all copies of a process may take.
  private static let maximumFloats = 1 << 20

  /// O(model).
  init(_ p: IndexParameters, codebooks: Span<Float>, centroids: Span<Float>) {
    let (d, words) = (p.subdimension, 1 << p.nbits)
    let copiesWords = p.m * words * d <= Self.maximumFloats
    let left = Self.maximumFloats - (copiesWords ? p.m * words * d : 0)
    var rows: [Float] = []
    if copiesWords { rows.reserveCapacity(p.m * words * d) }
    var sum = 0.0
    for s in 0..<p.m {
      let blocks = codebooks.extracting(s * p.codebookFloats..<(s + 1) * p.codebookFloats)
      var largest = 0.0
      for word in 0..<words {
        var norm = 0.0
        for c in 0..<d {
          let value = blocks[LaneBlocks.index(vector: word, component: c, dimension: d)]
          norm += Double(value) * Double(value)
          if copiesWords { rows.append(value) }
        }
        largest = max(largest, norm)
      }
      sum += largest
    }
    codewords = rows
    longestResidual = sum.squareRoot()
    rows = []
    if p.nlist * p.dimension <= left {
      rows.reserveCapacity(p.nlist * p.dimension)
      for list in 0..<p.nlist {
        for c in 0..<p.dimension {
          rows.append(centroids[LaneBlocks.index(vector: list, component: c, dimension: p.dimension)])
        }
      }
    }
    self.centroids = rows
  }
}
