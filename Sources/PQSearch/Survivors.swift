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

  /// Finds the vectors with sums of at most `limit`; returns how many were looked at one by one.
  mutating func scan(
    _ codes: borrowing CodeFrame, _ entries: Span<UInt8>, minima: Span<UInt8>, scale: UInt16, bracketScale: UInt16,
    _ limit: UInt16
  ) -> Int {
    var passed = 0
    fill(limit) { positions, sums in
      let scanned = Kernels.best.scan(
        codes, entries: entries, minima: minima, scale: scale, bracketScale: bracketScale, threshold: limit,
        positions: &positions, sums: &sums)
      passed = scanned.passed
      return scanned.found
    }
    return passed
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

  /// Takes the vectors with sums in `range`, which does not reach 65,535: see
  /// ``Kernels/select(_:ofTiles:offset:positions:sums:)``.
  mutating func select(_ range: ClosedRange<UInt16>, ofTiles tiles: Span<UInt16>, offset: UInt16) {
    areSaturated = false
    count = Self.fill(&positions, &sums) { positions, sums in
      Kernels.best.select(range, ofTiles: tiles, offset: offset, positions: &positions, sums: &sums)
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
    var most: UInt16 = 0
    for i in sums.indices { most = max(most, sums[i]) }
    return most == value
  }

  /// The `wanted`-th smallest sum.
  /// - Precondition: there are so many.
  func limit(_ wanted: Int) -> UInt16 { Kernels.best.limit(sums.span.extracting(0..<count), wanted) }

  /// Copies those with sums in a range to `other`.
  func copy(_ range: ClosedRange<UInt16>, to other: inout Survivors) {
    other.count = Self.copy(
      range, sums.span.extracting(0..<count), positions.span.extracting(0..<count), &other.sums, &other.positions)
    other.areSaturated = areSaturated && range.upperBound == .max
  }

  private static func copy(
    _ range: ClosedRange<UInt16>, _ sums: Span<UInt16>, _ positions: Span<UInt16>, _ otherSums: inout [UInt16],
    _ otherPositions: inout [UInt16]
  ) -> Int {
    var copiedSums = otherSums.mutableSpan
    var copiedPositions = otherPositions.mutableSpan
    return Kernels.best.select(range, of: sums, positions, sums: &copiedSums, positions: &copiedPositions)
  }
}
