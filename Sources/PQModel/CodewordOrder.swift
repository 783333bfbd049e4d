import PQKernels

/// An order of the codewords of a codebook in which those whose numbers begin with the same bits are near each other, as
/// tables of queries see it: of a part, whose numbers follow each other, one entry, the least, can stand for all in a bound
/// (as the minimum tables of André, Kermarrec, Le Scouarnec: "Cache locality is not enough: high-performance nearest
/// neighbor search with product quantization fast scan", 2015).
///
/// The codewords are halved again and again, each time by 2-means with as many on one side as on the other. Two are near if
/// their inner products with queries are, so a difference x counts as xᵀMx, M being the second moment of what tables are made
/// of: the codewords, and, where they stand for residuals, the centroids less their mean, too.
package struct CodewordOrder {
  private let dimension: Int
  /// L of M = LLᵀ, row-major: lengths of xᵀL are those that count.
  private let factor: [Double]

  private static let mostIterations = 10

  /// What tables of one subspace are made of.
  /// - Parameters:
  ///   - words: of the subspace's codebook, `[word][dimension]`.
  ///   - centroids: components of the subspace, `[centroid][dimension]`; none where codes are not of residuals.
  /// - Complexity: O((words + centroids) · dimension²).
  package init(words: [Double], centroids: [Double], dimension: Int) {
    self.dimension = dimension
    var moment = [Double](repeating: 0, count: dimension * dimension)
    Self.add(words, mean: [Double](repeating: 0, count: dimension), to: &moment)
    if !centroids.isEmpty {
      let count = centroids.count / dimension
      let mean = (0..<dimension).map { c in
        stride(from: c, to: centroids.count, by: dimension).reduce(0) { $0 + centroids[$1] } / Double(count)
      }
      Self.add(centroids, mean: mean, to: &moment)
    }
    factor = Self.cholesky(moment, dimension)
  }

  /// The order of `words`, `[word][dimension]`, in which parts of so many are near: the number of the codeword that comes
  /// first, second, ...
  /// - Complexity: O(words · log words · (dimension + log words)).
  package func order(of words: [Double], part: Int) -> [Int] {
    let points = project(words)
    var order = Array(0..<words.count / dimension)
    var size = order.count
    while size > part {
      for first in stride(from: 0, to: order.count, by: size) {
        order[first..<first + size] = halve(order[first..<first + size], points)[...]
      }
      size /= 2
    }
    return order
  }

  /// The words of a part, those of one half before those of the other.
  private func halve(_ part: ArraySlice<Int>, _ points: [Double]) -> [Int] {
    let half = part.count / 2
    var halves = Self.sorted(Array(part), along: widestAxis(part, points), points)
    for _ in 0..<Self.mostIterations {
      let (low, high) = (mean(halves[..<half], points), mean(halves[half...], points))
      let next = Self.sorted(halves, along: zip(high, low).map { $0 - $1 }, points)
      let isStable = Set(next[..<half]) == Set(halves[..<half])
      halves = next
      if isStable { break }
    }
    return halves
  }

  /// Ascending along a direction, the lower number first among equals.
  private static func sorted(_ part: [Int], along direction: [Double], _ points: [Double]) -> [Int] {
    let d = direction.count
    let keyed = part.map { word in
      var sum = 0.0
      for c in 0..<d { sum += points[word * d + c] * direction[c] }
      return (sum, word)
    }
    return keyed.sorted { $0 < $1 }.map(\.1)
  }

  private func widestAxis(_ part: ArraySlice<Int>, _ points: [Double]) -> [Double] {
    let mean = mean(part, points)
    var (widest, most) = (0, -1.0)
    for c in 0..<dimension {
      var variance = 0.0
      for word in part {
        let difference = points[word * dimension + c] - mean[c]
        variance += difference * difference
      }
      if variance > most { (widest, most) = (c, variance) }
    }
    return (0..<dimension).map { $0 == widest ? 1 : 0 }
  }

  private func mean(_ part: ArraySlice<Int>, _ points: [Double]) -> [Double] {
    var sums = [Double](repeating: 0, count: dimension)
    for word in part {
      for c in 0..<dimension { sums[c] += points[word * dimension + c] }
    }
    return sums.map { $0 / Double(part.count) }
  }

  /// xᵀL of each row x.
  private func project(_ rows: [Double]) -> [Double] {
    var projected = [Double](repeating: 0, count: rows.count)
    for row in stride(from: 0, to: rows.count, by: dimension) {
      for i in 0..<dimension {
        for j in 0...i { projected[row + j] += rows[row + i] * factor[i * dimension + j] }
      }
    }
    return projected
  }

  /// Adds the mean of the outer products of rows less `mean`.
  private static func add(_ rows: [Double], mean: [Double], to moment: inout [Double]) {
    let d = mean.count
    let weight = Double(d) / Double(rows.count)
    var row = mean
    for first in stride(from: 0, to: rows.count, by: d) {
      for c in 0..<d { row[c] = rows[first + c] - mean[c] }
      for i in 0..<d {
        for j in 0...i { moment[i * d + j] += row[i] * row[j] * weight }
      }
    }
  }

  /// The lower triangular L of M = LLᵀ; of `moment` the lower triangle counts. A direction without extent has zeros.
  private static func cholesky(_ moment: [Double], _ d: Int) -> [Double] {
    var factor = [Double](repeating: 0, count: d * d)
    for j in 0..<d {
      var pivot = moment[j * d + j]
      for k in 0..<j { pivot -= factor[j * d + k] * factor[j * d + k] }
      // Also of components that are not finite, or too large for their squares to be.
      guard pivot > moment[j * d + j] * 1e-12, pivot < .infinity else { continue }
      let root = pivot.squareRoot()
      factor[j * d + j] = root
      for i in j + 1..<d {
        var sum = moment[i * d + j]
        for k in 0..<j { sum -= factor[i * d + k] * factor[j * d + k] }
        factor[i * d + j] = sum / root
      }
    }
    return factor
  }
}

