internal import PQFormat
internal import PQKernels

/// The memory of one searching thread, allocated once and used for every query.
struct SearchScratch {
  var query: PreparedQuery
  /// The query's distance (l2) or similarity to each centroid.
  var coarse: [Float]
  var lists: [UInt32] = []
  var survivors: Survivors
  /// Distances of one frame's survivors, or rows.
  var distances: [Float]
  /// Decompressed frames.
  var frame: [UInt8] = []
  /// Decompressed ids.
  var ids: [UInt8] = []
  var candidates = Candidates()
  var reranked = Candidates()

  init(_ p: IndexParameters) {
    query = PreparedQuery(p)
    coarse = [Float](repeating: 0, count: p.nlist)
    let room = p.codeLayout.map { CodeLayout.lanes($0.vectorsPerFrame) } ?? 0
    survivors = Survivors(room: room)
    distances = [Float](repeating: 0, count: p.m > 0 ? room : p.rowsPerFrame)
  }
}

/// One query as it is compared.
struct PreparedQuery: Sendable {
  /// Normalised for cosine.
  var vector: [Float]
  /// The query minus what codes are relative to: a list's centroid, or the centre.
  var residual: [Float]
  /// The list whose centroid `residual` is relative to.
  var residualList: Int?
  /// The length of the query minus the centre.
  var centredNorm = 0.0
  /// Lookup tables `[m][tableSize]`, of which 2^nbits entries are used.
  var tables: [Float]
  /// The same tables as u8, and what their units stand for.
  var entries: [UInt8]
  var range = TableRange()
  var minima: [Float]
  /// Nil unless the index's codes have brackets; set by the first query.
  var codewords: Codewords?

  init(_ p: IndexParameters) {
    vector = [Float](repeating: 0, count: p.dimension)
    residual = vector
    let entryCount = p.codeLayout.map { $0.m * $0.tableSize } ?? 0
    tables = [Float](repeating: 0, count: entryCount)
    entries = [UInt8](repeating: 0, count: entryCount)
    minima = [Float](repeating: 0, count: p.m)
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
