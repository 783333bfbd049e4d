internal import PQFormat
internal import PQKernels
internal import PQStorage

/// The choice of the lists that queries visit (Formats/pqx-v1.md, "Choice of lists"): all centroids are compared, or
/// those of the file's groups of lists, and then of the lists of the nearest groups.
extension IndexFile {
  /// Compares the queries with the centroids from which ``chooseLists(_:_:_:_:)`` goes on: those of the file's groups, if
  /// it has them and `options` use them, else those of all lists; where these are rounded, and few are visited, by
  /// integers. O(queries · groups · D), or O(queries · nlist · D).
  /// - Precondition: the model is checked, and what is derived from it in the scratch memory.
  borrowing func compareCentroids(
    _ options: SearchOptions, _ scratch: inout SearchScratch, _ statistics: inout SearchStatistics
  ) throws(FormatError) {
    guard parameters.nlist > 0 else { return }
    let queries = 0..<scratch.group.count
    if options.usesGroups, let groups = checks.groups {
      scratch.groups.begin(groups, capacity: scratch.group.capacity)
      let centroids = bytes(of: .groups).slice(groups.blocks.lowerBound, groups.blocks.count).floats()
      compare(scratch.group.vectors, queries, centroids, count: groups.count, &scratch.groups.keys, at: 0)
      statistics.centroids += queries.count * groups.count
    } else {
      if !scratch.work.prefetch.isStopped { prefetchCentroids(0..<parameters.nlist) }
      try checkCentroids(0..<parameters.nlist)
      statistics.centroids += queries.count * parameters.nlist
      let visitsFew = 4 * options.effectiveNprobe(parameters) <= parameters.nlist
      if visitsFew, scratch.work.rounding == nil { scratch.work.rounding = rounding(queries.count, scratch.work) }
      if visitsFew, let lists = scratch.work.rounding?.lists, scratch.group.score(lists) > 0 {
        for query in queries where scratch.group.norms[query] == .infinity {
          compareAll(query..<query + 1, &scratch.group)
        }
      } else {
        for query in queries { scratch.group.norms[query] = .infinity }
        compareAll(queries, &scratch.group)
      }
    }
  }

  private borrowing func compareAll(_ queries: Range<Int>, _ group: inout QueryGroup) {
    let start = group.keys(queries.lowerBound).lowerBound
    compare(
      group.vectors, queries, bytes(of: .centroids).floats(), count: parameters.nlist, &group.keys, at: start)
  }

  /// Chooses the lists that a query of the group visits: `scratch.choice.lists`; their keys are in the group then.
  /// O(nlist), through groups O(groups + lists of the nearest groups · D).
  borrowing func chooseLists(
    _ query: Int, _ options: SearchOptions, _ scratch: inout SearchScratch, _ statistics: inout SearchStatistics
  ) throws(FormatError) {
    guard parameters.nlist > 0 else { return scratch.choice.chooseOnly() }
    try chooseNearest(query, options, &scratch, &statistics)
    if let reach = options.reach {
      scratch.choice.keep(reach: reach, of: scratch.group.keys[scratch.group.keys(query)].span)
    }
    if let most = options.maxCodes {
      let lists = scratch.choice.lists
      if scratch.work.prefetch.isActive { for number in lists { prefetchEntry(Int(number)) } }
      scratch.choice.keep(first: try count(lists, holding: most))
    }
  }

  /// How many of the lists, from the first one on, hold `most` vectors or more; all if they hold fewer. Others' entries
  /// are not looked at.
  private borrowing func count(_ lists: [UInt32], holding most: Int) throws(FormatError) -> Int {
    var (count, vectors) = (0, 0)
    while count < lists.count, vectors < most {
      vectors += try list(Int(lists[count])).count
      count += 1
    }
    return count
  }

