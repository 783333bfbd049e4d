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
    LaneBlocks.appendRows(nlist, of: blocks.span, dimension: dimension, to: &rows)
    let kmeans = KMeans(k: count, iterations: Self.groupIterations, threads: threads)
    let clustering = try kmeans.train(rows, dimension: dimension, quantizer: "groups", progress: progress)
    let centers = CoarseQuantizer(dimension: dimension, nlist: count, blocks: clustering.blocks)
    var nearest: [UInt32] = []
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

extension CoarseQuantizer {
  /// A row's candidates are the lists of its nearest groups: of so many that they have this many times the lists of a
  /// mean group. On SIFT descriptors the nearest of 20,000 lists is then among them for 99.6 % of all rows.
  private static let groupsPerRow = 16
  /// Whatever the sizes of the groups, a row visits no more.
  private static let mostGroupsPerRow = 32

  /// The nearest list of each row `[row][dimension]` among those of its nearest groups, and those that share a lane
  /// block with them.
  ///
  /// Rows are taken group by group, so that the group's centroids stay in cache.
  func assign(_ rows: Span<Float>, through groups: Groups, into lists: inout MutableSpan<UInt32>) {
    let count = lists.count
    let (visited, visitors) = nearestGroups(rows, groups)
    let visits = Members(visited, k: groups.count)
    var best = [Nearest](repeating: Nearest(index: .max), count: count)
    var gathered: [Float] = []
    var found: [Nearest] = []
    for group in 0..<groups.count {
      let batch = visits.points(of: group).map { Int(visitors[Int(visits.order[$0])]) }
      guard !batch.isEmpty else { continue }
      gathered.removeAll(keepingCapacity: true)
      for row in batch {
        for c in row * dimension..<(row + 1) * dimension { gathered.append(rows[c]) }
      }
      if found.count < batch.count { found = [Nearest](repeating: Nearest(), count: batch.count) }
      let owned = groups.lists(of: group)
      let first = owned.lowerBound / LaneBlocks.lanes * LaneBlocks.lanes
      let end = min(nlist, (owned.upperBound + LaneBlocks.lanes - 1) / LaneBlocks.lanes * LaneBlocks.lanes)
      var all = found.mutableSpan
      var output = all.part(0..<batch.count)
      Kernels.best.nearest(
        gathered.span, stride: dimension, dimension: dimension,
        blocks: blocks.span.extracting(first * dimension..<blocks.count), centroids: end - first, into: &output)
      for (i, row) in batch.enumerated() {
        let candidate = Nearest(index: UInt32(first) + output[i].index, distance: output[i].distance)
        let old = best[row]
        if candidate.distance < old.distance || (candidate.distance == old.distance && candidate.index < old.index) {
          best[row] = candidate
        }
      }
    }
    for row in 0..<count { lists[row] = best[row].index }
  }

  /// The groups that rows visit, row after row, and beside each group the row.
  private func nearestGroups(_ rows: Span<Float>, _ groups: Groups) -> (groups: [UInt32], rows: [UInt32]) {
    let enough = Self.groupsPerRow * nlist / groups.count
    let most = min(Self.mostGroupsPerRow, groups.count)
    var visited: [UInt32] = []
    var visitors: [UInt32] = []
    var distances = [Float](repeating: 0, count: groups.count)
    var nearest = [UInt64](repeating: .max, count: most)
    for row in 0..<rows.count / dimension {
      var output = distances.mutableSpan
      Kernels.best.squaredL2(
        rows.extracting(row * dimension..<(row + 1) * dimension), blocks: groups.blocks.span, into: &output)
      for i in 0..<most { nearest[i] = .max }
      for group in 0..<groups.count {
        // A distance is not negative, so its bits order as it does; the number breaks ties.
        let key = UInt64(distances[group].bitPattern) << 32 | UInt64(group)
        guard key < nearest[most - 1] else { continue }
        var place = most - 1
        while place > 0, nearest[place - 1] > key {
          nearest[place] = nearest[place - 1]
          place -= 1
        }
        nearest[place] = key
      }
      var lists = 0
      for key in nearest where lists < enough {
        let group = UInt32(truncatingIfNeeded: key)
        visited.append(group)
        visitors.append(UInt32(row))
        lists += groups.lists(of: Int(group)).count
      }
    }
    return (visited, visitors)
  }
}
