internal import PQFormat
internal import PQKernels

/// Pending codes → their canonical distances → candidates.
extension IndexFile {
  /// Computes the distances of the pending codes that may still be among the best, offers them, and forgets all.
  /// - Parameter isLast: whether all codes were scanned and which are the best is all that matters: then those that are
  ///   whatever the others' distances are get the key −infinity instead of theirs.
  /// - Precondition: those of a compressed frame are of the one that was `decompressed` last.
  borrowing func offerPending(
    _ query: Int, _ group: borrowing QueryGroup, _ scan: CodeScan, _ decompressed: [UInt8],
    isLast: Bool = false, _ work: inout ScanWork
  ) throws(FormatError) {
    var (pending, residual) = (take(&work.pending, leaving: Pending()), take(&work.residual))
    var (positions, sure, distances) = (take(&work.positions), take(&work.sure), take(&work.distances))
    defer {
      pending.removeAll()
      swap(&pending, &work.pending)
      swap(&residual, &work.residual)
      swap(&positions, &work.positions)
      swap(&sure, &work.sure)
      swap(&distances, &work.distances)
    }
    if scan.filters {
      pending.cut()
      if work.candidates.threshold < .infinity { pending.keep(atMost: work.candidates.threshold) }
    }
    // Nothing is known of codes beside candidates that are there already.
    let limit = isLast && work.candidates.count == 0 ? pending.sureLimit : -.infinity
    var residualList: Int?
    var first = 0
    while first < pending.count {
      let part = Self.run(pending, from: first, below: limit, &sure, &positions)
      let frame = part.frame
      first += part.sure + part.open
      if part.sure > 0 {
        for i in 0..<part.sure { distances[i] = parameters.metric.key(-.infinity) }
        try offer(
          frame, sure.span.extracting(0..<part.sure), distances.span.extracting(0..<part.sure), &work.ids,
          &work.candidates)
      }
      guard part.open > 0 else { continue }
      let codes = CodeFrame(content(frame, decompressed), count: frame.count, shape: scan.shape)
      let run = positions.span.extracting(0..<part.open)
      if parameters.comparison == .tables {
        let key = parameters.addsListKey ? part.key : 0
        var output = distances.mutableSpan
        Kernels.best.distances(
          codes, positions: run, tables: group.tables.span.extracting(group.tables(query)),
          base: parameters.metric.key(key), into: &output)
      } else {
        if residualList != frame.list {
          subtractCentroid(frame.list, group.vectors.span.extracting(group.vector(query)), work.model, &residual)
        }
        residualList = frame.list
        distance(codes, run, residual.span, work.model, into: &distances)
      }
      try offer(frame, run, distances.span.extracting(0..<part.open), &work.ids, &work.candidates)
    }
  }

  private static func run(
    _ pending: borrowing Pending, from first: Int, below limit: Float, _ sure: inout [UInt16], _ open: inout [UInt16]
  ) -> (sure: Int, open: Int, frame: FrameView, key: Float) {
    var sure = sure.mutableSpan
    var open = open.mutableSpan
    return pending.run(from: first, below: limit, &sure, &open)
  }

  /// Canonical distances from the codewords: of their copy, if there is one.
  private borrowing func distance(
    _ codes: borrowing CodeFrame, _ positions: Span<UInt16>, _ residual: Span<Float>, _ model: ModelRows?,
    into distances: inout [Float]
  ) {
    var output = distances.mutableSpan
    if let codewords = model?.codewords, !codewords.isEmpty {
      Kernels.best.distances(
        codes, positions: positions, residual: residual, codebooks: codewords.span, blocked: false, into: &output)
    } else {
      Kernels.best.distances(
        codes, positions: positions, residual: residual, codebooks: bytes(of: .codebooks).floats(), blocked: true,
        into: &output)
    }
  }

  private borrowing func offer(
    _ frame: FrameView, _ positions: Span<UInt16>, _ distances: Span<Float>, _ ids: inout [UInt8],
    _ candidates: inout Candidates
  ) throws(FormatError) {
    let (list, first) = (UInt32(frame.list), frame.index * parameters.vectorsPerFrame(.codes))
    func id(_ number: UInt32, _ position: Int) throws(FormatError) -> UInt64 {
      try self.id(Place(list: number, position: position), scratch: &ids)
    }
    try candidates.offer(distances, parameters.metric, id: id) {
      Place(list: list, position: first + Int(positions[$0]))
    }
    if candidates.isWorthCutting { try candidates.cut(id) }
  }
}
