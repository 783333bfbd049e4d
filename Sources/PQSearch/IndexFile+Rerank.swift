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
    try work.candidates.cut { (number, position) throws(FormatError) in
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
    offsets.removeAll(keepingCapacity: true)
    try self.prefetch(.vectors, candidates, perFrame: parameters.rowsPerFrame, &prefetch)
    let (rowBytes, perFrame) = (parameters.rowBytes, parameters.rowsPerFrame)
    var last: FrameView?
    var page: UInt64?
    var isRaw = true
    for i in 0..<candidates.count {
      let place = candidates.found.items[i]
      let (frame, row) = try rowFrame(place, perFrame, last)
      let offset = frame.entry.offset + UInt64(row * rowBytes)
      if !frame.isCompressed {
        statistics.read(offset: offset, count: rowBytes, &page)
      } else if !frame.isSame(as: last) {
        statistics.read(frame)
      }
      last = frame
      offsets.append(offset)
      if frame.isCompressed { isRaw = false }
    }
    return isRaw
  }

  private borrowing func compareOneByOne(
    _ candidates: borrowing Candidates, _ query: Span<Float>, _ decompressed: inout [UInt8],
    _ distances: inout [Float]
  ) throws(FormatError) {
    let (rowBytes, perFrame) = (parameters.rowBytes, parameters.rowsPerFrame)
    var last: FrameView?
    for i in 0..<candidates.count {
      let (frame, number) = try rowFrame(candidates.found.items[i], perFrame, last)
      if frame.isCompressed, !frame.isSame(as: last) { try decompress(frame, into: &decompressed) }
      last = frame
      let row = content(frame, decompressed).slice(number * rowBytes, rowBytes)
      var output = distances.mutableSpan
      var one = output.part(i..<i + 1)
      rowDistances(query, row, into: &one)
    }
  }

  /// The frame that holds the row at a place, and the row's number there: `last` if it does, so that one is found once for
  /// the candidates in it, which follow each other.
  private borrowing func rowFrame(
    _ place: Place, _ perFrame: Int, _ last: FrameView?
  ) throws(FormatError) -> (frame: FrameView, row: Int) {
    if let last, last.list == Int(place.list) {
      let row = place.position - last.index * perFrame
      if row >= 0, row < last.count { return (last, row) }
    }
    let (index, row) = place.position.quotientAndRemainder(dividingBy: perFrame)
    return (try frame(.vectors, list(holding: place), index), row)
  }
}
