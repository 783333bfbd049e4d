import PQFormat
import PQSearch
import PQTestSupport
import Testing

/// The integer scan leaves out vectors by bounds on their distances: data that strains the bounds gives the oracle's
/// results all the same, bit for bit.
@Suite struct ExtremeTests {
  /// Rows, centroids and codewords times a power of ten, or moved; ids in no order across lists.
  struct Shape: CustomTestStringConvertible, Sendable {
    var name: String
    var nlist = 6
    var m = 4
    var nbits = 4
    var dimension = 8
    var rows = 200
    var whole = false
    var scale: Float = 1
    /// The size of codewords against that of rows.
    var wordScale: Float = 1
    /// Added to every component of rows, centroids and queries.
    var shift: Float = 0
    /// What component 0 of every third row, centroid and codeword is multiplied by.
    var huge: Float = 1
    /// Every row occurs this often.
    var copies = 1
    var testDescription: String { name }
  }

  private static let shapes: [Shape] = [
    Shape(name: "plain"),
    Shape(name: "duplicates", copies: 25),
    Shape(name: "ties", m: 2, nbits: 2, dimension: 4, rows: 400, whole: true),
    Shape(name: "ties of one bit", m: 8, nbits: 1, rows: 300, whole: true),
    Shape(name: "large", scale: 1e18),
    Shape(name: "near overflow", scale: 6e18),
    Shape(name: "small", scale: 1e-18),
    Shape(name: "squares are subnormal", dimension: 64, scale: 1e-22),
    Shape(name: "squares underflow in part", m: 16, dimension: 128, scale: 2e-23),
    Shape(name: "squares are zero", scale: 1e-30),
    Shape(name: "one huge component", huge: 1e6),
    Shape(name: "one component beyond all", huge: 1e12),
    Shape(name: "far-off mean", shift: 1000),
    Shape(name: "farther-off mean", wordScale: 0.01, shift: 1e6),
    Shape(name: "small residuals", wordScale: 1e-6),
    Shape(name: "large residuals", wordScale: 1e6),
    Shape(name: "one list", nlist: 1, rows: 300),
    Shape(name: "more lists than rows", nlist: 300, rows: 40),
    Shape(name: "1 bit", nbits: 1), Shape(name: "7 bits", nbits: 7), Shape(name: "8 bits", nbits: 8),
    Shape(name: "10 bits", m: 2, nbits: 10, rows: 120), Shape(name: "12 bits", m: 2, nbits: 12, rows: 60),
    Shape(name: "sixteen wide subspaces", m: 16, nbits: 4, dimension: 64, rows: 500),
  ]

  private func vary(_ vectors: [[Float]], _ shape: Shape, scale: Float, shift: Float) -> [[Float]] {
    vectors.enumerated().map { i, vector in
      var vector = vector.map { $0 * scale + shift }
      if i % 3 == 1 { vector[0] *= shape.huge }
      return vector
    }
  }

