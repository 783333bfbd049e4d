/// The directions in which some vectors differ most from their mean, by subspace iteration on their covariance (Halko,
/// Martinsson and Tropp, "Finding structure with randomness", 2011).
package struct PrincipalAxes {
  /// The vectors' mean, `[component]`.
  package private(set) var mean: [Float] = []
  /// `[axis][component]`, orthonormal but for rounding, and nearly in the order of variance.
  package private(set) var rows: [Float] = []
  /// Of each axis, the share of all variance that is along it.
  package private(set) var shares: [Double] = []

  /// At most `rank` axes of `vectors` `[vector][component]`; fewer where these have no more directions.
  /// O(dimension² · (sampled + iterations · rank)).
  /// - Parameters:
  ///   - sampled: of more vectors so many are taken.
  ///   - iterations: with more, axes are nearer to those of the covariance.
  package init(_ rank: Int, of vectors: Span<Float>, dimension: Int, sampled: Int, iterations: Int) {
    let count = vectors.count / dimension
    let most = min(count, sampled)
    var columns: [Float] = []
    columns.reserveCapacity(most * dimension)
    for c in 0..<dimension {
      func value(_ i: Int) -> Float { vectors[i * count / most * dimension + c] }
      var sum = 0.0
      for i in 0..<most { sum += Double(value(i)) }
      let average = Float(sum / Double(most))
      mean.append(average)
      for i in 0..<most { columns.append(value(i) - average) }
    }
    func products(_ rows: [Float], _ blocks: [Float], length: Int) -> [Float] {
      Kernels.best.innerProducts(rows.span, dimension: length, blocks: blocks, count: dimension)
    }
    let covariance = products(columns, LaneBlocks.pack(columns.span, dimension: most), length: most)
    var total = 0.0
    for c in 0..<dimension { total += Double(covariance[c * dimension + c]) }

    let blocks = LaneBlocks.pack(covariance.span, dimension: dimension)
    var random = SplitMix64(seed: 1)
    rows = (0..<rank * dimension).map { _ in Bool.random(using: &random) ? 1 : -1 }
    for _ in 0..<iterations {
      rows = products(rows, blocks, length: dimension)
      Self.orthonormalize(&rows, dimension)
    }
    let images = products(rows, blocks, length: dimension)
    for axis in stride(from: 0, to: rows.count, by: dimension) {
      var variance = 0.0
      for c in axis..<axis + dimension { variance += Double(rows[c]) * Double(images[c]) }
      shares.append(variance / total)
    }
  }

  /// Adds axes in any directions, until there are as many as components.
  package mutating func complete() {
    var random = SplitMix64(seed: 2)
    while shares.count < mean.count {
      rows += (shares.count..<mean.count).flatMap { _ in mean.indices.map { _ in Bool.random(using: &random) ? 1 : -1 }
      }
      Self.orthonormalize(&rows, mean.count)
      shares += repeatElement(0, count: rows.count / mean.count - shares.count)
    }
  }

  /// How many axes, from the first on, have this share of all variance; nil if all have less.
  package func count(holding share: Double) -> Int? {
    var sum = 0.0
    for (axis, along) in shares.enumerated() {
      sum += along
      if sum >= share { return axis + 1 }
    }
    return nil
  }

  /// Keeps the first axes.
  package mutating func keep(first count: Int) {
    rows.removeLast(rows.count - count * mean.count)
    shares.removeLast(shares.count - count)
  }

  /// Gram and Schmidt's, row after row, twice for each, so that rounding leaves no more than its own. A row of which nearly
  /// nothing is left goes.
  private static func orthonormalize(_ rows: inout [Float], _ dimension: Int) {
    var axes: [Float] = []
    axes.reserveCapacity(rows.count)
    for row in stride(from: 0, to: rows.count, by: dimension) {
      var x = Array(rows[row..<row + dimension])
      let before = length(x)
      for _ in 0..<2 { subtract(axes, from: &x) }
      let after = length(x)
      guard after > before * 0x1p-12, after < .infinity else { continue }
      for c in 0..<dimension { axes.append(Float(Double(x[c]) / after)) }
    }
    rows = axes
  }

  /// Takes from `x` what is along the axes.
  private static func subtract(_ axes: [Float], from x: inout [Float]) {
    var products = [Float](repeating: 0, count: axes.count / x.count)
    var output = products.mutableSpan
    Kernels.best.rows(.innerProduct, x.span, rows: axes.span, into: &output)
    var rest = x.mutableSpan
    for a in products.indices {
      let axis = axes.span.extracting(a * rest.count..<(a + 1) * rest.count)
      for c in rest.indices { rest[c] -= products[a] * axis[c] }
    }
  }

  private static func length(_ x: [Float]) -> Double {
    var sum = 0.0
    for value in x { sum += Double(value) * Double(value) }
    return sum.squareRoot()
  }
}
