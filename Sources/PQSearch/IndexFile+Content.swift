internal import PQFormat

/// What the frames of a list hold, decoded.
extension IndexFile {
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

  /// The codes `[vector][m]` of the first `limit` vectors of one list.
  borrowing func codes(_ list: ListView, limit: Int) throws(FormatError) -> [UInt16] {
    var codes: [UInt16] = []
    var scratch: [UInt8] = []
    let wanted = min(limit, list.count) * parameters.m
    for index in 0..<frameCount(.codes, list) where codes.count < wanted {
      codes += try self.codes(frame(.codes, list, index), &scratch).prefix(wanted - codes.count)
    }
    return codes
  }

  /// The codes of one frame `[vector][m]`.
  borrowing func codes(_ frame: FrameView, _ scratch: inout [UInt8]) throws(FormatError) -> [UInt16] {
    guard let layout = parameters.codeLayout else { return [] }
    return try withContent(frame, scratch: &scratch) { content in
      var codes: [UInt16] = []
      codes.reserveCapacity(frame.count * layout.m)
      for vector in 0..<frame.count {
        for s in 0..<layout.m {
          codes.append(layout.code(content, vector: vector, subspace: s, count: frame.count))
        }
      }
      return codes
    }
  }

  /// What the brackets of the first `limit` vectors of a list are at least; empty where the index has no brackets.
  borrowing func brackets(_ list: ListView, limit: Int) throws(FormatError) -> [Double] {
    guard let layout = parameters.codeLayout, layout.hasBracket else { return [] }
    var brackets: [Double] = []
    var scratch: [UInt8] = []
    for index in 0..<frameCount(.codes, list) where brackets.count < limit {
      let frame = try frame(.codes, list, index)
      let (minimum, step) = (Double(frame.entry.bracketMinimum), Double(frame.entry.bracketStep))
      try withContent(frame, scratch: &scratch) { content in
        for vector in 0..<min(frame.count, limit - brackets.count) {
          brackets.append(minimum + step * Double(layout.bracket(content, vector: vector, count: frame.count)))
        }
      }
    }
    return brackets
  }

  /// The ids of the first `limit` vectors of one list.
  borrowing func ids(_ list: ListView, limit: Int) throws(FormatError) -> [UInt64] {
    guard parameters.storesIDs else {
      return (0..<UInt64(min(limit, list.count))).map { parameters.firstID + $0 }
    }
    var all: [UInt64] = []
    for index in 0..<frameCount(.ids, list) where all.count < limit {
      all += try ids(frame(.ids, list, index)).prefix(limit - all.count)
    }
    return all
  }
}
