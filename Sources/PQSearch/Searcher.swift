internal import PQFormat

/// One thread's way into an index: the memory that a search needs, allocated once.
public struct Searcher: ~Copyable {
  private let index: Index
  private var scratch: SearchScratch
  /// Summed over all queries that were searched, or whose lists were chosen, one call each; what a batch reads is in its
  /// results.
  public private(set) var statistics = SearchStatistics()

  /// Allocates what does not depend on the queries; the rest grows with them. O(m · 2^nbits + dimension).
  public init(_ index: Index) {
    self.index = index
    scratch = SearchScratch(index.parameters)
  }

  /// From now on the kernel is never asked for pages ahead: what that costs can be measured.
  package mutating func assumesResidence() {
    scratch.work.prefetch.stop()
    index.file.assumesResidence()
  }

  /// Appends the neighbours of one query to `results`, best first, ties by lower id. Allocates nothing once `results`
  /// and the searcher have grown to what a query needs, unless distances are equal.
  /// - Parameter query: `dimension` components.
  /// - Throws: `.usage` for options that cannot be, `.query` for a query of another dimension or that is not finite,
  ///   `.format` for damage that the query has met, `.file` where the file failed; then nothing that was appended counts.
  /// - Complexity: see ``Index/search(_:_:threads:)``.
  public mutating func search(
    _ query: Span<Float>, _ options: SearchOptions = SearchOptions(), into results: inout [Neighbor]
  ) throws(IndexError) {
    guard query.count == index.parameters.dimension else {
      throw .query("the query has \(query.count) components, \(index.path) has dimension \(index.parameters.dimension)")
    }
    try index.file.unlessFailed { (file) throws(IndexError) in
      try file.search(query, QueryOrder(1), options, scratch: &scratch, statistics: &statistics, into: &results)
    }
  }

  /// Appends queries `[query][dimension]`, with their neighbours and what they read, to a batch's results. Near ones of many
  /// queries are searched one after the other, as ``Index/search(_:_:threads:)`` does.
  /// - Throws: as for one query; `.query` also where the components are no whole number of queries. Then nothing is appended.
  /// - Complexity: see ``Index/search(_:_:threads:)``.
  public mutating func search(
    _ queries: Span<Float>, _ options: SearchOptions, into results: inout SearchResults
  ) throws(IndexError) {
    _ = try index.file.count(of: queries)
    let order = index.file.order(of: queries, options)
    if order.isByNumber { return try search(queries, order, options, into: &results) }
    var found = SearchResults()
    try search(queries, order, options, into: &found)
    results.append([found], of: order)
  }

  /// Appends the results of queries in an order.
  mutating func search(
    _ queries: Span<Float>, _ order: QueryOrder, _ options: SearchOptions, into results: inout SearchResults
  ) throws(IndexError) {
    let (count, found, statistics) = (results.count, results.neighbors.count, results.statistics)
    var ends: [Int] = []
    swap(&ends, &results.ends)
    defer { swap(&ends, &results.ends) }
    do throws(IndexError) {
      try index.file.unlessFailed { (file) throws(IndexError) in
        try file.search(
          queries, order, options, scratch: &scratch, statistics: &results.statistics, into: &results.neighbors
        ) { ends.append($0) }
      }
    } catch {
      ends.removeLast(ends.count - count)
      results.neighbors.removeLast(results.neighbors.count - found)
      results.statistics = statistics
      throw error
    }
  }

  /// Appends the lists that a search visits for each of `queries` `[query][dimension]`: `[query][nprobe]`, at most all,
  /// nearest first, ties by lower number; with `maxCodes` or `reach` fewer, for one query not as many as for another. Of
  /// an index without lists the only one, 0.
  public mutating func chooseLists(
    _ queries: Span<Float>, _ options: SearchOptions, into lists: inout [UInt32]
  ) throws(IndexError) {
    try index.file.unlessFailed { (file) throws(IndexError) in
      try file.chooseLists(queries, options, scratch: &scratch, statistics: &statistics, into: &lists)
    }
  }
}
