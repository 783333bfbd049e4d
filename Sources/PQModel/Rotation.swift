internal import PQKernels

/// An orthonormal rotation of vectors before they are quantized, so that the subspaces of a product quantizer have about
/// equal products of variances and depend little on each other: the parametric solution of Ge, He, Ke and Sun,
/// "Optimized product quantization", 2013. Distances and inner products are those of the vectors, but for rounding.
package struct Rotation: Sendable, Equatable {
  package let dimension: Int
  /// The axes, one a component of a rotated vector, in lane blocks as in the file.
  package let blocks: [Float]

  /// More components would take hours and gibibytes.
  package static let mostComponents = 4096
  /// Of more points a sample is taken.
  package static func mostPoints(_ dimension: Int) -> Int { max(4096, 16 * dimension) }
  /// With more, the variances' geometric mean, which is what allocation makes small, changes little.
  private static let iterations = 10
  /// Of the largest share of the variance: less is taken for as much, which rounding may have made.
  private static let leastShare = 0x1p-24

  /// - Precondition: `blocks` holds as many axes as components.
  package init(dimension: Int, blocks: [Float]) {
    precondition(blocks.count == LaneBlocks.floats(vectors: dimension, dimension: dimension), "axes of another shape")
    self.dimension = dimension
    self.blocks = blocks
  }

  /// The rotation for `m` subspaces of what `points` `[point][dimension]` are: residuals, where the index encodes these.
  /// Deterministic, for any number of threads. O(dimension³).
  /// - Parameter step: called again and again; what it throws ends the search.
  /// - Precondition: there is a point.
  package init<Failure: Error>(
    of points: Span<Float>, dimension: Int, m: Int, threads: Int, step: () throws(Failure) -> Void
  ) throws(Failure) {
    let axes = try PrincipalAxes(
      dimension, of: points, dimension: dimension, sampled: Self.mostPoints(dimension), iterations: Self.iterations,
      completes: true, threads: threads, step: step)
    let order = Self.allocate(axes.shares, m: m)
    let rows = order.flatMap { axes.rows[$0 * dimension..<($0 + 1) * dimension] }
    self.init(dimension: dimension, blocks: LaneBlocks.pack(rows.span, dimension: dimension))
  }

  /// The axes by subspace: each, from the one with the largest variance on, goes to the subspace with the least product of
  /// variances that has room.
  private static func allocate(_ shares: [Double], m: Int) -> [Int] {
    let least = (shares.max() ?? 0) * leastShare
    let descending = shares.indices.sorted { (shares[$1], $0) < (shares[$0], $1) }
    var subspaces = [(axes: [Int], logarithm: Double)](repeating: ([], 0), count: m)
    for axis in descending {
      let open = subspaces.indices.filter { subspaces[$0].axes.count < shares.count / m }
      guard let s = open.min(by: { subspaces[$0].logarithm < subspaces[$1].logarithm }) else { break }
      subspaces[s].axes.append(axis)
      // In units that make the least one 1: no factor makes a product smaller.
      if shares[axis] > least { subspaces[s].logarithm += logarithm(shares[axis] / least) }
    }
    return subspaces.flatMap(\.axes)
  }

  /// About the binary logarithm, on a line between powers of two.
  private static func logarithm(_ x: Double) -> Double { Double(x.exponent) + Double(x.significand) - 1 }

  /// Rows of one piece of work.
  private static let rowsPerPiece = 256

  /// Rotates `rows` `[row][dimension]`: component i is the inner product with axis i (Formats/pqx-v1.md, "Distances").
  /// The same for any number of threads and every instruction set. O(rows · dimension²).
  package func rotate(_ rows: inout [Float], threads: Int) {
    var output = rows.mutableSpan
    Threads.fill(&output, stride: dimension, rowsPerPiece: Self.rowsPerPiece, threads: threads) { range, output in
      let before = output.indices.map { output[$0] }
      Kernels.best.batch(
        .innerProduct, before.span, dimension: dimension, blocks: blocks.span, count: dimension, into: &output)
    }
  }

  /// Rotates `count` vectors in lane blocks.
  package func rotated(_ blocks: [Float], count: Int, threads: Int) -> [Float] {
    var rows: [Float] = []
    LaneBlocks.appendRows(count, of: blocks.span, dimension: dimension, to: &rows)
    rotate(&rows, threads: threads)
    return LaneBlocks.pack(rows.span, dimension: dimension)
  }
}

extension CoarseQuantizer {
  /// Centroids and groups rotated: those of rotated vectors.
  func rotated(_ rotation: Rotation, threads: Int) -> CoarseQuantizer {
    CoarseQuantizer(
      dimension: dimension, nlist: nlist, blocks: rotation.rotated(blocks, count: nlist, threads: threads),
      groups: groups.map {
        Groups(starts: $0.starts, blocks: rotation.rotated($0.blocks, count: $0.count, threads: threads))
      })
  }
}
