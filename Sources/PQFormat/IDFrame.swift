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
    var number: InlineArray<1, UInt64> = [UInt64(index)]
    var numbers = number.mutableSpan
    Kernels.best.ids(frame, planes: planes, count: count, first: firstID, at: &numbers)
    return number[0]
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
    isSound(frame, planes: planes, count: count, firstID: firstID)
      ? nil : firstProblem(frame, planes: planes, count: count, firstID: firstID)
  }

  /// Eight ids at a time; false too where only ``firstProblem(_:planes:count:firstID:)`` can tell.
  private static func isSound(_ frame: RawSpan, planes: Int, count: Int, firstID: UInt64) -> Bool {
    // Six planes and 2^16 ids cannot overflow the sum of the differences.
    guard planes <= 6, count > 0, count < 1 << 16 else { return false }
    var first: UInt8 = 0
    for plane in 0..<planes { first |= frame.u8(at: plane * count) }
    guard first == 0 else { return false }
    for start in stride(from: 1, to: count, by: 8) {
      // The last eight may overlap those before.
      let i = max(1, min(start, count - 8))
      guard i + 8 <= count else { return false }
      var any: UInt64 = 0
      for plane in 0..<planes { any |= frame.u64(at: plane * count + i) }
      // Whether a byte is zero.
      guard (any &- 0x0101_0101_0101_0101) & ~any & 0x8080_8080_8080_8080 == 0 else { return false }
    }
    return id(frame, planes: planes, count: count, firstID: firstID, at: count - 1) >= firstID
  }

  private static func firstProblem(_ frame: RawSpan, planes: Int, count: Int, firstID: UInt64) -> String? {
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
}
