internal import PQFormat
internal import PQKernels

/// The scan of the first codes of a query. Nothing is known of which keys are among the best, so all sums are kept, and then
/// the nearest are found at once: a limit for each frame, as the scan of those that follow has it, would let many pass that
/// are not among the best in the end.
extension IndexFile {
  /// Scans as many of the frames as ``FirstSums`` has room for, and adds what may be among the best of them to the pending
  /// codes.
  /// - Precondition: those that were found are the first ones.
  /// - Returns: how many they are; 0, and nothing is added, where sums do not tell.
  /// - Precondition: the tables are the same for all lists.
  borrowing func scanFirst(
    _ group: borrowing QueryGroup, _ scan: CodeScan, _ scratch: inout CodeScratch, _ work: inout ScanWork,
    _ statistics: inout SearchStatistics
  ) throws(FormatError) -> Int {
    var first = take(&scratch.first, leaving: FirstSums())
    defer { swap(&first, &scratch.first) }
    let wanted = work.candidates.capacity
    guard wanted > 0, wanted < FirstSums.room else { return 0 }
    first.removeAll()
    for listed in scratch.frames.found {
      // Codes that are decompressed are there for one frame at a time.
      guard !listed.frame.isCompressed, first.hasRoom(for: listed.frame, wanted) else { break }
      first.append(visit(listed.frame, listed.key, scan, scratch.quantized.range))
    }
    guard first.count > wanted, first.setOffsets() else { return 0 }
    try sum(&first, scratch.frames, scan, scratch.quantized)
    let least = first.limit(wanted)
    let upper = first.upper(least)
    guard least < .max, upper < .infinity,
      first.visits.allSatisfy({ first.threshold(upper, $0) ?? 0 < .max })
    else { return 0 }
    for visit in first.visits {
      statistics.lists += visit.frame.index == 0 ? 1 : 0
      statistics.codesScanned += visit.frame.count
      statistics.read(visit.frame)
    }
    if scan.estimates {
      keepEstimates(first, least, upper, scan, group.tables, &scratch, &work)
    } else {
      for visit in first.visits {
        guard let limit = first.threshold(upper, visit) else { continue }
        first.select(0...limit, visit, into: &scratch.survivors)
        if scratch.survivors.count > 0 { work.pending.append(scratch.survivors, of: visit.codes) }
      }
    }
    work.pending.cut()
    return first.visits.count
  }

  /// Sums the codes of all frames, each of which is checked first, or as it is scanned, unless it was before.
  private borrowing func sum(
    _ first: inout FirstSums, _ frames: CodeFrames, _ scan: CodeScan, _ quantized: borrowing QuantizedTables
  ) throws(FormatError) {
    let entries = quantized.entries.span
    for i in first.visits.indices {
      let visit = first.visits[i]
      let frame = visit.frame
      let codes = CodeFrame(stored(frame), next: ahead(frames, i + 1), count: frame.count, shape: scan.shape)
      if var crc = try checkOrBegin(frame, scan) {
        first.scan(visit, codes, entries, crc: &crc)
        try endChecking(frame, found: crc)
      } else {
        first.scan(visit, codes, entries)
      }
    }
  }

  /// Adds the codes with sums of at most `least`, and those that their estimates leave in question.
  private borrowing func keepEstimates(
    _ first: FirstSums, _ least: UInt16, _ upper: Float, _ scan: CodeScan, _ tables: [Float],
    _ scratch: inout CodeScratch, _ work: inout ScanWork
  ) {
    for visit in first.visits where visit.offset <= least {
      first.select(0...least, visit, into: &scratch.survivors)
      appendEstimates(visit.codes, scan, tables, scratch.survivors, scratch, &work)
    }
    work.pending.cut()
    let limit = min(upper, work.pending.threshold)
    for visit in first.visits {
      guard let threshold = first.threshold(limit, visit), threshold > least else { continue }
      first.select(least + 1...threshold, visit, into: &scratch.survivors)
      appendEstimates(visit.codes, scan, tables, scratch.survivors, scratch, &work)
    }
  }
}
