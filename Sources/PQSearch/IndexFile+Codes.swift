internal import PQFormat
internal import PQKernels
internal import PQStorage

/// Codes of the chosen lists → pending codes → candidates: an integer scan finds the few vectors that may be among the best,
/// and only those that still may be when all lists are scanned get their canonical distance.
extension IndexFile {
  /// Offers the vectors of the lists, nearest first.
  borrowing func scanCodes(
    _ query: Int, _ options: SearchOptions, _ group: borrowing QueryGroup, _ lists: [UInt32], _ work: inout ScanWork,
    _ statistics: inout SearchStatistics
  ) throws(FormatError) {
    guard let shape = parameters.codeLayout?.shape else { return }
    let comparison = parameters.comparison
    // Out of the structure, so that one can be read while another is written.
    var (entries, tables, decompressed) = (take(&work.entries), take(&work.listTables), take(&work.frame))
    var pairs = take(&work.pairTables)
    var survivors = take(&work.survivors, leaving: Survivors(room: 0))
    defer {
      swap(&decompressed, &work.frame)
      swap(&entries, &work.entries)
      swap(&tables, &work.listTables)
      swap(&pairs, &work.pairTables)
      swap(&survivors, &work.survivors)
    }
    let scans = options.filtersCodes && !entries.isEmpty
    let queryTables = group.tables.span.extracting(group.tables(query))
    // No byte leads a scan out of its tables.
    let checksAsItScans = scans && !codesHaveRules && Kernels.best.checksAsItScans(nbits: shape.nbits)
    var range = TableRange()
    if scans, comparison != .listTables {
      range = quantize(queryTables, shape, &work.minima, &entries)
    }
    // The distances of a few winners cost less than bringing the float tables of wide codes into the cache.
    let estimates = scans && parameters.estimates && (options.rerank > 0 || shape.pairsTables)
    if estimates, shape.pairsTables {
      var output = pairs.mutableSpan
      Kernels.best.pairTables(queryTables, shape: shape, into: &output)
    }
    let length = comparison == .brackets ? group.lengths[query] : 0
    let longest = work.model?.longestResidual ?? 0

    work.pending.begin(capacity: work.candidates.capacity)
    var walk = CodeWalk(lists)
    var next = try nextFrame(&walk)
    while let frame = next {
      next = try nextFrame(&walk)
      let key = parameters.nlist > 0 ? group.keys[group.keys(query).lowerBound + frame.list] : 0
      if frame.index == 0 {
        statistics.lists += 1
        if scans, comparison == .listTables {
          subtractCentroid(
            frame.list, group.vectors.span.extracting(group.vector(query)), work.model, &work.residual)
          fillTables(work.residual, 1, stride: 0, inner: false, &tables)
          range = quantize(tables.span, shape, &work.minima, &entries)
        }
      }
      statistics.codesScanned += frame.count
      let rounding = comparison == .brackets ? rounding(key, length, longest) : 0
      let bound =
        comparison == .brackets
        ? CodeBound(
          range, score: key, minimum: frame.entry.bracketMinimum, bracketStep: frame.entry.bracketStep, m: shape.m,
          rounding: rounding)
        : CodeBound(range, base: parameters.addsListKey ? key : 0, m: shape.m)
      let threshold = min(work.pending.threshold, work.candidates.threshold)
      guard let limit = scans ? bound.threshold(threshold) : .max else { continue }
      // Not before: what is not read needs no checksum.
      var crc: UInt32?
      if !isChecked(frame) {
        if checksAsItScans, !frame.isCompressed { crc = try beginChecking(frame) } else { try check(frame) }
      }
      statistics.read(frame)

      if frame.isCompressed { try decompress(frame, into: &decompressed) }
      let codes = CodeFrame(
        content(frame, decompressed), next: ahead(next), count: frame.count, shape: shape)
      if scans {
        if var crc {
          survivors.scan(codes, entries.span, bracketScale: bound.bracketScale, limit, crc: &crc)
          try endChecking(frame, found: crc)
        } else {
          survivors.scan(codes, entries.span, bracketScale: bound.bracketScale, limit)
        }
      } else {
        survivors.takeAll(frame.count)
      }
      guard survivors.count > 0 else { continue }
      if estimates {
        let bound = ScanBounds(
          scan: bound,
          estimate: EstimateBound(
            score: key, minimum: frame.entry.bracketMinimum, step: frame.entry.bracketStep, product: length * longest,
            rounding: rounding))
        if shape.pairsTables {
          appendEstimates(&survivors, codes, frame, pairs.span, bound, &work)
        } else {
          appendEstimates(&survivors, codes, frame, queryTables, bound, &work)
        }
      } else {
        if scans { survivors.keepNearest(work.candidates.capacity, bound, below: threshold) }
        work.pending.append(survivors, of: frame, bound)
      }
      // Those of a compressed frame while its codes are there.
      let isDue = frame.isCompressed || !scans
      if !isDue, work.pending.isWorthCutting { work.pending.cut() }
      if isDue || work.pending.isFull {
        try offerPending(query, group, shape, decompressed, filters: scans, &work)
      }
    }
    try offerPending(
      query, group, shape, decompressed, filters: scans, omitsKeys: scans && options.rerank > 0, &work)
  }

  /// The largest error of f32 arithmetic in a residual distance and in the sum of score, bracket and tables that bounds
  /// it: fewer than D + 16 roundings of 2^-24 each, of terms that the lengths of query and codewords bound; doubled twice.
  /// Below the smallest normal f32, 2^-126, a rounding is no longer relative to what it rounds.
  private borrowing func rounding(_ score: Float, _ length: Double, _ longest: Double) -> Double {
    let terms = Double(score) + length * longest + longest * longest
    return Double(parameters.dimension + 16) * (0x1p-22 * terms + 0x1p-126)
  }

  private borrowing func quantize(
    _ tables: Span<Float>, _ shape: CodeShape, _ minima: inout [Float], _ entries: inout [UInt8]
  ) -> TableRange {
    let factor: Float = parameters.comparison == .brackets ? -2 : parameters.metric == .l2 ? 1 : -1
    var output = entries.mutableSpan
    var work = minima.mutableSpan
    return Kernels.best.quantize(tables, shape: shape, factor: factor, minima: &work, into: &output)
  }

  /// A frame's bytes, in the file or decompressed.
  @_lifetime(borrow self, borrow decompressed)
  borrowing func content(_ frame: FrameView, _ decompressed: [UInt8]) -> RawSpan {
    if frame.isCompressed { return decompressed.rawSpan.slice(0, frame.rawLength) }
    return map.bytes.slice(Int(frame.entry.offset), Int(frame.entry.length))
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
  private var place = 0
  private var view: ListView?
  private var index = 0

  init(_ lists: [UInt32]) { self.lists = lists }

  fileprivate mutating func next(_ file: borrowing IndexFile) throws(FormatError) -> FrameView? {
    while true {
      if let view, index < file.frameCount(.codes, view) {
        index += 1
        return try file.frameView(.codes, view, index - 1)
      }
      guard place < lists.count else { return nil }
      view = try file.list(Int(lists[place]))
      place += 1
      index = 0
    }
  }
}

extension IndexFile {
  fileprivate borrowing func nextFrame(_ walk: inout CodeWalk) throws(FormatError) -> FrameView? { try walk.next(self) }
}
