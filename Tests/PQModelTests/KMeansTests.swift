import PQKernels
import PQTestSupport
import Testing

@testable import PQModel

@Suite struct KMeansTests {
  private func train(
    _ points: [Float], dimension: Int, k: Int, iterations: Int = 10, threads: Int = 1
  ) throws -> KMeans.Result {
    try KMeans(k: k, iterations: iterations, threads: threads)
      .train(points, dimension: dimension, quantizer: "test")
  }

  private func random(_ rows: Int, _ dimension: Int, seed: UInt64) -> [Float] {
    SeededVectors.floats(rows: rows, dimension: dimension, seed: seed).flatMap { $0 }
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>) func objectiveFalls(seed: UInt64) throws {
    let history = try train(random(600, 5, seed: seed), dimension: 5, k: 13).history
    #expect(history.count > 1)
    for (a, b) in zip(history, history.dropFirst()) {
      #expect(b.objective <= a.objective * (1 + 1e-6), "seed \(seed)")
    }
  }

  @Test func threadsDoNotMatter() throws {
    let points = random(5000, 3, seed: 9)
    let one = try train(points, dimension: 3, k: 33, iterations: 4)
    for threads in [2, 8] {
      let other = try train(points, dimension: 3, k: 33, iterations: 4, threads: threads)
      #expect(other.blocks == one.blocks && other.history == one.history, "\(threads)")
    }
  }

  @Test func everyInstructionSetFindsTheNearest() {
    let centroids = SeededVectors.floats(rows: 37, dimension: 7, seed: 2)
    let points = random(100, 7, seed: 3)
    let components = centroids.flatMap { $0 }
    let blocks = LaneBlocks.pack(components.span, dimension: 7)
    let expected = (0..<100).map { OracleMath.nearest(points[$0 * 7..<($0 + 1) * 7], centroids) }
    for kernels in Kernels.available {
      var found = [Nearest](repeating: Nearest(), count: 100)
      var span = found.mutableSpan
      kernels.nearest(points.span, stride: 7, dimension: 7, blocks: blocks.span, centroids: 37, into: &span)
      #expect(found.map { Int($0.index) } == expected, "\(kernels.name)")
    }
  }

  /// The first points are all in one of two places: the clusters that get none take half of the large one.
  @Test func emptyClustersAreSplit() throws {
    let points = (0..<100).flatMap { i -> [Float] in i < 50 ? [1, 1] : [9, 1] }
    let history = try train(points, dimension: 2, k: 4).history
    #expect(history[0].empty == 3 && history[0].objective == 3200)
    #expect(try #require(history.last).objective < 1)
    #expect(history[0].imbalance == 4)
  }

  @Test(arguments: [0, 2.5] as [Float]) func equalPoints(value: Float) throws {
    let result = try train([Float](repeating: value, count: 60), dimension: 3, k: 5)
    // Lanes past the last centroid are 0.
    #expect(result.blocks.count { $0 == value } >= 15 && result.blocks.allSatisfy { $0 == value || $0 == 0 })
    #expect(try train([Float](repeating: value, count: 60), dimension: 3, k: 5, threads: 8).blocks == result.blocks)
  }

  /// More centroids than places, and clusters of equal points that are larger than those that can be divided.
  @Test(arguments: [false, true]) func equalPointsAreNotDivided(hastens: Bool) throws {
    func train(_ points: [Float], k: Int) throws -> KMeans.Result {
      try KMeans(k: k, iterations: 25, threads: 1, hastens: hastens).train(points, dimension: 4, quantizer: "test")
    }
    let places = random(50, 4, seed: 31)
    let few = try train((0..<2000 * 4).map { places[$0 / 4 * 7 % 50 * 4 + $0 % 4] }, k: 64)
    #expect(try #require(few.history.last).objective < 1e-9)
    var points = random(4000, 4, seed: 32)
    for i in points.indices where i / 4 % 5 < 2 { points[i] = places[i / 4 % 20 * 4 + i % 4] }
    let history = try train(points, k: 64).history
    #expect(try #require(history.first).empty > 0 && #require(history.last).empty == 0, "\(history.map(\.empty))")
  }