  private borrowing func chooseNearest(
    _ query: Int, _ options: SearchOptions, _ scratch: inout SearchScratch, _ statistics: inout SearchStatistics
  ) throws(FormatError) {
    let nprobe = options.effectiveNprobe(parameters)
    let keys = scratch.group.keys(query)
    guard options.usesGroups, checks.groups != nil else {
      if scratch.group.norms[query] < .infinity, let lists = scratch.work.rounding?.lists {
        let centroids = scratch.work.model?.centroids ?? []
        return choose(nprobe, query, of: lists, centroids, &scratch.group, &scratch.choice)
      }
      return scratch.choice.choose(nprobe, of: scratch.group.keys[keys].span)
    }
    scratch.groups.takeNearest(query, nprobe: nprobe)
    let centroids = bytes(of: .centroids).floats()
    for lists in scratch.groups.lists where !scratch.work.prefetch.isStopped { prefetchCentroids(lists) }
    for lists in scratch.groups.lists {
      try checkCentroids(lists)
      // From the beginning of a lane block: the lists before the first one are compared beside it, to no effect.
      let first = lists.lowerBound / LaneBlocks.lanes * LaneBlocks.lanes
      let blocks = centroids.extracting(first * parameters.dimension..<centroids.count)
      compare(
        scratch.group.vectors, query..<query + 1, blocks, count: lists.upperBound - first, &scratch.group.keys,
        at: keys.lowerBound + first)
      statistics.centroids += lists.count
    }
    scratch.choice.choose(nprobe, of: scratch.group.keys[keys], in: scratch.groups.lists)
  }

  /// Chooses by scores, and by the keys of those lists that these leave in question.
  private borrowing func choose(
    _ nprobe: Int, _ query: Int, of lists: RoundedLists, _ centroids: [Float], _ group: inout QueryGroup,
    _ choice: inout ListChoice
  ) {
    let (norm, vectors, vector) = (group.norms[query], group.vectors, group.vector(query))
    let part = group.keys(query)
    var all = group.keys.mutableSpan
    var scores = all.part(part)
    choice.choose(nprobe, &scores, bound: { Kernels.best.limit(lists, score: $0, norm: norm) }) { numbers, keys in
      Kernels.best.squaredL2(
        vectors.span.extracting(vector), rows: centroids.span, numbers: numbers, into: &keys)
    }
  }

  /// Fills in the keys of the first `count` vectors of lane blocks for some `queries` of `vectors`: `[query][count]` from
  /// `start` on.
  private borrowing func compare(
    _ vectors: [Float], _ queries: Range<Int>, _ blocks: Span<Float>, count: Int, _ keys: inout [Float],
    at start: Int
  ) {
    let (metric, dimension) = (parameters.metric, parameters.dimension)
    var all = keys.mutableSpan
    var output = all.part(start..<start + queries.count * count)
    let vectors = vectors.span.extracting(queries.lowerBound * dimension..<queries.upperBound * dimension)
    if queries.count > 1 {
      Kernels.best.batch(
        metric.similarity, vectors, dimension: dimension, blocks: blocks, count: count, into: &output)
    } else if metric == .l2 {
      Kernels.best.squaredL2(vectors, blocks: blocks, into: &output)
    } else {
      Kernels.best.innerProduct(vectors, blocks: blocks, into: &output)
    }
    if metric != .l2 { for i in output.indices { output[i] = -output[i] } }
  }

  /// Appends the lists that each of `queries` `[query][component]` visits to `lists`; see ``Searcher``.
  borrowing func chooseLists(
    _ queries: Span<Float>, _ options: SearchOptions, scratch: inout SearchScratch,
    statistics: inout SearchStatistics, into lists: inout [UInt32]
  ) throws(IndexError) {
    try check(options)
    var first = 0
    while try fillGroup(queries, from: &first, &scratch.group) {
      do throws(FormatError) {
        try deriveModel(&scratch.work)
        try compareCentroids(options, &scratch, &statistics)
        for query in 0..<scratch.group.count {
          try chooseLists(query, options, &scratch, &statistics)
          lists += scratch.choice.lists
        }
      } catch { throw .format(path: map.path, error) }
    }
  }
}
