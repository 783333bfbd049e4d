internal import PQFormat
internal import PQKernels

extension IndexFile {
  /// Compares the candidates exactly, in the order in which their rows stand in the file, and keeps the best k.
  borrowing func rerank(
    _ options: SearchOptions, _ scratch: inout SearchScratch, _ statistics: inout SearchStatistics
  ) throws(FormatError) {
    var ids: [UInt8] = []
    swap(&ids, &scratch.ids)
    defer { swap(&ids, &scratch.ids) }
    try scratch.candidates.cut { (number, position) throws(FormatError) in
      try self.id(self.list(Int(number)), position, scratch: &ids)
    }
    let byPlace = scratch.candidates.entries.sorted { ($0.list, $0.position) < ($1.list, $1.position) }
    scratch.reranked.begin(capacity: min(options.k, byPlace.count))
    let rowBytes = parameters.rowBytes
    for candidate in byPlace {
      let view = try list(Int(candidate.list))
      let (index, row) = candidate.position.quotientAndRemainder(dividingBy: parameters.rowsPerFrame)
      let frame = try frame(.vectors, view, index)
      statistics.bytesRead += frame.isCompressed ? Int(frame.entry.length) : rowBytes
      let query = scratch.query.vector
      let value = try withContent(frame, scratch: &scratch.frame) { content in
        var value = InlineArray<1, Float>(repeating: 0)
        var output = value.mutableSpan
        rowDistances(query, content.slice(row * rowBytes, rowBytes), into: &output)
        return value
      }
      try scratch.reranked.offer(
        value.span, parameters.metric, list: Int(candidate.list), position: { _ in candidate.position }
      ) { (number, position) throws(FormatError) in try self.id(self.list(Int(number)), position, scratch: &ids) }
    }
    statistics.reranked += byPlace.count
    swap(&scratch.candidates, &scratch.reranked)
  }
}
