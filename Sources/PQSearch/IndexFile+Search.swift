internal import PQFormat
internal import PQKernels
internal import PQStorage

/// One query, top to bottom: prepare → choose lists → scan codes (or vectors) → re-rank → decode the winners' ids.
///
/// Distances are the canonical ones of Formats/pqx-v1.md, "Distances".
extension IndexFile {
  /// Appends the best `options.k` neighbours of `query` to `results`, best first, ties by lower id.
  borrowing func search(
    _ query: Span<Float>, _ options: SearchOptions, scratch: inout SearchScratch,
    statistics: inout SearchStatistics, into results: inout [Neighbor]
  ) throws(IndexError) {
    try check(options)
    try prepare(query, &scratch.query)
    statistics.queries += 1
    guard parameters.count > 0 else { return }
    do throws(FormatError) {
      try checkModel()
      chooseLists(options, scratch.query, &scratch.coarse, &scratch.lists)
      try scan(options, &scratch, &statistics)
      if options.rerank > 0, parameters.m > 0 { try rerank(options, &scratch, &statistics) }
      try appendResults(options, &scratch, &statistics, to: &results)
    } catch { throw .format(path: map.path, error) }
  }

  private borrowing func check(_ options: SearchOptions) throws(IndexError) {
    guard options.k > 0 else { throw .usage("k is \(options.k); ask for at least 1 result") }
    if let nprobe = options.nprobe, nprobe <= 0 { throw .usage("nprobe is \(nprobe); visit at least 1 list") }
    guard options.rerank >= 0 else { throw .usage("rerank is \(options.rerank); 0 is none") }
    guard options.rerank == 0 || parameters.vectors != .none else {
      throw .usage("\(map.path) stores no vectors to re-rank with; build it with --vectors f32, f16 or u8")
    }
  }

  /// Copies the query, refuses what cannot be compared, and normalises it for cosine.
  private borrowing func prepare(_ query: Span<Float>, _ copy: inout [Float]) throws(IndexError) {
    guard query.count == parameters.dimension else {
      throw .query("the query has \(query.count) components, \(map.path) has dimension \(parameters.dimension)")
    }
    var norm = 0.0
    for i in query.indices {
      copy[i] = query[i]
      norm += Double(query[i]) * Double(query[i])
    }
    guard norm <= Double(Float.greatestFiniteMagnitude) else {
      for i in query.indices where !query[i].isFinite { throw .query("component \(i) of the query is \(query[i])") }
      throw .query("the squared norm of the query overflows f32; scale queries and vectors down")
    }
    guard parameters.metric == .cosine else { return }
    var span = copy.mutableSpan
    Normalize.row(&span)
  }

  /// The lists to visit, nearest first, ties by lower number. O(nlist · (D + log nprobe)).
  private borrowing func chooseLists(
    _ options: SearchOptions, _ query: [Float], _ distances: inout [Float], _ lists: inout [UInt32]
  ) {
    lists.removeAll(keepingCapacity: true)
    let nlist = parameters.nlist
    guard nlist > 0 else {
      lists.append(0)
      return
    }
    let centroids = bytes(of: .centroids).floats()
    var output = distances.mutableSpan
    if parameters.metric == .l2 {
      Kernels.best.squaredL2(query.span, blocks: centroids, into: &output)
    } else {
      Kernels.best.innerProduct(query.span, blocks: centroids, into: &output)
    }
    let nprobe = options.effectiveNprobe(parameters)
    let metric = parameters.metric
    ListChoice.nearest(nprobe, of: distances, metric, into: &lists)
  }

  /// Offers every vector of the chosen lists to `scratch.candidates`.
  private borrowing func scan(
    _ options: SearchOptions, _ scratch: inout SearchScratch, _ statistics: inout SearchStatistics
  ) throws(FormatError) {
    let p = parameters
    scratch.candidates.removeAll(capacity: p.m > 0 ? max(options.k, options.rerank) : options.k)
    let tablesPerList = p.residual && p.metric == .l2
    if p.m > 0, !tablesPerList { fillTables(scratch.query, &scratch.tables) }
    for number in scratch.lists {
      let view = try list(Int(number))
      guard view.count > 0 else { continue }
      if p.m > 0 {
        if tablesPerList {
          subtractCentroid(Int(number), scratch.query, &scratch.residual)
          fillTables(scratch.residual, &scratch.tables)
        }
        let base: Float = p.residual && !tablesPerList ? scratch.coarse[Int(number)] : 0
        try scanCodes(
          view, base, scratch.tables, &scratch.distances, &scratch.frame, &scratch.ids, &scratch.candidates,
          &statistics)
      } else {
        try scanRows(
          view, scratch.query, &scratch.distances, &scratch.frame, &scratch.ids, &scratch.candidates, &statistics)
      }
      statistics.lists += 1
      statistics.codesScanned += view.count
    }
  }

