internal import PQFormat
internal import PQKernels

/// Codes of the chosen lists → candidates: an integer scan finds the few vectors that may be among the best, and only
/// those get their canonical distance.
extension IndexFile {
  /// How a query meets the codes of a list.
  enum Comparison {
    /// The canonical distance is a sum of entries of the query's tables.
    case tables
    /// The same, with tables for each list: of the residual to its centroid.
    case listTables
    /// Tables of the query and brackets of the vectors bound the distance; it is computed from the codewords.
    case brackets
  }

  var comparison: Comparison {
    guard parameters.residual, parameters.metric == .l2 else { return .tables }
    return parameters.hasBracket ? .brackets : .listTables
  }

  /// Prepares what is the same for all lists of a query: its tables.
  borrowing func beginScan(_ scratch: inout SearchScratch) {
    switch comparison {
    case .listTables: return
    case .tables: fillTables(scratch.query.vector, &scratch.query.tables, inner: parameters.metric != .l2)
    case .brackets:
      let centre = bytes(of: .centre).floats()
      var norm = 0.0
      for c in scratch.query.vector.indices {
        let value = scratch.query.vector[c] - centre[c]
        scratch.query.residual[c] = value
        norm += Double(value) * Double(value)
      }
      scratch.query.centredNorm = norm.squareRoot()
      fillTables(scratch.query.residual, &scratch.query.tables, inner: true)
    }
    scratch.query.range = quantize(scratch.query.tables, &scratch.query.minima, &scratch.query.entries)
  }

  private borrowing func quantize(
    _ tables: [Float], _ minima: inout [Float], _ entries: inout [UInt8]
  ) -> TableRange {
    guard let layout = parameters.codeLayout else { return TableRange() }
    let factor: Float = comparison == .brackets ? -2 : parameters.metric == .l2 ? 1 : -1
    var output = entries.mutableSpan
    var work = minima.mutableSpan
    return Kernels.best.quantize(tables.span, shape: layout.shape, factor: factor, minima: &work, into: &output)
  }

  /// The lookup tables of a query or residual: per subspace its distance, or inner product, with each codeword.
  private borrowing func fillTables(_ query: [Float], _ tables: inout [Float], inner: Bool) {
    guard let layout = parameters.codeLayout else { return }
    let (d, floats) = (parameters.subdimension, parameters.codebookFloats)
    let codebooks = bytes(of: .codebooks).floats()
    var output = tables.mutableSpan
    for s in 0..<layout.m {
      let part = query.span.extracting(s * d..<(s + 1) * d)
      let blocks = codebooks.extracting(s * floats..<(s + 1) * floats)
      var table = output.part(s * layout.tableSize..<s * layout.tableSize + 1 << layout.nbits)
      if inner {
        Kernels.best.innerProduct(part, blocks: blocks, into: &table)
      } else {
        Kernels.best.squaredL2(part, blocks: blocks, into: &table)
      }
    }
  }

  /// Offers the vectors of one list.
  borrowing func scanCodes(
    _ list: ListView, _ options: SearchOptions, _ scratch: inout SearchScratch, _ statistics: inout SearchStatistics
  ) throws(FormatError) {
    guard let layout = parameters.codeLayout else { return }
    let comparison = comparison
    let score = parameters.nlist > 0 ? scratch.coarse[list.number] : 0
    // In a residual ip or cosine index the list's score is part of every distance.
    let base: Float = parameters.residual && comparison == .tables ? score : 0
    if comparison != .tables { scratch.query.residualList = nil }
    if comparison == .listTables {
      subtractCentroid(list.number, scratch.query.vector, &scratch.query.residual)
      fillTables(scratch.query.residual, &scratch.query.tables, inner: false)
      scratch.query.range = quantize(scratch.query.tables, &scratch.query.minima, &scratch.query.entries)
    }
    for index in 0..<frameCount(.codes, list) {
      let frame = try frame(.codes, list, index)
      let bound: CodeBound
      if comparison == .brackets {
        bound = CodeBound(
          scratch.query.range, score: score, minimum: frame.entry.bracketMinimum, bracketStep: frame.entry.bracketStep,
          m: layout.m, rounding: rounding(score, scratch.query))
      } else {
        bound = CodeBound(scratch.query.range, base: parameters.metric.key(base), m: layout.m)
      }
      try scan(frame, list, bound, base, &scratch, &statistics)
    }
  }

  /// The largest error of f32 arithmetic in a residual distance and in the sum of score, bracket and tables that bounds
  /// it: fewer than D + 16 roundings of 2^-24 each, of terms that the lengths of query and codewords bound; doubled twice.
  private borrowing func rounding(_ score: Float, _ query: PreparedQuery) -> Double {
    let longest = query.codewords?.longest ?? 0
    return Double(parameters.dimension + 16) * 0x1p-22
      * (Double(score) + query.centredNorm * longest + longest * longest)
  }

