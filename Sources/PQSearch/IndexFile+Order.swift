internal import PQFormat
internal import PQKernels

/// The order in which a batch is searched.
extension IndexFile {
  /// The order of `queries` `[query][dimension]`. O(queries · (dimension + log queries)).
  borrowing func order(of queries: Span<Float>, _ options: SearchOptions) -> QueryOrder {
    let count = queries.count / parameters.dimension
    guard let pivots = pivots(queries: count, options) else { return QueryOrder(count) }
    var words = [UInt64](repeating: 0, count: count)
    Self.place(queries, pivots, &words)
    return QueryOrder(sorting: words)
  }

  private static func place(_ queries: Span<Float>, _ pivots: Pivots, _ words: inout [UInt64]) {
    var output = words.mutableSpan
    pivots.place(queries, numberedFrom: 0, into: &output)
  }

  /// The same, by several threads.
  borrowing func order(of queries: [Float], _ options: SearchOptions, threads: Int) -> QueryOrder {
    let dimension = parameters.dimension
    let count = queries.count / dimension
    guard let pivots = pivots(queries: count, options) else { return QueryOrder(count) }
    var words = [UInt64](repeating: 0, count: count)
    Self.fill(&words, threads) { range, part in
      let queries = queries.span.extracting(range.lowerBound * dimension..<range.upperBound * dimension)
      pivots.place(queries, numberedFrom: range.lowerBound, into: &part)
    }
    return QueryOrder(sorting: words)
  }

  private static func fill(
    _ words: inout [UInt64], _ threads: Int, _ body: @Sendable (Range<Int>, inout MutableSpan<UInt64>) -> Void
  ) {
    var output = words.mutableSpan
    Threads.fill(&output, rowsPerPiece: 1024, threads: threads, body)
  }

  /// What orders so many queries; nil where they are few, or visit a good part of all lists, and for the first ones. What is
  /// wrong with centroids is found by the search.
  private borrowing func pivots(queries: Int, _ options: SearchOptions) -> Pivots? {
    let asks = !checks.asked.isFull
    guard queries >= Pivots.fewestQueries, queries <= UInt32.max, parameters.nlist >= Pivots.most,
      options.visitsFew(parameters), (try? checkModel(asks: asks)) != nil
    else { return nil }
    let dimension = parameters.dimension
    return checks.pivots.value(queries, after: Pivots.pays) {
      let axes = bytes(of: .rotation).floats()
      if let groups = checks.groups {
        return Pivots(centroids(of: groups), vectors: groups.count, dimension: dimension, axes: axes)
      }
      if asks { prefetchCentroids(0..<parameters.nlist) }
      guard (try? checkCentroids(0..<parameters.nlist)) != nil else { return nil }
      return Pivots(bytes(of: .centroids).floats(), vectors: parameters.nlist, dimension: dimension, axes: axes)
    }
  }
}
