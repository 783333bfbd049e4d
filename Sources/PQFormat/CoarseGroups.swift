internal import PQKernels

/// The section `groups` (Formats/pqx-v1.md, "Coarse groups"): lists that are near each other, so that a choice among
/// many lists can pass over most of them. A class, so that an open file can keep what it has checked.
package final class CoarseGroups: Sendable {
  /// Group g owns the lists `starts[g]..<starts[g + 1]`, whose centroids are therefore one range of the section
  /// `centroids`. One entry more than groups, strictly ascending from 0 to nlist.
  package let starts: [UInt32]
  /// Where the groups' centroids are in the section's bytes: lane blocks of `count` vectors, 64-byte aligned.
  package let blocks: Range<Int>

  /// The number of groups, 1...nlist.
  package var count: Int { starts.count - 1 }
  package var nlist: Int { Int(starts[count]) }

  package func lists(of group: Int) -> Range<Int> { Int(starts[group])..<Int(starts[group + 1]) }

  private static let fixedBytes = 8
  private static func blocksOffset(_ count: Int) -> Int { (fixedBytes + 4 * (count + 1) + 63) / 64 * 64 }

  /// Decodes and checks the section but for its checksum. O(section).
  /// - Parameters:
  ///   - bytes: the whole section.
  ///   - offset: where it is in the file, for errors.
  package init(decoding bytes: RawSpan, nlist: Int, dimension: Int, at offset: UInt64) throws(FormatError) {
    func bad(_ field: Int, _ detail: String, _ code: FormatError.Code = .badSection) -> FormatError {
      FormatError(code, "section groups", at: offset + UInt64(field), detail)
    }
    guard bytes.byteCount >= Self.fixedBytes else { throw bad(0, "\(bytes.byteCount) bytes are no groups") }
    let count = Int(bytes.u32(at: 0))
    guard bytes.u32(at: 4) == 0 else { throw bad(4, "the reserved field is set", .badPadding) }
    guard (1...max(1, nlist)).contains(count) else { throw bad(0, "\(count) groups of \(nlist) lists") }
    // Counts are below 2^32 and the dimension at most 2^16: nothing overflows.
    let blocksOffset = Self.blocksOffset(count)
    let floats = LaneBlocks.floats(vectors: count, dimension: dimension)
    guard bytes.byteCount == blocksOffset + 4 * floats else {
      throw bad(0, "\(count) groups take \(blocksOffset + 4 * floats) bytes, found \(bytes.byteCount)")
    }
    let starts = (0...count).map { bytes.u32(at: Self.fixedBytes + 4 * $0) }
    guard starts[0] == 0, starts[count] == nlist else {
      throw bad(Self.fixedBytes, "lists \(starts[0])..<\(starts[count]), expected 0..<\(nlist)")
    }
    for group in 0..<count where starts[group] >= starts[group + 1] {
      throw bad(
        Self.fixedBytes + 4 * group, "group \(group) begins at \(starts[group]), the next at \(starts[group + 1])")
    }
    for byte in Self.fixedBytes + 4 * (count + 1)..<blocksOffset where bytes.u8(at: byte) != 0 {
      throw bad(byte, "found the byte \(hex(bytes.u8(at: byte)))", .badPadding)
    }
    for i in 0..<floats {
      let bits = bytes.u32(at: blocksOffset + 4 * i)
      guard Float(bitPattern: bits).isFinite else { throw bad(blocksOffset + 4 * i, "a value is not finite") }
      let vector = i / (LaneBlocks.lanes * dimension) * LaneBlocks.lanes + i % LaneBlocks.lanes
      guard vector < count || bits == 0 else { throw bad(blocksOffset + 4 * i, "a lane without a vector", .badPadding) }
    }
    self.starts = starts
    blocks = blocksOffset..<bytes.byteCount
  }

  /// The section's bytes.
  /// - Parameters:
  ///   - starts: as in ``starts``.
  ///   - blocks: the groups' centroids in lane blocks.
  package static func encoded(starts: [UInt32], blocks: [Float]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(littleEndian: UInt32(starts.count - 1))
    bytes.append(littleEndian: UInt32(0))
    for start in starts { bytes.append(littleEndian: start) }
    bytes.pad(to: 64)
    bytes.append(floats: blocks.span)
    return bytes
  }
}