  private borrowing func scan(
    _ frame: FrameView, _ list: ListView, _ bound: CodeBound, _ base: Float, _ scratch: inout SearchScratch,
    _ statistics: inout SearchStatistics
  ) throws(FormatError) {
    guard let layout = parameters.codeLayout, let limit = bound.threshold(scratch.candidates.threshold) else { return }
    statistics.bytesRead += Int(frame.entry.length)
    if comparison == .brackets, scratch.query.residualList != list.number {
      subtractCentroid(list.number, scratch.query.vector, &scratch.query.residual)
      scratch.query.residualList = list.number
    }
    let found = try survivors(
      frame, layout.shape, bound, limit, base, scratch.query, scratch.candidates.capacity, scratch.candidates.threshold,
      &scratch.survivors, &scratch.distances, &scratch.frame)
    guard found > 0 else { return }
    let first = frame.index * layout.vectorsPerFrame
    try offer(
      scratch.distances, scratch.survivors.positions, found, list: list.number, first: first, &scratch.ids,
      &scratch.candidates)
  }

  /// Finds the vectors of a frame that may be among the best, and their canonical distances; returns how many.
  private borrowing func survivors(
    _ frame: FrameView, _ shape: CodeShape, _ bound: CodeBound, _ limit: UInt16, _ base: Float,
    _ query: PreparedQuery, _ wanted: Int, _ threshold: Float, _ survivors: inout Survivors, _ distances: inout [Float],
    _ decompressed: inout [UInt8]
  ) throws(FormatError) -> Int {
    try withContent(frame, scratch: &decompressed) { content in
      let codes = CodeFrame(content, count: frame.count, shape: shape)
      survivors.scan(codes, query.entries, bound, limit)
      if survivors.count > wanted * 5 / 4 { survivors.keepNearest(wanted, bound, below: threshold) }
      let positions = survivors.positions.span.extracting(0..<survivors.count)
      var all = distances.mutableSpan
      var output = all.part(0..<survivors.count)
      if comparison == .brackets {
        let codewords = query.codewords?.rows ?? []
        if codewords.isEmpty {
          Kernels.best.distances(
            codes, positions: positions, residual: query.residual.span, codebooks: bytes(of: .codebooks).floats(),
            blocked: true, into: &output)
        } else {
          Kernels.best.distances(
            codes, positions: positions, residual: query.residual.span, codebooks: codewords.span, blocked: false,
            into: &output)
        }
      } else {
        Kernels.best.distances(codes, positions: positions, tables: query.tables.span, base: base, into: &output)
      }
      return survivors.count
    }
  }

  private borrowing func offer(
    _ distances: [Float], _ positions: [UInt16], _ count: Int, list: Int, first: Int, _ ids: inout [UInt8],
    _ candidates: inout Candidates
  ) throws(FormatError) {
    func id(_ number: UInt32, _ position: Int) throws(FormatError) -> UInt64 {
      try self.id(self.list(Int(number)), position, scratch: &ids)
    }
    try candidates.offer(
      distances.span.extracting(0..<count), parameters.metric, list: list, position: { first + Int(positions[$0]) },
      id: id)
    if candidates.isWorthCutting { try candidates.cut(id) }
  }
}

/// The vectors of one frame that passed the integer scan.
struct Survivors: Sendable {
  private(set) var count = 0
  /// Numbers within the frame, ascending, and sums of entries; the first `count` are valid.
  private(set) var positions: [UInt16] = []
  private var sums: [UInt16] = []
  /// Counters of a selection by digits.
  private var counts = [Int](repeating: 0, count: 256)

  /// - Parameter room: vectors of the largest frame.
  init(room: Int) {
    positions = [UInt16](repeating: 0, count: room)
    sums = positions
  }

  mutating func scan(_ codes: borrowing CodeFrame, _ entries: [UInt8], _ bound: CodeBound, _ limit: UInt16) {
    count = Self.scan(codes, entries, bound, limit, &positions, &sums)
  }

  private static func scan(
    _ codes: borrowing CodeFrame, _ entries: [UInt8], _ bound: CodeBound, _ limit: UInt16,
    _ positions: inout [UInt16], _ sums: inout [UInt16]
  ) -> Int {
    var found = positions.mutableSpan
    var foundSums = sums.mutableSpan
    return Kernels.best.scan(
      codes, entries: entries.span, bracketScale: bound.bracketScale, threshold: limit, positions: &found,
      sums: &foundSums)
  }

  /// Keeps those that may be among the best `wanted` of them.
  mutating func keepNearest(_ wanted: Int, _ bound: CodeBound, below threshold: Float) {
    let upper = bound.upper(SumSelection.smallest(wanted, of: sums, count: count, counts: &counts))
    guard upper < threshold, let limit = bound.threshold(upper) else { return }
    var kept = 0
    for i in 0..<count where sums[i] <= limit {
      positions[kept] = positions[i]
      sums[kept] = sums[i]
      kept += 1
    }
    count = kept
  }
}
