internal import PQFormat
internal import PQKernels

/// Tables of a query, or of a list, in bytes.
struct QuantizedTables: ~Copyable {
  /// `[m][tableSize]`, and zeros up to `tableBytes`; empty where codes are compared without.
  private(set) var entries: [UInt8]
  /// What quantizing them has found; of an earlier query where the present one does not scan by them.
  private(set) var range = TableRange()
  /// As of ``Kernels/partMinima(_:shape:threshold:into:)``; empty where the scan does not heed them.
  private var minima: [UInt8]
  private var minimaScale: UInt16 = 0
  /// The limits of scans that they serve; others have them made anew.
  private var minimaReach = nothing
  private static let nothing: ClosedRange<Int> = -1 ... -1
  /// The least entry of each float table.
  private var lowest: [Float]
  /// Frames to scan without minima, since too many of a frame's codes passed them, and how many those were the last time.
  private var pause = 0
  private var lastPause = 0

  init(_ p: IndexParameters) {
    entries = [UInt8](repeating: 0, count: p.scanEntries)
    minima = []
    if let shape = p.codeLayout?.shape, !entries.isEmpty {
      minima = [UInt8](repeating: 0, count: Self.gains(p, shape) ? Kernels.best.minimaCount(shape) : 0)
    }
    lowest = [Float](repeating: 0, count: p.m)
  }

  /// Whether minima are worth making. Where all entries of a byte's table are looked up at once, that takes less time in the
  /// nearest lists, where many pass minima, than minima spare in others; so do the few such lookups of a code of 9 or 10 bits.
  private static func gains(_ p: IndexParameters, _ shape: CodeShape) -> Bool {
    !Kernels.best.scalesMinima || p.nlist == 0 && !(9...10).contains(shape.nbits)
  }

  /// Quantizes float tables, `[m][tableFloats]` in a part of `tables`, times `factor`.
  mutating func quantize(_ tables: [Float], _ part: Range<Int>, _ shape: CodeShape, factor: Float) {
    (pause, lastPause) = (0, 0)
    range = Self.quantize(tables.span.extracting(part), shape, factor, &lowest, &entries)
    minimaReach = Self.nothing
  }

  private static func quantize(
    _ tables: Span<Float>, _ shape: CodeShape, _ factor: Float, _ lowest: inout [Float], _ entries: inout [UInt8]
  ) -> TableRange {
    var output = entries.mutableSpan
    var work = lowest.mutableSpan
    return Kernels.best.quantize(tables, shape: shape, factor: factor, lowest: &work, into: &output)
  }

  private static func fill(
    _ minima: inout [UInt8], _ entries: [UInt8], _ shape: CodeShape, _ limit: UInt16
  ) -> UInt16 {
    var output = minima.mutableSpan
    return Kernels.best.partMinima(entries.span, shape: shape, threshold: limit, into: &output)
  }

  /// Finds the codes of a frame with sums of at most `limit`, through minima where these tell of many.
  @inline(__always)
  mutating func scan(
    _ codes: borrowing CodeFrame, bracketScale: UInt16, _ limit: UInt16, _ survivors: inout Survivors
  ) {
    guard pause == 0, limit < .max, !minima.isEmpty else {
      pause = max(0, pause - 1)
      _ = survivors.scan(codes, entries.span, minima: Span(), scale: 0, bracketScale: bracketScale, limit)
      return
    }
    if !minimaReach.contains(Int(limit)) { fillMinima(codes.shape, limit) }
    let passed = survivors.scan(
      codes, entries.span, minima: minima.span, scale: minimaScale, bracketScale: bracketScale, limit)
    // A pause ends: the limit falls, and lists come whose codes are farther from it.
    lastPause = passed > Kernels.best.mostPassing(codes) ? min(8, 2 * lastPause + 1) : 0
    pause = lastPause
  }

  // Apart from the scan, of which it would be the larger part.
  @inline(never)
  private mutating func fillMinima(_ shape: CodeShape, _ limit: UInt16) {
    minimaScale = Self.fill(&minima, entries, shape, limit)
    minimaReach = Kernels.best.scalesMinima ? Int(limit - limit / 4)...Int(limit) : 0...Int(UInt16.max)
  }
}
