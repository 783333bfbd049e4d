import PQKernels
import Testing

/// `assign` finds what the scalar `nearest` finds, however near the second nearest centroid is.
@Suite struct AssignTests {
  /// Compares every set with the oracle on the points `[point][stride]`, from `offset` on.
  private func check(
    _ points: [Float], offset: Int = 0, stride: Int? = nil, count: Int? = nil, centroids: [Float], dimension: Int,
    _ what: @autoclosure () -> String
  ) throws {
    let stride = stride ?? dimension
    let count = count ?? points.count / stride
    let blocks = LaneBlocks.pack(centroids.span, dimension: dimension)
    let k = centroids.count / dimension
    let scalar = try #require(Kernels.available.last)
    let expected = scalar.nearest(
      points, offset: offset, stride: stride, dimension: dimension, blocks: blocks, centroids: k, count: count
    ).map(\.index)
    for kernels in Kernels.available {
      var scratch: [Int32] = []
      for _ in 0..<2 {  // the second time with scratch that has been used
        var found = [UInt32](repeating: .max, count: count)
        var output = found.mutableSpan
        kernels.assign(
          points.span, offset: offset, stride: stride, dimension: dimension, blocks: blocks.span, centroids: k,
          scratch: &scratch, into: &output)
        #expect(found == expected, "\(kernels.name), \(what())")
      }
    }
  }

  /// Lengths at the boundaries of tiles, vectors, pairs and blocks; points in the middle of wider rows.
  @Test(arguments: [1, 2, 3, 7, 8, 9, 15, 16, 17, 24, 33, 96])
  func everyShape(dimension: Int) throws {
    var values = Values(seed: UInt64(dimension))
    for centroids in [1, 2, 4, 15, 16, 17, 33, 64, 70] {
      let rows = values.floats(centroids * dimension)
      for count in [0, 1, 15, 16, 17, 63, 64, 65, 130] {
        let (offset, stride) = (2, dimension + 3)
        let points = values.floats(offset + count * stride)
        try check(
          points, offset: offset, stride: stride, count: count, centroids: rows, dimension: dimension,
          "dimension \(dimension), \(centroids) centroids, \(count) points")
      }
    }
  }

  /// Small whole numbers: most points are as near to several centroids, some of which are equal.
  @Test(arguments: [2, 8, 13, 40]) func ties(dimension: Int) throws {
    var values = Values(seed: 5)
    for centroids in [3, 20, 64] {
      var rows = values.whole(centroids * dimension)
      rows.replaceSubrange((centroids - 1) * dimension..<rows.count, with: rows[0..<dimension])
      try check(
        values.whole(200 * dimension), centroids: rows, dimension: dimension,
        "dimension \(dimension), \(centroids) centroids")
    }
  }

  /// Centroids that differ by a few units in the last place, far from zero and near: rounded to 16 bits they are equal.
  @Test(arguments: [0, 1, 1000] as [Float]) func neighborsInTheLastPlace(center: Float) throws {
    var values = Values(seed: 6)
    for dimension in [4, 8, 16, 50] {
      let base = values.floats(dimension).map { $0 + center }
      let rows = (0..<40).flatMap { j in base.enumerated().map { $1 + $1.ulp * Float((j * 7 + $0 * 3) % 11 - 5) } }
      let points = (0..<100).flatMap { _ in zip(base, values.floats(dimension)).map { $0 + $1 * 1e-6 } }
      try check(points, centroids: rows, dimension: dimension, "dimension \(dimension)")
    }
  }

