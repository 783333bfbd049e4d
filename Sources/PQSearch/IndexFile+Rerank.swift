internal import PQFormat
internal import PQKernels
internal import PQStorage

extension IndexFile {
  /// Compares the candidates exactly with their stored vectors, and keeps the best k. They come list by list, those of the
  /// first scan in two turns, so that those of one list share pages; rows are fetched ahead.
  borrowing func rerank(
    _ query: Int, _ options: SearchOptions, _ group: borrowing QueryGroup, _ work: inout ScanWork,
    _ statistics: inout SearchStatistics
  ) throws(FormatError) {
    var (ids, distances, offsets) = (take(&work.ids), take(&work.distances), take(&work.offsets))
    defer {
      swap(&ids, &work.ids)
      swap(&distances, &work.distances)
      swap(&offsets, &work.offsets)
    }
    func lookUp(_ places: [Place]) throws(FormatError) -> [UInt64] { try self.ids(at: places, scratch: &ids) }
    try work.candidates.finish(lookUp)
    let count = work.candidates.count
    if distances.count < count { distances += [Float](repeating: 0, count: count - distances.count) }
    let compared = group.comparedWithRows
    let vector = compared.span.extracting(group.vector(query))
    if try locate(work.candidates, work.directory, &offsets, &work.prefetch, &statistics) {
      var all = distances.mutableSpan
      var output = all.part(0..<count)
      Kernels.best.rows(
        parameters.metric.similarity, vector, in: map.bytes, at: offsets.span.extracting(0..<count),
        type: parameters.vectors.rowType, offset: Float(parameters.vectorOffset), into: &output)
    } else {
      try compareOneByOne(work.candidates, work.directory, vector, &work.frame, &distances)
    }
    work.reranked.begin(capacity: min(options.k, count))
    try offerRows(work.candidates, distances.span.extracting(0..<count), lookUp, &work.reranked)
    statistics.reranked += count
    swap(&work.candidates, &work.reranked)
  }

  private borrowing func offerRows(
    _ candidates: borrowing Candidates, _ distances: Span<Float>, _ ids: Candidates.IDLookup,
    _ reranked: inout Candidates
  ) throws(FormatError) {
    let places = candidates.found.items.span
    try reranked.offer(distances, parameters.metric, ids: ids) { places[$0] }
  }

  /// Where the candidates' rows are in the file; false if some are in compressed frames. More offsets may follow.
  private borrowing func locate(
    _ candidates: borrowing Candidates, _ directory: KnownDirectory, _ offsets: inout [UInt64],
    _ prefetch: inout Prefetch, _ statistics: inout SearchStatistics
  ) throws(FormatError) -> Bool {
    try self.prefetch(.vectors, candidates, &prefetch)
    let found = candidates.found.items.span.extracting(0..<candidates.count)
    let rowBytes = parameters.rowBytes
    if offsets.count < found.count { offsets = [UInt64](repeating: 0, count: found.count) }
    var offsets = offsets.mutableSpan
    var page: UInt64?
    var isRaw = true
    var walk = CandidateWalk(.vectors)
    while try advance(&walk, found, directory) {
      let frame = try frame(.vectors, walk.list, walk.index, directory)
      if frame.isCompressed {
        statistics.read(frame)
        isRaw = false
        continue
      }
      for i in walk.run {
        offsets[i] = frame.entry.offset + UInt64((found[i].position - walk.position) * rowBytes)
        statistics.read(offset: offsets[i], count: rowBytes, &page)
      }
    }
    return isRaw
  }

  private borrowing func compareOneByOne(
    _ candidates: borrowing Candidates, _ directory: KnownDirectory, _ query: Span<Float>,
    _ decompressed: inout [UInt8],
    _ distances: inout [Float]
  ) throws(FormatError) {
    let found = candidates.found.items.span.extracting(0..<candidates.count)
    let rowBytes = parameters.rowBytes
    var walk = CandidateWalk(.vectors)
    while try advance(&walk, found, directory) {
      let frame = try frame(.vectors, walk.list, walk.index, directory)
      if frame.isCompressed { try decompress(frame, into: &decompressed) }
      for i in walk.run {
        let row = content(frame, decompressed).slice((found[i].position - walk.position) * rowBytes, rowBytes)
        var output = distances.mutableSpan
        var one = output.part(i..<i + 1)
        rowDistances(query, row, into: &one)
      }
    }
  }
}
