import PQKernels
import PQTestSupport
import Testing

/// Scores of lists in integers: what they bound, and how closely.
@Suite struct ListScoreTests {
  private static let sets = Kernels.available.filter {
    $0.roundLists([Float](repeating: 1, count: 16).span, count: 1, dimension: 1) != nil
  }

  private func round(_ kernels: Kernels, _ rows: [Float], _ dimension: Int) throws -> RoundedLists {
    let blocks = LaneBlocks.pack(rows.span, dimension: dimension)
    let lists = kernels.roundLists(blocks.span, count: rows.count / dimension, dimension: dimension)
    return try #require(lists)
  }

  /// Scores `[query][centroid]`, with the queries' norms.
  private func scores(
    _ kernels: Kernels, _ lists: RoundedLists, _ queries: [Float]
  ) -> (scores: [Float], norms: [Float]) {
    let count = queries.count / lists.dimension
    var scores = [Float](repeating: .nan, count: count * lists.count)
    var norms = [Float](repeating: .nan, count: count)
    var rounded = [Int32](repeating: -1, count: count * lists.queryWords)
    var output = scores.mutableSpan
    var squares = norms.mutableSpan
    var integers = rounded.mutableSpan
    kernels.scores(lists, queries.span, rounded: &integers, norms: &squares, into: &output)
    return (scores, norms)
  }

  /// Centroids, and queries at their distances: of any size, far from the origin, with many equal ones, in few places.
  private static let kinds: [(String, @Sendable (inout Values, Int) -> [Float])] = [
    ("floats", { $0.floats($1) }), ("whole", { $0.whole($1) }), ("tiny", { $0.floats($1).map { $0 * 0x1p-28 } }),
    ("huge", { $0.floats($1).map { $0 * 0x1p50 } }), ("shifted", { $0.floats($1).map { $0 + 100 } }),
    ("uneven", { $0.floats($1).map { $0 * $0 * $0 * $0 * $0 } }),
  ]

  /// The k nearest centroids, and all as near as the last of them, are within the bound that the k-th score gives.
  @Test(arguments: sets) func boundHoldsTheNearest(kernels: Kernels) throws {
    var values = Values(seed: 31)
    for (dimension, count) in [(1, 40), (2, 16), (7, 33), (8, 1), (17, 200), (96, 100), (128, 257), (300, 64)] {
      for (name, make) in Self.kinds {
        let rows = make(&values, count * dimension)
        let queries = make(&values, 11 * dimension) + rows.prefix(dimension)
        let lists = try round(kernels, rows, dimension)
        let found = scores(kernels, lists, queries)
        for query in 0..<12 where found.norms[query] < .infinity {
          let vector = Array(queries[query * dimension..<(query + 1) * dimension])
          let keys = (0..<count).map { Oracle.squaredL2(vector, rows[$0 * dimension..<($0 + 1) * dimension]) }
          let mine = Array(found.scores[query * count..<(query + 1) * count])
          for k in Set([1, 2, count / 4, count].filter { $0 >= 1 && $0 <= count }) {
            let limit = lists.limit(mine.sorted()[k - 1], norm: found.norms[query])
            let farthest = keys.sorted()[k - 1]
            for j in 0..<count where keys[j] <= farthest {
              #expect(mine[j] <= limit, "\(kernels.name), \(name), D \(dimension), list \(j), \(k) of \(count)")
            }
          }
        }
      }
    }
  }

  /// A filter that lets everything pass would hold the nearest, too.
  @Test(arguments: sets) func boundIsClose(kernels: Kernels) throws {
    var values = Values(seed: 32)
    let rows = values.floats(1000 * 128)
    let queries = values.floats(20 * 128)
    let lists = try round(kernels, rows, 128)
    let found = scores(kernels, lists, queries)
    for query in 0..<20 {
      let mine = Array(found.scores[query * 1000..<(query + 1) * 1000])
      let limit = lists.limit(mine.sorted()[49], norm: found.norms[query])
      let passing = mine.count { $0 <= limit }
      #expect((50...80).contains(passing), "\(passing) lists for 50")
    }
  }

  /// All sets give the same scores, and one query the same as many.
  @Test(arguments: sets) func scoresAreTheSame(kernels: Kernels) throws {
    var values = Values(seed: 33)
    for (dimension, count, queries) in [(5, 30, 3), (64, 130, 13), (128, 1000, 24), (129, 65, 7)] {
      let rows = values.floats(count * dimension)
      let vectors = values.floats(queries * dimension)
      let first = try #require(Self.sets.last)
      let expected = scores(
        first, try round(first, rows, dimension), vectors)
      let lists = try round(kernels, rows, dimension)
      let all = scores(kernels, lists, vectors)
      #expect(all.norms == expected.norms && all.scores == expected.scores, "\(kernels.name), D \(dimension)")
      for query in 0..<queries {
        let one = scores(kernels, lists, Array(vectors[query * dimension..<(query + 1) * dimension]))
        #expect(one.norms[0] == all.norms[query])
        #expect(one.scores == Array(all.scores[query * count..<(query + 1) * count]))
      }
    }
  }

  /// Queries that are too far have no scores; nor has anything where all centroids are one, or differ by more than f32 can say.
  @Test(arguments: sets) func withoutScores(kernels: Kernels) throws {
    var values = Values(seed: 34)
    let (dimension, count) = (8, 32)
    let rows = values.floats(count * dimension)
    let queries = values.floats(dimension) + values.floats(dimension).map { $0 * 1000 } + values.floats(dimension)
    for (name, centroids) in [
      ("usual", rows), ("equal", [Float](repeating: 3, count: count * dimension)),
      ("extreme", rows.map { $0 * 0x1p120 }),
    ] {
      let lists = try round(kernels, centroids, dimension)
      let norms = scores(kernels, lists, queries).norms
      #expect(norms.map { $0 < .infinity } == [name == "usual", false, name == "usual"], "\(kernels.name), \(name)")
    }
  }

  @Test(arguments: Kernels.available) func numberedRows(kernels: Kernels) {
    var values = Values(seed: 35)
    for dimension in [1, 3, 16, 33, 128] {
      let rows = values.floats(50 * dimension)
      let query = values.floats(dimension)
      for count in [0, 1, 7, 8, 9, 23, 24] {
        let numbers = (0..<count).map { _ in UInt32(values.random.next() % 50) }
        var found = [Float](repeating: .nan, count: count + 1)
        var output = found.mutableSpan
        kernels.squaredL2(query.span, rows: rows.span, numbers: numbers.span, into: &output)
        let expected = numbers.map { Oracle.squaredL2(query, rows[Int($0) * dimension..<(Int($0) + 1) * dimension]) }
        #expect(found.dropLast().map(\.bitPattern) == expected.map(\.bitPattern), "\(kernels.name), D \(dimension)")
        #expect(found[count].isNaN)
      }
    }
  }
}
