internal import PQFormat
internal import PQKernels

/// Tables of a query, or of a list, in bytes.
struct QuantizedTables: ~Copyable {
  /// `[m][tableSize]`; empty where codes are compared without.
  private(set) var entries: [UInt8]
  /// As of ``Kernels/fours(_:into:)``; empty where the scan does not heed them.
  private var fours: [UInt8]
  /// The least entry of each float table.
  private var minima: [Float]
  /// Frames to scan without fours, since too many of a frame's codes passed them, and how many those were the last time.
  private var pause = 0
  private var lastPause = 0

  init(_ p: IndexParameters) {
    entries = [UInt8](repeating: 0, count: p.scanEntries)
    let scansFours = p.codeLayout.map { Kernels.best.scansFours(nbits: $0.nbits) } ?? false
    fours = [UInt8](repeating: 0, count: scansFours ? entries.count / 4 : 0)
    minima = [Float](repeating: 0, count: p.m)
  }

  /// Quantizes float tables, `[m][tableFloats]` in a part of `tables`, times `factor`.
  mutating func quantize(_ tables: [Float], _ part: Range<Int>, _ shape: CodeShape, factor: Float) -> TableRange {
    (pause, lastPause) = (0, 0)
    let range = Self.quantize(tables.span.extracting(part), shape, factor, &minima, &entries)
    if !fours.isEmpty { Self.fill(&fours, entries) }
    return range
  }

  private static func quantize(
    _ tables: Span<Float>, _ shape: CodeShape, _ factor: Float, _ minima: inout [Float], _ entries: inout [UInt8]
  ) -> TableRange {
    var output = entries.mutableSpan
    var work = minima.mutableSpan
    return Kernels.best.quantize(tables, shape: shape, factor: factor, minima: &work, into: &output)
  }

  private static func fill(_ fours: inout [UInt8], _ entries: [UInt8]) {
    var output = fours.mutableSpan
    Kernels.best.fours(entries.span, into: &output)
  }

  /// Finds the codes of a frame with sums of at most `limit`, through fours where these tell of many.
  @inline(__always)
  mutating func scan(
    _ codes: borrowing CodeFrame, bracketScale: UInt16, _ limit: UInt16, _ survivors: inout Survivors
  ) {
    guard pause == 0, !fours.isEmpty else {
      pause = max(0, pause - 1)
      _ = survivors.scan(codes, entries.span, fours: Span(), bracketScale: bracketScale, limit)
      return
    }
    let passed = survivors.scan(codes, entries.span, fours: fours.span, bracketScale: bracketScale, limit)
    // The limit falls, and lists come whose codes are farther from it.
    lastPause = passed > codes.count / 4 ? min(8, 2 * lastPause + 1) : 0
    pause = lastPause
  }
}
