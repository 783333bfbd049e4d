import PQFormat
import PQSearch
import PQTestSupport
import Testing

/// The choice of lists, of all and through groups.
@Suite struct GroupTests {
  /// Groups of one list to many, of several lane blocks or within one; some in one lane block with others.
  private static let starts: [[Int]] = [
    [0, 1, 2, 3, 40, 41, 100, 116, 132, 133, 180, 196, 200], Array(stride(from: 0, through: 200, by: 4)), [0, 200],
    Array(0...200), [0, 199, 200], [0, 1, 200],
  ]

  private func fixture(_ metric: Metric, _ starts: [Int], whole: Bool = false, seed: UInt64) -> Fixture {
    var f = Fixture(
      metric: metric, dimension: 6, nlist: starts.last ?? 0, m: 3, nbits: 4, whole: whole, seed: seed)
    f.groupStarts = starts
    f.isRotated = seed == 3000
    f.rows = f.values(400, 6, seed: seed + 7)
    return f
  }

  private func choose(
    _ index: Index, _ queries: [[Float]], nprobe: Int, usesGroups: Bool = true, centroids: inout Int
  ) throws -> [[Int]] {
    var options = SearchOptions(nprobe: nprobe)
    options.usesGroups = usesGroups
    var searcher = Searcher(index)
    var lists: [UInt32] = []
    let components = queries.flatMap { $0 }
    try searcher.chooseLists(components.span, options, into: &lists)
    var one: [UInt32] = []
    for query in queries { try searcher.chooseLists(query.span, options, into: &one) }
    #expect(one == lists, "one query at a time")
    #expect(searcher.statistics.centroids % 2 == 0)
    centroids = searcher.statistics.centroids / 2
    let each = lists.count / queries.count
    return queries.indices.map { lists[$0 * each..<($0 + 1) * each].map(Int.init) }
  }

