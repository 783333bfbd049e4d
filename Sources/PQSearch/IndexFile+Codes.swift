internal import PQFormat
internal import PQKernels
internal import PQStorage

/// Codes of the chosen lists → pending codes → candidates: an integer scan finds the few vectors that may be among the best,
/// and only those that still may be when all lists are scanned get their canonical distance.
extension IndexFile {
  /// Offers the vectors of the lists, nearest first.
  // Inlined, it would leave its caller too large for what is small in it to be inlined.
  @inline(never)
  borrowing func scanCodes(
    _ query: Int, _ options: SearchOptions, _ group: borrowing QueryGroup, _ lists: ChosenLists,
    _ scratch: inout CodeScratch, _ work: inout ScanWork, _ statistics: inout SearchStatistics
  ) throws(FormatError) {
    guard let shape = parameters.codeLayout?.shape else { return }
    let scan = beginScan(query, options, group, shape, work.model, &scratch)
    work.pending.begin(capacity: work.candidates.capacity)
    scratch.frames.begin()
    // Codes of the nearest lists, as long as nothing is known.
    var isFirst = scan.filters && parameters.comparison != .listTables
    while try findNext(&scratch.frames, lists, work.directory) {
      let scanned = isFirst ? try scanFirst(group, scan, &scratch, &work, &statistics) : 0
      isFirst = false
      for i in scanned..<scratch.frames.count {
        let (frame, key) = (scratch.frames.found[i].frame, scratch.frames.found[i].key)
        if frame.index == 0 {
          statistics.lists += 1
          if scan.filters, parameters.comparison == .listTables {
            makeTables(of: frame.list, query, group, scan, &scratch, &work)
          }
        }
        statistics.codesScanned += frame.count
        let visit = visit(frame, key, scan, scratch.quantized.range)
        let threshold = min(work.pending.threshold, work.candidates.threshold)
        guard let limit = scan.filters ? visit.bound.threshold(threshold) : .max else { continue }
        statistics.read(frame)
        try find(
          visit, ahead(scratch.frames, i + 1), streams: scratch.streams, scan, limit, &scratch.quantized,
          &scratch.decompressed, &scratch.survivors)
        guard scratch.survivors.count > 0 else { continue }
        keep(visit, scan, group.tables, threshold, &scratch, &work)
        // Those of a compressed frame while its codes are there.
        let isDue = frame.isCompressed || !scan.filters
        if !isDue, work.pending.isWorthCutting { work.pending.cut() }
        if isDue || work.pending.isFull {
          try offerPending(query, group, scan, scratch.decompressed, &work)
        }
      }
    }
    try offerPending(query, group, scan, scratch.decompressed, isLast: scan.filters && options.rerank > 0, &work)
  }

  /// Makes the tables that all lists share.
  private borrowing func beginScan(
    _ query: Int, _ options: SearchOptions, _ group: borrowing QueryGroup, _ shape: CodeShape, _ model: ModelRows?,
    _ scratch: inout CodeScratch
  ) -> CodeScan {
    let hasBrackets = parameters.comparison == .brackets
    let filters = options.filtersCodes && !scratch.quantized.entries.isEmpty
    let canEstimate = filters && parameters.estimates
    let scan = CodeScan(
      shape: shape, tables: group.tables(query), filters: filters,
      // The distances of a few winners cost less than bringing the float tables of wide codes into the cache.
      canEstimate: canEstimate, estimates: canEstimate && (options.rerank > 0 || shape.pairsTables),
      checks: filters && !codesHaveRules && Kernels.best.checksAsItScans(nbits: shape.nbits),
      length: hasBrackets ? group.lengths[query] : 0, longest: hasBrackets ? model?.longestResidual ?? 0 : 0)
    if filters, parameters.comparison != .listTables {
      scratch.quantized.quantize(group.tables, scan.tables, shape, factor: tableFactor)
    }
    if scan.estimates, shape.pairsTables {
      var output = scratch.pairTables.mutableSpan
      Kernels.best.pairTables(group.tables.span.extracting(scan.tables), shape: shape, into: &output)
    }
    return scan
  }

  /// Makes the tables of a list that has its own.
  private borrowing func makeTables(
    of list: Int, _ query: Int, _ group: borrowing QueryGroup, _ scan: CodeScan, _ scratch: inout CodeScratch,
    _ work: inout ScanWork
  ) {
    subtractCentroid(list, group.vectors.span.extracting(group.vector(query)), work.model, &work.residual)
    fillTables(work.residual, 1, stride: 0, inner: false, &scratch.listTables)
    scratch.quantized.quantize(
      scratch.listTables, scratch.listTables.indices, scan.shape, factor: tableFactor)
  }

  /// What the keys of codes add up from each entry of a float table.
  private var tableFactor: Float { parameters.comparison == .brackets ? -2 : parameters.metric == .l2 ? 1 : -1 }

