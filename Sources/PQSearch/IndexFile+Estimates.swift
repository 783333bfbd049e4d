internal import PQFormat
internal import PQKernels

/// What is known of the keys of a frame's vectors: from the sums of a scan, and from estimates, if they say anything.
struct ScanBounds {
  let scan: CodeBound
  let estimate: EstimateBound?
}

/// Codes that a scan has found → pending codes with closer bounds.
extension IndexFile {
  /// Adds what a scan of `frame` has found to the pending codes. The entries of a scan are rounded; the query's tables,
  /// among those of its group, bound the keys more closely.
  borrowing func appendEstimates(
    _ frame: FrameView, _ scan: CodeScan, _ bounds: ScanBounds, _ tables: [Float],
    _ scratch: inout CodeScratch, _ work: inout ScanWork
  ) {
    let decompressed = scratch.decompressed
    let codes = CodeFrame(content(frame, decompressed), count: frame.count, shape: scan.shape)
    let pairs = scratch.pairTables
    let tables = scan.shape.pairsTables ? pairs.span : tables.span.extracting(scan.tables)
    let wanted = work.candidates.capacity
    if scratch.survivors.count > wanted + wanted / 4 {
      // The estimates of the nearest tell how few of the others matter.
      let least = scratch.survivors.limit(wanted)
      scratch.survivors.copy(0...least, to: &scratch.nearest)
      append(scratch.nearest, codes, frame, scan.key, tables, bounds.estimate, &work.distances, &work.pending)
      work.pending.cut()
      let threshold = min(work.pending.threshold, work.candidates.threshold)
      guard let limit = bounds.scan.threshold(threshold), limit > least else { return }
      scratch.survivors.copy(least + 1...limit, to: &scratch.nearest)
      append(scratch.nearest, codes, frame, scan.key, tables, bounds.estimate, &work.distances, &work.pending)
    } else {
      append(scratch.survivors, codes, frame, scan.key, tables, bounds.estimate, &work.distances, &work.pending)
    }
  }

  /// - Parameter tables: see ``Kernels/estimates(_:positions:tables:base:factor:step:into:)``.
  private borrowing func append(
    _ survivors: borrowing Survivors, _ codes: borrowing CodeFrame, _ frame: FrameView, _ key: Float,
    _ tables: Span<Float>, _ bound: EstimateBound?, _ estimates: inout [Float], _ pending: inout Pending
  ) {
    guard survivors.count > 0 else { return }
    guard let bound else { return pending.append(survivors, of: frame, key: key, gap: .infinity) { _ in -.infinity } }
    var output = estimates.mutableSpan
    Kernels.best.estimates(
      codes, positions: survivors.positions.span.extracting(0..<survivors.count), tables: tables, base: bound.base,
      factor: -2, step: bound.step, into: &output)
    pending.append(survivors, of: frame, key: key, gap: bound.gap) { output[$0] - bound.below }
  }
}
