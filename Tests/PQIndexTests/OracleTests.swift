import PQBuild
import PQFormat
import PQSearch
import PQStorage
import PQTestSupport
import Testing

/// Searches give what the oracle gives, bit for bit.
@Suite struct OracleTests {
  private func compare(
    _ fixture: Fixture, queries: [[Float]], _ options: [(k: Int, nprobe: Int, rerank: Int)]
  ) throws {
    let folder = try TemporaryFolder()
    let (index, oracle) = try fixture.make(in: folder)
    for o in options {
      var options = SearchOptions(k: o.k, nprobe: o.nprobe, rerank: o.rerank)
      let found = try index.search(queries.flatMap { $0 }, options)
      options.filtersCodes = false
      let unfiltered = try index.search(queries.flatMap { $0 }, options)
      for (i, query) in queries.enumerated() {
        let expected = oracle.search(query, k: o.k, nprobe: o.nprobe, rerank: o.rerank)
        #expect(found.bits(i) == expected.bits, "\(fixture.metric) seed \(fixture.seed) query \(i) \(o)")
        #expect(unfiltered.bits(i) == expected.bits, "unfiltered: \(fixture.metric) seed \(fixture.seed) query \(i)")
      }
    }
  }

  @Test(arguments: [1, 4, 5, 6, 8, 9, 10, 11, 12, 13], Metric.allCases)
  func everyCodeWidth(nbits: Int, metric: Metric) throws {
    let wide = nbits > 10
    for nlist in [0, 5] {
      var f = Fixture(metric: metric, dimension: wide ? 4 : 9, nlist: nlist, m: wide ? 2 : 3, nbits: nbits)
      f.seed = UInt64(nbits * 10 + nlist)
      f.rows = f.values(wide ? 20 : nbits > 8 ? 40 : 150, f.dimension, seed: f.seed + 7)
      try compare(
        f, queries: f.values(2, f.dimension, seed: f.seed + 8),
        [(1, 1, 0), (10, 2, 0), (7, 99, 30), (500, 5, 3)])
    }
  }

  /// More lists than are looked up together, of which the 64th nearest has two frames.
  @Test(arguments: [Metric.l2, .ip], [4, 8]) func manyFrames(metric: Metric, nbits: Int) throws {
    var f = Fixture(metric: metric, dimension: 4, nlist: 150, m: 2, nbits: nbits, seed: 2500)
    let query = f.values(1, 4, seed: 2501)[0]
    let centroids = f.centroids
    let order = centroids.indices.map { list in
      let key = OracleMath.chain(query[...], centroids[list][...], squared: metric == .l2)
      return (metric == .l2 ? key : -key, list)
    }.sorted(by: <).map(\.1)
    for (place, list) in order.enumerated() {
      let near = f.values(place == 63 ? 4200 : 2, 4, seed: UInt64(2600 + list))
      f.rows += near.map { row in zip(centroids[list], row).map { $0 + $1 * 1e-3 } }
    }
    f.ids = f.rows.indices.map { UInt64(($0 * 7919) % 10_007) }
    let n = f.rows.count
    try compare(f, queries: [query], [(10, 150, 0), (n, 150, 0), (300, 64, 0), (5, 150, 400)])
    let folder = try TemporaryFolder()
    let (index, _) = try f.make(in: folder)
    let statistics = try index.search(query, SearchOptions(k: 10, nprobe: 150)).statistics
    #expect(statistics.lists == 150 && statistics.codesScanned == n)
  }

  @Test(arguments: Metric.allCases) func sixteenBits(metric: Metric) throws {
    var f = Fixture(metric: metric, dimension: 4, nlist: metric == .l2 ? 2 : 0, m: 2, nbits: 16, seed: 16)
    f.rows = f.values(17, 4, seed: 3)
    try compare(f, queries: f.values(2, 4, seed: 4), [(5, 1, 0), (3, 2, 9)])
  }

  /// Many frames and tiles, every stored type, ids in any order.
  @Test(arguments: Metric.allCases, [VectorEncoding.f32, .f16, .u8])
  func storedVectors(metric: Metric, vectors: VectorEncoding) throws {
    guard metric != .cosine || vectors != .u8 else { return }
    for (nlist, m) in [(0, 0), (6, 0), (0, 5), (6, 5)] {
      var f = Fixture(metric: metric, dimension: 35, nlist: nlist, m: m, nbits: 4, vectors: vectors)
      f.seed = UInt64(1000 + nlist + m)
      f.rows =
        vectors == .u8
        ? SeededVectors.bytes(rows: 700, dimension: 35, seed: 5).map { $0.map(Float.init) }
        : f.values(700, 35, seed: 6)
      f.ids = (0..<700).map { UInt64(($0 * 389) % 700) * 7_000_000_000 }
      try compare(f, queries: [f.rows[3], f.values(1, 35, seed: 7)[0]], [(1, 1, 0), (20, 3, 0), (10, 6, 40)])
    }
  }

