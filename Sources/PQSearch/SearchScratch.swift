internal import PQFormat
internal import PQKernels

/// The memory of one searching thread, allocated once and used for every query.
struct SearchScratch {
  /// The query as it is compared: normalised for cosine.
  var query: [Float]
  /// The query, or its residual to one list's centroid.
  var residual: [Float]
  /// The query's distance (l2) or similarity to each centroid.
  var coarse: [Float]
  var lists: [UInt32] = []
  /// Lookup tables `[m][tableSize]`. Entries past 2^nbits stay at the worst value there is.
  var tables: [Float]
  /// Distances of one frame.
  var distances: [Float]
  /// Decompressed frames.
  var frame: [UInt8] = []
  /// Decompressed ids.
  var ids: [UInt8] = []
  var candidates = Candidates()
  var reranked = Candidates()

  init(_ p: IndexParameters) {
    query = [Float](repeating: 0, count: p.dimension)
    residual = query
    coarse = [Float](repeating: 0, count: p.nlist)
    let layout = p.codeLayout
    let worst: Float = p.metric == .l2 ? .infinity : -.infinity
    tables = [Float](repeating: worst, count: layout.map { $0.m * $0.tableSize } ?? 0)
    distances = [Float](repeating: 0, count: layout?.vectorsPerFrame ?? p.rowsPerFrame)
  }
}

extension Metric {
  var similarity: Similarity { self == .l2 ? .squaredL2 : .innerProduct }

  /// Keys are distances or negated similarities: smaller is better. Negation is exact and its own inverse.
  @inline(__always)
  func key(_ value: Float) -> Float { self == .l2 ? value : -value }
}

extension VectorEncoding {
  var rowType: RowType {
    switch self {
    case .none, .f32: .f32
    case .f16: .f16
    case .u8: .u8
    }
  }
}
