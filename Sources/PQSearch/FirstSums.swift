internal import PQFormat
internal import PQKernels

/// The frames that a query scans first, when no limit is known yet, with the sums of all their codes on one scale: so that a
/// look at all of them tells the few that may be among the best.
///
/// A sum s of a frame, whose bound begins at ``CodeBound/lower``, is kept as s plus the frame's offset: what its lower end
/// lies above the lowest, in whole steps.
struct FirstSums {
  /// Sums that are kept: more would push the codes that are looked at again out of the cache.
  static let room = 1 << 12
  /// So many codes for each that is wanted tell most of what all would.
  private static let share = 64

  /// A frame, and where its sums are.
  struct Visit {
    let codes: CodeVisit
    let range: Range<Int>
    var offset: UInt16 = 0

    var frame: FrameView { codes.frame }
    var bound: CodeBound { codes.bound }
  }

  private(set) var visits: [Visit] = []
  /// Vectors of the frames.
  private(set) var count = 0
  private var end = 0
  /// As of ``Kernels/sums(_:entries:bracketScale:offset:into:)``, frame after frame.
  private var sums: [UInt16] = []
  private var minima: [UInt16] = []

  mutating func removeAll() {
    visits.removeAll(keepingCapacity: true)
    (count, end) = (0, 0)
    if sums.isEmpty {
      sums = [UInt16](repeating: .max, count: Self.room)
      minima = [UInt16](repeating: 0, count: Self.room / 8)
    }
  }

  /// Whether another frame is to be scanned, when `wanted` codes are.
  func hasRoom(for frame: FrameView, _ wanted: Int) -> Bool {
    count / Self.share < wanted && end + Kernels.sumRoom(frame.count) <= Self.room
  }

  mutating func append(_ codes: CodeVisit) {
    let range = end..<end + Kernels.sumRoom(codes.frame.count)
    visits.append(Visit(codes: codes, range: range))
    count += codes.frame.count
    end = range.upperBound
  }

  /// Brings the frames on one scale; false if some bound nothing.
  mutating func setOffsets() -> Bool {
    var lowest = Double.infinity
    for visit in visits { lowest = min(lowest, visit.bound.lower) }
    guard lowest.isFinite else { return false }
    for i in visits.indices {
      guard let offset = visits[i].bound.offset(above: lowest) else { return false }
      visits[i].offset = offset
    }
    return true
  }

  /// Fills in the sums of a frame.
  mutating func scan(_ visit: Visit, _ codes: borrowing CodeFrame, _ entries: Span<UInt8>) {
    var all = sums.mutableSpan
    var output = all.part(visit.range)
    Kernels.best.sums(
      codes, entries: entries, bracketScale: visit.bound.bracketScale, offset: visit.offset, into: &output)
  }

  /// The same, and continues `crc` with the frame's bytes.
  mutating func scan(_ visit: Visit, _ codes: borrowing CodeFrame, _ entries: Span<UInt8>, crc: inout UInt32) {
    var all = sums.mutableSpan
    var output = all.part(visit.range)
    Kernels.best.sums(
      codes, entries: entries, bracketScale: visit.bound.bracketScale, offset: visit.offset, into: &output, crc: &crc)
  }

  /// A sum that `wanted` codes do not exceed, and few more.
  /// - Precondition: all frames are scanned, and hold so many.
  mutating func limit(_ wanted: Int) -> UInt16 {
    let whole = (end + Kernels.sumGroup - 1) / Kernels.sumGroup * Kernels.sumGroup
    for i in end..<whole { sums[i] = .max }
    return Self.limit(sums, whole, filled: count, wanted, &minima)
  }

  private static func limit(
    _ sums: [UInt16], _ end: Int, filled: Int, _ wanted: Int, _ minima: inout [UInt16]
  ) -> UInt16 {
    var room = minima.mutableSpan
    return Kernels.best.limit(sums.span.extracting(0..<end), filled: filled, wanted, minima: &room)
  }

  /// A key that no code exceeds whose sum is at most `limit`; infinite where nothing is known.
  func upper(_ limit: UInt16) -> Float {
    var upper = -Float.infinity
    for visit in visits where visit.offset <= limit { upper = max(upper, visit.bound.upper(limit - visit.offset)) }
    return upper
  }

  /// The largest sum that a code of the frame with a key of at most `key` may have; nil: there is no such code.
  func threshold(_ key: Float, _ visit: Visit) -> UInt16? {
    guard let threshold = visit.bound.threshold(key) else { return nil }
    return threshold.addingReportingOverflow(visit.offset).overflow ? .max : threshold + visit.offset
  }

  /// The codes of a frame with sums in `range`.
  func select(_ range: ClosedRange<UInt16>, _ visit: Visit, into survivors: inout Survivors) {
    survivors.select(range, ofTiles: sums.span.extracting(visit.range), offset: visit.offset)
  }
}
