import PQKernels
import PQTestSupport
import Testing

/// Scores of lists in integers: what they bound, and how closely.
@Suite struct ListScoreTests {
  private static func components(_ kernels: Kernels) -> Int {
    let blocks = (0..<16).map { Float($0) }
    return kernels.roundLists(blocks.span, count: 16, dimension: 1, reach: 1)?.components ?? 0
  }
  private static let sets = Kernels.available.filter { components($0) > 0 }
  private static let setsOfWords = sets.filter { components($0) == 2 }
  private static let setsOfBytes = sets.filter { components($0) == 4 }

  /// - Parameter reach: if nil, that of the centroids themselves.
  private func round(
    _ kernels: Kernels, _ rows: [Float], _ dimension: Int, reach: Float? = nil
  ) -> RoundedLists? {
    let blocks = LaneBlocks.pack(rows.span, dimension: dimension)
    let origin = [Float](repeating: 0, count: dimension)
    let norms = (0..<rows.count / dimension).map {
      Oracle.squaredL2(origin, rows[$0 * dimension..<($0 + 1) * dimension])
    }
    let guarded = GuardedBuffer(blocks)
    return kernels.roundLists(
      guarded.span, count: rows.count / dimension, dimension: dimension,
      reach: reach ?? norms.reduce(0, max).squareRoot())
  }

  /// The largest distance whose canonical square may be `key`.
  private func distance(_ key: Float, _ dimension: Int) -> Double {
    Double(key).squareRoot() * (1 + Double(dimension + 8) * 0x1p-24)
  }

  /// Scores `[query][centroid]`, with the queries' norms, and how far they were moved.
  private func scores(
    _ kernels: Kernels, _ lists: RoundedLists, _ queries: [Float]
  ) -> (scores: [Float], norms: [Float], moved: [Float]) {
    let count = queries.count / lists.dimension
    var scores = [Float](repeating: .nan, count: count * lists.count)
    var norms = [Float](repeating: .nan, count: count)
    var moved = norms
    var rounded = [Int32](repeating: -1, count: count * lists.queryWords)
    var output = scores.mutableSpan
    var squares = norms.mutableSpan
    var distances = moved.mutableSpan
    var integers = rounded.mutableSpan
    let guarded = GuardedBuffer(queries)
    let near = kernels.scores(
      lists, guarded.span, rounded: &integers, norms: &squares, moved: &distances, into: &output)
    #expect(near == norms.count { $0 < .infinity })
    return (scores, norms, moved)
  }

  /// Centroids, and queries at their distances: of any size, far from the origin, with many equal ones, in few places.
  private static let kinds: [(String, @Sendable (inout Values, Int) -> [Float])] = [
    ("floats", { $0.floats($1) }), ("whole", { $0.whole($1) }), ("tiny", { $0.floats($1).map { $0 * 0x1p-28 } }),
    ("huge", { $0.floats($1).map { $0 * 0x1p50 } }), ("shifted", { $0.floats($1).map { $0 + 100 } }),
    ("uneven", { $0.floats($1).map { $0 * $0 * $0 * $0 * $0 } }),
  ]

  /// The k nearest centroids, and all as near as the last of them, are within the bound that its distance gives.
  @Test(arguments: sets) func boundHoldsTheNearest(kernels: Kernels) throws {
    var values = Values(seed: 31)
    for (dimension, count) in [(1, 40), (2, 16), (7, 33), (8, 2), (17, 200), (96, 100), (128, 257), (300, 64)] {
      for (name, make) in Self.kinds {
        let rows = make(&values, count * dimension)
        let queries = make(&values, 11 * dimension) + rows.prefix(dimension)
        let lists = try #require(round(kernels, rows, dimension))
        let found = scores(kernels, lists, queries)
        // But for those of two centroids, which may be as near to each other as queries are far.
        #expect(count == 2 || found.norms.allSatisfy { $0 < .infinity }, "\(name), D \(dimension)")
        for query in 0..<12 where found.norms[query] < .infinity {
          let vector = Array(queries[query * dimension..<(query + 1) * dimension])
          let keys = (0..<count).map { Oracle.squaredL2(vector, rows[$0 * dimension..<($0 + 1) * dimension]) }
          let mine = Array(found.scores[query * count..<(query + 1) * count])
          for k in Set([1, 2, count / 4, count].filter { $0 >= 1 && $0 <= count }) {
            let farthest = keys.sorted()[k - 1]
            let (norm, moved) = (found.norms[query], found.moved[query])
            let limit = kernels.limit(lists, distance: distance(farthest, dimension), norm: norm, moved: moved)
            for j in 0..<count where keys[j] <= farthest {
              #expect(mine[j] <= limit, "\(kernels.name), \(name), D \(dimension), list \(j), \(k) of \(count)")
            }
          }
        }
      }
    }
  }

