import PQKernels
import PQModel
import PQTestSupport
import Testing

@Suite struct KMeansTests {
  private func train(
    _ points: [Float], dimension: Int, k: Int, iterations: Int = 10, threads: Int = 1
  ) throws -> KMeans.Result {
    try KMeans(k: k, iterations: iterations, threads: threads)
      .train(points, stride: dimension, dimension: dimension, quantizer: "test")
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
    #expect(result.blocks.allSatisfy { $0.isFinite && abs($0 - value) <= 0.01 || $0 == 0 })
    #expect(try train([Float](repeating: value, count: 60), dimension: 3, k: 5, threads: 8).blocks == result.blocks)
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
        .train(random(50, 2, seed: 1), stride: 2, dimension: 2, quantizer: "test") { _ in
          calls += 1
          return calls < 2
        }
    }
    #expect(calls == 2)
  }

  @Test func strideAndOffset() throws {
    let wide = random(200, 6, seed: 8)
    let narrow = (0..<200).flatMap { Array(wide[$0 * 6 + 2..<$0 * 6 + 4]) }
    let result = try KMeans(k: 7, iterations: 5, threads: 2)
      .train(wide, offset: 2, stride: 6, dimension: 2, quantizer: "test")
    #expect(result.blocks == (try train(narrow, dimension: 2, k: 7, iterations: 5).blocks))
  }
}
