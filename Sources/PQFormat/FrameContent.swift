extension IndexParameters {
  /// What no right checksum excuses in the content of a frame of `count` vectors; nil if it is sound. O(content).
  package func problem(_ kind: SectionKind, _ content: RawSpan, _ entry: FrameEntry, count: Int) -> String? {
    switch kind {
    case .codes:
      codeLayout.flatMap { $0.canHoldOtherCodes ? $0.problem(content, count: count) : nil }
    case .ids:
      IDFrame.problem(content, planes: entry.planes, count: count, firstID: entry.firstID)
    default:
      vectors.firstNotFinite(content).map { "row \($0 / dimension), component \($0 % dimension) is not finite" }
    }
  }
}

extension VectorEncoding {
  /// The number of the first component of `rows` that is infinite or not a number. O(rows).
  fileprivate func firstNotFinite(_ rows: RawSpan) -> Int? {
    switch self {
    case .f32 where !rows.areFiniteF32:
      (0..<rows.byteCount / 4).first { rows.u32(at: 4 * $0) & 0x7F80_0000 == 0x7F80_0000 }
    case .f16 where !rows.areFiniteF16:
      (0..<rows.byteCount / 2).first { rows.u16(at: 2 * $0) & 0x7C00 == 0x7C00 }
    case .none, .f32, .f16, .u8: nil
    }
  }
}