  @Test(arguments: shapes, [Metric.l2, .ip])
  func isExact(_ shape: Shape, metric: Metric) throws {
    for seed in 1...2 as ClosedRange<UInt64> {
      var f = Fixture(
        metric: metric, dimension: shape.dimension, nlist: shape.nlist, m: shape.m, nbits: shape.nbits,
        whole: shape.whole, seed: 40 + seed)
      let some = f.values(shape.rows / shape.copies, shape.dimension, seed: seed)
      let rows = (0..<shape.copies).flatMap { _ in some }
      f.rows = vary(rows, shape, scale: shape.scale, shift: shape.shift)
      f.ids = f.rows.indices.map { UInt64(($0 * 7919) % 10_007) }
      let centroids = vary(f.centroids, shape, scale: shape.scale, shift: shape.shift)
      let codebooks = f.codebooks.map { vary($0, shape, scale: shape.scale * shape.wordScale, shift: 0) }
      let queries = vary(
        f.values(3, shape.dimension, seed: seed + 9) + [some[0]], shape, scale: shape.scale, shift: shape.shift)
      let folder = try TemporaryFolder()
      try f.write(to: folder.path("a.pqx"), centroids: centroids, codebooks: codebooks)
      let index = try Index(path: folder.path("a.pqx"))
      #expect(index.parameters.hasBracket == (metric == .l2))
      #expect(index.verify(deep: true) == [])
      let oracle = f.oracle(centroids: centroids, codebooks: codebooks)
      let n = f.rows.count
      for (k, nprobe, rerank) in [(1, 1, 0), (3, shape.nlist, 0), (n / 3, 4, 0), (n + 5, shape.nlist, 0), (4, 3, 30)] {
        let found = try index.search(queries.flatMap { $0 }, SearchOptions(k: k, nprobe: nprobe, rerank: rerank))
        for (i, query) in queries.enumerated() {
          let expected = oracle.search(query, k: k, nprobe: nprobe, rerank: rerank)
          #expect(
            found.bits(i) == expected.bits, "seed \(seed), query \(i), k \(k), nprobe \(nprobe), rerank \(rerank)")
        }
      }
    }
  }

  /// Queries that are as near to all codewords as to their mean: the tables say nothing, and sums no more.
  @Test(arguments: [4, 8]) func queriesAtTheCentre(nbits: Int) throws {
    var f = Fixture(dimension: 8, nlist: 3, m: 4, nbits: nbits, seed: 60)
    f.rows = f.values(900, 8, seed: 61)
    f.ids = f.rows.indices.map { UInt64(($0 * 7919) % 10_007) }
    let folder = try TemporaryFolder()
    let (index, oracle) = try f.make(in: folder)
    let centre = (0..<8).map { c in f.centroids.reduce(0) { $0 + $1[c] } / 3 }
    let noise = f.values(1, 8, seed: 62)[0]
    for scale in [0, 1e-9, 1e-7, 1e-5, 1e-3] as [Float] {
      let query = zip(centre, noise).map { $0 + scale * $1 }
      for (k, nprobe, rerank) in [(1, 3, 0), (10, 1, 0), (10, 3, 0), (400, 3, 0), (5, 3, 20)] {
        let found = try index.search(query, SearchOptions(k: k, nprobe: nprobe, rerank: rerank))
        let expected = oracle.search(query, k: k, nprobe: nprobe, rerank: rerank)
        #expect(found.bits(0) == expected.bits, "\(scale), k \(k), nprobe \(nprobe), rerank \(rerank)")
      }
    }
  }

  /// Codes whose quantized tables would take more than a few MiB are compared without them.
  @Test(arguments: [(Metric.l2, 2), (.ip, 2), (.ip, 0)]) func wideTables(metric: Metric, nlist: Int) throws {
    var f = Fixture(metric: metric, dimension: 32_800, nlist: nlist, m: 32_800, nbits: 5, vectors: .none, seed: 80)
    f.rows = f.values(5, f.dimension, seed: 81)
    if nlist > 0 { f.ids = [7, 3, 9, 1, 5] }
    let folder = try TemporaryFolder()
    let (index, oracle) = try f.make(in: folder)
    let query = f.values(1, f.dimension, seed: 82)[0]
    let found = try index.search(query, SearchOptions(k: 4, nprobe: 2))
    #expect(found.bits(0) == oracle.search(query, k: 4, nprobe: 2).bits)
  }

  /// Products that underflow to −0: a sum begins at +0, and is +0 then.
  @Test(arguments: [1, 2]) func productsUnderflow(m: Int) throws {
    var f = Fixture(metric: .ip, dimension: m, nlist: 0, m: m, nbits: 1, vectors: .none, seed: 95)
    f.rows = (0..<100).map { i in (0..<m).map { s in (i + s) % 3 == 0 ? 1e-30 : -1e-30 } }
    let codebooks: [[[Float]]] = Array(repeating: [[-1e-30], [1e-30]], count: m)
    let folder = try TemporaryFolder()
    try f.write(to: folder.path("a.pqx"), centroids: [], codebooks: codebooks)
    let index = try Index(path: folder.path("a.pqx"))
    let oracle = f.oracle(centroids: [], codebooks: codebooks)
    for query in [1e-30, -1e-30] as [Float] {
      let vector = [Float](repeating: query, count: m)
      let found = try index.search(vector, SearchOptions(k: 100))
      #expect(found.bits(0) == oracle.search(vector, k: 100, nprobe: 1).bits)
    }
  }

  /// Brackets below the least f32: they say nothing.
  @Test func bracketsBelowAll() throws {
    var f = Fixture(dimension: 1, nlist: 3, m: 1, nbits: 1, seed: 91)
    f.rows = (0..<300).map { [0.3e19 + Float($0) * 1e16] }
    f.ids = f.rows.indices.map { UInt64($0) }
    let (centroids, codebooks): ([[Float]], [[[Float]]]) = ([[1.8e19], [-1.8e19], [-1.8e19]], [[[-2.4e19], [1e19]]])
    let folder = try TemporaryFolder()
    try f.write(to: folder.path("a.pqx"), centroids: centroids, codebooks: codebooks)
    let index = try Index(path: folder.path("a.pqx"))
    #expect(index.verify(deep: true) == [])
    let oracle = f.oracle(centroids: centroids, codebooks: codebooks)
    for query in [[0.3e19], [-0.6e19], [0]] as [[Float]] {
      for k in [1, 150, 300] {
        let found = try index.search(query, SearchOptions(k: k, nprobe: 3))
        #expect(found.bits(0) == oracle.search(query, k: k, nprobe: 3).bits, "k \(k)")
      }
    }
  }

  /// Enough vectors for several tiles and two frames of one list, and k beyond a tile.
  @Test(arguments: [(2, 4), (2, 8), (2, 10), (2, 12), (0, 8), (0, 12)]) func longLists(nlist: Int, nbits: Int) throws {
    var f = Fixture(dimension: 8, nlist: nlist, m: 4, nbits: nbits, seed: 70)
    f.rows = f.values(9000, 8, seed: 71)
    f.ids = f.rows.indices.map { UInt64(($0 * 7919) % 10_007) }
    let folder = try TemporaryFolder()
    let (index, oracle) = try f.make(in: folder)
    let queries = f.values(3, 8, seed: 72)
    for (k, nprobe) in [(1, 2), (10, 1), (100, 2), (1000, 2), (5000, 2)] {
      let found = try index.search(queries.flatMap { $0 }, SearchOptions(k: k, nprobe: nprobe))
      for (i, query) in queries.enumerated() {
        let expected = oracle.search(query, k: k, nprobe: nprobe).bits
        #expect(found.bits(i) == expected, "k \(k), nprobe \(nprobe), query \(i)")
      }
    }
  }
}