  @Test func asManyPointsAsCentroids() throws {
    let points = random(20, 4, seed: 5)
    let result = try train(points, dimension: 4, k: 20)
    #expect(result.blocks == LaneBlocks.pack(points.span, dimension: 4))
    #expect(try #require(result.history.last).objective == 0)
    #expect(throws: TrainingError.tooFewVectors(have: 20, centroids: 21, quantizer: "test")) {
      try train(points, dimension: 4, k: 21)
    }
  }

  @Test func cancel() {
    var calls = 0
    #expect(throws: TrainingError.cancelled) {
      try KMeans(k: 3, iterations: 9, threads: 1)
        .train(random(50, 2, seed: 1), dimension: 2, quantizer: "test") { _ in
          calls += 1
          return calls < 2
        }
    }
    #expect(calls == 2)
  }

  /// One point far from all others, or one component that varies: rounded to bytes the others would be alike.
  @Test(arguments: ["far point", "one component"]) func hasteSeesWhatRoundingWouldNot(kind: String) throws {
    var points = random(4000, 8, seed: 21)
    if kind == "far point" {
      for c in 0..<8 { points[c] *= 3000 }
    } else {
      for i in points.indices where i % 8 != 3 { points[i] = 0 }
    }
    func error(_ hastens: Bool) throws -> Double {
      var kmeans = KMeans(k: 64, iterations: 25, threads: 1)
      kmeans.hastens = hastens
      return try #require(kmeans.train(points, dimension: 8, quantizer: "test").history.last).objective
    }
    let (plain, hasty) = (try error(false), try error(true))
    #expect(hasty < 1.1 * plain, "\(hasty / plain)")
  }

  /// Points around 40 places: the error of hasty training is that of plain training, but for the luck of a start.
  @Test(arguments: 1...3 as ClosedRange<UInt64>) func hasteLosesLittle(seed: UInt64) throws {
    let places = random(40, 4, seed: seed)
    let noise = random(8000, 4, seed: seed + 10)
    let points = noise.enumerated().map { i, value in 3 * places[i / 4 * 7 % 40 * 4 + i % 4] + value }
    let plain = try hasty(points, false, threads: 1)
    let hasty = try hasty(points, true, threads: 1)
    #expect(hasty.history.count == 25)
    #expect(hasty.blocks != plain.blocks)
    // Both histories end with all points.
    let (a, b) = (try #require(plain.history.last), try #require(hasty.history.last))
    #expect(b.objective < 1.02 * a.objective && b.objective > 0.97 * a.objective, "\(b.objective / a.objective)")
    for threads in [2, 8] { #expect(try self.hasty(points, true, threads: threads).blocks == hasty.blocks) }
  }

  private func hasty(_ points: [Float], _ hastens: Bool, threads: Int) throws -> KMeans.Result {
    try KMeans(k: 50, iterations: 25, threads: threads, hastens: hastens)
      .train(points, dimension: 4, quantizer: "test")
  }

  /// An eighth of many points, then more; of few, all.
  @Test func hastyParts() throws {
    var parts: [Int] = []
    let haste = Haste([], iterations: 25, points: 80_000, k: 256)
    for i in 0..<25 where parts.last != haste.points(i) { parts.append(haste.points(i)) }
    #expect(parts == [10_000, 20_000, 40_000, 80_000])
    #expect(haste.points(22) == 40_000 && haste.points(23) == 80_000)
    #expect((0..<5).allSatisfy { Haste([], iterations: 5, points: 90, k: 4).points($0) == 90 })
    #expect(Haste([], iterations: 1, points: 80_000, k: 256).points(0) == 80_000)
  }

  /// Where all is settled early, haste ends early, at means.
  @Test func hasteSettles() throws {
    let points = (0..<200).flatMap { i -> [Float] in i % 2 == 0 ? [1, 1] : [9, 1] }
    let result = try KMeans(k: 2, iterations: 25, threads: 1, hastens: true)
      .train(points, dimension: 2, quantizer: "test")
    #expect(result.blocks == LaneBlocks.pack(([1, 1, 9, 1] as [Float]).span, dimension: 2))
    #expect(try #require(result.history.last).objective == 0)
  }
}
