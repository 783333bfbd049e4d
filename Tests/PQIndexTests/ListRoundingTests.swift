import PQFormat
import PQKernels
import PQTestSupport
import Testing

@testable import PQSearch

/// Lists that are chosen by the projections of many centroids.
@Suite struct ListRoundingTests {
  private static let dimension = 64
  /// More components than centroids may have to be rounded as they are.
  private static let nlist = 2100

  /// Vectors in a few directions, and a little of all others.
  private func rows(_ count: Int, directions: Int, rest: Float, seed: UInt64) -> [[Float]] {
    let axes = SeededVectors.floats(rows: directions, dimension: Self.dimension, seed: 5000)
    let along = SeededVectors.floats(rows: count, dimension: max(1, directions), seed: seed)
    let noise = SeededVectors.floats(rows: count, dimension: Self.dimension, seed: seed + 1)
    return (0..<count).map { row in
      var x = noise[row].map { $0 * rest }
      for axis in 0..<directions { for c in x.indices { x[c] += along[row][axis] * axes[axis][c] } }
      return x
    }
  }

  private func fixture(_ nlist: Int) -> Fixture {
    var f = Fixture(dimension: Self.dimension, nlist: nlist, m: 4, nbits: 4, seed: 5100)
    f.rows = f.values(50, Self.dimension, seed: 5101)
    return f
  }

  private func rounding(_ rows: [[Float]]) throws -> ListRounding {
    let folder = try TemporaryFolder()
    let f = fixture(rows.count)
    try f.write(to: folder.path("i.pqx"), centroids: rows, codebooks: f.codebooks)
    let parameters = try Index(path: folder.path("i.pqx")).parameters
    let centroids = rows.flatMap { $0 }
    let blocks = LaneBlocks.pack(centroids.span, dimension: Self.dimension)
    return ListRounding(parameters, centroids: centroids, blocks: blocks.span, reach: 1)
  }

  /// Projections have the components that centroids need, and there are none where these are few or go in all directions.
  @Test(.enabled(if: Kernels.best.roundsLists)) func projectsWhatHasFewDirections() throws {
    for (directions, projected) in [(1, 8), (7, 8), (12, 16), (23, 24), (31, 32), (64, nil)] as [(Int, Int?)] {
      let rounding = try rounding(rows(Self.nlist, directions: directions, rest: 0.01, seed: 5200))
      #expect(rounding.axes?.projected == projected, "\(directions) directions")
      #expect(rounding.lists?.dimension == projected ?? Self.dimension)
    }
    #expect(try rounding(rows(2000, directions: 7, rest: 0.01, seed: 5200)).axes == nil)
    // Centroids in one point, and such that squares overflow.
    for factor in [0, 1e30] as [Float] {
      let extreme = rows(Self.nlist, directions: 7, rest: 0.01, seed: 5200).map { $0.map { $0 * factor } }
      let rounding = try rounding(extreme)
      #expect(rounding.axes == nil && (rounding.lists == nil) == (factor > 0))
    }
  }

  /// The nearest lists are chosen: of queries like the centroids, far from them, of other directions, and extreme ones.
  @Test(arguments: [(7, 0.01), (20, 0.1), (3, 0), (64, 0.3)] as [(Int, Float)])
  func choosesTheNearest(directions: Int, rest: Float) throws {
    let folder = try TemporaryFolder()
    let f = fixture(Self.nlist)
    let centroids = rows(Self.nlist, directions: directions, rest: rest, seed: 5300)
    try f.write(to: folder.path("i.pqx"), centroids: centroids, codebooks: f.codebooks)
    let index = try Index(path: folder.path("i.pqx"))
    let oracle = f.oracle(centroids: centroids, codebooks: f.codebooks)
    var searcher = Searcher(index)
    var options = SearchOptions(nprobe: 40)
    options.usesGroups = false
    // The first choices are made without integers.
    let first = rows(600, directions: directions, rest: rest, seed: 5400).flatMap { $0 }
    var chosen: [UInt32] = []
    try searcher.chooseLists(first.span, options, into: &chosen)

    let near = rows(4, directions: directions, rest: rest, seed: 5500)
    let queries =
      near + near.map { $0.map { $0 * 20 } } + f.values(4, Self.dimension, seed: 5501) + centroids.prefix(2)
      + near.map { $0.map { $0 * 1e15 } }
    for nprobe in [1, 3, 40, 500] {
      options.nprobe = nprobe
      for batch in [1, queries.count] {
        var found: [UInt32] = []
        for start in stride(from: 0, to: queries.count, by: batch) {
          let part = queries[start..<start + batch].flatMap { $0 }
          try searcher.chooseLists(part.span, options, into: &found)
        }
        for (i, query) in queries.enumerated() where batch > 1 || i % 3 == 0 {
          let expected = oracle.chooseLists(query, nprobe: nprobe, through: [])
          #expect(
            found[i * nprobe..<(i + 1) * nprobe].map(Int.init) == expected, "query \(i), \(nprobe) of \(directions)")
        }
      }
    }
  }
}

extension ListRoundingTests {
  /// Axes are those along which vectors lie, the longest first.
  @Test func principalAxes() {
    let spread: [Float] = [1, 16, 4]
    let along = SeededVectors.floats(rows: 500, dimension: 3, seed: 5600)
    // Components 1, 4 and 6 of 8, about a mean of 100.
    let vectors = along.flatMap { x -> [Float] in
      [
        100, 100 + x[0] * spread[0], 100, 100, 100 + x[1] * spread[1], 100,
        100 + x[2] * spread[2], 100,
      ]
    }
    let axes = PrincipalAxes(5, of: vectors.span, dimension: 8)
    #expect(axes.shares.count == 3 && axes.rows.count == 3 * 8)
    #expect(abs(axes.shares.reduce(0, +) - 1) < 1e-3)
    for (axis, component) in [4, 6, 1].enumerated() {
      #expect(abs(axes.rows[axis * 8 + component]) > 0.99, "axis \(axis)")
      let share = Double(spread[[1, 2, 0][axis]] * spread[[1, 2, 0][axis]]) / 273
      #expect(abs(axes.shares[axis] - share) < 0.1 * share + 0.01)
    }
  }
}