  private borrowing func subtractCentroid(_ list: Int, _ query: [Float], _ residual: inout [Float]) {
    let centroids = bytes(of: .centroids).floats()
    var from = LaneBlocks.index(vector: list, component: 0, dimension: query.count)
    for c in query.indices {
      residual[c] = query[c] - centroids[from]
      from += LaneBlocks.lanes
    }
  }

  /// The lookup tables of a query or residual: per subspace its distance (similarity) to each codebook centroid.
  private borrowing func fillTables(_ query: [Float], _ tables: inout [Float]) {
    guard let layout = parameters.codeLayout else { return }
    let (d, floats) = (parameters.subdimension, parameters.codebookFloats)
    let codebooks = bytes(of: .codebooks).floats()
    var output = tables.mutableSpan
    for s in 0..<layout.m {
      let part = query.span.extracting(s * d..<(s + 1) * d)
      let blocks = codebooks.extracting(s * floats..<(s + 1) * floats)
      var table = output.part(s * layout.tableSize..<s * layout.tableSize + 1 << layout.nbits)
      if parameters.metric == .l2 {
        Kernels.best.squaredL2(part, blocks: blocks, into: &table)
      } else {
        Kernels.best.innerProduct(part, blocks: blocks, into: &table)
      }
    }
  }

  private borrowing func scanCodes(
    _ list: ListView, _ base: Float, _ tables: [Float], _ distances: inout [Float], _ scratch: inout [UInt8],
    _ ids: inout [UInt8], _ candidates: inout Candidates, _ statistics: inout SearchStatistics
  ) throws(FormatError) {
    guard let layout = parameters.codeLayout else { return }
    for index in 0..<frameCount(.codes, list) {
      let frame = try frame(.codes, list, index)
      statistics.bytesRead += Int(frame.entry.length)
      try withContent(frame, scratch: &scratch) { content in
        var all = distances.mutableSpan
        var output = all.part(0..<frame.count)
        Kernels.best.adc(
          tables: tables.span, tableSize: layout.tableSize, m: layout.m, nbits: layout.nbits, frame: content,
          frameBytes: frame.rawLength, base: base, into: &output)
      }
      try offer(frame, list, distances, &ids, &candidates)
    }
  }

  private borrowing func scanRows(
    _ list: ListView, _ query: [Float], _ distances: inout [Float], _ scratch: inout [UInt8],
    _ ids: inout [UInt8], _ candidates: inout Candidates, _ statistics: inout SearchStatistics
  ) throws(FormatError) {
    for index in 0..<frameCount(.vectors, list) {
      let frame = try frame(.vectors, list, index)
      statistics.bytesRead += Int(frame.entry.length)
      try withContent(frame, scratch: &scratch) { content in
        var all = distances.mutableSpan
        var output = all.part(0..<frame.count)
        rowDistances(query, content, into: &output)
      }
      try offer(frame, list, distances, &ids, &candidates)
    }
  }

  private borrowing func rowDistances(_ query: [Float], _ rows: RawSpan, into output: inout MutableSpan<Float>) {
    Kernels.best.rows(
      parameters.metric.similarity, query.span, rows: rows, type: parameters.vectors.rowType,
      offset: Float(parameters.vectorOffset), into: &output)
  }

