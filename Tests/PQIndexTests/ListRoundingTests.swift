import PQFormat
import PQKernels
import PQTestSupport
import Testing

@testable import PQSearch

/// Lists that are chosen by the projections of many centroids.
@Suite struct ListRoundingTests {
  private static let dimension = 64
  /// More than may be rounded as they are, by a few.
  private static let nlist = ListRounding.mostBytes / Kernels.best.bytesOfListComponent / dimension + 50

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
    for (directions, components) in [
      (1, 2...8), (12, 10...16), (31, 26...32), (64, nil),
    ] as [(Int, ClosedRange<Int>?)] {
      let rounding = try rounding(rows(Self.nlist, directions: directions, rest: 0.01, seed: 5200))
      let projected = rounding.axes?.projected
      #expect(projected.map { components?.contains($0) == true } ?? (components == nil), "\(directions) directions")
      #expect(rounding.lists?.dimension == projected ?? Self.dimension)
    }
    #expect(try rounding(rows(Self.nlist - 50, directions: 7, rest: 0.01, seed: 5200)).axes == nil)
    // Centroids in one point, and such that squares overflow.
    for factor in [0, 1e30] as [Float] {
      let extreme = rows(Self.nlist, directions: 7, rest: 0.01, seed: 5200).map { $0.map { $0 * factor } }
      let rounding = try rounding(extreme)
      #expect(factor > 0 ? rounding.lists == nil : rounding.axes == nil)
    }
  }

  /// The nearest lists are chosen: of queries like the centroids, far from them, of other directions, and extreme ones.
  @Test(arguments: [(7, 0.01, true), (20, 0.1, true), (3, 0, true), (64, 0.3, false)] as [(Int, Float, Bool)])
  func choosesTheNearest(directions: Int, rest: Float, projects: Bool) throws {
    var centroids = rows(Self.nlist, directions: directions, rest: rest, seed: 5300)
    // Many equal ones.
    for i in 0..<100 { centroids[3 * i + 700] = centroids[i / 50] }
    try expectNearest(centroids, directions: directions, rest: rest, projects: projects)
  }

  /// One is so far that nearly nothing is left of the others' integers, and of a sample of all it may be no part.
  @Test func oneFarCentroid() throws {
    var centroids = rows(Self.nlist, directions: 7, rest: 0.01, seed: 5300)
    for (factor, projects) in [(1000, true), (1e25, true)] as [(Float, Bool)] {
      centroids[1] = centroids[1].map { $0 * factor }
      try expectNearest(centroids, directions: 7, rest: 0.01, projects: projects)
    }
  }

  private func expectNearest(_ centroids: [[Float]], directions: Int, rest: Float, projects: Bool) throws {
    if Kernels.best.roundsLists { #expect((try rounding(centroids).axes != nil) == projects) }
    let folder = try TemporaryFolder()
    let f = fixture(Self.nlist)
    try f.write(to: folder.path("i.pqx"), centroids: centroids, codebooks: f.codebooks)
    let index = try Index(path: folder.path("i.pqx"))
    let oracle = f.oracle(centroids: centroids, codebooks: f.codebooks)
    var searcher = Searcher(index)
    var options = SearchOptions(nprobe: 40)
    options.usesGroups = false
    let before = ListRounding.pays(index.parameters) + 1
    let first = rows(before, directions: directions, rest: rest, seed: 5400).flatMap { $0 }
    var chosen: [UInt32] = []
    try searcher.chooseLists(first.span, options, into: &chosen)

    let near = rows(2, directions: directions, rest: rest, seed: 5500)
    let queries =
      near + near.map { $0.map { $0 * 20 } } + f.values(2, Self.dimension, seed: 5501) + centroids.suffix(2)
      + near.map { $0.map { $0 * 1e15 } }
    for nprobe in [1, 40] {
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

/// What scores and keys leave to choose, with both made by hand.
@Suite struct ListChoiceTests {
  /// The lists chosen, and those that were compared, in this order.
  private func choose(
    _ count: Int, scores: [Float], keys: [Float], most: Float, _ choice: inout ListChoice
  ) -> (chosen: [UInt32], compared: [UInt32]) {
    var compared: [UInt32] = []
    choice.choose(count, scores: scores.span, bound: { _ in most }) { numbers, output in
      for i in numbers.indices {
        compared.append(numbers[i])
        output[i] = keys[Int(numbers[i])]
      }
    }
    #expect(choice.lists.keys == choice.lists.numbers.map { keys[Int($0)] })
    return (choice.lists.numbers, compared)
  }

  /// Scores are 0, 1, 2 and so on, four of each; keys fall, so that the last list compared is the nearest.
  @Test func listsWithinTheBound() {
    let scores = (0..<80).map { Float($0 / 4) }
    let keys = (0..<80).map { Float(100 - $0) }
    var choice = ListChoice()
    for (most, end) in [(-1, 4), (0, 4), (0.5, 4), (1, 8), (7.5, 32), (19, 80), (.infinity, 80)] as [(Float, Int)] {
      let (chosen, compared) = choose(3, scores: scores, keys: keys, most: most, &choice)
      #expect(compared.sorted() == (0..<UInt32(end)).map { $0 }, "bound \(most): none twice")
      #expect(chosen == (0..<3).map { UInt32(end - 1 - $0) })
    }
  }

  /// The lowest numbers of equal keys; keys that are infinite; one structure for lists of any number.
  @Test func equalAndInfiniteKeys() {
    var choice = ListChoice()
    for count in [200, 7, 64, 1] {
      let scores = (0..<count).map { Float($0 * 37 % count) }
      for (key, nprobe) in [(5, 1), (.infinity, 3), (5, count)] as [(Float, Int)] where nprobe <= count {
        let keys = [Float](repeating: key, count: count)
        let (chosen, compared) = choose(nprobe, scores: scores, keys: keys, most: .infinity, &choice)
        #expect(chosen == (0..<UInt32(nprobe)).map { $0 } && compared.count == count)
      }
    }
  }
}

@Suite struct PrincipalAxesTests {
  /// Axes are those along which vectors lie, the longest first, wherever these are.
  @Test(arguments: [[1, 4, 6], [2, 5, 7], [0, 1, 2]]) func directions(components: [Int]) {
    let spread: [Float] = [1, 16, 4]
    let along = SeededVectors.floats(rows: 500, dimension: 3, seed: 5600)
    let vectors = along.flatMap { x in
      (0..<8).map { c in 100 + (components.firstIndex(of: c).map { x[$0] * spread[$0] } ?? 0) }
    }
    let axes = PrincipalAxes(
      5, of: vectors.span, dimension: 8, sampled: 1024, iterations: 2, completes: false, threads: 1,
      step: {})
    #expect(axes.shares.count == 3 && axes.rows.count == 3 * 8)
    #expect(abs(axes.shares.reduce(0, +) - 1) < 1e-4)
    for (axis, place) in [1, 2, 0].enumerated() {
      #expect(abs(axes.rows[axis * 8 + components[place]]) > 0.95, "axis \(axis)")
      let share = Double(spread[place] * spread[place]) / 273
      #expect(abs(axes.shares[axis] - share) < 0.1 * share + 0.01)
    }
    #expect(axes.count(holding: 0.9) == 1 && axes.count(holding: 0.97) == 2 && axes.count(holding: 1.1) == nil)
  }

  /// Axes of vectors in all directions are orthonormal, and hold what they hold of other vectors.
  @Test func sharesAreNotFitted() {
    let vectors = SeededVectors.floats(rows: 600, dimension: 64, seed: 5700).flatMap { $0 }
    let axes = PrincipalAxes(
      31, of: vectors.span, dimension: 64, sampled: 1024, iterations: 2, completes: false, threads: 1,
      step: {})
    for a in 0..<31 {
      for b in 0...a {
        let product = (0..<64).reduce(0) { $0 + Double(axes.rows[a * 64 + $1]) * Double(axes.rows[b * 64 + $1]) }
        #expect(abs(product - (a == b ? 1 : 0)) < 1e-5)
      }
    }
    let share = axes.shares.reduce(0, +)
    #expect(share > 0.5 && share < 0.75)
  }
}
