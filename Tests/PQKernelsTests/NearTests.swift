import PQKernels
import Testing

/// `assignNear` of every set finds what the scalar one does, which finds hardly worse centroids than `nearest`.
@Suite struct NearTests {
  private func near(
    _ kernels: Kernels, _ points: [Float], mean: [Float], scale: Float, blocks: [Float], centroids: Int, count: Int,
    scratch: inout [Int32]
  ) -> [UInt32] {
    var found = [UInt32](repeating: .max, count: count)
    var output = found.mutableSpan
    kernels.assignNear(
      points.span, mean: mean.span, scale: scale, blocks: blocks.span, centroids: centroids, scratch: &scratch,
      into: &output)
    return found
  }

  private func check(
    _ points: [Float], centroids: [Float], dimension: Int, scale: Float, _ what: @autoclosure () -> String
  ) throws {
    let blocks = LaneBlocks.pack(centroids.span, dimension: dimension)
    let mean = (0..<dimension).map { Float($0) / 64 }
    let (k, count) = (centroids.count / dimension, points.count / dimension)
    var unused: [Int32] = []
    let expected = near(
      try #require(Kernels.available.last), points, mean: mean, scale: scale, blocks: blocks, centroids: k,
      count: count, scratch: &unused)
    for kernels in Kernels.available {
      var scratch: [Int32] = []
      for _ in 0..<2 {  // the second time with scratch that has been used
        let found = near(
          kernels, points, mean: mean, scale: scale, blocks: blocks, centroids: k, count: count, scratch: &scratch)
        #expect(found == expected, "\(kernels.name), \(what())")
      }
    }
  }

  /// Lengths at the boundaries of tiles, vectors, pairs and blocks. No value is above 2, and so no norm above 2 · √dimension; means are small.
  @Test(arguments: 1...16) func everyShape(dimension: Int) throws {
    var values = Values(seed: UInt64(dimension))
    let scale = Kernels.nearNorm / (2.1 * Float(dimension).squareRoot())
    for centroids in [1, 2, 15, 16, 17, 33, 70, 256] {
      let rows = values.floats(centroids * dimension)
      for count in [0, 1, 15, 16, 17, 31, 33, 63, 64, 65, 130] {
        try check(
          values.floats(count * dimension), centroids: rows, dimension: dimension, scale: scale,
          "dimension \(dimension), \(centroids) centroids, \(count) points")
      }
    }
  }

  /// Rounded to few integers, many centroids are equally near, or equal.
  @Test(arguments: [2, 8, 13]) func ties(dimension: Int) throws {
    var values = Values(seed: 5)
    let (rows, points) = (values.floats(64 * dimension), values.floats(200 * dimension))
    for scale in [0.5, 1, 3] as [Float] {
      try check(points, centroids: rows, dimension: dimension, scale: scale, "dimension \(dimension), scale \(scale)")
    }
  }

  /// Points beyond the norm, as far as f32 goes: they get their nearest centroid.
  @Test(arguments: [3, 8, 16]) func farPoints(dimension: Int) throws {
    var values = Values(seed: 6)
    let rows = values.floats(40 * dimension)
    let scale = Kernels.nearNorm / (2.1 * Float(dimension).squareRoot())
    var points = values.floats(80 * dimension)
    for (i, far) in [1.5, 3, 100, 1e10, 1e30, .greatestFiniteMagnitude].enumerated() {
      points[7 * i * dimension] = Float(far)
      points[(7 * i + 3) * dimension + dimension - 1] = -Float(far)
    }
    try check(points, centroids: rows, dimension: dimension, scale: scale, "dimension \(dimension)")
    var scratch: [Int32] = []
    let blocks = LaneBlocks.pack(rows.span, dimension: dimension)
    let mean = [Float](repeating: 0, count: dimension)
    let found = near(
      Kernels.best, points, mean: mean, scale: scale, blocks: blocks, centroids: 40, count: 80, scratch: &scratch)
    let exact = Kernels.best.nearest(
      points, offset: 0, stride: dimension, dimension: dimension, blocks: blocks, centroids: 40, count: 80)
    for point in [14, 17, 21, 24, 28, 31, 35] { #expect(found[point] == exact[point].index, "point \(point)") }
  }

  /// The mean squared distance to the centroids found is at most .3 % above the least one.
  @Test(arguments: [4, 6, 8, 16]) func isHardlyWorse(dimension: Int) {
    var values = Values(seed: 9)
    let (k, count) = (256, 2000)
    let (rows, points) = (values.floats(k * dimension), values.floats(count * dimension))
    let blocks = LaneBlocks.pack(rows.span, dimension: dimension)
    let mean = [Float](repeating: 0, count: dimension)
    let scale = Kernels.nearNorm / (2 * Float(dimension).squareRoot())
    var scratch: [Int32] = []
    let found = near(
      Kernels.best, points, mean: mean, scale: scale, blocks: blocks, centroids: k, count: count, scratch: &scratch)
    let exact = Kernels.best.nearest(
      points, offset: 0, stride: dimension, dimension: dimension, blocks: blocks, centroids: k, count: count)
    func square(_ point: Int, _ centroid: Int) -> Double {
      (0..<dimension).reduce(0) {
        let d = Double(points[point * dimension + $1] - rows[centroid * dimension + $1])
        return $0 + d * d
      }
    }
    let least = (0..<count).reduce(0) { $0 + square($1, Int(exact[$1].index)) }
    let sum = (0..<count).reduce(0) { $0 + square($1, Int(found[$1])) }
    #expect(sum <= 1.003 * least && sum >= least * (1 - 1e-6), "\(sum / least)")
  }
}
