internal import PQFormat
internal import PQKernels

extension IndexFile {
  /// Compares the candidates exactly, in the order in which their rows stand in the file, and keeps the best k.
  borrowing func rerank(
    _ query: Int, _ options: SearchOptions, _ group: borrowing QueryGroup, _ work: inout ScanWork,
    _ statistics: inout SearchStatistics
  ) throws(FormatError) {
    var ids = take(&work.ids)
    defer { swap(&ids, &work.ids) }
    try work.candidates.cut { (number, position) throws(FormatError) in
      try self.id(self.list(Int(number)), position, scratch: &ids)
    }
    work.candidates.sortByPlace()
    work.reranked.begin(capacity: min(options.k, work.candidates.entries.count))
    let rowBytes = parameters.rowBytes
    for i in work.candidates.entries.indices {
      let candidate = work.candidates.entries[i]
      let view = try list(Int(candidate.list))
      let (index, row) = candidate.position.quotientAndRemainder(dividingBy: parameters.rowsPerFrame)
      let frame = try frame(.vectors, view, index)
      statistics.bytesRead += frame.isCompressed ? Int(frame.entry.length) : rowBytes
      let vector = group.vectors.span.extracting(group.vector(query))
      let value = try withContent(frame, scratch: &work.frame) { content in
        var value = InlineArray<1, Float>(repeating: 0)
        var output = value.mutableSpan
        rowDistances(vector, content.slice(row * rowBytes, rowBytes), into: &output)
        return value
      }
      try work.reranked.offer(
        value.span, parameters.metric, list: Int(candidate.list), position: { _ in candidate.position }
      ) { (number, position) throws(FormatError) in try self.id(self.list(Int(number)), position, scratch: &ids) }
    }
    statistics.reranked += work.candidates.entries.count
    swap(&work.candidates, &work.reranked)
  }
}
