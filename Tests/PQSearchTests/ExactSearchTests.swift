import PQFormat
import PQSearch
import PQStorage
import PQTestSupport
import SIFTSample
import Testing

@Suite struct ExactSearchTests {
  /// All ids by distance in f64, ties by id: the oracle. Small integers make every distance exact.
  private func oracle(_ query: [Float], _ base: [[Float]], _ metric: Metric) -> [UInt64] {
    func dot(_ a: [Float], _ b: [Float]) -> Double { zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) } }
    let keys = base.map { row in
      switch metric {
      case .l2: zip(query, row).reduce(0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }
      case .ip: -dot(query, row)
      case .cosine: dot(row, row) == 0 ? 0 : -dot(query, row) / (dot(query, query) * dot(row, row)).squareRoot()
      }
    }
    return base.indices.sorted { (keys[$0], $0) < (keys[$1], $1) }.map(UInt64.init)
  }

  @Test(arguments: [Metric.l2, .ip], [1, 2, 9])
  func agreesWithSorting(metric: Metric, threads: Int) throws {
    // Many ties: components from 0 to 3 only.
    let base = SeededVectors.bytes(rows: 700, dimension: 3, limit: 3, seed: 11).map { $0.map(Float.init) }
    let queries = SeededVectors.bytes(rows: 9, dimension: 3, limit: 3, seed: 12).map { $0.map(Float.init) }
    for k in [1, 10, 700, 900] {
      var search = ExactSearch(
        queries: queries.flatMap { $0 }, dimension: 3, metric: metric, k: k, threads: threads)
      for chunk in [0..<1, 1..<300, 300..<700] {
        var rows = base[chunk].flatMap { $0 }
        search.add(rows: &rows)
      }
      let ids = search.results().map { $0.map(\.id) }
      #expect(ids == queries.map { Array(oracle($0, base, metric).prefix(k)) })
    }
  }

  @Test func cosine() throws {
    var base: [[Float]] = SeededVectors.floats(rows: 300, dimension: 20, seed: 21)
    base[7] = [Float](repeating: 0, count: 20)
    base[9] = base[8].map { $0 * 4 }  // the same direction: a tie
    let queries = [base[8], SeededVectors.floats(rows: 1, dimension: 20, seed: 22)[0]]
    var search = ExactSearch(queries: queries.flatMap { $0 }, dimension: 20, metric: .cosine, k: 300, threads: 2)
    var rows = base.flatMap { $0 }
    search.add(rows: &rows)
    let results = search.results()
    #expect(results[0][0].id == 8 && results[0][1].id == 9)
    #expect(results[0][0].distance == results[0][1].distance)
    #expect(abs(results[0][0].distance - 1) < 1e-6)
    #expect(results[1].map(\.id) == oracle(queries[1], base, .cosine))
    #expect(results[1].first { $0.id == 7 }?.distance == 0)
  }

  /// Distances that overflow f32 still have an order: by id.
  @Test func infiniteDistances() {
    var search = ExactSearch(queries: [-1.8e19], dimension: 1, metric: .l2, k: 3, threads: 1)
    var rows: [Float] = [1.8e19, 1.8e19, -1.8e19]
    search.add(rows: &rows)
    #expect(search.results()[0].map(\.id) == [2, 0, 1])
  }

  @Test func noBase() {
    let search = ExactSearch(queries: [1, 2], dimension: 1, metric: .l2, k: 3, threads: 1)
    #expect(search.results() == [[], []])
  }

  /// Reproduces a part of the sample's ground truth from its files.
  @Test func siftSample() throws {
    var queryReader = try VectorReader(path: SIFTSample.query)
    var queries: [Float] = []
    #expect(try queryReader.read(maxRows: 10, into: &queries) == 10)
    var search = ExactSearch(queries: queries, dimension: 128, metric: .l2, k: 100, threads: 2)
    var base = try VectorReader(path: SIFTSample.base)
    try search.add(&base)
    let truth = try IDMatrix(path: SIFTSample.groundTruth)
    #expect(truth.width == 100)
    #expect(search.results().flatMap { $0.map { Int64(bitPattern: $0.id) } } == Array(truth.ids[..<1000]))
  }
}
