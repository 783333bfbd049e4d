internal import PQFormat
internal import PQKernels
internal import PQStorage

/// Queries, top to bottom: prepare → choose lists → scan codes (or vectors) → re-rank → decode the winners' ids.
///
/// Distances are the canonical ones of Formats/pqx-v1.md, "Distances".
extension IndexFile {
  /// Appends the best `options.k` neighbours of each of `queries` `[query][component]` to `results`, best first, ties by
  /// lower id.
  /// - Parameters:
  ///   - order: which of the queries are searched, and in which order their results are appended.
  ///   - ended: called after each query with the number of results so far.
  borrowing func search(
    _ queries: Span<Float>, _ order: QueryOrder, _ options: SearchOptions, scratch: inout SearchScratch,
    statistics: inout SearchStatistics, into results: inout [Neighbor], ended: (Int) -> Void = { _ in }
  ) throws(IndexError) {
    try check(options)
    var place = order.places.lowerBound
    while try fillGroup(queries, order, from: &place, options, &scratch.group) {
      statistics.queries += scratch.group.count
      try searchGroup(options, &scratch, &statistics, &results, ended)
    }
  }

  /// How many `queries` `[query][component]` are.
  borrowing func count(of queries: Span<Float>) throws(IndexError) -> Int {
    guard queries.count % parameters.dimension == 0 else {
      throw .query(
        "\(queries.count) components are no whole number of queries: \(map.path) has dimension \(parameters.dimension)")
    }
    return queries.count / parameters.dimension
  }

  /// Prepares as many of `queries` as a group holds, from the one at `place` on, which becomes that of the next one.
  /// - Returns: whether there were any.
  borrowing func fillGroup(
    _ queries: Span<Float>, _ order: QueryOrder, from place: inout Int, _ options: SearchOptions,
    _ group: inout QueryGroup
  ) throws(IndexError) -> Bool {
    let dimension = parameters.dimension
    let throughGroups = usesGroups(options)
    let (nlist, nprobe) = (parameters.nlist, options.effectiveNprobe(parameters))
    let lists = throughGroups ? GroupChoice.enoughLists(nprobe: nprobe, nlist: nlist) : nlist
    let capacity = group.capacity(comparing: lists, throughGroups: throughGroups)
    let end = min(order.places.upperBound, place + capacity)
    group.begin(end - place, throughGroups: throughGroups)
    while place < end {
      let query = order[place]
      try prepare(queries.extracting(query * dimension..<(query + 1) * dimension), number: query, &group)
      place += 1
    }
    return group.count > 0
  }

  private borrowing func searchGroup(
    _ options: SearchOptions, _ scratch: inout SearchScratch, _ statistics: inout SearchStatistics,
    _ results: inout [Neighbor], _ ended: (Int) -> Void
  ) throws(IndexError) {
    do throws(FormatError) {
      if parameters.count > 0 {
        try deriveModel(&scratch.work)
        rotate(&scratch.group)
        try compareCentroids(options, &scratch, &statistics)
        compareCodebooks(&scratch.group)
      }
      var lists = take(&scratch.lists, leaving: ChosenLists())
      defer { swap(&lists, &scratch.lists) }
      for query in 0..<scratch.group.count {
        if parameters.count > 0 {
          if query == 0 { try askForLists(of: query, options, &scratch) }
          scratch.choice.moveLists(to: &lists)
          // One query ahead, so that the device reads while codes are scanned.
          if query + 1 < scratch.group.count { try askForLists(of: query + 1, options, &scratch) }
          try searchOne(query, options, lists, &scratch, &statistics, &results)
        }
        ended(results.count)
      }
    } catch { throw .format(path: map.path, error) }
  }

  /// Chooses the lists of a query, `scratch.choice.lists`, and has their frames on their way.
  private borrowing func askForLists(
    of query: Int, _ options: SearchOptions, _ scratch: inout SearchScratch
  ) throws(FormatError) {
    beginQuery(&scratch.work.prefetch)
    try chooseLists(query, options, &scratch)
    // What is wrong with a list is found when it is visited.
    try? prefetch(parameters.m > 0 ? .codes : .vectors, scratch.choice.lists.numbers, &scratch.work.prefetch)
  }

