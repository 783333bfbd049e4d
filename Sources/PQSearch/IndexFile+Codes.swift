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
    var scan = beginScan(query, options, group, shape, work.model, &scratch)
    work.pending.begin(capacity: work.candidates.capacity)
    var walk = CodeWalk(lists.numbers, pagesAreChecked: checkDirectory(visiting: lists.count))
    var next = try nextFrame(&walk)
    var place = 0
    while let frame = next {
      next = try nextFrame(&walk)
      if frame.index == 0 {
        statistics.lists += 1
        // Those between have no frames.
        while Int(lists.numbers[place]) != frame.list { place += 1 }
        if !lists.keys.isEmpty { scan.key = lists.keys[place] }
        beginList(frame.list, query, group, &scan, &scratch, &work)
      }
      statistics.codesScanned += frame.count
      let bound = bound(scan, frame)
      let threshold = min(work.pending.threshold, work.candidates.threshold)
      guard let limit = scan.filters ? bound.threshold(threshold) : .max else { continue }
      statistics.read(frame)
      try find(
        frame, next, scan, bound, limit, scratch.quantized, &scratch.decompressed, &scratch.survivors)
      guard scratch.survivors.count > 0 else { continue }
      keep(frame, scan, bound, group.tables, threshold, &scratch, &work)
      // Those of a compressed frame while its codes are there.
      let isDue = frame.isCompressed || !scan.filters
      if !isDue, work.pending.isWorthCutting { work.pending.cut() }
      if isDue || work.pending.isFull {
        try offerPending(query, group, scan, scratch.decompressed, &work)
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
    var scan = CodeScan(
      shape: shape, tables: group.tables(query), filters: filters,
      // The distances of a few winners cost less than bringing the float tables of wide codes into the cache.
      estimates: filters && parameters.estimates && (options.rerank > 0 || shape.pairsTables),
      checks: filters && !codesHaveRules && Kernels.best.checksAsItScans(nbits: shape.nbits),
      length: hasBrackets ? group.lengths[query] : 0, longest: hasBrackets ? model?.longestResidual ?? 0 : 0)
    if filters, parameters.comparison != .listTables {
      scan.range = quantize(group.tables, scan.tables, shape, &scratch.quantized)
    }
    if scan.estimates, shape.pairsTables {
      var output = scratch.pairTables.mutableSpan
      Kernels.best.pairTables(group.tables.span.extracting(scan.tables), shape: shape, into: &output)
    }
    return scan
  }

  /// Makes the tables of a list that has its own, and what bounds of its frames share.
  private borrowing func beginList(
    _ list: Int, _ query: Int, _ group: borrowing QueryGroup, _ scan: inout CodeScan, _ scratch: inout CodeScratch,
    _ work: inout ScanWork
  ) {
    switch parameters.comparison {
    case .tables: break
    case .brackets: scan.rounding = rounding(scan.key, scan.length, scan.longest)
    case .listTables:
      guard scan.filters else { return }
      subtractCentroid(list, group.vectors.span.extracting(group.vector(query)), work.model, &work.residual)
      fillTables(work.residual, 1, stride: 0, inner: false, &scratch.listTables)
      scan.range = quantize(scratch.listTables, scratch.listTables.indices, scan.shape, &scratch.quantized)
    }
  }

  /// The largest error of f32 arithmetic in a residual distance and in the sum of score, bracket and tables that bounds
  /// it: both together round by fewer than 4 (D + 16) times 2^-24 of terms that the lengths of query and codewords bound.
  /// Below the smallest normal f32, 2^-126, a rounding is no longer relative to what it rounds.
  private borrowing func rounding(_ score: Float, _ length: Double, _ longest: Double) -> Double {
    let terms = Double(score) + length * longest + longest * longest
    return Double(parameters.dimension + 16) * (0x1p-22 * terms + 0x1p-126)
  }

  private borrowing func quantize(
    _ tables: [Float], _ part: Range<Int>, _ shape: CodeShape, _ quantized: inout QuantizedTables
  ) -> TableRange {
    let factor: Float = parameters.comparison == .brackets ? -2 : parameters.metric == .l2 ? 1 : -1
    return Self.quantize(tables.span.extracting(part), shape, factor, &quantized.minima, &quantized.entries)
  }

  private static func quantize(
    _ tables: Span<Float>, _ shape: CodeShape, _ factor: Float, _ minima: inout [Float], _ entries: inout [UInt8]
  ) -> TableRange {
    var output = entries.mutableSpan
    var work = minima.mutableSpan
    return Kernels.best.quantize(tables, shape: shape, factor: factor, minima: &work, into: &output)
  }

  /// What the sums of a frame say of keys.
  @inline(__always)
  private borrowing func bound(_ scan: CodeScan, _ frame: FrameView) -> CodeBound {
    parameters.comparison == .brackets
      ? CodeBound(
        scan.range, score: scan.key, minimum: frame.entry.bracketMinimum, bracketStep: frame.entry.bracketStep,
        m: scan.shape.m, rounding: scan.rounding)
      : CodeBound(scan.range, base: parameters.addsListKey ? scan.key : 0, m: scan.shape.m)
  }

  /// Finds the codes of a frame with sums of at most `limit`. The frame is checked first, or as it is scanned, unless it was
  /// before: what is passed over is not read, and needs no checksum.
  private borrowing func find(
    _ frame: FrameView, _ next: FrameView?, _ scan: CodeScan, _ bound: CodeBound, _ limit: UInt16,
    _ quantized: borrowing QuantizedTables, _ decompressed: inout [UInt8], _ survivors: inout Survivors
  ) throws(FormatError) {
    var crc: UInt32?
    if !isChecked(frame) {
      if scan.checks, !frame.isCompressed { crc = try beginChecking(frame) } else { try check(frame) }
    }
    if frame.isCompressed { try decompress(frame, into: &decompressed) }
    guard scan.filters else { return survivors.takeAll(frame.count) }
    let entries = quantized.entries.span
    let codes = CodeFrame(content(frame, decompressed), next: ahead(next), count: frame.count, shape: scan.shape)
    guard var crc else { return survivors.scan(codes, entries, bracketScale: bound.bracketScale, limit) }
    survivors.scan(codes, entries, bracketScale: bound.bracketScale, limit, crc: &crc)
    try endChecking(frame, found: crc)
  }

  /// Adds the survivors of a frame to the pending codes, but for those that are seen not to be among the best.
  /// - Parameters:
  ///   - tables: float tables of the query's group.
  ///   - threshold: no greater key is among the best.
  private borrowing func keep(
    _ frame: FrameView, _ scan: CodeScan, _ bound: CodeBound, _ tables: [Float], _ threshold: Float,
    _ scratch: inout CodeScratch, _ work: inout ScanWork
  ) {
    guard scan.estimates else {
      let wanted = work.candidates.capacity
      if scan.filters, scratch.survivors.count > wanted + wanted / 4 {
        // No more than these are among the best so many of this frame alone.
        let upper = bound.upper(scratch.survivors.limit(wanted))
        if upper < threshold, let limit = bound.threshold(upper) {
          scratch.survivors.copy(0...limit, to: &scratch.nearest)
          return work.pending.append(scratch.nearest, of: frame, key: scan.key, bound)
        }
      }
      return work.pending.append(scratch.survivors, of: frame, key: scan.key, bound)
    }
    let estimate = EstimateBound(
      score: scan.key, minimum: frame.entry.bracketMinimum, step: frame.entry.bracketStep,
      product: scan.length * scan.longest, rounding: scan.rounding)
    appendEstimates(frame, scan, ScanBounds(scan: bound, estimate: estimate), tables, &scratch, &work)
  }

  /// A frame's bytes, in the file or decompressed.
  @_lifetime(borrow self, borrow decompressed)
  borrowing func content(_ frame: FrameView, _ decompressed: [UInt8]) -> RawSpan {
    if frame.isCompressed { return decompressed.rawSpan.slice(0, frame.rawLength) }
    return stored(frame)
  }

  /// The bytes of the frame that follows, if one does.
  @_lifetime(borrow self)
  private borrowing func ahead(_ next: FrameView?) -> RawSpan {
    guard let next else { return map.bytes.slice(0, 0) }
    return stored(next)
  }
}

/// A way over the code frames of chosen lists, one frame after another, their bytes not yet looked at.
struct CodeWalk {
  private let lists: [UInt32]
  private let pagesAreChecked: Bool
  private var place = 0
  private var view: ListView?
  private var index = 0

  init(_ lists: [UInt32], pagesAreChecked: Bool) {
    self.lists = lists
    self.pagesAreChecked = pagesAreChecked
  }

  fileprivate mutating func next(_ file: borrowing IndexFile) throws(FormatError) -> FrameView? {
    while true {
      if let view, index < file.frameCount(.codes, view) {
        index += 1
        return try file.frameView(.codes, view, index - 1, pagesAreChecked: pagesAreChecked)
      }
      guard place < lists.count else { return nil }
      file.fetchEntries(lists, after: place)
      view = try file.list(Int(lists[place]), pagesAreChecked: pagesAreChecked)
      place += 1
      index = 0
    }
  }
}

extension IndexFile {
  fileprivate borrowing func nextFrame(_ walk: inout CodeWalk) throws(FormatError) -> FrameView? { try walk.next(self) }
}
