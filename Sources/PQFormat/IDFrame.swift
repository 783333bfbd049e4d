internal import PQKernels

/// Ids of one list ↔ byte planes (Formats/pqx-v1.md, "Id frames"): ascending ids as differences, byte p of every
/// difference in plane p, up to the last plane that is not all zero. The first id stands in the frame table.
package enum IDFrame {
  /// Appends the planes of strictly ascending `ids`, and returns how many there are. O(ids).
  package static func append(_ ids: Span<UInt64>, to bytes: inout [UInt8]) -> Int {
    var union: UInt64 = 0
    for i in 1..<max(1, ids.count) { union |= ids[i] - ids[i - 1] }
    let planes = (UInt64.bitWidth - union.leadingZeroBitCount + 7) / 8
    for plane in 0..<planes {
      bytes.append(0)
      for i in 1..<ids.count { bytes.append(UInt8(truncatingIfNeeded: (ids[i] - ids[i - 1]) >> (8 * UInt64(plane)))) }
    }
    return planes
  }

  /// The id at `index`: the first id plus a sum over each plane. O(index · planes).
  package static func id(_ frame: RawSpan, planes: Int, count: Int, firstID: UInt64, at index: Int) -> UInt64 {
    firstID &+ sum(frame, planes: planes, count: count, 0..<index + 1)
  }

  /// The sum of the differences `range`: how far the id before them is from the last of them. O(range · planes).
  package static func sum(_ frame: RawSpan, planes: Int, count: Int, _ range: Range<Int>) -> UInt64 {
    var sum: UInt64 = 0
    for plane in 0..<planes {
      sum &+= Kernels.best.sum(frame.slice(plane * count + range.lowerBound, range.count)) << (8 * UInt64(plane))
    }
    return sum
  }

  /// Appends all `count` ids of a frame. O(count · planes).
  package static func decode(
    _ frame: RawSpan, planes: Int, count: Int, firstID: UInt64, to ids: inout [UInt64]
  ) {
    var id = firstID
    for i in 0..<count {
      for plane in 0..<planes { id &+= UInt64(frame.u8(at: plane * count + i)) << (8 * UInt64(plane)) }
      ids.append(id)
    }
  }

  /// What is wrong with a frame of `count` ids; nil if they ascend strictly and stay below 2^64. O(count · planes).
  package static func problem(_ frame: RawSpan, planes: Int, count: Int, firstID: UInt64) -> String? {
    if ascends(frame, planes: planes, count: count, firstID: firstID) { return nil }
    var id = firstID
    for i in 0..<count {
      var difference: UInt64 = 0
      for plane in 0..<planes { difference |= UInt64(frame.u8(at: plane * count + i)) << (8 * UInt64(plane)) }
      guard (difference == 0) == (i == 0) else { return "the difference of id \(i) is \(difference)" }
      let (sum, overflow) = id.addingReportingOverflow(difference)
      guard !overflow else { return "id \(i) is not below 2^64" }
      id = sum
    }
    return nil
  }

  /// Whether ids certainly ascend and stay below 2^64: eight differences at a time are compared with zero, and the last
  /// id is found by sums.
  private static func ascends(_ frame: RawSpan, planes: Int, count: Int, firstID: UInt64) -> Bool {
    guard planes > 0 else { return count == 1 }
    // Below 7 planes no sum of up to 2^16 differences leaves 64 bits.
    guard planes < 7, count <= 1 << 16 else { return false }
    guard !firstID.addingReportingOverflow(sum(frame, planes: planes, count: count, 0..<count)).overflow else {
      return false
    }
    var first = 1
    for end in stride(from: 9, through: count, by: 8) {
      var bytes: UInt64 = 0
      for plane in 0..<planes { bytes |= frame.u64(at: plane &* count &+ first) }
      // The highest bit of each byte that is zero, and maybe of some above it.
      if (bytes &- 0x0101_0101_0101_0101) & ~bytes & 0x8080_8080_8080_8080 != 0 { return false }
      first = end
    }
    for i in first..<count where !(0..<planes).contains(where: { frame.u8(at: $0 * count + i) != 0 }) { return false }
    return (0..<planes).allSatisfy { frame.u8(at: $0 * count) == 0 }
  }
}
