internal import PQKernels

/// The vectors of one frame whose distance is computed: those that passed the integer scan, or all.
struct Survivors {
  private(set) var count = 0
  /// Numbers within the frame, ascending, and, of a scan, sums of entries; the first `count` are valid.
  private(set) var positions: [UInt16]
  private(set) var sums: [UInt16]
  /// Whether a sum may stand for greater ones: the limit let all pass, and one is 65,535.
  private(set) var areSaturated = false

  /// - Parameter room: vectors of the largest frame.
  init(room: Int) {
    positions = [UInt16](repeating: 0, count: room)
    sums = positions
  }

  /// Takes all `count` vectors of a frame.
  mutating func takeAll(_ count: Int) {
    self.count = count
    areSaturated = false
    for i in 0..<count { positions[i] = UInt16(i) }
  }

  /// Finds the vectors with sums of at most `limit`.
  mutating func scan(_ codes: borrowing CodeFrame, _ entries: Span<UInt8>, bracketScale: UInt16, _ limit: UInt16) {
    fill(limit) { positions, sums in
      Kernels.best.scan(
        codes, entries: entries, bracketScale: bracketScale, threshold: limit, positions: &positions, sums: &sums)
    }
  }

  /// The same, and continues `crc` with the frame's bytes: what is found counts only if that comes out right.
  mutating func scan(
    _ codes: borrowing CodeFrame, _ entries: Span<UInt8>, bracketScale: UInt16, _ limit: UInt16, crc: inout UInt32
  ) {
    fill(limit) { positions, sums in
      Kernels.best.scan(
        codes, entries: entries, bracketScale: bracketScale, threshold: limit, positions: &positions, sums: &sums,
        crc: &crc)
    }
  }

  @inline(__always)
  private mutating func fill(
    _ limit: UInt16, _ scan: (inout MutableSpan<UInt16>, inout MutableSpan<UInt16>) -> Int
  ) {
    count = Self.fill(&positions, &sums, scan)
    areSaturated = limit == .max && Self.contains(.max, sums.span.extracting(0..<count))
  }

  @inline(__always)
  private static func fill(
    _ positions: inout [UInt16], _ sums: inout [UInt16],
    _ scan: (inout MutableSpan<UInt16>, inout MutableSpan<UInt16>) -> Int
  ) -> Int {
    var found = positions.mutableSpan
    var foundSums = sums.mutableSpan
    return scan(&found, &foundSums)
  }

  private static func contains(_ value: UInt16, _ sums: Span<UInt16>) -> Bool {
    var found = false
    for i in sums.indices { found = found || sums[i] == value }
    return found
  }

  /// Of clearly more than `wanted`, keeps those that may be among the best so many of them.
  mutating func keepNearest(_ wanted: Int, _ bound: CodeBound, below threshold: Float) {
    guard count > wanted + wanted / 4 else { return }
    let upper = bound.upper(Kernels.best.limit(sums.span.extracting(0..<count), wanted))
    guard upper < threshold, let limit = bound.threshold(upper) else { return }
    // So few that a branch is foreseen.
    var kept = 0
    for i in 0..<count where sums[i] <= limit {
      positions[kept] = positions[i]
      sums[kept] = sums[i]
      kept += 1
    }
    count = kept
  }

  /// Moves those of the `wanted` smallest sums, and their equals, to `other`.
  /// - Precondition: there are so many.
  mutating func move(_ wanted: Int, to other: inout Survivors) {
    let limit = Kernels.best.limit(sums.span.extracting(0..<count), wanted)
    var (kept, moved) = (0, 0)
    for i in 0..<count {
      let (position, sum) = (positions[i], sums[i])
      positions[kept] = position
      sums[kept] = sum
      other.positions[moved] = position
      kept += sum > limit ? 1 : 0
      moved += sum > limit ? 0 : 1
    }
    count = kept
    other.count = moved
  }

  /// Keeps those with sums of at most `limit`; none if there is no limit.
  mutating func keep(atMost limit: UInt16?) {
    count = limit.map { Self.keep(count, atMost: $0, &positions, &sums) } ?? 0
  }

  private static func keep(
    _ count: Int, atMost limit: UInt16, _ positions: inout [UInt16], _ sums: inout [UInt16]
  ) -> Int {
    var positions = positions.mutableSpan
    var sums = sums.mutableSpan
    var kept = 0
    for i in 0..<count {
      let (position, sum) = (positions[i], sums[i])
      positions[kept] = position
      sums[kept] = sum
      kept += sum <= limit ? 1 : 0
    }
    return kept
  }
}
