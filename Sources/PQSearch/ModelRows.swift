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

  /// What codewords, and what centroids may take: each process has its own copies. Rounded centroids take up to
  /// a half of what the centroids do beside that, a little more where components are few.
  private static let maximumFloats = 1 << 20
  /// More lists are chosen through groups, which takes no copies.
  private static let maximumLists = 1 << 14

  private static func copiesCodewords(_ p: IndexParameters) -> Bool {
    p.m * p.subdimension << p.nbits <= maximumFloats
  }

  static func copiesCentroids(_ p: IndexParameters) -> Bool {
    p.nlist <= maximumLists && p.nlist * p.dimension <= maximumFloats
  }

  /// O(model).
  /// - Precondition: codebooks are checked, and centroids where they are copied.
  init(_ p: IndexParameters, codebooks: Span<Float>, centroids: Span<Float>) {
    let (d, words) = (p.subdimension, 1 << p.nbits)
    let copiesWords = Self.copiesCodewords(p)
    var rows: [Float] = []
    if copiesWords { rows.reserveCapacity(p.m * words * d) }
    var sum = 0.0
    for s in 0..<p.m {
      let blocks = codebooks.extracting(s * p.codebookFloats..<(s + 1) * p.codebookFloats)
      sum += Self.largestSquaredNorm(blocks, words, dimension: d)
      if copiesWords { LaneBlocks.appendRows(words, of: blocks, dimension: d, to: &rows) }
    }
    codewords = rows
    longestResidual = sum.squareRoot()
    rows = []
    if Self.copiesCentroids(p) {
      rows.reserveCapacity(p.nlist * p.dimension)
      LaneBlocks.appendRows(p.nlist, of: centroids, dimension: p.dimension, to: &rows)
    }
    self.centroids = rows
  }

  private static func largestSquaredNorm(_ blocks: Span<Float>, _ vectors: Int, dimension: Int) -> Double {
    var largest = 0.0
    for vector in 0..<vectors {
      var norm = 0.0
      for c in 0..<dimension {
        let value = Double(blocks[LaneBlocks.index(vector: vector, component: c, dimension: dimension)])
        norm += value * value
      }
      largest = max(largest, norm)
    }
    return largest
  }
}
