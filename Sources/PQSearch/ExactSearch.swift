package import PQFormat
internal import PQKernels
package import PQStorage

/// The exact nearest vectors of a batch of queries among base vectors that pass by in chunks.
///
/// Results depend on the vectors alone: not on chunks, threads or the instruction set.
package struct ExactSearch: Sendable {
  package let dimension: Int
  package let metric: Metric
  package let k: Int
  private let threads: Int
  /// `[query][component]`, normalised for cosine.
  private let queries: [Float]
  /// `[query][k]`, each a heap.
  private var candidates: [ExactCandidate]
  /// The number of base vectors so far; the next one has this id.
  package private(set) var baseCount: UInt64 = 0

  /// How many rows of a chunk one query meets at a time: 256 KiB stay in the second-level cache for all queries.
  private var tileRows: Int { max(1, (256 << 10) / (4 * dimension)) }

  /// - Parameters:
  ///   - queries: `[query][component]`.
  ///   - k: how many nearest vectors each query gets.
  package init(queries: [Float], dimension: Int, metric: Metric, k: Int, threads: Int) {
    precondition(dimension > 0 && queries.count % dimension == 0, "queries are \(dimension) components long")
    precondition(k > 0, "at least one neighbour")
    var queries = queries
    if metric == .cosine {
      var span = queries.mutableSpan
      Normalize.rows(&span, dimension: dimension, threads: threads)
    }
    self.queries = queries
    self.dimension = dimension
    self.metric = metric
    self.k = k
    self.threads = threads
    candidates = Array(repeating: .none, count: queries.count / dimension * k)
  }

  /// Compares every query with all vectors of `base` from its position on.
  /// - Precondition: `base` has the dimension of the queries.
  package mutating func add(_ base: inout VectorReader) throws(VectorFileError) {
    precondition(base.dimension == dimension, "base vectors have \(dimension) components")
    // Sixteen tiles, so that starting threads does not count.
    let chunkRows = 16 * tileRows
    var rows: [Float] = []
    while try base.read(maxRows: chunkRows, into: &rows) > 0 { add(rows: &rows) }
    try base.checkUnchanged()
  }

  /// Compares every query with the next base vectors. O(queries · rows · dimension).
  /// - Parameter rows: `[row][component]`; normalised in place for cosine.
  package mutating func add(rows: inout [Float]) {
    precondition(rows.count % dimension == 0, "base vectors have \(dimension) components")
    if metric == .cosine {
      var span = rows.mutableSpan
      Normalize.rows(&span, dimension: dimension, threads: threads)
    }
    let (base, queries, dimension, metric, k) = (rows, queries, dimension, metric, k)
    let (baseCount, tileRows, threads) = (baseCount, tileRows, threads)
    let queryCount = queries.count / dimension
    // A few pieces a thread, so that a slow one holds up little; a tile passes all queries of a piece.
    let queriesPerPiece = max(1, queryCount / (4 * threads))
    var output = candidates.mutableSpan
    Threads.fill(&output, stride: k, rowsPerPiece: queriesPerPiece, threads: threads) { piece, candidates in
      let rowCount = base.count / dimension
      var keys = [Float](repeating: 0, count: tileRows)
      for first in stride(from: 0, to: rowCount, by: tileRows) {
        let tile = base.span.extracting(first * dimension..<min(rowCount, first + tileRows) * dimension)
        for query in piece {
          let vector = queries.span.extracting(query * dimension..<(query + 1) * dimension)
          let count = tile.count / dimension
          Self.keys(vector, tile, metric: metric, count: count, into: &keys)
          let heap = (query - piece.lowerBound) * k..<(query - piece.lowerBound + 1) * k
          ExactTopK.insert(
            keys.span.extracting(0..<count), firstID: baseCount + UInt64(first), into: &candidates, heap: heap)
        }
      }
    }
    self.baseCount += UInt64(rows.count / dimension)
  }

  /// Fills the first `count` of `keys` with the squared distances or negated similarities of `query` to `tile`.
  private static func keys(
    _ query: Span<Float>, _ tile: Span<Float>, metric: Metric, count: Int, into keys: inout [Float]
  ) {
    if count < keys.count { keys.removeLast(keys.count - count) }
    var output = keys.mutableSpan
    Kernels.best.rows(metric == .l2 ? .squaredL2 : .innerProduct, query, rows: tile, into: &output)
    if metric != .l2 { for i in 0..<count { output[i] = -output[i] } }
  }

  /// What was found for each query, in order: the nearest first, the lower id first among equals, fewer than `k` if the
  /// base has fewer. O(queries · k · log k).
  package func results() -> [[Neighbor]] {
    let found = Int(min(UInt64(k), baseCount))
    return stride(from: 0, to: candidates.count, by: k).map { first in
      candidates[first..<first + k].sorted(by: <).prefix(found).map { candidate in
        Neighbor(id: candidate.id, distance: metric == .l2 ? candidate.key : -candidate.key)
      }
    }
  }

  /// A base vector near a query: its squared distance, or its similarity.
  package struct Neighbor: Sendable, Equatable {
    package let id: UInt64
    package let distance: Float
  }
}
