internal import PQKernels

/// How k-means rounds points and centroids of few components to bytes, so that an assignment takes a fraction of the time.
///
/// Training needs no more where the integers are fine enough: a point that is nearly as near to two centroids moves the mean
/// of either as little. Where they are not, because few points are far from all others or few components vary, points are
/// assigned exactly.
struct Rounding: Sendable {
  /// Of the centroids.
  private let mean: [Float]
  private let scale: Float

  /// Points up to twice as far from the centroids' mean as they are in the root of the mean square are rounded; others are
  /// compared with all centroids.
  private static let reach = 2.0
  /// Of which the mean square is taken.
  private static let sampled = 512
  /// Of which the distance to the nearest centroid is taken.
  private static let compared = 64
  /// For each component, the least square of the median distance in units of the integers. Rounding adds about a sixth.
  private static let leastSquare: Float = 4

  /// Nil where points have too many components or too extreme ones, or are so near to their centroids that rounding would
  /// tell.
  /// - Parameter blocks: the lane blocks of `centers`.
  init?(_ points: some PointSource, dimension: Int, centers: [Float], blocks: [Float]) {
    let k = centers.count / dimension
    guard dimension <= Kernels.nearDimension else { return nil }
    let mean = (0..<dimension).map { c in
      Float(stride(from: c, to: centers.count, by: dimension).reduce(0.0) { $0 + Double(centers[$1]) } / Double(k))
    }
    func square(_ rows: Span<Float>, _ row: Int) -> Double {
      (0..<dimension).reduce(0) {
        let d = Double(rows[row * dimension + $1]) - Double(mean[$1])
        return $0 + d * d
      }
    }
    var farthest = (0..<k).reduce(0) { max($0, square(centers.span, $1)) }
    let average = points.withComponents { rows in
      let count = rows.count / dimension
      let sample = stride(from: 0, to: count, by: max(1, count / Self.sampled))
      return sample.reduce(0) { $0 + square(rows, $1) } / Double(sample.underestimatedCount)
    }
    farthest = max(farthest, Self.reach * Self.reach * average)
    guard farthest > 0x1p-60, farthest < 0x1p100 else { return nil }
    self.mean = mean
    scale = Float(Double(Kernels.nearNorm) / farthest.squareRoot())
    let square = Self.medianSquare(points, dimension: dimension, blocks: blocks, centroids: k)
    guard square * scale * scale >= Self.leastSquare * Float(dimension) else { return nil }
  }

  /// The median squared distance of points to their nearest centroids.
  private static func medianSquare(
    _ points: some PointSource, dimension: Int, blocks: [Float], centroids: Int
  ) -> Float {
    let count = points.withComponents { $0.count } / dimension
    var nearest = [Nearest](repeating: Nearest(), count: min(compared, count))
    var output = nearest.mutableSpan
    points.withComponents { all in
      Kernels.best.nearest(
        all, stride: max(1, count / compared) * dimension, dimension: dimension, blocks: blocks.span,
        centroids: centroids, into: &output)
    }
    return nearest.map(\.distance).sorted()[nearest.count / 2]
  }

  /// A nearest centroid, or nearly so, of each of `points`; `blocks` are the centroids' lane blocks. The same for any number
  /// of threads and every instruction set.
  func assign(
    _ points: some PointSource, blocks: [Float], centroids: Int, threads: Int, into assigned: inout [UInt32]
  ) {
    let dimension = mean.count
    let count = points.withComponents { $0.count } / dimension
    if assigned.count != count { assigned = [UInt32](repeating: 0, count: count) }
    var output = assigned.mutableSpan
    Threads.fill(&output, rowsPerPiece: 8192, threads: threads) { range, output in
      var scratch: [Int32] = []
      points.withComponents { all in
        Kernels.best.assignNear(
          all.extracting(range.lowerBound * dimension..<range.upperBound * dimension), mean: mean.span, scale: scale,
          blocks: blocks.span, centroids: centroids, scratch: &scratch, into: &output)
      }
    }
  }
}
