internal import PQFormat
internal import PQKernels

/// Queries against what is the same for all lists, the rotation and the codebooks, and against centroids of lists.
extension IndexFile {
  /// Rotates the group's queries, if centroids and codes are of rotated vectors. O(queries · D²).
  /// - Precondition: the model is checked.
  borrowing func rotate(_ group: inout QueryGroup) {
    guard parameters.isRotated else { return }
    group.rotate(bytes(of: .rotation).floats())
  }

  /// Fills in the group's lookup tables: per subspace the distance, or inner product, with each codeword.
  /// O(queries · 2^nbits · D).
  borrowing func compareCodebooks(_ group: inout QueryGroup) {
    switch parameters.comparison {
    case .listTables: return
    case .tables:
      fillTables(
        group.vectors, group.count, stride: group.tableFloats, inner: parameters.metric != .l2, &group.tables)
    case .brackets:
      subtractCentre(&group)
      fillTables(group.compared, group.count, stride: group.tableFloats, inner: true, &group.tables)
    }
  }

  private borrowing func subtractCentre(_ group: inout QueryGroup) {
    let centre = bytes(of: .centre).floats()
    for query in 0..<group.count {
      group.lengths[query] = Self.subtract(centre, group.vectors, group.vector(query), &group.compared)
    }
  }

  /// Returns the length of what is left.
  private static func subtract(
    _ centre: Span<Float>, _ vectors: [Float], _ vector: Range<Int>, _ compared: inout [Float]
  ) -> Double {
    let query = vectors.span.extracting(vector)
    var all = compared.mutableSpan
    var output = all.part(vector)
    for i in query.indices { output[i] = query[i] - centre[i] }
    return Kernels.best.squaredLength(output.span).squareRoot()
  }

  /// The tables of `count` vectors, `stride` floats apart. A codebook stays in the cache for all of them.
  borrowing func fillTables(
    _ vectors: [Float], _ count: Int, stride: Int, inner: Bool, _ tables: inout [Float]
  ) {
    guard let layout = parameters.codeLayout else { return }
    let (dimension, d, floats) = (parameters.dimension, parameters.subdimension, parameters.codebookFloats)
    let codebooks = bytes(of: .codebooks).floats()
    var output = tables.mutableSpan
    for s in 0..<layout.m {
      let blocks = codebooks.extracting(s * floats..<(s + 1) * floats)
      for i in 0..<count {
        let part = vectors.span.extracting(i * dimension + s * d..<i * dimension + (s + 1) * d)
        let first = i * stride + s * layout.tableFloats
        var table = output.part(first..<first + 1 << layout.nbits)
        if inner {
          Kernels.best.innerProduct(part, blocks: blocks, into: &table)
        } else {
          Kernels.best.squaredL2(part, blocks: blocks, into: &table)
        }
      }
    }
  }

  /// Fills `residual` with a query minus the centroid of a list: what residual codes are compared with. O(D).
  borrowing func subtractCentroid(_ list: Int, _ query: Span<Float>, _ model: ModelRows?, _ residual: inout [Float]) {
    var output = residual.mutableSpan
    if let rows = model?.centroids, !rows.isEmpty {
      let centroid = rows.span.extracting(list * query.count..<(list + 1) * query.count)
      for i in query.indices { output[i] = query[i] - centroid[i] }
    } else {
      Kernels.best.subtract(list, of: bytes(of: .centroids).floats(), from: query, into: &output)
    }
  }
}
