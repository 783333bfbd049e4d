internal import PQKernels

/// The directions in which some vectors differ most from their mean, by subspace iteration (Halko, Martinsson and Tropp,
/// "Finding structure with randomness", 2011) of their covariance.
struct PrincipalAxes {
  /// The vectors' mean, `[component]`.
  private(set) var mean: [Float]
  /// `[axis][component]`, nearly orthonormal, and nearly in the order of variance.
  private(set) var rows: [Float]
  /// Of each axis, the share of all variance that is along it.
  private(set) var shares: [Double]

  private static let iterations = 4
  /// Vectors of which the covariance is taken, and how often their components are multiplied.
  private static let sampled = 1024
  private static let products = 1 << 26

  /// At most `rank` axes of `vectors` `[vector][component]`; fewer where vectors have no more directions.
  /// O(sample · dimension² + rank · dimension²).
  init(_ rank: Int, of vectors: Span<Float>, dimension: Int) {
    let count = vectors.count / dimension
    let most = min(count, Self.sampled, max(1, Self.products / (dimension * dimension)))
    let sample = (0..<most).map { $0 * count / most }
    mean = []
    var columns: [Float] = []
    columns.reserveCapacity(most * dimension)
    for c in 0..<dimension {
      var sum = 0.0
      for vector in sample { sum += Double(vectors[vector * dimension + c]) }
      mean.append(Float(sum / Double(most)))
      for vector in sample { columns.append(vectors[vector * dimension + c] - mean[c]) }
    }
    let covariance = Self.products(columns, columns, length: most)
    let blocks = LaneBlocks.pack(covariance.span, dimension: dimension)
    var total = 0.0
    for c in 0..<dimension { total += Double(covariance[c * dimension + c]) }

    rows = []
    for axis in 0..<rank {
      let start = axis * dimension / rank * dimension
      rows += covariance[start..<start + dimension]
    }
    shares = Self.orthonormalize(&rows, dimension)
    for _ in 0..<Self.iterations {
      rows = Self.products(rows, blocks: blocks, count: dimension, length: dimension)
      shares = Self.orthonormalize(&rows, dimension)
    }
    for axis in shares.indices { shares[axis] /= total }
  }

  /// How many axes, from the first on, have this share of all variance; nil if all have less.
  func count(holding share: Double) -> Int? {
    var sum = 0.0
    for (axis, along) in shares.enumerated() {
      sum += along
      if sum >= share { return axis + 1 }
    }
    return nil
  }

  /// Keeps the first axes.
  mutating func keep(first count: Int) {
    rows.removeLast(rows.count - count * mean.count)
    shares.removeLast(shares.count - count)
  }

  /// Products of the rows of `a` and those of `b`, both of `length` components: `[row of a][row of b]`.
  private static func products(_ a: [Float], _ b: [Float], length: Int) -> [Float] {
    products(a, blocks: LaneBlocks.pack(b.span, dimension: length), count: b.count / length, length: length)
  }

  private static func products(_ a: [Float], blocks: [Float], count: Int, length: Int) -> [Float] {
    var result = [Float](repeating: 0, count: a.count / length * count)
    var output = result.mutableSpan
    Kernels.best.batch(.innerProduct, a.span, dimension: length, blocks: blocks.span, count: count, into: &output)
    return result
  }

  /// Gram and Schmidt's, row after row; returns what was left of each row's length. A row of which nothing is left goes.
  private static func orthonormalize(_ rows: inout [Float], _ dimension: Int) -> [Double] {
    var kept: [Float] = []
    var lengths: [Double] = []
    for row in stride(from: 0, to: rows.count, by: dimension) {
      var x = rows[row..<row + dimension].map { Double($0) }
      let before = length(x)
      for axis in stride(from: 0, to: kept.count, by: dimension) {
        var product = 0.0
        for c in 0..<dimension { product += x[c] * Double(kept[axis + c]) }
        for c in 0..<dimension { x[c] -= product * Double(kept[axis + c]) }
      }
      let after = length(x)
      guard after > before * 0x1p-20, after < .infinity else { continue }
      for c in 0..<dimension { kept.append(Float(x[c] / after)) }
      lengths.append(after)
    }
    rows = kept
    return lengths
  }

  private static func length(_ x: [Double]) -> Double { x.reduce(0) { $0 + $1 * $1 }.squareRoot() }
}
