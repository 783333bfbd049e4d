internal import PQKernels

/// Lloyd's k-means on squared L2, the same result for any number of threads and every instruction set.
///
/// - Start: the first `k` points. Callers pass a sample in seeded random order (see `Sample`), so this is a uniform
///   draw without replacement.
/// - Assignment: canonical arg-min (``Kernels/nearest(_:offset:stride:dimension:blocks:centroids:into:)``).
/// - Update: each mean is summed in f64 over its points in ascending order: no reduction depends on threads.
/// - Empty clusters: the j-th empty one takes half of the j-th largest: a copy of its centroid, the two moved apart
///   by 1/1024 of each component, in opposite directions for even and odd components.
package struct KMeans: Sendable {
  package var k: Int
  package var iterations: Int
  package var threads: Int

  package init(k: Int, iterations: Int, threads: Int) {
    self.k = k
    self.iterations = iterations
    self.threads = threads
  }

  /// What one assignment found.
  package struct Iteration: Sendable, Equatable {
    /// The sum of squared distances of all points to their centroids, before this iteration's update.
    package var objective: Double
    /// k · Σ nᵢ² / n²: 1 when all clusters are equal, k when one has all points.
    package var imbalance: Double
    /// Clusters without a point, which were split from large ones.
    package var empty: Int
  }

  package struct Result: Sendable {
    /// The centroids in lane blocks, `[block][component][16 lanes]`.
    package var blocks: [Float]
    package var history: [Iteration]
  }

  /// Learns `k` centroids of the points `[point][stride]`, components `offset..<offset + dimension` of each.
  ///
  /// Stops early when an assignment equals the one before. O(iterations · points · k · dimension).
  /// - Parameter progress: called after each iteration; false stops the training.
  package func train(
    _ points: [Float], offset: Int = 0, stride: Int, dimension: Int, quantizer: String,
    progress: (Iteration) -> Bool = { _ in true }
  ) throws(TrainingError) -> Result {
    let count = points.count / stride
    guard count >= k else { throw .tooFewVectors(have: count, centroids: k, quantizer: quantizer) }
    var blocks = firstCentroids(points, offset: offset, stride: stride, dimension: dimension)
    var nearest = [Nearest](repeating: Nearest(), count: count)
    var history: [Iteration] = []
    var previous: Members?
    for _ in 0..<iterations {
      assign(points, offset: offset, stride: stride, dimension: dimension, blocks: blocks, into: &nearest)
      let members = Members(nearest, k: k)
      let iteration = Iteration(
        objective: nearest.reduce(0) { $0 + Double($1.distance) }, imbalance: members.imbalance,
        empty: members.emptyCount)
      history.append(iteration)
      guard progress(iteration) else { throw .cancelled }
      if members == previous, iteration.empty == 0 { break }  // the means of an equal assignment are equal too
      previous = members
      blocks = means(points, offset: offset, stride: stride, dimension: dimension, members: members)
      split(members, dimension: dimension, blocks: &blocks)
    }
    return Result(blocks: blocks, history: history)
  }

  private func firstCentroids(_ points: [Float], offset: Int, stride: Int, dimension: Int) -> [Float] {
    var rows: [Float] = []
    rows.reserveCapacity(k * dimension)
    for i in 0..<k { rows.append(contentsOf: points[i * stride + offset..<i * stride + offset + dimension]) }
    return LaneBlocks.pack(rows.span, dimension: dimension)
  }

  /// Rows of one piece of work: fixed, and large enough that a panel of centroids pays for its way into the cache.
  private static let rowsPerPiece = 2048

  private func assign(
    _ points: [Float], offset: Int, stride: Int, dimension: Int, blocks: [Float], into nearest: inout [Nearest]
  ) {
    var output = nearest.mutableSpan
    let k = k
    Threads.fill(&output, rowsPerPiece: Self.rowsPerPiece, threads: threads) { rows, output in
      Kernels.best.nearest(
        points.span, offset: rows.lowerBound * stride + offset, stride: stride, dimension: dimension,
        blocks: blocks.span, centroids: k, into: &output)
    }
  }

  /// New centroids: the means of the members, zero where there are none. Pieces are whole blocks.
  private func means(_ points: [Float], offset: Int, stride: Int, dimension: Int, members: Members) -> [Float] {
    var blocks = [Float](repeating: 0, count: LaneBlocks.floats(vectors: k, dimension: dimension))
    var output = blocks.mutableSpan
    let blockFloats = LaneBlocks.lanes * dimension
    let k = k
    Threads.fill(&output, stride: blockFloats, rowsPerPiece: 4, threads: threads) { range, output in
      var sum = [Double](repeating: 0, count: dimension)
      for cluster in range.lowerBound * LaneBlocks.lanes..<min(k, range.upperBound * LaneBlocks.lanes) {
        let points32 = points.span
        for c in 0..<dimension { sum[c] = 0 }
        let indices = members.points(of: cluster)
        for i in indices {
          let base = Int(members.order[i]) * stride + offset
          for c in 0..<dimension { sum[c] += Double(points32[base + c]) }
        }
        guard !indices.isEmpty else { continue }
        let local = cluster - range.lowerBound * LaneBlocks.lanes
        for c in 0..<dimension {
          output[LaneBlocks.index(vector: local, component: c, dimension: dimension)] =
            Float(sum[c] / Double(indices.count))
        }
      }
    }
    return blocks
  }

  private func split(_ members: Members, dimension: Int, blocks: inout [Float]) {
    guard members.emptyCount > 0 else { return }
    let bySize = (0..<k).sorted { a, b in
      let (sizeA, sizeB) = (members.points(of: a).count, members.points(of: b).count)
      return sizeA != sizeB ? sizeA > sizeB : a < b
    }
    let empty = (0..<k).filter { members.points(of: $0).isEmpty }
    for (hole, donor) in zip(empty, bySize) where members.points(of: donor).count > 1 {
      for c in 0..<dimension {
        let from = LaneBlocks.index(vector: donor, component: c, dimension: dimension)
        let to = LaneBlocks.index(vector: hole, component: c, dimension: dimension)
        let value = blocks[from]
        let step = value / 1024 * (c % 2 == 0 ? 1 : -1)
        blocks[to] = value + step
        blocks[from] = value - step
      }
    }
  }
}

