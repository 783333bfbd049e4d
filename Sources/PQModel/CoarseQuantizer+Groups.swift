internal import PQKernels

extension CoarseQuantizer {
  /// Lists that are near each other, found by clustering the centroids.
  package struct Groups: Sendable, Equatable {
    /// Group g owns the lists `starts[g]..<starts[g + 1]`; one entry more than groups, strictly ascending.
    package let starts: [UInt32]
    /// The groups' centroids in lane blocks.
    package let blocks: [Float]

    package init(starts: [UInt32], blocks: [Float]) {
      self.starts = starts
      self.blocks = blocks
    }

    package var count: Int { starts.count - 1 }

    package func lists(of group: Int) -> Range<Int> { Int(starts[group])..<Int(starts[group + 1]) }
  }

  /// Iterations of the k-means over centroids: they are few, and groups need not be optimal.
  private static let groupIterations = 10

  /// The same centroids, clustered into at most `count` groups and renumbered so that each group's lists follow one
  /// another, in their order. A group that no list is nearest to is dropped.
  ///
  /// Deterministic, for any number of threads. O(iterations · nlist · count · dimension).
  /// - Parameter progress: asked after each iteration; false stops with `.cancelled`.
  /// - Precondition: 1...nlist groups.
  package func grouped(
    into count: Int, threads: Int, progress: (KMeans.Iteration) -> Bool = { _ in true }
  ) throws(TrainingError) -> CoarseQuantizer {
    precondition((1...nlist).contains(count), "\(count) groups of \(nlist) lists")
    var rows: [Float] = []
    rows.reserveCapacity(nlist * dimension)
    for list in 0..<nlist { LaneBlocks.appendRow(list, of: blocks.span, dimension: dimension, to: &rows) }
    let kmeans = KMeans(k: count, iterations: Self.groupIterations, threads: threads)
    let clustering = try kmeans.train(
      rows, stride: dimension, dimension: dimension, quantizer: "groups", progress: progress)
    let centers = CoarseQuantizer(dimension: dimension, nlist: count, blocks: clustering.blocks)
    var nearest: [Nearest] = []
    centers.assign(rows, threads: threads, into: &nearest)

    let members = Members(nearest, k: count)
    var starts: [UInt32] = [0]
    var ordered: [Float] = []
    var kept: [Float] = []
    ordered.reserveCapacity(rows.count)
    for group in 0..<count where !members.points(of: group).isEmpty {
      LaneBlocks.appendRow(group, of: centers.blocks.span, dimension: dimension, to: &kept)
      for i in members.points(of: group) {
        let row = Int(members.order[i]) * dimension
        for c in 0..<dimension { ordered.append(rows[row + c]) }
      }
      starts.append(UInt32(ordered.count / dimension))
    }
    return CoarseQuantizer(
      dimension: dimension, nlist: nlist, blocks: LaneBlocks.pack(ordered.span, dimension: dimension),
      groups: Groups(starts: starts, blocks: LaneBlocks.pack(kept.span, dimension: dimension)))
  }
}
