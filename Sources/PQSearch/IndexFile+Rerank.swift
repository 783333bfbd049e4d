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
    offsets.removeAll(keepingCapacity: true)
    try self.prefetch(.vectors, candidates, perFrame: parameters.rowsPerFrame, &prefetch)
    let rowBytes = parameters.rowBytes
    var cursor = RowCursor(perFrame: parameters.rowsPerFrame)
    var page: UInt64?
    var isRaw = true
    for i in 0..<candidates.count {
      let (frame, row, isNew) = try find(candidates.found.items[i], &cursor)
      let offset = frame.entry.offset + UInt64(row * rowBytes)
      if !frame.isCompressed {
        statistics.read(offset: offset, count: rowBytes, &page)
      } else {
        if isNew { statistics.read(frame) }
        isRaw = false
      }
      offsets.append(offset)
    }
    return isRaw
  }

  private borrowing func compareOneByOne(
    _ candidates: borrowing Candidates, _ query: Span<Float>, _ decompressed: inout [UInt8],
    _ distances: inout [Float]
  ) throws(FormatError) {
    let rowBytes = parameters.rowBytes
    var cursor = RowCursor(perFrame: parameters.rowsPerFrame)
    for i in 0..<candidates.count {
      let (frame, number, isNew) = try find(candidates.found.items[i], &cursor)
      if frame.isCompressed, isNew { try decompress(frame, into: &decompressed) }
      let row = content(frame, decompressed).slice(number * rowBytes, rowBytes)
      var output = distances.mutableSpan
      var one = output.part(i..<i + 1)
      rowDistances(query, row, into: &one)
    }
  }

  /// The frame that holds the row at a place, the row's number there, and whether the frame is another than that of the
  /// row before: each is found once for the rows in it, which follow each other.
  private borrowing func find(
    _ place: Place, _ cursor: inout RowCursor
  ) throws(FormatError) -> (frame: FrameView, row: Int, isNew: Bool) {
    if let list = cursor.list, let frame = cursor.frame, list.number == Int(place.list) {
      let row = place.position - frame.index * cursor.perFrame
      if row >= 0, row < frame.count { return (frame, row, false) }
    }
    let list: ListView
    if let last = cursor.list, last.number == Int(place.list), place.position < last.count {
      list = last
    } else {
      list = try self.list(holding: place)
    }
    let (index, row) = place.position.quotientAndRemainder(dividingBy: cursor.perFrame)
    let frame = try frame(.vectors, list, index)
    cursor.list = list
    cursor.frame = frame
    return (frame, row, true)
  }
}

/// The list and the frame of the row that was found last.
private struct RowCursor {
  let perFrame: Int
  var list: ListView?
  var frame: FrameView?

  init(perFrame: Int) { self.perFrame = perFrame }
}
