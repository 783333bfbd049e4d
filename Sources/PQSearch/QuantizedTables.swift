internal import PQFormat
internal import PQKernels

/// Tables of a query, or of a list, in bytes.
struct QuantizedTables: ~Copyable {
  /// `[m][tableSize]`, and zeros up to `tableBytes`; empty where codes are compared without.
  private(set) var entries: [UInt8]
  /// What quantizing them has found; of an earlier query where the present one does not scan by them.
  private(set) var range = TableRange()
  /// As of ``Kernels/partMinima(_:shape:into:)``; empty where the scan does not heed them.
  private var minima: [UInt8]
  /// The least entry of each float table.
  private var lowest: [Float]
  /// Frames to scan without minima, since too many of a frame's codes passed them, and how many those were the last time.
  private var pause = 0
  private var lastPause = 0

  init(_ p: IndexParameters) {
    entries = [UInt8](repeating: 0, count: p.scanEntries)
    minima = []
    if let shape = p.codeLayout?.shape, !entries.isEmpty, Kernels.best.scansMinima(nbits: shape.nbits) {
      minima = [UInt8](repeating: 0, count: shape.minimaCount)
    }
    lowest = [Float](repeating: 0, count: p.m)
  }

  /// Quantizes float tables, `[m][tableFloats]` in a part of `tables`, times `factor`.
  mutating func quantize(_ tables: [Float], _ part: Range<Int>, _ shape: CodeShape, factor: Float) {
    (pause, lastPause) = (0, 0)
    range = Self.quantize(tables.span.extracting(part), shape, factor, &lowest, &entries)
    if !minima.isEmpty { Self.fill(&minima, entries, shape) }
  }

  private static func quantize(
    _ tables: Span<Float>, _ shape: CodeShape, _ factor: Float, _ lowest: inout [Float], _ entries: inout [UInt8]
  ) -> TableRange {
    var output = entries.mutableSpan
    var work = lowest.mutableSpan
    return Kernels.best.quantize(tables, shape: shape, factor: factor, lowest: &work, into: &output)
  }

  private static func fill(_ minima: inout [UInt8], _ entries: [UInt8], _ shape: CodeShape) {
    var output = minima.mutableSpan
    Kernels.best.partMinima(entries.span, shape: shape, into: &output)
  }

  /// Finds the codes of a frame with sums of at most `limit`, through minima where these tell of many.
  @inline(__always)
  mutating func scan(
    _ codes: borrowing CodeFrame, bracketScale: UInt16, _ limit: UInt16, _ survivors: inout Survivors
  ) {
    guard pause == 0, !minima.isEmpty else {
      pause = max(0, pause - 1)
      _ = survivors.scan(codes, entries.span, minima: Span(), bracketScale: bracketScale, limit)
      return
    }
    let passed = survivors.scan(codes, entries.span, minima: minima.span, bracketScale: bracketScale, limit)
    // A code of a byte is summed by itself at the price of several that are summed together, a wide one at that of its own.
    let most = codes.shape.nbits <= 8 ? codes.count / 4 : codes.count - codes.count / 8
    // A pause ends: the limit falls, and lists come whose codes are farther from it.
    lastPause = passed > most ? min(8, 2 * lastPause + 1) : 0
    pause = lastPause
  }
}
