internal import PQFormat
internal import PQKernels

/// What a process derives from the codebooks of l2 indexes with residual codes, once per open file.
final class Codewords: Sendable {
  /// `[subspace][codeword][component]`: one distance reads a few lines of each codebook; in lane blocks it would read a
  /// line a component. Empty where a copy would take more than a few MiB: then the file's blocks are read.
  let rows: [Float]
  /// The square root of the sum over subspaces of the largest squared norm of a codeword: no decoded residual is longer.
  let longest: Double

  private static let maximumFloats = 1 << 20

  /// O(codebooks).
  init(_ p: IndexParameters, codebooks: Span<Float>) {
    let (d, words) = (p.subdimension, 1 << p.nbits)
    var rows: [Float] = []
    let copies = p.m * words * d <= Self.maximumFloats
    if copies { rows.reserveCapacity(p.m * words * d) }
    var sum = 0.0
    for s in 0..<p.m {
      let blocks = codebooks.extracting(s * p.codebookFloats..<(s + 1) * p.codebookFloats)
      var largest = 0.0
      for word in 0..<words {
        var norm = 0.0
        for c in 0..<d {
          let value = blocks[LaneBlocks.index(vector: word, component: c, dimension: d)]
          norm += Double(value) * Double(value)
          if copies { rows.append(value) }
        }
        largest = max(largest, norm)
      }
      sum += largest
    }
    self.rows = rows
    longest = sum.squareRoot()
  }
}
