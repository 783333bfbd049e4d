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

  /// Runs `repeats` passes over the queries, after one that is not timed if there are several, and times the calls
  /// alone. With `cold` nothing is searched before. `queriesPerSecond` is the median pass's, the latencies are of all
  /// timed calls.
  init(
    _ index: Index, _ queries: QuerySet, _ options: SearchOptions, threads: Int, batch: Int, repeats: Int = 1,
    cold: Bool = false, truth: GroundTruth?
  ) throws {
    var latencies = Histogram<UInt64>(numberOfSignificantValueDigits: .three)
    var results = SearchResults()
    // What is used for the first time is checked then; that belongs to opening, not to a query's time.
    if !cold { _ = try index.search(Array(queries.vectors.prefix(queries.dimension)), options) }
    var passes: [Double] = []
    for pass in (repeats > 1 ? -1 : 0)..<repeats {
      var times: [Duration] = []
      results = try Self.pass(index, queries, options, threads: threads, batch: batch, times: &times)
      guard pass >= 0 else { continue }
      for time in times { latencies.record(UInt64(max(1, time / .nanoseconds(1)))) }
      passes.append(times.reduce(.zero, +) / .seconds(1))
    }
    let seconds = Self.median(passes)
    self.options = options
    self.results = results
    queriesPerSecond = seconds > 0 ? Double(queries.count) / seconds : 0
    func percentile(_ percent: Double) -> Double { Double(latencies.valueAtPercentile(percent)) / 1000 }
    latency = (percentile(50), percentile(95), percentile(99))
    (recallAt1, recallAtK) = truth.map { Self.recall(results, $0, k: options.k) } ?? (nil, nil)
  }

  /// One search of all queries; appends the time of each call.
  private static func pass(
    _ index: Index, _ queries: QuerySet, _ options: SearchOptions, threads: Int, batch: Int, times: inout [Duration]
  ) throws -> SearchResults {
    let clock = ContinuousClock()
    var results = SearchResults()
    if batch == 1 {  // threads share queries, not one query
      var searcher = Searcher(index)
      var found = SearchResults()
      for query in 0..<queries.count {
        found.removeAll()
        let begun = clock.now
        try searcher.search(queries[query], options, into: &found)
        times.append(clock.now - begun)
        results.append(found)
      }
    } else {
      for first in stride(from: 0, to: queries.count, by: batch) {
        let end = min(queries.count, first + batch)
        let part = Array(queries.vectors[first * queries.dimension..<end * queries.dimension])
        let begun = clock.now
        let found = try index.search(part, options, threads: threads)
        times.append(clock.now - begun)
        results.append(found)
      }
    }
    return results
  }

  private static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    return sorted.isEmpty ? 0 : (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }

  private static func recall(_ results: SearchResults, _ truth: GroundTruth, k: Int) -> (Double, Double) {
    var firsts = 0
    var hits = 0
    for query in 0..<results.count {
      let expected = truth.neighbors(query)
      let ids = Set(expected.map { UInt64(bitPattern: $0) })
      hits += results[query].count { ids.contains($0.id) }
      if let first = results[query].first, let true1 = expected.first, first.id == UInt64(bitPattern: true1) {
        firsts += 1
      }
    }
    let queries = Double(max(1, results.count))
    return (Double(firsts) / queries, Double(hits) / (queries * Double(k)))
  }
}
