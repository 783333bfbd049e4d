import PQFormat
import PQSearch
import PQTestSupport
import Testing

/// Options that have a query visit fewer than its nprobe nearest lists.
@Suite struct ListLimitTests {
  private static let limits: [(maxCodes: Int?, reach: Float?)] = [
    (1, nil), (7, nil), (60, nil), (399, nil), (400, nil), (401, nil), (.max, nil), (nil, 1), (nil, 1.05), (nil, 1.5),
    (nil, .infinity), (30, 1.2), (5, 1.5), (400, 40),
  ]

  private func fixture(whole: Bool = false, groups: [Int] = [], seed: UInt64) -> Fixture {
    var f = Fixture(dimension: 6, nlist: 100, m: 3, nbits: 4, whole: whole, seed: seed)
    f.groupStarts = groups
    f.rows = f.values(400, 6, seed: seed + 7)
    return f
  }

  /// The first of a query's lists within reach, as many as hold `maxCodes` vectors.
  private func expected(
    _ query: [Float], _ limit: (maxCodes: Int?, reach: Float?), _ lists: [Int], _ centroids: [[Float]],
    _ sizes: [Int: Int]
  ) -> [Int] {
    func distance(_ list: Int) -> Float { OracleMath.chain(query[...], centroids[list][...], squared: true) }
    let reach = limit.reach.map { $0 * $0 } ?? .infinity
    var (found, held): ([Int], Int) = ([], 0)
    for list in lists where held < limit.maxCodes ?? .max {
      guard !(distance(list) > distance(lists[0]) * reach) else { break }
      found.append(list)
      held += sizes[list] ?? 0
    }
    return found
  }

  @Test(arguments: [false, true], [[], [0, 20, 21, 60, 100]])
  func areTheNearest(whole: Bool, groups: [Int]) throws {
    let f = fixture(whole: whole, groups: groups, seed: 3500)
    let folder = try TemporaryFolder()
    let (index, oracle) = try f.make(in: folder)
    let centroids = f.centroids
    let sizes = Dictionary(grouping: oracle.lists) { $0 }.mapValues(\.count)
    // The first are equal to centroids: nothing is within reach of these but their equals.
    let queries = centroids.prefix(3) + f.values(40, 6, seed: 3508)
    for limit in Self.limits {
      var options = SearchOptions(k: 5, nprobe: 40)
      (options.maxCodes, options.reach) = limit
      var searcher = Searcher(index)
      var chosen: [UInt32] = []
      var visited = 0
      for query in queries {
        let lists = oracle.chooseLists(query, nprobe: 40, through: f.groups)
        let expected = expected(query, limit, lists, centroids, sizes)
        let before = chosen.count
        try searcher.chooseLists(query.span, options, into: &chosen)
        #expect(chosen[before...].map(Int.init) == expected, "\(limit)")
        visited += expected.count { sizes[$0] != nil }
        if groups.isEmpty {
          let nearest = oracle.search(query, k: 5, nprobe: expected.count)
          let found = try index.search(query, options).neighbors
          #expect(found.map(\.id) == nearest.map(\.id) && found.map(\.distance) == nearest.map(\.distance))
        }
      }
      let batch = try index.search(queries.flatMap { $0 }, options)
      #expect(batch.statistics.lists == visited, "\(limit)")
      for (i, query) in queries.enumerated() {
        #expect(batch[i].elementsEqual(try index.search(query, options).neighbors), "\(limit), query \(i)")
      }
    }
  }

  @Test func refused() throws {
    let folder = try TemporaryFolder()
    let index = try fixture(seed: 3510).make(in: folder).index
    let query = [Float](repeating: 0, count: 6)
    for (maxCodes, reach) in [(0, nil), (-1, nil), (nil, 0.99), (nil, -.infinity), (nil, .nan)] as [(Int?, Float?)] {
      var options = SearchOptions()
      (options.maxCodes, options.reach) = (maxCodes, reach)
      let error = #expect(throws: IndexError.self) { try index.search(query, options) }
      #expect(error?.kind == .usage, "\(maxCodes ?? 0) \(reach ?? 0)")
    }
    for metric in [Metric.ip, .cosine] {
      var f = fixture(seed: 3511)
      f.metric = metric
      let inner = try TemporaryFolder()
      let index = try f.make(in: inner).index
      var options = SearchOptions(nprobe: 100)
      options.reach = 2
      let error = #expect(throws: IndexError.self) { try index.search(query, options) }
      #expect(error?.kind == .usage && error?.description.contains("l2") == true)
      options.reach = nil
      options.maxCodes = 1
      #expect(try index.search(f.rows[5], options).statistics.lists == 1)
    }
  }
}
