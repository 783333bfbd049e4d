internal import PQFormat
internal import PQStorage

/// From spilled buckets to lists in ascending order, each by ascending id, handed to the writer.
struct ListGrouping {
  let index: IndexParameters
  /// Bytes of records to hold at a time. More vectors than that in one bucket are read in several passes.
  let memory: UInt64

  func run(
    _ spill: inout ListSpill, into writer: inout IndexWriter, isCancelled: () -> Bool
  ) throws(BuildError) {
    for bucket in 0..<spill.bucketCount {
      var lists = spill.lists(ofBucket: bucket)
      while !lists.isEmpty {
        if isCancelled() { throw .interrupted }
        let pass = passLists(lists, spill)
        if pass.isEmpty {  // the next list alone is too large: it goes by in input order, which must be id order
          try stream(list: lists.lowerBound, bucket, &spill, &writer)
          lists = lists.lowerBound + 1..<lists.upperBound
        } else {
          try group(pass, bucket, &spill, &writer)
          lists = pass.upperBound..<lists.upperBound
        }
      }
    }
  }

  /// The first of `lists` whose records fit into memory together.
  private func passLists(_ lists: Range<Int>, _ spill: borrowing ListSpill) -> Range<Int> {
    var bytes: UInt64 = 0
    for list in lists {
      bytes += spill.counts[list] * UInt64(spill.record.byteCount + MemoryLayout<Place>.stride)
      if bytes > memory { return lists.lowerBound..<list }
    }
    return lists
  }

  /// Where a record stands in the pass's memory.
  private struct Place {
    var id: UInt64
    var record: Int
  }

  private func group(
    _ lists: Range<Int>, _ bucket: Int, _ spill: inout ListSpill, _ writer: inout IndexWriter
  ) throws(BuildError) {
    let size = spill.record.byteCount
    var starts = [0]  // of each list in `places`
    for list in lists { starts.append(starts[list - lists.lowerBound] + Int(spill.counts[list])) }
    var records: [UInt8] = []
    records.reserveCapacity(starts[lists.count] * size)
    var places = [Place](repeating: Place(id: 0, record: 0), count: starts[lists.count])
    var next = starts
    try forEachRecord(bucket, &spill) { block, base, list in
      guard lists.contains(list) else { return }
      let place = next[list - lists.lowerBound]
      places[place] = Place(id: block.u64(at: base + SpillRecord.idOffset), record: records.count)
      next[list - lists.lowerBound] += 1
      records.append(block.slice(base, size))
    }
    if !spill.idsAscend {
      for list in 0..<lists.count { places[starts[list]..<starts[list + 1]].sort { $0.id < $1.id } }
    }
    var batch = ListBatch()
    for list in 0..<lists.count {
      for place in places[starts[list]..<starts[list + 1]] {
        batch.append(spill.record, records.rawSpan, at: place.record)
        if batch.isFull { try batch.write(to: &writer) }
      }
      try batch.write(to: &writer)
      try writer.endList()
    }
  }

  private func stream(
    list: Int, _ bucket: Int, _ spill: inout ListSpill, _ writer: inout IndexWriter
  ) throws(BuildError) {
    guard spill.idsAscend else {
      throw .usage(
        "list \(list) has \(spill.counts[list]) vectors, too many to be sorted by id within --memory; give ids in "
          + "ascending order, or --memory of at least \(6 * spill.counts[list] * UInt64(spill.record.byteCount)) bytes")
    }
    var batch = ListBatch()
    let record = spill.record
    var failure: BuildError?
    try forEachRecord(bucket, &spill) { block, base, recordList in
      guard recordList == list, failure == nil else { return }
      batch.append(record, block, at: base)
      guard batch.isFull else { return }
      do throws(BuildError) { try batch.write(to: &writer) } catch { failure = error }
    }
    if let failure { throw failure }
    try batch.write(to: &writer)
    try writer.endList()
  }

  /// Calls `body` for each record of a bucket, in input order, with the block, the record's place in it, its list.
  private func forEachRecord(
    _ bucket: Int, _ spill: inout ListSpill, _ body: (RawSpan, Int, Int) -> Void
  ) throws(BuildError) {
    var chunk: [UInt8] = []
    for block in 0..<spill.blockCount(bucket) {
      let length = try BuildError.onFiles { () throws(FileError) in
        try spill.readBlock(block, ofBucket: bucket, into: &chunk)
      }
      for base in stride(from: 0, to: length, by: spill.record.byteCount) {
        body(chunk.rawSpan, base, Int(chunk.rawSpan.u32(at: base + SpillRecord.listOffset)))
      }
    }
  }
}

/// Vectors of one list on their way to the writer.
private struct ListBatch {
  private var codes: [UInt16] = []
  private var ids: [UInt64] = []
  private var rows: [UInt8] = []

  var isFull: Bool { ids.count >= 4096 }

  mutating func append(_ record: SpillRecord, _ records: RawSpan, at base: Int) {
    ids.append(records.u64(at: base + SpillRecord.idOffset))
    record.appendCodes(records, at: base, to: &codes)
    record.appendRow(records, at: base, to: &rows)
  }

  mutating func write(to writer: inout IndexWriter) throws(BuildError) {
    try writer.append(codes: codes.span, ids: ids.span, rows: rows.rawSpan, count: ids.count)
    codes.removeAll(keepingCapacity: true)
    ids.removeAll(keepingCapacity: true)
    rows.removeAll(keepingCapacity: true)
  }
}
