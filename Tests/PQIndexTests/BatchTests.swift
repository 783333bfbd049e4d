import PQFormat
import PQKernels
import PQTestSupport
import Testing

@testable import PQSearch

/// Batches whose queries are searched in another order than theirs.
@Suite struct BatchTests {
  private func fixture(_ metric: Metric, m: Int, groups: [Int] = [], seed: UInt64) -> Fixture {
    var f = Fixture(metric: metric, dimension: 6, nlist: 200, m: m, nbits: 4, seed: seed)
    f.groupStarts = groups
    f.rows = f.values(1500, 6, seed: seed + 7)
    return f
  }

  /// Any number of threads gives each query what it gets alone, and the whole batch reads what all of them do.
  @Test(arguments: [Metric.l2, .ip, .cosine], [0, 3])
  func isWhatEachQueryGets(metric: Metric, m: Int) throws {
    for groups in [[], [0, 30, 31, 90, 199, 200]] {
      let folder = try TemporaryFolder()
      let f = fixture(metric, m: m, groups: groups, seed: 5000)
      let (index, _) = try f.make(in: folder)
      let queries = f.values(260, 6, seed: 5011)
      for options in [SearchOptions(k: 4, nprobe: 5), SearchOptions(k: 3, nprobe: 9, rerank: m > 0 ? 20 : 0)] {
        var searcher = Searcher(index)
        let all = queries.flatMap { $0 }
        #expect(!index.file.order(of: all.span, options).isByNumber)
        var single: [[Neighbor]] = []
        for query in queries {
          var neighbors: [Neighbor] = []
          try searcher.search(query.span, options, into: &neighbors)
          single.append(neighbors)
        }
        for threads in [1, 2, 5] {
          let batch = try index.search(all, options, threads: threads)
          #expect(batch.statistics.lists == searcher.statistics.lists)
          #expect(batch.statistics.codesScanned == searcher.statistics.codesScanned)
          #expect(batch.statistics.queries == 260 && batch.count == 260)
          let wrong = queries.indices.filter { !batch[$0].elementsEqual(single[$0]) }
          #expect(wrong == [], "\(threads) threads")
        }
        for access in [Index.Access.guarded, .read] {
          let batch = try Index(path: index.path, access: access).search(all, options, threads: 2)
          let wrong = queries.indices.filter { !batch[$0].elementsEqual(single[$0]) }
          #expect(wrong == [], "\(access)")
        }
        var appended = try index.search(queries[0], options)
        var again = Searcher(index)
        try again.search(all.span, options, into: &appended)
        #expect(appended.count == 261 && appended[0].elementsEqual(single[0]))
        #expect(queries.indices.filter { !appended[$0 + 1].elementsEqual(single[$0]) } == [])
      }
    }
  }

  /// A batch of which a query is refused appends nothing, in whichever order it is searched; options are checked without one.
  @Test func refusedBatchesAppendNothing() throws {
    let folder = try TemporaryFolder()
    let f = fixture(.l2, m: 3, seed: 5020)
    let (index, _) = try f.make(in: folder)
    let options = SearchOptions(k: 4, nprobe: 5)
    for count in [5, 260] {
      var queries = f.values(count, 6, seed: 5021).flatMap { $0 }
      #expect(index.file.order(of: queries.span, options).isByNumber == (count == 5))
      queries[6 * (count - 2)] = .nan
      var results = try index.search(Array(queries[0..<12]), options)
      let before = results
      var searcher = Searcher(index)
      #expect(throws: IndexError.self) { try searcher.search(queries.span, options, into: &results) }
      #expect(results.count == 2 && results.neighbors == before.neighbors)
      #expect(results.statistics.lists == before.statistics.lists)
    }
    for threads in [1, 2] {
      #expect(throws: IndexError.self) { _ = try index.search([], SearchOptions(k: 0), threads: threads) }
    }
  }

  /// An error says the number that the query has in the batch.
  @Test(arguments: [1, 3]) func errorsNameTheQuery(threads: Int) throws {
    let folder = try TemporaryFolder()
    let f = fixture(.l2, m: 3, seed: 5100)
    let (index, _) = try f.make(in: folder)
    let queries = f.values(400, 6, seed: 5111).flatMap { $0 }
    let options = SearchOptions(k: 1, nprobe: 2)
    _ = try index.search(queries, options)
    for (query, value) in [(0, Float.nan), (217, .infinity), (399, -.infinity)] {
      var wrong = queries
      wrong[6 * query + 5] = value
      #expect(!index.file.order(of: wrong.span, options).isByNumber)
      let error = #expect(throws: IndexError.self) { try index.search(wrong, options, threads: threads) }
      #expect(error.map { "\($0)".contains("query \(query):") } == true, "\(error.map { "\($0)" } ?? "")")
    }
    for nprobe in [Int.min, -1, 0] {
      #expect(throws: IndexError.self) { try index.search(queries, SearchOptions(k: 1, nprobe: nprobe)) }
    }
  }

