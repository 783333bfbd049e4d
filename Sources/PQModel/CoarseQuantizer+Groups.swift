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
  /// Groups whose lists are candidates for a row.
  package static let groupsPerRow = 16

  /// The nearest list of each row `[row][dimension]` among those of its nearest groups, and of those that share a lane
  /// block with them.
  ///
  /// Rows are taken group by group, so that the group's centroids stay in cache.
  func assign(_ rows: Span<Float>, through groups: Groups, into lists: inout MutableSpan<UInt32>) {
    let count = lists.count
    let perRow = min(Self.groupsPerRow, groups.count)
    let visits = Members(nearestGroups(rows, groups, perRow: perRow), k: groups.count)
    var best = [Nearest](repeating: Nearest(index: .max), count: count)
    var gathered: [Float] = []
    var found: [Nearest] = []
    for group in 0..<groups.count {
      let visitors = visits.points(of: group).map { Int(visits.order[$0]) / perRow }
      guard !visitors.isEmpty else { continue }
      gathered.removeAll(keepingCapacity: true)
      for row in visitors {
        for c in row * dimension..<(row + 1) * dimension { gathered.append(rows[c]) }
      }
      if found.count < visitors.count { found = [Nearest](repeating: Nearest(), count: visitors.count) }
      let owned = groups.lists(of: group)
      let first = owned.lowerBound / LaneBlocks.lanes * LaneBlocks.lanes
      let end = min(nlist, (owned.upperBound + LaneBlocks.lanes - 1) / LaneBlocks.lanes * LaneBlocks.lanes)
      var all = found.mutableSpan
      var output = all.part(0..<visitors.count)
      Kernels.best.nearest(
        gathered.span, stride: dimension, dimension: dimension,
        blocks: blocks.span.extracting(first * dimension..<blocks.count), centroids: end - first, into: &output)
      for (i, row) in visitors.enumerated() {
        let candidate = Nearest(index: UInt32(first) + output[i].index, distance: output[i].distance)
        let old = best[row]
        if candidate.distance < old.distance || (candidate.distance == old.distance && candidate.index < old.index) {
          best[row] = candidate
        }
      }
    }
    for row in 0..<count { lists[row] = best[row].index }
  }

  /// The `perRow` groups nearest to each row, in ascending order of distance and number.
  private func nearestGroups(_ rows: Span<Float>, _ groups: Groups, perRow: Int) -> [UInt32] {
    let count = rows.count / dimension
    var chosen: [UInt32] = []
    chosen.reserveCapacity(count * perRow)
    var distances = [Float](repeating: 0, count: groups.count)
    var nearest = [UInt64](repeating: .max, count: perRow)
    for row in 0..<count {
      var output = distances.mutableSpan
      Kernels.best.squaredL2(
        rows.extracting(row * dimension..<(row + 1) * dimension), blocks: groups.blocks.span, into: &output)
      for i in 0..<perRow { nearest[i] = .max }
      for group in 0..<groups.count {
        // A distance is not negative, so its bits order as it does; the number breaks ties.
        let key = UInt64(distances[group].bitPattern) << 32 | UInt64(group)
        guard key < nearest[perRow - 1] else { continue }
        var place = perRow - 1
        while place > 0, nearest[place - 1] > key {
          nearest[place] = nearest[place - 1]
          place -= 1
        }
        nearest[place] = key
      }
      for key in nearest { chosen.append(UInt32(truncatingIfNeeded: key)) }
    }
    return chosen
  }
}
