import Histogram
import PQFormat
import PQSearch
import ToolSupport

/// One operating point: its results, how good they are, and what they cost.
struct Measurement {
  let options: SearchOptions
  let results: SearchResults
  let queriesPerSecond: Double
  /// Of single calls (a query, or a batch), in microseconds.
  let latency: (p50: Double, p95: Double, p99: Double)
  /// The first result is the true first, over queries.
  let recallAt1: Double?
  /// Results among the true k, over k and queries.
  let recallAtK: Double?

  init(
    _ index: Index, _ queries: QuerySet, _ options: SearchOptions, threads: Int, batch: Int, truth: GroundTruth?
  ) throws {
    var latencies = Histogram<UInt64>(numberOfSignificantValueDigits: .three)
    let clock = ContinuousClock()
    var results = SearchResults()
    // What is used for the first time is checked then; that belongs to opening, not to a query's time.
    _ = try index.search(Array(queries.vectors.prefix(queries.dimension)), options)
    let start = clock.now
    if batch == 1, threads == 1 {
      var searcher = Searcher(index)
      for query in 0..<queries.count {
        let begun = clock.now
        try searcher.search(queries[query], options, into: &results)
        latencies.record(Self.nanoseconds(clock.now - begun))
      }
    } else {
      for first in stride(from: 0, to: queries.count, by: batch) {
        let end = min(queries.count, first + batch)
        let part = Array(queries.vectors[first * queries.dimension..<end * queries.dimension])
        let begun = clock.now
        results.append(try index.search(part, options, threads: threads))
        latencies.record(Self.nanoseconds(clock.now - begun))
      }
    }
    let seconds = (clock.now - start) / .seconds(1)
    self.options = options
    self.results = results
    queriesPerSecond = seconds > 0 ? Double(queries.count) / seconds : 0
    func percentile(_ percent: Double) -> Double { Double(latencies.valueAtPercentile(percent)) / 1000 }
    latency = (percentile(50), percentile(95), percentile(99))
    (recallAt1, recallAtK) = truth.map { Self.recall(results, $0, k: options.k) } ?? (nil, nil)
  }

  private static func nanoseconds(_ duration: Duration) -> UInt64 { UInt64(max(1, duration / .nanoseconds(1))) }

  private static func recall(_ results: SearchResults, _ truth: GroundTruth, k: Int) -> (Double, Double) {
    var firsts = 0
    var hits = 0
    for query in 0..<results.count {
      let expected = truth.neighbors(query)
      let ids = Set(expected.map { UInt64(UInt32(bitPattern: $0)) })
      hits += results[query].count { ids.contains($0.id) }
      if let first = results[query].first, let true1 = expected.first, first.id == UInt64(UInt32(bitPattern: true1)) {
        firsts += 1
      }
    }
    let queries = Double(max(1, results.count))
    return (Double(firsts) / queries, Double(hits) / (queries * Double(k)))
  }
}