  /// Offers one frame's vectors, whose distances are known.
  private borrowing func offer(
    _ frame: FrameView, _ list: ListView, _ distances: [Float], _ ids: inout [UInt8],
    _ candidates: inout Candidates
  ) throws(FormatError) {
    let metric = parameters.metric
    let first = frame.index * parameters.vectorsPerFrame(frame.kind)
    var threshold = candidates.threshold
    for i in 0..<frame.count {
      let key = metric.key(distances[i])
      if key > threshold { continue }
      try candidates.offer(Candidate(key: key, list: UInt32(frame.list), position: first + i)) {
        (number, position) throws(FormatError) in try self.id(self.list(Int(number)), position, scratch: &ids)
      }
      threshold = candidates.threshold
    }
  }

  /// Compares the candidates exactly, in the order in which their rows stand in the file, and keeps the best k.
  private borrowing func rerank(
    _ options: SearchOptions, _ scratch: inout SearchScratch, _ statistics: inout SearchStatistics
  ) throws(FormatError) {
    let byPlace = scratch.candidates.heap.sorted { ($0.list, $0.position) < ($1.list, $1.position) }
    scratch.reranked.removeAll(capacity: options.k)
    var ids: [UInt8] = []
    swap(&ids, &scratch.ids)
    let rowBytes = parameters.rowBytes
    for candidate in byPlace {
      let view = try list(Int(candidate.list))
      let (index, row) = candidate.position.quotientAndRemainder(dividingBy: parameters.rowsPerFrame)
      let frame = try frame(.vectors, view, index)
      statistics.bytesRead += frame.isCompressed ? Int(frame.entry.length) : rowBytes
      let query = scratch.query
      let value = try withContent(frame, scratch: &scratch.frame) { content in
        var value = InlineArray<1, Float>(repeating: 0)
        var output = value.mutableSpan
        rowDistances(query, content.slice(row * rowBytes, rowBytes), into: &output)
        return value[0]
      }
      let key = parameters.metric.key(value)
      try scratch.reranked.offer(Candidate(key: key, list: candidate.list, position: candidate.position)) {
        (number, position) throws(FormatError) in try self.id(self.list(Int(number)), position, scratch: &ids)
      }
    }
    swap(&ids, &scratch.ids)
    statistics.reranked += byPlace.count
    swap(&scratch.candidates, &scratch.reranked)
  }

  /// Decodes the winners' ids and appends them in order.
  private borrowing func appendResults(
    _ options: SearchOptions, _ scratch: inout SearchScratch, _ statistics: inout SearchStatistics,
    to results: inout [Neighbor]
  ) throws(FormatError) {
    let start = results.count
    for candidate in scratch.candidates.heap {
      let view = try list(Int(candidate.list))
      let id = try id(view, candidate.position, scratch: &scratch.ids)
      if parameters.storesIDs {
        let frame = try frame(.ids, view, candidate.position / IndexParameters.idsPerFrame)
        statistics.bytesRead += Int(frame.entry.length)
      }
      results.append(Neighbor(id: id, distance: candidate.key))
    }
    results[start...].sort { $0.distance != $1.distance ? $0.distance < $1.distance : $0.id < $1.id }
    for i in start..<results.count { results[i].distance = parameters.metric.key(results[i].distance) }
  }
}

/// The choice of the nearest lists.
enum ListChoice {
  /// Appends the numbers of the `count` nearest of all lists, nearest first, ties by lower number.
  static func nearest(_ count: Int, of values: [Float], _ metric: Metric, into lists: inout [UInt32]) {
    func isNearer(_ a: UInt32, _ b: UInt32) -> Bool {
      let (keyA, keyB) = (metric.key(values[Int(a)]), metric.key(values[Int(b)]))
      return keyA != keyB ? keyA < keyB : a < b
    }
    // A heap of the nearest so far, farthest on top.
    for list in 0..<UInt32(values.count) {
      if lists.count < count {
        lists.append(list)
        var child = lists.count - 1
        while child > 0, isNearer(lists[(child - 1) / 2], lists[child]) {
          lists.swapAt(child, (child - 1) / 2)
          child = (child - 1) / 2
        }
      } else if isNearer(list, lists[0]) {
        lists[0] = list
        var parent = 0
        while true {
          var farthest = parent
          for child in [2 * parent + 1, 2 * parent + 2] where child < count {
            if isNearer(lists[farthest], lists[child]) { farthest = child }
          }
          guard farthest != parent else { break }
          lists.swapAt(parent, farthest)
          parent = farthest
        }
      }
    }
    lists.sort(by: isNearer)
  }
}
