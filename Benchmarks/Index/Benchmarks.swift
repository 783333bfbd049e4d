import Benchmark
import PQBuild
import PQSearch

/// Opening, searching and building a small index; a case whose answer is wrong fails.
let benchmarks: @Sendable () -> Void = {
  // Nothing runs yet, so no other thread reads it.
  unsafe Benchmark.defaultConfiguration = .init(
    metrics: [.wallClock, .throughput], warmupIterations: 1, maxDuration: .seconds(1), maxIterations: 10_000)
  let options = SearchOptions(k: 10, nprobe: 16, rerank: 100)

  Benchmark("build 20,000 × 64, nlist 128, m 16") { benchmark in
    let data = try Sample()
    benchmark.startMeasurement()
    let report = try data.build()
    benchmark.stopMeasurement()
    if report.vectors != Sample.rows { benchmark.error("\(report.vectors) vectors were indexed") }
  }

  Benchmark("open") { benchmark in
    let data = try Sample.built()
    benchmark.startMeasurement()
    let index = try Index(path: data.indexPath)
    benchmark.stopMeasurement()
    if index.parameters.count != UInt64(Sample.rows) { benchmark.error("\(index.parameters.count) vectors") }
  }

  Benchmark("open and search the first query") { benchmark in
    let data = try Sample.built()
    benchmark.startMeasurement()
    let found = try Index(path: data.indexPath).search(data.queries(1), options)
    benchmark.stopMeasurement()
    if found[0].first?.id != 0 { benchmark.error("row 0 is not nearest to itself") }
  }

  Benchmark("search one query") { benchmark in
    let data = try Sample.built()
    let index = try Index(path: data.indexPath)
    var searcher = Searcher(index)
    let query = data.queries(1)
    var neighbors: [Neighbor] = []
    try searcher.search(query.span, options, into: &neighbors)
    neighbors.removeAll(keepingCapacity: true)
    benchmark.startMeasurement()
    try searcher.search(query.span, options, into: &neighbors)
    benchmark.stopMeasurement()
    if neighbors.first?.id != 0 { benchmark.error("row 0 is not nearest to itself") }
  }

  Benchmark("search a batch of 1,000") { benchmark in
    let data = try Sample.built()
    let index = try Index(path: data.indexPath)
    let queries = data.queries(1000)
    _ = try index.search(queries, options)
    benchmark.startMeasurement()
    let found = try index.search(queries, options)
    benchmark.stopMeasurement()
    let right = (0..<found.count).count { found[$0].first?.id == UInt64($0) }
    if right != 1000 { benchmark.error("\(1000 - right) rows of 1,000 are not nearest to themselves") }
  }
}