  /// Few queries, or such that visit a good part of all lists, are searched as they come.
  @Test func withoutOrder() throws {
    let folder = try TemporaryFolder()
    let f = fixture(.l2, m: 3, seed: 5200)
    let (index, _) = try f.make(in: folder)
    let queries = f.values(300, 6, seed: 5211).flatMap { $0 }
    #expect(!index.file.order(of: queries.span, SearchOptions(nprobe: 50)).isByNumber)
    #expect(index.file.order(of: queries.span, SearchOptions(nprobe: 51)).isByNumber)
    #expect(index.file.order(of: queries.span.extracting(0..<6 * 31), SearchOptions(nprobe: 5)).isByNumber)
    #expect(!index.file.order(of: queries.span.extracting(0..<6 * 32), SearchOptions(nprobe: 5)).isByNumber)
  }

  /// An order has each query once, by the nearest pivots; all numbers of threads give the same.
  @Test func ordersByPivots() throws {
    let folder = try TemporaryFolder()
    let f = fixture(.l2, m: 3, seed: 5300)
    let (index, _) = try f.make(in: folder)
    let queries = f.values(5000, 6, seed: 5311)
    let all = queries.flatMap { $0 }
    let order = index.file.order(of: all.span, SearchOptions(nprobe: 1))
    let numbers = order.places.map { order[$0] }
    #expect(numbers.sorted() == Array(0..<5000))
    for threads in [1, 2, 7] {
      let other = index.file.order(of: all, SearchOptions(nprobe: 1), threads: threads)
      #expect(other.places.map { other[$0] } == numbers)
    }
    let part = order.part(100..<150)
    #expect(part.places.map { part[$0] } == Array(numbers[100..<150]))
    // Queries in the order are nearer to those before them than any others are.
    func mean(_ numbers: [Int]) -> Double {
      let lengths = zip(numbers, numbers.dropFirst()).map { a, b in
        OracleMath.chain(queries[a][...], queries[b][...], squared: true)
      }
      return lengths.reduce(0) { $0 + Double($1) } / Double(lengths.count)
    }
    #expect(mean(numbers) < mean(Array(0..<5000)) / 2)
  }

  /// What is ordered is not rotated: pivots of rotated centroids are rotated back.
  @Test(arguments: [5, 35]) func rotatedPivots(dimension: Int) {
    let centroids = SeededVectors.floats(rows: 70, dimension: dimension, seed: 5500)
    let axes = SeededVectors.axes(dimension: dimension, seed: 5501)
    func words(_ centroids: [[Float]], _ axes: [[Float]]) -> [UInt64] {
      let (components, flat) = (centroids.flatMap { $0 }, axes.flatMap { $0 })
      let (blocks, axisBlocks) = (
        LaneBlocks.pack(components.span, dimension: dimension), LaneBlocks.pack(flat.span, dimension: dimension)
      )
      let pivots = Pivots(blocks.span, vectors: 70, dimension: dimension, axes: axisBlocks.span)
      let queries = SeededVectors.floats(rows: 200, dimension: dimension, seed: 5502).flatMap { $0 }
      var words = [UInt64](repeating: 0, count: 200)
      var output = words.mutableSpan
      pivots.place(queries.span, numberedFrom: 0, into: &output)
      return words
    }
    #expect(words(centroids.map { OracleMath.rotated($0, axes) }, axes) == words(centroids, []))
  }

  /// Words of pivots, beside plain arithmetic; of a query that is no number they are of pivots all the same.
  @Test func pivotsAreTheNearest() {
    let centroids = SeededVectors.floats(rows: 70, dimension: 5, seed: 5400)
    let components = centroids.flatMap { $0 }
    let pivots = Pivots(
      LaneBlocks.pack(components.span, dimension: 5).span, vectors: 70, dimension: 5, axes: [Float]().span)
    // A centroid that is a pivot is nearest to itself.
    let chosen = (0..<Pivots.most).map { centroids[$0 * 70 / Pivots.most] }
    var queries = chosen.flatMap { $0 } + [.nan, 0, 0, 0, 0, .infinity, 0, 0, 0, 0, 3e38, -3e38, 0, 0, 0]
    var words = [UInt64](repeating: 0, count: 67)
    func place() {
      var output = words.mutableSpan
      pivots.place(queries.span, numberedFrom: 9, into: &output)
    }
    place()
    #expect(words.indices.allSatisfy { UInt32(truncatingIfNeeded: words[$0]) == $0 + 9 })
    #expect(words.allSatisfy { $0 >> 48 < 64 && $0 >> 32 & 0xffff < 64 })
    let own = words.prefix(64).map { Int($0 >> 48) }
    #expect(own.sorted() == Array(0..<64))
    // Now that it is known which pivot is where.
    queries = SeededVectors.floats(rows: 67, dimension: 5, seed: 5401).flatMap { $0 }
    place()
    for (i, word) in words.enumerated() {
      let query = queries[5 * i..<5 * i + 5]
      let distances = chosen.map { OracleMath.chain(query, $0[...], squared: true) }
      let nearest = distances.indices.sorted { distances[$0] < distances[$1] }
      #expect(own[nearest[0]] == Int(word >> 48) && own[nearest[1]] == Int(word >> 32 & 0xffff), "query \(i)")
    }
  }
}
