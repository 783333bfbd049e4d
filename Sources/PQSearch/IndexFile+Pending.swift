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
    var (positions, numbers, distances) = (take(&work.positions), take(&work.numbers), take(&work.distances))
    var all = take(&work.pendingDistances)
    defer {
      pending.removeAll()
      swap(&pending, &work.pending)
      swap(&residual, &work.residual)
      swap(&positions, &work.positions)
      swap(&numbers, &work.numbers)
      swap(&distances, &work.distances)
      swap(&all, &work.pendingDistances)
    }
    if scan.filters {
      pending.cut()
      if work.candidates.threshold < .infinity { pending.keep(atMost: work.candidates.threshold) }
    }
    // Nothing is known of codes beside candidates that are there already.
    let limit = isLast && work.candidates.count == 0 ? pending.sureLimit : -.infinity
    if all.count < pending.count { all = [Float](repeating: 0, count: pending.count) }
    var residualList: Int?
    var first = 0
    while first < pending.count {
      let run = pending.run(from: first, atMost: positions.count)
      let open = Self.findOpen(pending, run, from: limit, &positions, &numbers)
      if open > 0 {
        let place = pending.place(first)
        let codes = CodeFrame(content(place.frame, decompressed), count: place.frame.count, shape: scan.shape)
        let openPositions = positions.span.extracting(0..<open)
        if parameters.comparison == .tables {
          // Sums begin at +0, and the key of a similarity of 0 would be −0.
          let base = parameters.addsListKey ? parameters.metric.key(place.key) : 0
          var output = distances.mutableSpan
          Kernels.best.distances(
            codes, positions: openPositions, tables: group.tables.span.extracting(group.tables(query)),
            base: base, into: &output)
        } else {
          if residualList != place.frame.list {
            subtractCentroid(
              place.frame.list, group.vectors.span.extracting(group.vector(query)), work.model, &residual)
          }
          residualList = place.frame.list
          distance(codes, openPositions, residual.span, work.model, into: &distances)
        }
      }
      Self.fill(&all, run, numbers, distances, open, else: parameters.metric.key(-.infinity))
      first = run.upperBound
    }
    try offer(pending, all.span.extracting(0..<pending.count), &work.ids, &work.candidates)
  }

  private static func findOpen(
    _ pending: borrowing Pending, _ run: Range<Int>, from limit: Float, _ positions: inout [UInt16],
    _ numbers: inout [UInt16]
  ) -> Int {
    var positions = positions.mutableSpan
    var numbers = numbers.mutableSpan
    return pending.findOpen(run, from: limit, &positions, &numbers)
  }

  /// Fills a run of `all` with the distances of its `open` codes, and with `rest`.
  private static func fill(
    _ all: inout [Float], _ run: Range<Int>, _ numbers: [UInt16], _ distances: [Float], _ open: Int, else rest: Float
  ) {
    var span = all.mutableSpan
    var output = span.part(run)
    guard open < run.count else {
      for i in output.indices { output[i] = distances[i] }
      return
    }
    for i in output.indices { output[i] = rest }
    for i in 0..<open { output[Int(numbers[i])] = distances[i] }
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
    _ pending: borrowing Pending, _ distances: Span<Float>, _ ids: inout [UInt8], _ candidates: inout Candidates
  ) throws(FormatError) {
    let perFrame = parameters.vectorsPerFrame(.codes)
    func lookUp(_ places: [Place]) throws(FormatError) -> [UInt64] { try self.ids(at: places, scratch: &ids) }
    try candidates.offer(distances, parameters.metric, ids: lookUp) {
      let (frame, _, position) = pending.place($0)
      return Place(list: UInt32(frame.list), position: frame.index * perFrame + position)
    }
    if candidates.isWorthCutting { try candidates.cut(lookUp) }
  }
}
