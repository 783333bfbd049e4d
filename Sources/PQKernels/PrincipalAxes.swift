/// The directions in which some vectors differ most from their mean, by subspace iteration on their covariance (Halko,
/// Martinsson and Tropp, "Finding structure with randomness", 2011).
package struct PrincipalAxes {
  /// The vectors' mean, `[component]`.
  package private(set) var mean: [Float] = []
  /// `[axis][component]`, orthonormal but for rounding, and nearly in the order of variance.
  package private(set) var rows: [Float] = []
  /// Of each axis, the share of all variance that is along it.
  package private(set) var shares: [Double] = []

  /// At most `rank` axes of `vectors` `[vector][component]`; fewer where these have no more directions, unless the others are
  /// to be filled in. Deterministic, for any number of threads. O(dimension² · (sampled + iterations · rank)).
  /// - Parameters:
  ///   - sampled: of more vectors so many are taken.
  ///   - iterations: with more, axes are nearer to those of the covariance.
  ///   - completes: whether directions that vectors do not have are filled in, any ones, at right angles to the others.
  ///   - step: called again and again; what it throws ends the search.
  package init<Failure: Error>(
    _ rank: Int, of vectors: Span<Float>, dimension: Int, sampled: Int, iterations: Int, completes: Bool, threads: Int,
    step: () throws(Failure) -> Void
  ) throws(Failure) {
    let covariance = try findCovariance(vectors, dimension, sampled: sampled, threads, step)
    let blocks = LaneBlocks.pack(covariance.span, dimension: dimension)
    var random = SplitMix64(seed: 1)
    rows = Self.signs(rank * dimension, &random)
    for _ in 0..<iterations {
      rows = Self.products(rows, blocks, dimension, dimension, threads)
      try Self.orthonormalize(&rows, from: 0, dimension, step)
      while completes, rows.count < rank * dimension {
        let axes = rows.count / dimension
        rows += Self.signs(rank * dimension - rows.count, &random)
        try Self.orthonormalize(&rows, from: axes, dimension, step)
      }
    }
    let images = Self.products(rows, blocks, dimension, dimension, threads)
    var total = 0.0
    for c in 0..<dimension { total += Double(covariance[c * dimension + c]) }
    for axis in stride(from: 0, to: rows.count, by: dimension) {
      var variance = 0.0
      for c in axis..<axis + dimension { variance += Double(rows[c]) * Double(images[c]) }
      shares.append(total > 0 ? variance / total : 0)
    }
  }

  /// Finds the mean, and a multiple of the covariance, `[component][component]`.
  private mutating func findCovariance<Failure: Error>(
    _ vectors: Span<Float>, _ dimension: Int, sampled: Int, _ threads: Int, _ step: () throws(Failure) -> Void
  ) throws(Failure) -> [Float] {
    let count = vectors.count / dimension
    let most = min(count, sampled)
    var columns: [Float] = []
    columns.reserveCapacity(most * dimension)
    var largest: Float = 0
    for c in 0..<dimension {
      try step()
      func value(_ i: Int) -> Float { vectors[i * count / most * dimension + c] }
      var sum = 0.0
      for i in 0..<most { sum += Double(value(i)) }
      let average = Float(sum / Double(most))
      mean.append(average)
      for i in 0..<most {
        let difference = value(i) - average
        largest = max(largest, abs(difference))
        columns.append(difference)
      }
    }
    // About 1 at most, so that no square is too large or too small.
    if largest > 0, largest < .infinity {
      let scale = Float(sign: .plus, exponent: -max(largest.exponent, -126), significand: 1)
      for i in columns.indices { columns[i] *= scale }
    }
    let blocks = LaneBlocks.pack(columns.span, dimension: most)
    var covariance: [Float] = []
    for first in stride(from: 0, to: dimension, by: 256) {
      try step()
      let part = Array(columns[first * most..<min(first + 256, dimension) * most])
      covariance += Self.products(part, blocks, most, dimension, threads)
    }
    return covariance
  }

  /// Inner products of `rows` `[row][length]` and the first `count` vectors of `blocks`: `[row][count]`.
  private static func products(
    _ rows: [Float], _ blocks: [Float], _ length: Int, _ count: Int, _ threads: Int
  ) -> [Float] {
    var products = [Float](repeating: 0, count: rows.count / length * count)
    var output = products.mutableSpan
    Threads.fill(&output, stride: count, rowsPerPiece: 32, threads: threads) { range, output in
      let rows = rows.span.extracting(range.lowerBound * length..<range.upperBound * length)
      Kernels.best.batch(.innerProduct, rows, dimension: length, blocks: blocks.span, count: count, into: &output)
    }
    return products
  }

  private static func signs(_ count: Int, _ random: inout SplitMix64) -> [Float] {
    (0..<count).map { _ in random.next() >> 63 == 0 ? 1 : -1 }
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
  private static func orthonormalize<Failure: Error>(
    _ rows: inout [Float], from first: Int, _ dimension: Int, _ step: () throws(Failure) -> Void
  ) throws(Failure) {
    var axes: [Float] = []
    axes.reserveCapacity(rows.count)
    axes += rows[..<(first * dimension)]
    for row in stride(from: first * dimension, to: rows.count, by: dimension) {
      try step()
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
