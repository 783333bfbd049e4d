internal import PQFormat

/// What the frames hold, decoded: for `verify --deep` and inspection.
extension IndexFile {
  /// Checks one frame's decoded content.
  borrowing func checkContent(_ frame: FrameView, _ walk: inout DirectoryWalk) throws(FormatError) {
    switch frame.kind {
    case .codes: try checkLanes(frame)
    case .ids: try walk.add(ids(frame), frame)
    default: try checkRows(frame)
    }
  }

  /// Codes in range is checked with the frame's checksum; here, that what holds no code is zero.
  private borrowing func checkLanes(_ frame: FrameView) throws(FormatError) {
    guard let layout = parameters.codeLayout else { return }
    var scratch: [UInt8] = []
    let isClean = try withContent(frame, scratch: &scratch) { content in
      var codes: [UInt16] = []
      for vector in 0..<frame.count {
        for s in 0..<layout.m {
          codes.append(layout.code(content, vector: vector, subspace: s, count: frame.count))
        }
      }
      // A frame is its codes and zeros: packed again, they must give the same bytes.
      var packed: [UInt8] = []
      layout.appendFrame(codes.span, to: &packed)
      guard packed.count == content.byteCount else { return false }
      for i in packed.indices where packed[i] != content.u8(at: i) { return false }
      return true
    }
    guard isClean else {
      throw FormatError(.badPadding, frame.place, at: frame.entry.offset, "lanes or half planes without a code")
    }
  }

  /// The ids of one id frame, ascending in a sound file.
  borrowing func ids(_ frame: FrameView) throws(FormatError) -> [UInt64] {
    var scratch: [UInt8] = []
    return try withContent(frame, scratch: &scratch) { content in
      var ids: [UInt64] = []
      IDFrame.decode(
        content, planes: frame.entry.planes, count: frame.count, firstID: frame.entry.firstID, to: &ids)
      return ids
    }
  }

  private borrowing func checkRows(_ frame: FrameView) throws(FormatError) {
    let encoding = parameters.vectors
    guard encoding == .f32 || encoding == .f16 else { return }
    var scratch: [UInt8] = []
    let bad = try withContent(frame, scratch: &scratch) { content -> Int? in
      for i in 0..<frame.count * parameters.dimension {
        let isFinite =
          encoding == .f32
          ? Float(bitPattern: content.u32(at: 4 * i)).isFinite : Float16(bitPattern: content.u16(at: 2 * i)).isFinite
        if !isFinite { return i }
      }
      return nil
    }
    if let bad {
      throw FormatError(
        .badFrame, frame.place, at: frame.entry.offset,
        "row \(bad / parameters.dimension), component \(bad % parameters.dimension) is not finite")
    }
  }

  /// The codes of one list `[vector][m]`.
  borrowing func codes(_ list: ListView) throws(FormatError) -> [UInt16] {
    guard let layout = parameters.codeLayout else { return [] }
    var codes: [UInt16] = []
    var scratch: [UInt8] = []
    for index in 0..<frameCount(.codes, list) {
      let frame = try frame(.codes, list, index)
      try withContent(frame, scratch: &scratch) { content in
        for vector in 0..<frame.count {
          for s in 0..<layout.m {
            codes.append(layout.code(content, vector: vector, subspace: s, count: frame.count))
          }
        }
      }
    }
    return codes
  }

  /// The ids of one list, in the order of its vectors.
  borrowing func ids(_ list: ListView) throws(FormatError) -> [UInt64] {
    guard parameters.storesIDs else { return (0..<UInt64(list.count)).map { parameters.firstID + $0 } }
    var all: [UInt64] = []
    for index in 0..<frameCount(.ids, list) { all += try ids(frame(.ids, list, index)) }
    return all
  }
}
