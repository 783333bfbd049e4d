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
    try prepare(query, &scratch.query.vector)
    statistics.queries += 1
    guard parameters.count > 0 else { return }
    do throws(FormatError) {
      try checkModel()
      if scratch.query.codewords == nil { scratch.query.codewords = try codewords() }
      chooseLists(options, scratch.query.vector, &scratch.coarse, &scratch.lists)
      try scan(options, &scratch, &statistics)
      if options.rerank > 0, parameters.m > 0 { try rerank(options, &scratch, &statistics) }
      try appendResults(&scratch, &statistics, to: &results)
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

  /// Offers the vectors of the chosen lists to `scratch.candidates`.
  private borrowing func scan(
    _ options: SearchOptions, _ scratch: inout SearchScratch, _ statistics: inout SearchStatistics
  ) throws(FormatError) {
    let results = Int(clamping: parameters.count)
    let wanted = parameters.m > 0 ? max(options.k, options.rerank) : options.k
    scratch.candidates.begin(capacity: min(wanted, results))
    if parameters.m > 0 { beginScan(&scratch) }
    for number in scratch.lists {
      let view = try list(Int(number))
      guard view.count > 0 else { continue }
      if parameters.m > 0 {
        try scanCodes(view, options, &scratch, &statistics)
      } else {
        try scanRows(view, &scratch, &statistics)
      }
      statistics.lists += 1
      statistics.codesScanned += view.count
    }
  }

  private borrowing func scanRows(
    _ list: ListView, _ scratch: inout SearchScratch, _ statistics: inout SearchStatistics
  ) throws(FormatError) {
    let metric = parameters.metric
    for index in 0..<frameCount(.vectors, list) {
      let frame = try frame(.vectors, list, index)
      statistics.bytesRead += Int(frame.entry.length)
      let query = scratch.query.vector
      var distances = scratch.distances
      swap(&distances, &scratch.distances)
      defer { swap(&distances, &scratch.distances) }
      try withContent(frame, scratch: &scratch.frame) { content in
        var all = distances.mutableSpan
        var output = all.part(0..<frame.count)
        rowDistances(query, content, into: &output)
      }
      let first = index * parameters.rowsPerFrame
      var ids: [UInt8] = []
      swap(&ids, &scratch.ids)
      defer { swap(&ids, &scratch.ids) }
      try scratch.candidates.offer(
        distances.span.extracting(0..<frame.count), metric, list: frame.list, position: { first + $0 }
      ) { (number, position) throws(FormatError) in try self.id(self.list(Int(number)), position, scratch: &ids) }
    }
  }

  borrowing func rowDistances(_ query: [Float], _ rows: RawSpan, into output: inout MutableSpan<Float>) {
    Kernels.best.rows(
      parameters.metric.similarity, query.span, rows: rows, type: parameters.vectors.rowType,
      offset: Float(parameters.vectorOffset), into: &output)
  }

  /// Decodes the winners' ids and appends them in order.
  private borrowing func appendResults(
    _ scratch: inout SearchScratch, _ statistics: inout SearchStatistics, to results: inout [Neighbor]
  ) throws(FormatError) {
    var ids: [UInt8] = []
    swap(&ids, &scratch.ids)
    defer { swap(&ids, &scratch.ids) }
    try scratch.candidates.cut { (number, position) throws(FormatError) in
      try self.id(self.list(Int(number)), position, scratch: &ids)
    }
    let start = results.count
    for candidate in scratch.candidates.entries {
      let view = try list(Int(candidate.list))
      let id = try id(view, candidate.position, scratch: &ids)
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
