internal import PQFormat
internal import PQKernels
internal import PQStorage

/// Comparing queries with centroids through the file's groups of lists (Formats/pqx-v1.md, "Choice of lists").
extension IndexFile {
  /// Whether lists are chosen through groups.
  borrowing func usesGroups(_ options: SearchOptions) -> Bool { options.usesGroups && table[.groups] != nil }

  /// Compares a group of queries with the groups of lists, and with the lists of the nearest ones. What several queries
  /// took is compared with all of them while it is in the cache.
  /// - Parameter asks: whether the lists' centroids are asked for before the first are waited for.
  borrowing func compare(
    through groups: CoarseGroups, asks: Bool, _ options: SearchOptions, _ queries: borrowing QueryGroup,
    _ choice: inout GroupChoice, _ statistics: inout SearchStatistics
  ) throws(FormatError) {
    choice.begin(groups, queries: queries.count)
    compare(queries.vectors, 0..<queries.count, centroids(of: groups), count: groups.count, &choice.keys, at: 0)
    choice.takeNearest(queries: queries.count, nprobe: options.effectiveNprobe(parameters))
    statistics.centroids += queries.count * groups.count
    for group in 0..<groups.count where asks && !choice.takers(of: group).isEmpty {
      prefetchCentroids(groups.lists(of: group))
    }
    var group = 0
    while group < groups.count {
      let (first, takers) = (group, choice.takers(of: group).count)
      group += 1
      guard takers > 0 else { continue }
      // One query's keys of groups side by side stand so too.
      if queries.count == 1 { while group < groups.count, !choice.takers(of: group).isEmpty { group += 1 } }
      let lists = groups.lists(of: first).lowerBound..<groups.lists(of: group - 1).upperBound
      try checkCentroids(lists)
      compare(lists, queries, first, &choice)
      statistics.centroids += takers * lists.count
    }
  }

  /// The centroids of the groups, in lane blocks.
  @_lifetime(borrow self)
  borrowing func centroids(of groups: CoarseGroups) -> Span<Float> {
    bytes(of: .groups).slice(groups.blocks.lowerBound, groups.blocks.count).floats()
  }

  /// Compares the lists of a group, and others after them, with the queries that took it.
  private borrowing func compare(
    _ lists: Range<Int>, _ queries: borrowing QueryGroup, _ group: Int, _ choice: inout GroupChoice
  ) {
    // From the beginning of a lane block: the lists before the first one are compared beside it, to no effect.
    let first = lists.lowerBound / LaneBlocks.lanes * LaneBlocks.lanes
    let centroids = bytes(of: .centroids).floats()
    let blocks = centroids.extracting(first * parameters.dimension..<centroids.count)
    let count = lists.upperBound - first
    let takers = choice.gather(group, queries, width: count)
    compare(choice.gathered, 0..<takers, blocks, count: count, &choice.comparedKeys, at: 0)
    choice.scatter(group, width: count, skipping: lists.lowerBound - first)
  }
}
