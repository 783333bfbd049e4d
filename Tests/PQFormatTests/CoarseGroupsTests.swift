import PQFormat
import PQKernels
import Testing

@Suite struct CoarseGroupsTests {
  private let dimension = 3
  private let starts: [UInt32] = [0, 2, 3, 18, 40]

  private var blocks: [Float] {
    let rows = (0..<4 * dimension).map { Float($0) - 5.5 }
    return LaneBlocks.pack(rows.span, dimension: dimension)
  }

  private func decode(_ bytes: [UInt8], nlist: Int = 40) throws(FormatError) -> CoarseGroups {
    try CoarseGroups(decoding: bytes.rawSpan, nlist: nlist, dimension: dimension, at: 4096)
  }

  @Test func whatIsEncodedIsDecoded() throws {
    for count in [1, 4, 13, 14, 15, 16, 17, 33] {
      let starts = (0...UInt32(count)).map { 3 * $0 }
      let rows = (0..<count * dimension).map { Float($0) }
      let blocks = LaneBlocks.pack(rows.span, dimension: dimension)
      let bytes = CoarseGroups.encoded(starts: starts, blocks: blocks)
      let groups = try decode(bytes, nlist: 3 * count)
      #expect(groups.count == count && groups.starts == starts)
      #expect(groups.lists(of: count - 1) == 3 * count - 3..<3 * count)
      #expect(groups.blocks.lowerBound % 64 == 0 && groups.blocks.upperBound == bytes.count)
      var expected: [UInt8] = []
      expected.append(floats: blocks.span)
      let stored = Array(bytes[groups.blocks])
      #expect(stored == expected)
    }
  }

  private func failure(_ bytes: [UInt8], nlist: Int) -> FormatError? {
    do {
      _ = try decode(bytes, nlist: nlist)
      return nil
    } catch {
      return error
    }
  }

  /// Every value is checked: no checksum is at work here.
  @Test func everyRuleIsChecked() {
    let sound = CoarseGroups.encoded(starts: starts, blocks: blocks)
    func fails(_ code: FormatError.Code, at offset: UInt64? = nil, nlist: Int = 40, _ change: (inout [UInt8]) -> Void) {
      var bytes = sound
      change(&bytes)
      let error = failure(bytes, nlist: nlist)
      #expect(error?.code == code && error?.place == "section groups", "\(String(describing: error))")
      if let offset { #expect(error?.offset == 4096 + offset, "\(String(describing: error))") }
    }
    for length in 0..<sound.count { fails(.badSection) { $0.removeLast(sound.count - length) } }
    fails(.badSection) { $0 += [0, 0, 0, 0] }
    for count in [0, 20, 41, .max] as [UInt32] { fails(.badSection, at: 0) { $0.set(count, at: 0) } }
    fails(.badPadding, at: 4) { $0[5] = 1 }
    fails(.badSection, at: 8) { $0.set(UInt32(1), at: 8) }
    fails(.badSection, at: 8, nlist: 41) { _ in }
    fails(.badSection, at: 12) { $0.set(UInt32(3), at: 12) }
    fails(.badSection, at: 20) { $0.set(UInt32.max, at: 20) }
    for byte in 28..<64 { fails(.badPadding, at: UInt64(byte)) { $0[byte] = 0x80 } }
    fails(.badSection, at: 64) { $0.set(Float.nan.bitPattern, at: 64) }
    fails(.badSection, at: 72) { $0.set((-Float.infinity).bitPattern, at: 72) }
    fails(.badPadding, at: 80) { $0.set((-Float(0)).bitPattern, at: 80) }
  }
}
