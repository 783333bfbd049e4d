internal import PQFormat
internal import PQKernels
internal import PQStorage

/// The choice of the lists that queries visit (Formats/pqx-v1.md, "Choice of lists"): all centroids are compared, or
/// those of the file's groups of lists, and then of the lists of the nearest groups.
extension IndexFile {
  /// Compares the queries with the centroids among which ``chooseLists(_:_:_:)`` chooses: those of the lists of each one's
  /// nearest groups, or those of all lists; where these are rounded, and few are visited, by integers.
  /// O(queries · nlist · D), or through groups O(queries · (groups + lists of the nearest groups) · D).
  /// - Precondition: the model is checked, and what is derived from it in the scratch memory.
  borrowing func compareCentroids(
    _ options: SearchOptions, _ scratch: inout SearchScratch, _ statistics: inout SearchStatistics
  ) throws(FormatError) {
    guard parameters.nlist > 0 else { return }
    let queries = 0..<scratch.group.count
    if usesGroups(options), let groups = checks.groups {
      let asks = !scratch.work.prefetch.isStopped
      try compare(through: groups, asks: asks, options, scratch.group, &scratch.groups, &statistics)
    } else {
      if !scratch.work.prefetch.isStopped { prefetchCentroids(0..<parameters.nlist) }
      try checkCentroids(0..<parameters.nlist)
      statistics.centroids += queries.count * parameters.nlist
      let visitsFew = options.visitsFew(parameters)
      if visitsFew, scratch.work.rounding == nil { scratch.work.rounding = rounding(queries.count, scratch.work) }
      if visitsFew, let rounding = scratch.work.rounding, scratch.group.score(rounding) > 0 {
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

  /// Chooses the lists that a query of the group visits: `scratch.choice.lists`. O(lists compared).
  borrowing func chooseLists(
    _ query: Int, _ options: SearchOptions, _ scratch: inout SearchScratch
  ) throws(FormatError) {
    guard parameters.nlist > 0 else { return scratch.choice.chooseOnly() }
    chooseNearest(query, options, &scratch)
    if let reach = options.reach { scratch.choice.lists.keep(reach: reach) }
    if let most = options.maxCodes {
      let lists = scratch.choice.lists.numbers
      if scratch.work.prefetch.isActive { for number in lists { prefetchEntry(Int(number)) } }
      scratch.choice.lists.keep(first: try count(lists, holding: most, scratch.work.directory))
    }
  }

  /// How many of the lists, from the first one on, hold `most` vectors or more; all if they hold fewer. Others' entries
  /// are not looked at.
  private borrowing func count(
    _ lists: [UInt32], holding most: Int, _ directory: KnownDirectory
  ) throws(FormatError) -> Int {
    var (count, vectors) = (0, 0)
    while count < lists.count, vectors < most {
      // Lists of a wrong file may say any number.
      vectors += min(most - vectors, try list(Int(lists[count]), directory).count)
      count += 1
    }
    return count
  }

  private borrowing func chooseNearest(_ query: Int, _ options: SearchOptions, _ scratch: inout SearchScratch) {
    let nprobe = options.effectiveNprobe(parameters)
    if usesGroups(options) {
      Self.choose(nprobe, query, scratch.groups, &scratch.choice)
    } else if scratch.group.norms[query] < .infinity, let rounding = scratch.work.rounding, let lists = rounding.lists {
      let centroids = scratch.work.model?.centroids ?? []
      choose(nprobe, query, of: lists, by: rounding, centroids, scratch.group, &scratch.choice)
    } else {
      Self.choose(nprobe, query, scratch.group, &scratch.choice)
    }
  }

  private static func choose(
    _ nprobe: Int, _ query: Int, _ groups: borrowing GroupChoice, _ choice: inout ListChoice
  ) {
    let keys = groups.listKeys(query)
    choice.choose(nprobe, of: groups.listKeys.span.extracting(keys))
    choice.renumber { groups.list(query, at: $0) }
  }

  private static func choose(
    _ nprobe: Int, _ query: Int, _ group: borrowing QueryGroup, _ choice: inout ListChoice
  ) {
    choice.choose(nprobe, of: group.keys.span.extracting(group.keys(query)))
  }

  /// Chooses by scores, and by the keys of those lists that these leave in question.
  private borrowing func choose(
    _ nprobe: Int, _ query: Int, of lists: RoundedLists, by rounding: ListRounding, _ centroids: [Float],
    _ group: borrowing QueryGroup, _ choice: inout ListChoice
  ) {
    let (norm, moved, error) = (group.norms[query], group.moved[query], group.errors[query])
    let (vectors, vector) = (group.vectors, group.vector(query))
    func bound(_ key: Float) -> Float {
      Kernels.best.limit(lists, distance: rounding.distance(key, error: error), norm: norm, moved: moved)
    }
    choice.choose(nprobe, scores: group.keys.span.extracting(group.keys(query)), bound: bound) { numbers, keys in
      Kernels.best.squaredL2(
        vectors.span.extracting(vector), rows: centroids.span, numbers: numbers, into: &keys)
    }
  }

  /// Fills in the keys of the first `count` vectors of lane blocks for some `queries` of `vectors`: `[query][count]` from
  /// `start` on.
  borrowing func compare(
    _ vectors: [Float], _ queries: Range<Int>, _ blocks: Span<Float>, count: Int, _ keys: inout [Float],
    at start: Int
  ) {
    let (metric, dimension) = (parameters.metric, parameters.dimension)
    var all = keys.mutableSpan
    var output = all.part(start..<start + queries.count * count)
    let vectors = vectors.span.extracting(queries.lowerBound * dimension..<queries.upperBound * dimension)
    Kernels.best.batch(metric.similarity, vectors, dimension: dimension, blocks: blocks, count: count, into: &output)
    if metric != .l2 { for i in output.indices { output[i] = -output[i] } }
  }

  /// Appends the lists that each of `queries` `[query][component]` visits to `lists`; see ``Searcher``.
  borrowing func chooseLists(
    _ queries: Span<Float>, _ options: SearchOptions, scratch: inout SearchScratch,
    statistics: inout SearchStatistics, into lists: inout [UInt32]
  ) throws(IndexError) {
    try check(options)
    let order = QueryOrder(try count(of: queries))
    var place = 0
    while try fillGroup(queries, order, from: &place, options, &scratch.group) {
      do throws(FormatError) {
        try deriveModel(&scratch.work)
        rotate(&scratch.group)
        try compareCentroids(options, &scratch, &statistics)
        statistics.queries += scratch.group.count
        for query in 0..<scratch.group.count {
          try chooseLists(query, options, &scratch)
          lists += scratch.choice.lists.numbers
        }
      } catch { throw .format(path: map.path, error) }
    }
  }
}
