internal import PQKernels

/// Lloyd's k-means on squared L2, the same result for any number of threads and every instruction set.
///
/// - Start: the first `k` points. Callers pass a sample in seeded random order (see `Sample`), so this is a uniform
///   draw without replacement.
/// - Assignment: canonical arg-min; with groups, that of the nearest groups (``CoarseQuantizer/assign(_:threads:into:)``).
/// - Update: each mean is summed in f64 over its points in ascending order: no reduction depends on threads.
/// - Empty clusters: the j-th empty one takes half of the j-th largest whose points differ: a copy of its centroid, the
///   two moved apart by 1/1024 of each component, in opposite directions for even and odd components. Where there are no
///   more of these, an empty one stays where it was.
/// - Haste, if asked for: most iterations see a part of the points, and means move on with momentum (``Haste``); distances
///   are of points rounded to bytes (``Rounding``), but after a split, whose halves may be the same bytes.
package struct KMeans: Sendable {
  package var k: Int
  package var iterations: Int
  package var threads: Int
  /// Above 0, each iteration clusters its centroids into so many groups and assigns through them.
  package var groups = 0
  /// Whether to come near the result of so many plain iterations in a fraction of their time.
  /// - Precondition: no groups, which renumber centroids.
  package var hastens = false

  package init(k: Int, iterations: Int, threads: Int, groups: Int = 0, hastens: Bool = false) {
    precondition(!(hastens && groups > 0), "haste with groups")
    self.k = k
    self.iterations = iterations
    self.threads = threads
    self.groups = groups
    self.hastens = hastens
  }

  /// What one assignment found.
  package struct Iteration: Sendable, Equatable {
    /// The sum of squared distances of the points to their centroids, before the update; 0 if the iteration saw a part of
    /// them.
    package var objective: Double
    /// Of the clusters; see ``ListImbalance``.
    package var imbalance: Double
    /// Clusters without a point, which were split from large ones.
    package var empty: Int
  }

  package struct Result: Sendable {
    /// The centroids in lane blocks, `[block][component][16 lanes]`.
    package var blocks: [Float]
    package var history: [Iteration]
  }

  /// Learns `k` centroids of the packed points `[point][dimension]`.
  ///
  /// Stops early when an assignment of all points equals the one before. O(iterations · points · k · dimension).
  /// - Parameter progress: called after each iteration; false stops the training.
  package func train(
    _ points: some PointSource, dimension: Int, quantizer: String, progress: (Iteration) -> Bool = { _ in true }
  ) throws(TrainingError) -> Result {
    let count = points.withComponents { $0.count } / dimension
    guard count >= k else { throw .tooFewVectors(have: count, centroids: k, quantizer: quantizer) }
    var centers = points.withComponents { all in (0..<k * dimension).map { all[$0] } }
    var haste = hastens ? Haste(centers, iterations: iterations, points: count, k: k) : nil
    var assigned: [UInt32] = []
    var previous: [UInt32] = []
    var history: [Iteration] = []
    var afterSplit = false
    for number in 0..<iterations {
      let seenCount = haste?.points(number) ?? count
      let seen = Part(source: points, components: 0..<dimension * seenCount)
      try assign(seen, dimension: dimension, rounds: hastens && !afterSplit, centers: &centers, into: &assigned)
      let (sums, objective) = sum(
        seen, dimension: dimension, assigned: assigned, centers: seenCount < count ? [] : centers)
      let sizes = Self.sizes(assigned, k: k)
      let iteration = Iteration(
        objective: objective, imbalance: ListImbalance.of(sizes), empty: sizes.count { $0 == 0 })
      history.append(iteration)
      guard progress(iteration) else { throw .cancelled }
      for cluster in 0..<k where sizes[cluster] > 0 {
        let size = Double(sizes[cluster])
        for c in cluster * dimension..<(cluster + 1) * dimension { centers[c] = Float(sums[c] / size) }
      }
      afterSplit = iteration.empty > 0 && split(sizes, seen, assigned, dimension: dimension, centers: &centers)
      // The means of an equal assignment are equal too.
      let isSettled = assigned.count == count && assigned == previous && !afterSplit
      if isSettled || number == iterations - 1 { break }
      previous = assigned
      haste?.carryOn(&centers, afterSplit: afterSplit)
    }
    return Result(blocks: LaneBlocks.pack(centers.span, dimension: dimension), history: history)
  }

  /// - Parameters:
  ///   - rounds: whether points and centers may be rounded.
  ///   - centers: with groups, come back in the groups' order.
  private func assign(
    _ points: some PointSource, dimension: Int, rounds: Bool, centers: inout [Float], into assigned: inout [UInt32]
  ) throws(TrainingError) {
    let blocks = LaneBlocks.pack(centers.span, dimension: dimension)
    if rounds, let rounding = Rounding(points, dimension: dimension, centers: centers, blocks: blocks) {
      return rounding.assign(points, blocks: blocks, centroids: k, threads: threads, into: &assigned)
    }
    var quantizer = CoarseQuantizer(dimension: dimension, nlist: k, blocks: blocks)
    if groups > 0 {
      quantizer = try quantizer.grouped(into: groups, threads: threads)
      centers.removeAll(keepingCapacity: true)
      LaneBlocks.appendRows(k, of: quantizer.blocks.span, dimension: dimension, to: &centers)
    }
    quantizer.assign(points, threads: threads, into: &assigned)
  }

  private static func sizes(_ assigned: [UInt32], k: Int) -> [Int] {
    var sizes = [Int](repeating: 0, count: k)
    var counts = sizes.mutableSpan
    for cluster in assigned { counts[Int(cluster)] += 1 }
    return sizes
  }

  /// Components that one thread sums at a time. Fixed, for they decide the order in which the objective is summed.
  private static let componentsPerPart = 32

  /// Of each cluster the sum of its points `[cluster][dimension]`, and the objective, unless there are no centers.
  private func sum(
    _ points: some PointSource, dimension: Int, assigned: [UInt32], centers: [Float]
  ) -> (sums: [Double], objective: Double) {
    let size = Self.componentsPerPart
    let k = k
    let parts = Threads.map(count: (dimension + size - 1) / size, threads: threads) { part -> ([Double], Double) in
      let components = part * size..<min(dimension, (part + 1) * size)
      var local: [Float] = []
      for cluster in 0..<(centers.isEmpty ? 0 : k) {
        let first = cluster * dimension
        local += centers[first + components.lowerBound..<first + components.upperBound]
      }
      var sums = [Double](repeating: 0, count: k * components.count)
      var output = sums.mutableSpan
      let objective = points.withComponents {
        Kernels.best.accumulate(
          $0, offset: components.lowerBound, stride: dimension, dimension: components.count, assigned: assigned.span,
          centers: local.span, into: &output)
      }
      return (sums, objective)
    }
    let objective = parts.reduce(0) { $0 + $1.1 }
    if parts.count == 1 { return (parts[0].0, objective) }
    var sums = [Double](repeating: 0, count: k * dimension)
    for (part, (local, _)) in parts.enumerated() {
      let width = local.count / k
      for cluster in 0..<k {
        for c in 0..<width { sums[cluster * dimension + part * size + c] = local[cluster * width + c] }
      }
    }
    return (sums, objective)
  }

  /// Fills empty clusters; false where none can be.
  private func split(
    _ sizes: [Int], _ points: some PointSource, _ assigned: [UInt32], dimension: Int, centers: inout [Float]
  ) -> Bool {
    let empty = (0..<k).filter { sizes[$0] == 0 }
    let differ = areDifferent(points, dimension: dimension, assigned: assigned)
    let donors = (0..<k).filter { differ[$0] }.sorted { sizes[$0] != sizes[$1] ? sizes[$0] > sizes[$1] : $0 < $1 }
    for (hole, donor) in zip(empty, donors) {
      for c in 0..<dimension {
        let value = centers[donor * dimension + c]
        let step = value / 1024 * (c % 2 == 0 ? 1 : -1)
        centers[hole * dimension + c] = value + step
        centers[donor * dimension + c] = value - step
      }
    }
    return !donors.isEmpty
  }

  /// Of each cluster whether its points differ. O(points), and O(dimension) for those that equal their cluster's first.
  private func areDifferent(_ points: some PointSource, dimension: Int, assigned: [UInt32]) -> [Bool] {
    var first = [Int](repeating: -1, count: k)
    var differ = [Bool](repeating: false, count: k)
    points.withComponents { all in
      for (point, number) in assigned.enumerated() where !differ[Int(number)] {
        let cluster = Int(number)
        guard first[cluster] >= 0 else {
          first[cluster] = point
          continue
        }
        let (one, other) = (first[cluster] * dimension, point * dimension)
        differ[cluster] = (0..<dimension).contains { all[one + $0] != all[other + $0] }
      }
    }
    return differ
  }
}

/// The points of each cluster, ascending: a counting sort of an assignment.
struct Members: Sendable {
  /// Point numbers, cluster by cluster.
  private(set) var order: [UInt32]
  /// Where each cluster begins in `order`; one entry more than clusters.
  private var starts: [Int]

  init(_ assigned: [UInt32], k: Int) {
    starts = [Int](repeating: 0, count: k + 1)
    for cluster in assigned { starts[Int(cluster) + 1] += 1 }
    for cluster in 0..<k { starts[cluster + 1] += starts[cluster] }
    var next = starts
    order = [UInt32](repeating: 0, count: assigned.count)
    for (point, cluster) in assigned.enumerated() {
      order[next[Int(cluster)]] = UInt32(point)
      next[Int(cluster)] += 1
    }
  }

  func points(of cluster: Int) -> Range<Int> { starts[cluster]..<starts[cluster + 1] }
}