  /// Centroids and codes of rotated vectors, with and without lists and groups; rows are as they were given.
  @Test(arguments: Metric.allCases, [(0, []), (9, []), (9, [0, 4, 5, 9])] as [(Int, [Int])])
  func rotated(metric: Metric, lists: (count: Int, groupStarts: [Int])) throws {
    for nbits in [4, 8] {
      var f = Fixture(metric: metric, dimension: 35, nlist: lists.count, m: 5, nbits: nbits)
      f.vectors = metric == .cosine ? .f16 : .u8
      (f.groupStarts, f.isRotated, f.seed) = (lists.groupStarts, true, UInt64(2700 + lists.count + nbits))
      f.rows = SeededVectors.bytes(rows: 250, dimension: 35, seed: f.seed).map { $0.map(Float.init) }
      let queries = [f.rows[3]] + f.values(2, 35, seed: f.seed + 1).map { $0.map { 100 * $0 } }
      // Through groups the oracle chooses other lists, unless all are visited.
      try compare(
        f, queries: queries,
        lists.groupStarts.isEmpty ? [(1, 1, 0), (20, 3, 0), (10, 9, 40)] : [(20, 9, 0), (10, 9, 40)])
    }
  }

  /// Many queries of many lists, few of which are visited: these are chosen by integers and in an order of the queries.
  @Test func rotatedBatch() throws {
    var f = Fixture(dimension: 16, nlist: 160, m: 8, nbits: 4, seed: 2800)
    (f.isRotated, f.rows) = (true, f.values(700, 16, seed: 2801))
    try compare(f, queries: f.values(600, 16, seed: 2802), [(5, 6, 0), (5, 6, 9)])
  }

  /// Ties within and across lists, among lists and codewords.
  @Test(arguments: Metric.allCases) func ties(metric: Metric) throws {
    for nlist in [0, 7] {
      var f = Fixture(metric: metric, dimension: 6, nlist: nlist, m: 3, nbits: 3, whole: true)
      f.seed = UInt64(2000 + nlist)
      f.rows = f.values(300, 6, seed: 8)
      f.ids = (0..<300).map { UInt64(($0 * 77) % 300) }
      try compare(
        f, queries: f.values(4, 6, seed: 9), [(1, 7, 0), (50, 3, 0), (50, 7, 0), (50, 7, 120), (300, 7, 300)])
    }
  }

  /// Twelve dimensions, four sub-vectors of three, four codewords each: worked out by hand.
  @Test func workedExample() throws {
    let words: [[Float]] = [[0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 3]]
    var f = Fixture(dimension: 12, m: 4, nbits: 2)
    f.rows = [[1, 0, 0.25, 0, 0, 0, 0, 1.5, 0, 0.25, 0, 3]]
    let folder = try TemporaryFolder()
    let path = folder.path("a.pqx")
    try f.write(to: path, centroids: [], codebooks: [words, words, words, words])
    let query: [Float] = [1, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1]
    // Codes 1 0 2 3: (0+1+0) + (0+0+1) + (0+4+0) + (1+0+4).
    #expect(try Index(path: path).search(query)[0] == [Neighbor(id: 0, distance: 11)])
    // Exact: (0 + 1 + 1/16) + 1 + 9/4 + (9/16 + 0 + 4).
    let exact = try Index(path: path).search(query, SearchOptions(rerank: 1))
    #expect(exact[0] == [Neighbor(id: 0, distance: 8.875)])
  }

  /// In the limit an approximate index is an exact one.
  @Test(arguments: Metric.allCases) func limitIsExact(metric: Metric) throws {
    var f = Fixture(metric: metric, dimension: 8, nlist: 6, m: 4, nbits: 8)
    f.rows = f.values(300, 8, seed: 10)
    let folder = try TemporaryFolder()
    let index = try f.make(in: folder).index
    let exact = OracleIndex(
      metric == .l2 ? .l2 : metric == .ip ? .ip : .cosine, centroids: [], codebooks: [], rows: f.rows, ids: f.rowIDs)
    let query = f.values(1, 8, seed: 11)[0]
    let found = try index.search(query, SearchOptions(k: 20, nprobe: 6, rerank: 300))
    #expect(found.bits(0) == exact.search(query, k: 20).bits)
    // With many bits and no re-ranking, nearly: codebooks of random vectors still find half.
    let estimated = try index.search(query, SearchOptions(k: 20, nprobe: 6))
    let ids = Set(exact.search(query, k: 20).map(\.id))
    #expect(estimated[0].count { ids.contains($0.id) } >= 10)
  }

  @Test func firstID() throws {
    var p = BuildParameters()
    p.kind = .flat
    p.firstID = 5_000_000_000
    let folder = try TemporaryFolder()
    let plan = try BuildPlan(p, dimension: 2, count: 3, componentType: .f32)
    var builder = try IndexBuilder(TrainedModel(plan, sample: []), output: folder.path("a.pqx"))
    try builder.add([0, 0, 5, 5, 1, 1])
    _ = try builder.finish()
    let found = try Index(path: folder.path("a.pqx")).search([5, 5], SearchOptions(k: 3))
    #expect(found[0].map(\.id) == [5_000_000_001, 5_000_000_002, 5_000_000_000])
  }
}