  /// What the sums of a frame of a list with the key `key` say of keys.
  @inline(__always)
  borrowing func visit(_ frame: FrameView, _ key: Float, _ scan: CodeScan, _ range: TableRange) -> CodeVisit {
    guard parameters.comparison == .brackets else {
      let bound = CodeBound(range, base: parameters.addsListKey ? key : 0, m: scan.shape.m)
      return CodeVisit(frame: frame, key: key, rounding: 0, bound: bound)
    }
    let rounding = rounding(key, scan)
    let bound = CodeBound(
      range, score: key, minimum: frame.entry.bracketMinimum, bracketStep: frame.entry.bracketStep,
      m: scan.shape.m, rounding: rounding)
    return CodeVisit(frame: frame, key: key, rounding: rounding, bound: bound)
  }

  /// The largest error of f32 arithmetic in a residual distance and in the sum of score, bracket and tables that bounds
  /// it: both together round by fewer than 4 (D + 16) times 2^-24 of terms that the lengths of query and codewords bound.
  /// Below the smallest normal f32, 2^-126, a rounding is no longer relative to what it rounds.
  @inline(__always)
  private borrowing func rounding(_ score: Float, _ scan: CodeScan) -> Double {
    let terms = Double(score) + scan.length * scan.longest + scan.longest * scan.longest
    return Double(parameters.dimension + 16) * (0x1p-22 * terms + 0x1p-126)
  }

  /// Finds the codes of a frame with sums of at most `limit`. The frame is checked first, or as it is scanned, unless it was
  /// before: what is passed over is not read, and needs no checksum.
  private borrowing func find(
    _ visit: CodeVisit, _ next: RawSpan, streams: Bool, _ scan: CodeScan, _ limit: UInt16,
    _ quantized: inout QuantizedTables, _ decompressed: inout [UInt8], _ survivors: inout Survivors
  ) throws(FormatError) {
    let (frame, bracketScale) = (visit.frame, visit.bound.bracketScale)
    let begun = try checkOrBegin(frame, scan)
    if frame.isCompressed { try decompress(frame, into: &decompressed) }
    guard scan.filters else { return survivors.takeAll(frame.count) }
    let codes = CodeFrame(
      content(frame, decompressed), next: next, count: frame.count, shape: scan.shape,
      streams: streams && !frame.isCompressed)
    guard var crc = begun else { return quantized.scan(codes, bracketScale: bracketScale, limit, &survivors) }
    survivors.scan(codes, quantized.entries.span, bracketScale: bracketScale, limit, crc: &crc)
    try endChecking(frame, found: crc)
  }

  /// Checks a frame, unless it was before; or gives the checksum that the scan is to continue, and that ends the check.
  borrowing func checkOrBegin(_ frame: FrameView, _ scan: CodeScan) throws(FormatError) -> UInt32? {
    if isChecked(frame) { return nil }
    if scan.checks, !frame.isCompressed { return try beginChecking(frame) }
    try check(frame)
    return nil
  }

  /// Adds the survivors of a frame to the pending codes, but for those that are seen not to be among the best.
  /// - Parameters:
  ///   - tables: float tables of the query's group.
  ///   - threshold: no greater key is among the best.
  private borrowing func keep(
    _ visit: CodeVisit, _ scan: CodeScan, _ tables: [Float], _ threshold: Float, _ scratch: inout CodeScratch,
    _ work: inout ScanWork
  ) {
    guard scan.filters else {
      return work.pending.append(scratch.survivors, of: visit.frame, key: visit.key, gap: .infinity) { _ in -.infinity }
    }
    // Sums say next to nothing of queries that are as near to all codewords: closest to the centre.
    let isVague = scan.canEstimate && (scratch.survivors.areSaturated || !visit.bound.isClosed)
    if scan.estimates || isVague { return keepEstimates(visit, scan, tables, &scratch, &work) }
    let wanted = work.candidates.capacity
    if scratch.survivors.count > wanted + wanted / 4 {
      // No more than these are among the best so many of this frame alone.
      let upper = visit.bound.upper(scratch.survivors.limit(wanted))
      if upper < threshold, let limit = visit.bound.threshold(upper) {
        scratch.survivors.copy(0...limit, to: &scratch.nearest)
        return work.pending.append(scratch.nearest, of: visit)
      }
    }
    work.pending.append(scratch.survivors, of: visit)
  }

  /// A frame's bytes, in the file or decompressed.
  @_lifetime(borrow self, borrow decompressed)
  borrowing func content(_ frame: FrameView, _ decompressed: [UInt8]) -> RawSpan {
    if frame.isCompressed { return decompressed.rawSpan.slice(0, frame.rawLength) }
    return stored(frame)
  }

  /// The bytes of one of the frames, if there is one.
  @_lifetime(borrow self)
  borrowing func ahead(_ frames: CodeFrames, _ i: Int) -> RawSpan {
    guard i < frames.count else { return map.bytes.slice(0, 0) }
    return stored(frames.found[i].frame)
  }
}
