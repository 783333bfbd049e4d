internal import PQFormat
internal import PQKernels
internal import PQStorage

extension IndexFile {
  /// Compares the candidates exactly with their stored vectors, and keeps the best k. They come list by list, so that
  /// those of one list share pages; rows are fetched ahead.
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
    try work.candidates.finish { (number, position) throws(FormatError) in
      try self.id(Place(list: number, position: position), scratch: &ids)
    }
    let count = work.candidates.count
    if distances.count < count { distances += [Float](repeating: 0, count: count - distances.count) }
    let vector = group.vectors.span.extracting(group.vector(query))
    if try locate(work.candidates, &offsets, &work.prefetch, &statistics) {
      var all = distances.mutableSpan
      var output = all.part(0..<count)
      Kernels.best.rows(
        parameters.metric.similarity, vector, in: map.bytes, at: offsets.span, type: parameters.vectors.rowType,
        offset: Float(parameters.vectorOffset), into: &output)
    } else {
      try compareOneByOne(work.candidates, vector, &work.frame, &distances)
    }
    work.reranked.begin(capacity: min(options.k, count))
    func id(_ number: UInt32, _ position: Int) throws(FormatError) -> UInt64 {
      try self.id(Place(list: number, position: position), scratch: &ids)
    }
    try offerRows(work.candidates, distances.span.extracting(0..<count), id, &work.reranked)
    statistics.reranked += count
    swap(&work.candidates, &work.reranked)
  }

  private borrowing func offerRows(
    _ candidates: borrowing Candidates, _ distances: Span<Float>, _ id: Candidates.IDLookup,
    _ reranked: inout Candidates
  ) throws(FormatError) {
    let places = candidates.found.items.span
    try reranked.offer(distances, parameters.metric, id: id) { places[$0] }
  }

  /// Where the candidates' rows are in the file; false if some are in compressed frames.
  private borrowing func locate(
    _ candidates: borrowing Candidates, _ offsets: inout [UInt64], _ prefetch: inout Prefetch,
    _ statistics: inout SearchStatistics
  ) throws(FormatError) -> Bool {
    try self.prefetch(.vectors, candidates, perFrame: parameters.rowsPerFrame, &prefetch)
    let places = candidates.found.items.span
    let rowBytes = parameters.rowBytes
    offsets.removeAll(keepingCapacity: true)
    var page: UInt64?
    var (first, isRaw) = (0, true)
    while first < candidates.count {
      let run = try run(candidates, from: first)
      let start = run.frame.entry.offset
      for i in first..<run.end {
        let offset = start + UInt64((places[i].position - run.position) * rowBytes)
        if !run.frame.isCompressed { statistics.read(offset: offset, count: rowBytes, &page) }
        offsets.append(offset)
      }
      if run.frame.isCompressed {
        statistics.read(run.frame)
        isRaw = false
      }
      first = run.end
    }
    return isRaw
  }

  private borrowing func compareOneByOne(
    _ candidates: borrowing Candidates, _ query: Span<Float>, _ decompressed: inout [UInt8],
    _ distances: inout [Float]
  ) throws(FormatError) {
    let places = candidates.found.items.span
    let rowBytes = parameters.rowBytes
    var first = 0
    while first < candidates.count {
      let run = try run(candidates, from: first)
      if run.frame.isCompressed { try decompress(run.frame, into: &decompressed) }
      for i in first..<run.end {
        let row = content(run.frame, decompressed).slice((places[i].position - run.position) * rowBytes, rowBytes)
        var output = distances.mutableSpan
        var one = output.part(i..<i + 1)
        rowDistances(query, row, into: &one)
      }
      first = run.end
    }
  }

  /// The frame that holds the row of candidate `first`, the position of its first row in the list, and the first candidate
  /// after that whose row is in another one: those of one frame follow each other.
  private borrowing func run(
    _ candidates: borrowing Candidates, from first: Int
  ) throws(FormatError) -> (frame: FrameView, position: Int, end: Int) {
    let places = candidates.found.items.span
    let place = places[first]
    let index = place.position / parameters.rowsPerFrame
    let frame = try frame(.vectors, list(holding: place), index)
    let position = index * parameters.rowsPerFrame
    var end = first + 1
    while end < candidates.count, places[end].list == place.list, places[end].position >= position,
      places[end].position - position < frame.count
    { end += 1 }
    return (frame, position, end)
  }
}