  private borrowing func searchOne(
    _ query: Int, _ options: SearchOptions, _ lists: ChosenLists, _ scratch: inout SearchScratch,
    _ statistics: inout SearchStatistics, _ results: inout [Neighbor]
  ) throws(FormatError) {
    if !scratch.work.directory.isComplete { scratch.work.directory = knownDirectory(visiting: lists.count) }
    let wanted = parameters.m > 0 ? max(options.k, options.rerank) : options.k
    scratch.work.candidates.begin(capacity: min(wanted, Int(clamping: parameters.count)))
    if parameters.m > 0 {
      try scanCodes(query, options, scratch.group, lists, &scratch.codes, &scratch.work, &statistics)
      if options.rerank > 0 { try rerank(query, options, scratch.group, &scratch.work, &statistics) }
    } else {
      try scanRows(query, scratch.group, lists.numbers, &scratch.work, &statistics)
    }
    try appendResults(&scratch.work, &statistics, to: &results)
  }

  borrowing func check(_ options: SearchOptions) throws(IndexError) {
    guard options.k > 0 else { throw .usage("k is \(options.k); ask for at least 1 result") }
    if let nprobe = options.nprobe, nprobe <= 0 { throw .usage("nprobe is \(nprobe); visit at least 1 list") }
    if let most = options.maxCodes, most <= 0 { throw .usage("the bound of codes is \(most); visit at least 1 vector") }
    if let reach = options.reach {
      guard reach >= 1 else { throw .usage("reach is \(reach); the nearest list is at 1") }
      guard parameters.metric == .l2 else {
        throw .usage("\(map.path) is searched by \(parameters.metric); reach compares distances, which only l2 has")
      }
    }
    guard options.rerank >= 0 else { throw .usage("rerank is \(options.rerank); 0 is none") }
    guard options.rerank == 0 || parameters.vectors != .none else {
      throw .usage("\(map.path) stores no vectors to re-rank with; build it with --vectors f32, f16 or u8")
    }
  }

  /// Adds a query to the group: refuses what cannot be compared, and normalises it for cosine.
  private borrowing func prepare(
    _ query: Span<Float>, number: Int, _ group: inout QueryGroup
  ) throws(IndexError) {
    let norm = Kernels.best.squaredLength(query)
    guard norm <= Double(Float.greatestFiniteMagnitude) else {
      for i in query.indices where !query[i].isFinite { throw .query("query \(number): component \(i) is \(query[i])") }
      throw .query("query \(number): the squared norm overflows f32; scale queries and vectors down")
    }
    group.append(query, normalised: parameters.metric == .cosine)
  }

  /// Offers the rows of the chosen lists.
  private borrowing func scanRows(
    _ query: Int, _ group: borrowing QueryGroup, _ lists: [UInt32], _ work: inout ScanWork,
    _ statistics: inout SearchStatistics
  ) throws(FormatError) {
    var (ids, distances) = (take(&work.ids), take(&work.distances))
    defer {
      swap(&ids, &work.ids)
      swap(&distances, &work.distances)
    }
    for number in lists {
      let view = try list(Int(number), work.directory)
      guard view.count > 0 else { continue }
      statistics.lists += 1
      statistics.codesScanned += view.count
      for index in 0..<frameCount(.vectors, view) {
        let frame = try frame(.vectors, view, index, work.directory)
        statistics.read(frame)
        try rowDistances(frame, group.vectors.span.extracting(group.vector(query)), &work.frame, &distances)
        let first = index * parameters.rowsPerFrame
        func lookUp(_ places: [Place]) throws(FormatError) -> [UInt64] { try self.ids(at: places, scratch: &ids) }
        try work.candidates.offer(distances.span.extracting(0..<frame.count), parameters.metric, ids: lookUp) {
          Place(list: number, position: first + $0)
        }
      }
    }
  }

  private borrowing func rowDistances(
    _ frame: FrameView, _ query: Span<Float>, _ decompressed: inout [UInt8], _ distances: inout [Float]
  ) throws(FormatError) {
    try withContent(frame, scratch: &decompressed) { content in
      var all = distances.mutableSpan
      var output = all.part(0..<frame.count)
      rowDistances(query, content, into: &output)
    }
  }

  borrowing func rowDistances(_ query: Span<Float>, _ rows: RawSpan, into output: inout MutableSpan<Float>) {
    Kernels.best.rows(
      parameters.metric.similarity, query, rows: rows, type: parameters.vectors.rowType,
      offset: Float(parameters.vectorOffset), into: &output)
  }
}
