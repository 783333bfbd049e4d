internal import PQFormat
internal import PQKernels

/// Codes that a scan has found → pending codes with closer bounds.
extension IndexFile {
  /// Adds what a scan of a frame has found to the pending codes: of many, those that their estimates leave in question.
  /// - Parameter tables: float tables of the query's group.
  borrowing func keepEstimates(
    _ visit: CodeVisit, _ scan: CodeScan, _ tables: [Float], _ scratch: inout CodeScratch, _ work: inout ScanWork
  ) {
    let wanted = work.candidates.capacity
    guard scratch.survivors.count > wanted + wanted / 4 else {
      return appendEstimates(visit, scan, tables, scratch.survivors, scratch, &work)
    }
    // The estimates of the nearest tell how few of the others matter.
    let least = scratch.survivors.limit(wanted)
    scratch.survivors.copy(0...least, to: &scratch.nearest)
    appendEstimates(visit, scan, tables, scratch.nearest, scratch, &work)
    work.pending.cut()
    let threshold = min(work.pending.threshold, work.candidates.threshold)
    guard let limit = visit.bound.threshold(threshold), limit > least else { return }
    scratch.survivors.copy(least + 1...limit, to: &scratch.nearest)
    appendEstimates(visit, scan, tables, scratch.nearest, scratch, &work)
  }

  /// Adds `survivors` of a scan to the pending codes. The entries of a scan are rounded; the query's tables, among those of
  /// its group, bound the keys more closely.
  borrowing func appendEstimates(
    _ visit: CodeVisit, _ scan: CodeScan, _ tables: [Float], _ survivors: borrowing Survivors,
    _ scratch: borrowing CodeScratch, _ work: inout ScanWork
  ) {
    guard survivors.count > 0 else { return }
    let (frame, key) = (visit.frame, visit.key)
    let bound = EstimateBound(
      score: key, minimum: frame.entry.bracketMinimum, step: frame.entry.bracketStep,
      product: scan.length * scan.longest, rounding: visit.rounding)
    guard let bound else {
      return work.pending.append(survivors, of: frame, key: key, gap: .infinity) { _ in -.infinity }
    }
    let decompressed = scratch.decompressed
    let codes = CodeFrame(content(frame, decompressed), count: frame.count, shape: scan.shape)
    let pairs = scratch.pairTables
    let tables = scan.shape.pairsTables ? pairs.span : tables.span.extracting(scan.tables)
    append(survivors, codes, visit, tables, bound, &work.distances, &work.pending)
  }

  private borrowing func append(
    _ survivors: borrowing Survivors, _ codes: borrowing CodeFrame, _ visit: CodeVisit, _ tables: Span<Float>,
    _ bound: EstimateBound, _ estimates: inout [Float], _ pending: inout Pending
  ) {
    var output = estimates.mutableSpan
    Kernels.best.estimates(
      codes, positions: survivors.positions.span.extracting(0..<survivors.count), tables: tables, base: bound.base,
      factor: -2, step: bound.step, into: &output)
    pending.append(survivors, of: visit.frame, key: visit.key, gap: bound.gap) { output[$0] - bound.below }
  }
}
