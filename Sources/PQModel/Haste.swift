/// How k-means comes near the result of many iterations in less time.
///
/// - Parts: points are in random order, so that a prefix is a sample. The first iterations, which move centroids far,
///   need few points; each later one costs more and moves them less.
/// - Momentum: a centroid goes beyond its mean by 0.9 of the way that the mean has moved since the iteration before, for
///   it would go on that way (Nesterov's accelerated gradient; k-means is a gradient descent with a step of its own:
///   Bottou and Bengio, "Convergence properties of the k-means algorithms", 1995). The last update is a plain mean.
struct Haste {
  private static let momentum: Double = 0.9
  /// A part has so many points for each centroid, if there are as many: with fewer, centroids follow the part.
  private static let pointsPerCentroid = 32

  private let iterations: Int
  private let all: Int
  private let least: Int
  private var means: [Float]

  init(_ centers: [Float], iterations: Int, points: Int, k: Int) {
    self.iterations = iterations
    all = points
    least = min(points, Self.pointsPerCentroid * k)
    means = centers
  }

  /// The points of an iteration: an eighth, a quarter, a half, and all in at least the last two.
  func points(_ iteration: Int) -> Int {
    if iteration >= iterations - 2 { return all }
    let part =
      switch 25 * iteration / iterations {
      case ..<10: 8
      case ..<18: 4
      case ..<23: 2
      default: 1
      }
    return max(least, all / part)
  }

  /// Moves centroids, which are means now, on. After a split some are no means, and none is moved.
  mutating func carryOn(_ centers: inout [Float], afterSplit: Bool) {
    for c in centers.indices {
      let mean = centers[c]
      if !afterSplit { centers[c] = Float(Double(mean) + Self.momentum * (Double(mean) - Double(means[c]))) }
      means[c] = mean
    }
  }
}