  /// Magnitudes from where squares underflow to where they overflow, and one point or centroid far from the others.
  @Test func extremeNumbers() throws {
    var values = Values(seed: 7)
    for dimension in [3, 8, 20] {
      for exponent in stride(from: -149, through: 127, by: 12) {
        let scale = Float(sign: .plus, exponent: exponent, significand: 1)
        let rows = values.floats(24 * dimension).map { $0 * scale }
        var points = values.floats(80 * dimension).map { $0 * scale }
        try check(points, centroids: rows, dimension: dimension, "2^\(exponent), dimension \(dimension)")
        points[40 * dimension] = max(1, scale) * 1e4
        try check(points, centroids: rows, dimension: dimension, "far point, 2^\(exponent), dimension \(dimension)")
        var far = rows
        far[5 * dimension] = max(1, scale) * 1e4
        try check(points, centroids: far, dimension: dimension, "far centroid, 2^\(exponent), dimension \(dimension)")
      }
    }
  }

  /// Rounded as badly as can be, the nearest centroid is the second nearest; and the squares of small components are added
  /// to such of large ones that f32 loses them.
  @Test(arguments: [768, 1024, 1536, 2048, 4096]) func roundingAtItsWorst(dimension: Int) throws {
    for k in [1, 2] as [Float] {
      var point = [Float](repeating: 4.499, count: dimension)
      var first = [Float](repeating: 4 - k - 0.499, count: dimension)
      var second = [Float](repeating: 4 + k + 2 - 0.499, count: dimension)
      for i in 0..<dimension / 100 { second[dimension - 1 - i] -= 1 }
      // The scale is 1: three halves of the points' squared norm are to be within the radius.
      let squares = 32_700 * 32_700 / (1.5 * (1.001 + Double(dimension) * 0x1p-23))
      let large = Float(((squares - Double(dimension - 2) * 4.499 * 4.499) / 2).squareRoot())
      for i in 0..<2 { (point[i], first[i], second[i]) = (large, large, large) }
      let rows = [first, second].flatMap { $0 + $0.map { -$0 } }
      try check(
        (0..<16).flatMap { _ in point }, centroids: rows, dimension: dimension, "dimension \(dimension), \(k)")
    }
  }

  @Test func equalPointsAndCentroids() throws {
    for value in [0, 1, -3.5, 1e30] as [Float] {
      let rows = [Float](repeating: value, count: 20 * 8)
      try check([Float](repeating: value, count: 70 * 8), centroids: rows, dimension: 8, "\(value)")
      try check([Float](repeating: value + 1, count: 70 * 8), centroids: rows, dimension: 8, "\(value) + 1")
    }
  }

  @Test(arguments: [1, 3, 7, 8, 9, 16, 17, 40]) func sumsAreEqualOnEverySet(dimension: Int) throws {
    var values = Values(seed: 8)
    let (offset, stride, count, k) = (1, dimension + 2, 50, 7)
    let points = values.floats(offset + count * stride)
    let centers = values.floats(k * dimension)
    let assigned = (0..<count).map { UInt32($0 * $0 % k) }
    var expected = [Double](repeating: 0.25, count: k * dimension)
    var squares = [Double](repeating: 0, count: 8)
    for i in 0..<count {
      for c in 0..<dimension {
        let x = points[offset + i * stride + c]
        let cluster = Int(assigned[i])
        let difference = Double(x - centers[cluster * dimension + c])
        squares[c % 8] += difference * difference
        expected[cluster * dimension + c] += Double(x)
      }
    }
    let objective =
      ((squares[0] + squares[4]) + (squares[2] + squares[6])) + ((squares[1] + squares[5]) + (squares[3] + squares[7]))
    for kernels in Kernels.available {
      var sums = [Double](repeating: 0.25, count: k * dimension)
      var output = sums.mutableSpan
      let found = kernels.accumulate(
        points.span, offset: offset, stride: stride, dimension: dimension, assigned: assigned.span,
        centers: centers.span, into: &output)
      #expect(found == objective && sums == expected, "\(kernels.name)")
      sums = [Double](repeating: 0.25, count: k * dimension)
      output = sums.mutableSpan
      let none = kernels.accumulate(
        points.span, offset: offset, stride: stride, dimension: dimension, assigned: assigned.span,
        centers: [Float]().span, into: &output)
      #expect(none == 0 && sums == expected, "\(kernels.name), sums alone")
    }
  }
}