  /// What is too far for a score bounds nothing.
  @Test(arguments: sets) func boundOfAnyDistance(kernels: Kernels) throws {
    let lists = try #require(round(kernels, [0, 1, 2, 3], 1))
    for distance in [1e30, .infinity] {
      #expect(kernels.limit(lists, distance: distance, norm: 1, moved: 1) == .infinity)
    }
    let limit = kernels.limit(lists, distance: 0, norm: 1, moved: 1)
    #expect(limit > 0 && limit < 1000)
  }

  /// A filter that lets everything pass would hold the nearest, too.
  @Test(arguments: sets) func boundIsClose(kernels: Kernels) throws {
    var values = Values(seed: 32)
    let rows = values.floats(1000 * 128)
    let queries = values.floats(6 * 128)
    let lists = try #require(round(kernels, rows, 128))
    let found = scores(kernels, lists, queries)
    for query in 0..<6 {
      let mine = Array(found.scores[query * 1000..<(query + 1) * 1000])
      let vector = Array(queries[query * 128..<(query + 1) * 128])
      let keys = (0..<1000).map { Oracle.squaredL2(vector, rows[$0 * 128..<($0 + 1) * 128]) }
      let limit = kernels.limit(
        lists, distance: distance(keys.sorted()[49], 128), norm: found.norms[query], moved: found.moved[query])
      let passing = mine.count { $0 <= limit }
      // These data have no near lists: all are about as far.
      #expect((50...(lists.components == 2 ? 65 : 100)).contains(passing), "\(passing) lists for 50")
    }
  }