extension ProductQuantizer {
  /// The same codewords in an order by which scans of codes of 5 to 12 bits are faster; others as they are.
  /// - Parameter coarse: whose residuals the codes are of; nil: they are of vectors.
  /// - Complexity: O(m · ((1,024 + 2^nbits) · (D/m)² + 2^nbits · D/m · nbits)); it does not depend on threads.
  package func ordered(residualsOf coarse: CoarseQuantizer?, threads: Int) -> ProductQuantizer {
    // Beyond so many components a subspace the moments would take longer than they save.
    guard let part = CodeShape.partSize(nbits: nbits), subdimension <= 128 else { return self }
    let books = Threads.map(count: m, threads: threads) { s -> [Float] in
      let words = (0..<centroids).flatMap { word in
        (0..<subdimension).map { Double(component($0, of: word, subspace: s)) }
      }
      let lists = coarse.map { $0.components(s * subdimension..<(s + 1) * subdimension) } ?? []
      let order = CodewordOrder(words: words, centroids: lists, dimension: subdimension).order(of: words, part: part)
      let rows = order.flatMap { word in (0..<subdimension).map { component($0, of: word, subspace: s) } }
      return LaneBlocks.pack(rows.span, dimension: subdimension)
    }
    return ProductQuantizer(dimension: dimension, m: m, nbits: nbits, codebooks: books.flatMap { $0 })
  }
}

extension CoarseQuantizer {
  /// More centroids tell little more of their second moment.
  private static var mostCentroids: Int { 1024 }

  /// Some components of all centroids, or of some that are evenly spaced: `[list][component]`.
  fileprivate func components(_ range: Range<Int>) -> [Double] {
    let step = (nlist + Self.mostCentroids - 1) / Self.mostCentroids
    return stride(from: 0, to: nlist, by: step).flatMap { list in range.map { Double(component($0, of: list)) } }
  }
}
