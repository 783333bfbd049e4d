internal import PQKernels

/// The order in which queries of a batch are searched, or a part of it.
///
/// Queries that are near each other visit many of the same lists: one after the other, they find these in the cache.
struct QueryOrder: Sendable {
  /// `[place]`, of all the batch; none: each query is at the place of its number.
  private let numbers: [UInt32]
  let places: Range<Int>

  /// The order of the numbers.
  init(_ count: Int) {
    numbers = []
    places = 0..<count
  }

  private init(_ numbers: [UInt32], _ places: Range<Int>) { (self.numbers, self.places) = (numbers, places) }

  /// The order of words as of ``Pivots/place(_:numberedFrom:into:)``.
  init(sorting words: consuming [UInt64]) {
    words.sort()
    self.init(words.map { UInt32(truncatingIfNeeded: $0) }, words.indices)
  }

  var isByNumber: Bool { numbers.isEmpty }

  /// The number of the query at a place.
  subscript(_ place: Int) -> Int { isByNumber ? place : Int(numbers[place]) }

  func part(_ places: Range<Int>) -> QueryOrder { QueryOrder(numbers, places) }
}

/// Some centroids of an index, each followed by the nearest of those that are left. Which two of them a query is nearest to
/// says roughly where it is.
final class Pivots: Sendable {
  /// Each query is compared with all of them.
  static let most = 64
  /// Fewer queries share few lists.
  static let fewestQueries = 32
  /// Queries of batches that are searched without: about as many as save what finding the pivots takes.
  static let pays = 255

  private let blocks: [Float]
  /// Half the squared norms.
  private let norms: [Float]
  private let dimension: Int

  /// O(``most``² · dimension), with axes O(``most`` · dimension²) too.
  /// - Parameters:
  ///   - blocks: lane blocks of `vectors` centroids.
  ///   - axes: those of the rotation, in lane blocks: what is ordered is not rotated. Empty without one.
  /// - Precondition: centroids are finite, and there is one.
  init(_ blocks: Span<Float>, vectors: Int, dimension: Int, axes: Span<Float>) {
    let count = min(Self.most, vectors)
    var rows: [Float] = []
    for i in 0..<count { LaneBlocks.appendRow(i * vectors / count, of: blocks, dimension: dimension, to: &rows) }
    if !axes.isEmpty { rows = Self.rotatedBack(rows, dimension, axes) }
    let packed = LaneBlocks.pack(rows.span, dimension: dimension)
    let products = Kernels.best.innerProducts(rows.span, dimension: dimension, blocks: packed, count: count)
    let norms = (0..<count).map { products[$0 * count + $0] / 2 }
    var (last, chain, left) = (0, [0], Array(1..<count))
    while let nearest = left.indices.min(by: {
      norms[left[$0]] - products[last * count + left[$0]] < norms[left[$1]] - products[last * count + left[$1]]
    }) {
      last = left.remove(at: nearest)
      chain.append(last)
    }
    let sorted = chain.flatMap { rows[$0 * dimension..<($0 + 1) * dimension] }
    self.blocks = LaneBlocks.pack(sorted.span, dimension: dimension)
    self.norms = chain.map { norms[$0] }
    self.dimension = dimension
  }

  /// What axes, which are orthonormal, have made `rows` `[row][dimension]` of.
  private static func rotatedBack(_ rows: [Float], _ dimension: Int, _ axes: Span<Float>) -> [Float] {
    var vectors = [Float](repeating: 0, count: rows.count)
    for row in stride(from: 0, to: rows.count, by: dimension) {
      for first in stride(from: 0, to: dimension, by: LaneBlocks.lanes) {
        var place = LaneBlocks.index(vector: first, component: 0, dimension: dimension)
        for c in 0..<dimension {
          var sum: Float = 0
          for lane in 0..<min(LaneBlocks.lanes, dimension - first) {
            sum += rows[row + first + lane] * axes[place + lane]
          }
          vectors[row + c] += sum
          place += LaneBlocks.lanes
        }
      }
    }
    return vectors
  }

  /// Words that sort by the nearest pivot, then by the second nearest, then by the query's number, which is their lower half.
  /// O(queries · dimension).
  /// - Parameter queries: `[query][dimension]`; a query that is not finite is anywhere.
  func place(_ queries: Span<Float>, numberedFrom number: Int, into words: inout MutableSpan<UInt64>) {
    let group = 64
    for first in stride(from: 0, to: words.count, by: group) {
      let end = min(first + group, words.count)
      let part = queries.extracting(first * dimension..<end * dimension)
      let products = Kernels.best.innerProducts(part, dimension: dimension, blocks: blocks, count: norms.count)
      for query in first..<end {
        let start = (query - first) * norms.count
        let (nearest, second) = nearest(products.span.extracting(start..<start + norms.count))
        words[query] = UInt64(nearest) << 48 | UInt64(second) << 32 | UInt64(number + query)
      }
    }
  }

  /// The pivots to which half the squared distance, less what is the same for all, is least and next to least.
  private func nearest(_ products: Span<Float>) -> (Int, Int) {
    var (first, second) = (0, 0)
    var (least, next) = (Float.infinity, Float.infinity)
    for i in norms.indices {
      let distance = norms[i] - products[i]
      if distance < least {
        (second, next) = (first, least)
        (first, least) = (i, distance)
      } else if distance < next {
        (second, next) = (i, distance)
      }
    }
    return (first, second)
  }
}