  @Test(arguments: starts, Metric.allCases)
  func choiceIsTheOracles(_ starts: [Int], metric: Metric) throws {
    for (seed, whole) in [(3000, false), (3001, true)] as [(UInt64, Bool)] {
      let f = fixture(metric, starts, whole: whole, seed: seed)
      let folder = try TemporaryFolder()
      let (index, oracle) = try f.make(in: folder)
      let queries = f.values(6, 6, seed: seed + 8)
      let all = f.groups.flatMap(\.lists)
      #expect(all == Array(0..<f.nlist))
      for nprobe in [1, 2, 9, 40, 91, 92, 200, .max] {
        var compared = 0
        let found = try choose(index, queries, nprobe: nprobe, centroids: &compared)
        var expected: [[Int]] = []
        for query in queries { expected.append(oracle.chooseLists(query, nprobe: nprobe, through: f.groups)) }
        #expect(found == expected, "\(nprobe) of \(starts)")
        let everything = queries.count * (f.nlist + f.groups.count)
        #expect(nprobe >= 92 ? compared == everything : compared <= everything)

        let exhaustive = try choose(index, queries, nprobe: nprobe, usesGroups: false, centroids: &compared)
        #expect(compared == queries.count * f.nlist)
        for (i, query) in queries.enumerated() {
          #expect(exhaustive[i] == oracle.chooseLists(query, nprobe: nprobe, through: []))
        }
        if nprobe >= 92 || f.groups.count == 1 { #expect(found == exhaustive) }
      }
    }
  }

  /// Queries of which integers say nothing, beside others of the same batch.
  @Test func farQueries() throws {
    let f = fixture(.l2, Self.starts[0], seed: 3050)
    let folder = try TemporaryFolder()
    let (index, oracle) = try f.make(in: folder)
    // The first 64 choices are made without integers.
    let queries = f.values(100, 6, seed: 3051).enumerated().map { i, query in
      query.map { $0 * (i % 3 == 1 ? 1000 : i % 3 == 2 ? 1e15 : 1) }
    }
    var compared = 0
    let found = try choose(index, queries, nprobe: 9, usesGroups: false, centroids: &compared)
    for (i, query) in queries.enumerated() {
      #expect(found[i] == oracle.chooseLists(query, nprobe: 9, through: []), "query \(i)")
    }
  }

  /// One searcher that goes from few lists to many, through groups and not, with batches of any size.
  @Test func optionsChange() throws {
    let f = fixture(.l2, Self.starts[0], seed: 3060)
    let folder = try TemporaryFolder()
    let (index, oracle) = try f.make(in: folder)
    let queries = f.values(60, 6, seed: 3061)
    // From now on choices of few lists are made by integers.
    var compared = 0
    _ = try choose(index, f.values(40, 6, seed: 3062), nprobe: 9, usesGroups: false, centroids: &compared)
    var searcher = Searcher(index)
    var first = 0
    for (batch, nprobe, usesGroups) in [
      (24, 9, false), (1, 9, true), (1, 120, false), (3, 9, false), (13, 2, true), (1, 2, false), (14, 60, false),
      (2, 50, false), (1, 51, false),
    ] {
      var options = SearchOptions(nprobe: nprobe)
      options.usesGroups = usesGroups
      var lists: [UInt32] = []
      let part = queries[first..<first + batch]
      let components = part.flatMap { $0 }
      try searcher.chooseLists(components.span, options, into: &lists)
      let expected = part.flatMap { oracle.chooseLists($0, nprobe: nprobe, through: usesGroups ? f.groups : []) }
      #expect(lists.map(Int.init) == expected, "\(batch) queries, \(nprobe) lists, groups \(usesGroups)")
      first += batch
    }
    #expect(first == queries.count)
  }

  /// Of 200 lists in groups of four, a choice of one compares 110 lists or more, since 109⁴ < 2 · 200³ · 9 < 110⁴: 28 groups.
  @Test func fewListsAreCompared() throws {
    let f = fixture(.l2, Self.starts[1], seed: 3100)
    let folder = try TemporaryFolder()
    let index = try f.make(in: folder).index
    var compared = 0
    _ = try choose(index, f.values(10, 6, seed: 3), nprobe: 1, centroids: &compared)
    #expect(compared == 10 * (50 + 112))
  }

  /// A search visits the lists that are chosen, and no other.
  @Test(arguments: Metric.allCases, [true, false])
  func searchVisitsTheChosen(metric: Metric, usesGroups: Bool) throws {
    let f = fixture(metric, Self.starts[0], seed: 3200)
    let folder = try TemporaryFolder()
    let index = try f.make(in: folder).index
    let queries = f.values(20, 6, seed: 3201)
    var compared = 0
    let chosen = try choose(index, queries, nprobe: 20, usesGroups: usesGroups, centroids: &compared)
    var options = SearchOptions(k: 400, nprobe: 20)
    options.usesGroups = usesGroups
    let results = try index.search(queries.flatMap { $0 }, options)
    #expect(results.statistics.centroids == compared)
    for i in queries.indices {
      let ids = try chosen[i].flatMap { try index.listContents($0, limit: .max).ids }
      #expect(results[i].map(\.id).sorted() == ids.sorted())
    }
    options.nprobe = f.nlist
    options.k = 10
    let all = try index.search(queries.flatMap { $0 }, options).neighbors
    options.usesGroups.toggle()
    #expect(try index.search(queries.flatMap { $0 }, options).neighbors == all)
  }

  @Test func withoutLists() throws {
    var f = Fixture(dimension: 4, m: 2)
    f.rows = f.values(20, 4, seed: 1)
    let folder = try TemporaryFolder()
    var lists: [UInt32] = []
    var searcher = Searcher(try f.make(in: folder).index)
    let query = f.rows[0]
    try searcher.chooseLists(query.span, SearchOptions(nprobe: 7), into: &lists)
    #expect(lists == [0])
    do {
      try searcher.chooseLists(query.span.extracting(0..<3), SearchOptions(), into: &lists)
      Issue.record("a query of 3 components of 4")
    } catch { #expect(error.kind == .badData) }
  }
}
