internal import PQKernels

/// Which rows to train on: those with the smallest seeded hash of their row number, so that the sample depends on
/// nothing but n, its size and the seed.
package enum Sample {
  /// The rows, in order of their hash: any prefix is itself such a sample. O(n + size · log size).
  package static func rows(count: UInt64, size: Int, seed: UInt64) -> [UInt64] {
    guard UInt64(size) < count else { return ordered(0..<count, below: .max, seed: seed).map(\.row) }
    // Hashes are uniform: a bound a little above size/n admits enough rows but for bad luck, and then doubles.
    let share = Double(size) / Double(count) + 8 * Double(size).squareRoot() / Double(count)
    var bound = share < 1 ? UInt64(share * 0x1p64) : .max
    while true {
      let candidates = ordered(0..<count, below: bound, seed: seed)
      if candidates.count >= size { return candidates.prefix(size).map(\.row) }
      bound = bound.multipliedReportingOverflow(by: 2).overflow ? .max : bound * 2
    }
  }

  private static func ordered(
    _ rows: Range<UInt64>, below bound: UInt64, seed: UInt64
  ) -> [(hash: UInt64, row: UInt64)] {
    var kept: [(hash: UInt64, row: UInt64)] = []
    kept.reserveCapacity(Int(Double(bound) / 0x1p64 * Double(rows.count)) + 1)
    for row in rows {
      let hash = SplitMix64.hash(row, seed: seed)
      if hash <= bound { kept.append((hash, row)) }
    }
    kept.sort { $0.hash < $1.hash }
    return kept
  }
}