/// The points of each cluster, ascending: a counting sort of an assignment.
struct Members: Sendable, Equatable {
  /// Point numbers, cluster by cluster.
  private(set) var order: [UInt32]
  /// Where each cluster begins in `order`; one entry more than clusters.
  private var starts: [Int]

  init(_ nearest: [Nearest], k: Int) {
    starts = [Int](repeating: 0, count: k + 1)
    for n in nearest { starts[Int(n.index) + 1] += 1 }
    for cluster in 0..<k { starts[cluster + 1] += starts[cluster] }
    var next = starts
    order = [UInt32](repeating: 0, count: nearest.count)
    for (point, n) in nearest.enumerated() {
      order[next[Int(n.index)]] = UInt32(point)
      next[Int(n.index)] += 1
    }
  }

  func points(of cluster: Int) -> Range<Int> { starts[cluster]..<starts[cluster + 1] }

  var emptyCount: Int { (0..<starts.count - 1).count { points(of: $0).isEmpty } }

  var imbalance: Double { listImbalance((0..<starts.count - 1).lazy.map { points(of: $0).count }) }
}

/// k · Σ nᵢ² / n² over the sizes of k lists: 1 when they are equal, k when one has all. 1 for no vectors.
package func listImbalance(_ sizes: some Sequence<Int>) -> Double {
  var k = 0.0
  var total = 0.0
  var squares = 0.0
  for size in sizes {
    k += 1
    total += Double(size)
    squares += Double(size) * Double(size)
  }
  return total == 0 ? 1 : k * squares / (total * total)
}
