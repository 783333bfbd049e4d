internal import PQKernels

/// The product quantizer (Jégou, Douze, Schmid: "Product quantization for nearest neighbor search", 2011): the
/// dimension is divided into `m` subspaces, and each has a codebook of 2^nbits centroids.
package struct ProductQuantizer: Sendable {
  package let dimension: Int
  package let m: Int
  package let nbits: Int
  /// `[subspace]` of lane blocks `[block][component][16 lanes]`, as in the file.
  package let codebooks: [Float]

  package var subdimension: Int { dimension / m }
  package var centroids: Int { 1 << nbits }
  private var codebookFloats: Int { LaneBlocks.floats(vectors: centroids, dimension: subdimension) }

  /// - Precondition: m divides the dimension, nbits is 1...16, and `codebooks` has the shape above.
  package init(dimension: Int, m: Int, nbits: Int, codebooks: [Float]) {
    precondition(m > 0 && dimension % m == 0 && (1...16).contains(nbits), "no product quantizer has this shape")
    self.dimension = dimension
    self.m = m
    self.nbits = nbits
    self.codebooks = codebooks
    precondition(codebooks.count == m * codebookFloats, "codebooks of another shape")
  }

  /// One component of a codeword.
  @inline(__always)
  package func component(_ component: Int, of word: Int, subspace: Int) -> Float {
    codebooks[subspace * codebookFloats + LaneBlocks.index(vector: word, component: component, dimension: subdimension)]
  }

  /// Rows of one piece of work: with more, the preparation of a codebook costs less of the whole.
  private static let rowsPerPiece = 2048

  /// Codes of `rows` `[row][dimension]` (residuals, where the index encodes them) as `[row][m]`.
  ///
  /// Each code is the nearest centroid of its subspace, lowest index among equals. O(rows · 2^nbits · dimension).
  package func encode(_ rows: [Float], threads: Int, into codes: inout [UInt16]) {
    let count = rows.count / dimension
    if codes.count != count * m { codes = [UInt16](repeating: 0, count: count * m) }
    var output = codes.mutableSpan
    Threads.fill(&output, stride: m, rowsPerPiece: Self.rowsPerPiece, threads: threads) { range, output in
      var nearest = [UInt32](repeating: 0, count: range.count)
      var scratch: [Int32] = []
      for s in 0..<m {
        var found = nearest.mutableSpan
        Kernels.best.assign(
          rows.span, offset: range.lowerBound * dimension + s * subdimension, stride: dimension,
          dimension: subdimension, blocks: codebooks.span.extracting(s * codebookFloats..<(s + 1) * codebookFloats),
          centroids: centroids, scratch: &scratch, into: &found)
        for i in 0..<range.count { output[i * m + s] = UInt16(truncatingIfNeeded: nearest[i]) }
      }
    }
  }
}