  /// All sets of the same integers give the same scores, and one query the same as many.
  @Test(arguments: sets) func scoresAreTheSame(kernels: Kernels) throws {
    var values = Values(seed: 33)
    for (dimension, count, queries) in [(5, 30, 3), (64, 130, 13), (128, 1000, 24), (129, 65, 7)] {
      let rows = values.floats(count * dimension)
      let vectors = values.floats(queries * dimension)
      let first = try #require(Self.sets.last { Self.components($0) == Self.components(kernels) })
      let others = try #require(round(first, rows, dimension))
      let expected = scores(first, others, vectors)
      let lists = try #require(round(kernels, rows, dimension))
      let all = scores(kernels, lists, vectors)
      #expect(
        all.norms == expected.norms && all.moved == expected.moved && all.scores == expected.scores,
        "\(kernels.name), D \(dimension)")
      for query in 0..<queries {
        let one = scores(kernels, lists, Array(vectors[query * dimension..<(query + 1) * dimension]))
        #expect(one.norms[0] == all.norms[query])
        #expect(one.scores == Array(all.scores[query * count..<(query + 1) * count]))
      }
    }
  }

  /// Queries that are too far have no scores; nothing is rounded where all centroids are one, or differ by more than f32 can
  /// say.
  @Test(arguments: sets) func withoutScores(kernels: Kernels) throws {
    var values = Values(seed: 34)
    let (dimension, count) = (8, 32)
    let rows = values.floats(count * dimension)
    let queries = values.floats(dimension) + values.floats(dimension).map { $0 * 1000 } + values.floats(dimension)
    let lists = try #require(round(kernels, rows, dimension))
    #expect(scores(kernels, lists, queries).norms.map { $0 < .infinity } == [true, false, true])
    #expect(scores(kernels, lists, Array(queries[dimension..<2 * dimension])).norms == [.infinity])
    for (name, centroids, reach) in [
      ("equal", [Float](repeating: 3, count: count * dimension), 0), ("extreme", rows.map { $0 * 0x1p120 }, 1),
      ("far", rows, .infinity),
      // Sums of lanes are infinite, and their sum is no number.
      ("opposite", (0..<count * dimension).map { $0 / dimension % 2 == 0 ? 3e38 : -3e38 }, 1),
    ] as [(String, [Float], Float)] {
      #expect(round(kernels, centroids, dimension, reach: reach) == nil, "\(kernels.name), \(name)")
    }
  }

  /// Vectors that are rounded as badly as can be: of two centroids the nearer one is the farther one by two units in each
  /// component. Their squares are added to one that is so large that f32 would lose them.
  @Test(arguments: setsOfWords, [8, 128, 1024, 9000]) func roundingAtItsWorst(kernels: Kernels, dimension: Int) throws {
    for k in [0, 1, 5, 100] as [Float] where Float(dimension) * k * k < 2e7 {
      let large: Float = 12_000
      let query = [large] + [Float](repeating: 4.499, count: dimension - 1)
      let first = [large] + [Float](repeating: 4 - k - 0.499, count: dimension - 1)
      var second = [large] + [Float](repeating: 4 + k + 2 - 0.499, count: dimension - 1)
      // So many of one unit less as bring it just before the other.
      for i in 0..<(dimension + 99) / 100 { second[dimension - 1 - i] -= 1 }
      let farthest = [13_000] + [Float](repeating: 0, count: dimension - 1)
      // With their opposites, the mean is zero; the scale is 1.
      let rows = [first, second, farthest].flatMap { $0 + $0.map { -$0 } }
      let reach = 32_700 / (1.001 + Float(dimension) * 0x1p-23).squareRoot() - 13_000
      let lists = try #require(round(kernels, rows, dimension, reach: reach))
      let found = scores(kernels, lists, query)
      func integers(_ vector: [Float]) -> [Int] { vector.map { Int($0.rounded(.toNearestOrEven)) } }
      func product(_ a: [Int], _ b: [Int]) -> Int { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
      let (x, c) = (integers(query), [integers(first), integers(second)])
      #expect(found.norms[0] == Float(product(x, x)))
      for j in 0..<2 { #expect(found.scores[2 * j] == Float(product(c[j], c[j]) / 2 - product(x, c[j]))) }
      #expect(Oracle.squaredL2(query, second[...]) < Oracle.squaredL2(query, first[...]))
      #expect(found.scores[0] < found.scores[2], "the integers tell the opposite")
      let far = Oracle.squaredL2(query, second[...])
      let limit = kernels.limit(
        lists, distance: distance(far, dimension), norm: found.norms[0], moved: found.moved[0])
      #expect(found.scores[2] <= limit, "\(kernels.name), D \(dimension), \(k)")
    }
  }

  /// The same of bytes, which are moved as far as that, and tell how far.
  @Test(arguments: setsOfBytes, [8, 128, 1024, 16_000, 17_000]) func bytesAtTheirWorst(kernels: Kernels, dimension: Int)
    throws
  {
    let most: Float = 127 - 0x1p-8  // of which the scale makes itself
    for k in [0, 1, 5, 50] as [Float] {
      let query = [Float](repeating: 4.499, count: dimension)
      let first = [Float](repeating: 4 - k - 0.499, count: dimension)
      var second = [Float](repeating: 4 + k + 2 - 0.499, count: dimension)
      for i in 0..<(dimension + 99) / 100 { second[dimension - 1 - i] -= 1 }
      let farthest = [most] + [Float](repeating: 0, count: dimension - 1)
      let rows = [first, second, farthest].flatMap { $0 + $0.map { -$0 } }
      let lists = try #require(round(kernels, rows, dimension, reach: 0))
      let found = scores(kernels, lists, query)
      func integers(_ vector: [Float]) -> [Int] { vector.map { Int($0.rounded(.toNearestOrEven)) } }
      func product(_ a: [Int], _ b: [Int]) -> Int { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
      let (x, c) = (integers(query), [integers(first), integers(second)])
      #expect(abs(found.moved[0] - 0.499 * Float(dimension).squareRoot()) < 0.01 * Float(dimension).squareRoot())
      // More than 64 are too far.
      guard dimension < 17_000 else {
        #expect(found.norms[0] == .infinity)
        continue
      }
      #expect(found.norms[0] == Float(product(x, x)))
      for j in 0..<2 { #expect(found.scores[2 * j] == Float(product(c[j], c[j]) / 2 - product(x, c[j]))) }
      #expect(found.scores[0] < found.scores[2], "the integers tell the opposite")
      let far = Oracle.squaredL2(query, second[...])
      let limit = kernels.limit(
        lists, distance: distance(far, dimension), norm: found.norms[0], moved: found.moved[0])
      #expect(found.scores[2] <= limit, "\(kernels.name), D \(dimension), \(k)")
    }
  }

  /// The largest integers, of so many components that sums of 32 bits wrap on their way.
  @Test(arguments: sets) func largestIntegers(kernels: Kernels) throws {
    let dimension = 65_536
    let most: Float = 100
    let rows = [Float](repeating: most, count: dimension) + [Float](repeating: -most, count: dimension)
    let lists = try #require(round(kernels, rows, dimension, reach: 0))
    let found = scores(kernels, lists, rows)
    #expect(found.norms.allSatisfy { $0 < .infinity })
    #expect(found.scores[0] == found.scores[3] && found.scores[0] < 0)
    #expect(found.scores[1] == found.scores[2] && abs(found.scores[1] + 3 * found.scores[0]) < 1e-6 * found.scores[1])
    for j in 0..<2 {
      let limit = kernels.limit(lists, distance: 0, norm: found.norms[j], moved: found.moved[j])
      #expect(found.scores[3 * j] <= limit && found.scores[2 - j] > limit)
    }
  }

  /// Components beyond those of all centroids are moved as far as they are beyond.
  @Test(arguments: setsOfBytes) func bytesBeyondTheScale(kernels: Kernels) throws {
    let dimension = 16
    var values = Values(seed: 36)
    // With their opposites, so that the mean is zero.
    let half = values.floats(20 * dimension)
    let rows = half + half.map { -$0 }
    let lists = try #require(round(kernels, rows, dimension, reach: 0))
    let most = rows.map(abs).max() ?? 0
    var query = Array(rows.prefix(dimension))
    for factor in [1.2, 1.4, 20] as [Float] {
      query[3] = factor * most
      let found = scores(kernels, lists, query)
      guard factor < 2 else { return #expect(found.norms == [.infinity]) }
      // 127 of an integer are as much as the largest component less the mean.
      let beyond = 127 * (factor - 1)
      #expect(found.moved[0] > beyond && found.moved[0] < beyond + 1, "\(found.moved[0]), not \(beyond)")
      let keys = (0..<40).map { Oracle.squaredL2(query, rows[$0 * dimension..<($0 + 1) * dimension]) }
      for k in [1, 10, 40] {
        let far = keys.sorted()[k - 1]
        let limit = kernels.limit(
          lists, distance: distance(far, dimension), norm: found.norms[0], moved: found.moved[0])
        for j in 0..<40 where keys[j] <= far { #expect(found.scores[j] <= limit, "list \(j), \(k)") }
      }
    }
  }

  @Test(arguments: sets) func numberedRows(kernels: Kernels) {
    var values = Values(seed: 35)
    for dimension in [1, 2, 3, 4, 6, 16, 33, 128] {
      let all = values.floats(50 * dimension)
      let rows = GuardedBuffer(all)
      let query = values.floats(dimension)
      for count in [0, 1, 7, 8, 9, 15, 16, 17, 24, 25, 32] {
        // The last row among them, behind which no byte may be read.
        let numbers = (0..<count).map { $0 == 0 ? 49 : UInt32(values.random.next() % 50) }
        var found = [Float](repeating: .nan, count: count + 1)
        var output = found.mutableSpan
        kernels.squaredL2(query.span, rows: rows.span, numbers: numbers.span, into: &output)
        let expected = numbers.map { Oracle.squaredL2(query, all[Int($0) * dimension..<(Int($0) + 1) * dimension]) }
        #expect(found.dropLast().map(\.bitPattern) == expected.map(\.bitPattern), "\(kernels.name), D \(dimension)")
        #expect(found[count].isNaN)
      }
    }
  }
}
