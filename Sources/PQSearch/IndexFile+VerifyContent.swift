internal import PQFormat
internal import PQStorage

/// The deep part of verification: what is inside the frames.
extension IndexFile {
  /// Decodes a frame and checks the rules of its content. O(frame).
  borrowing func verifyContent(_ frame: FrameView, _ walk: inout FrameWalk) throws(FormatError) {
    try checkContent(frame)
    switch frame.kind {
    case .codes:
      try verifyCodePadding(frame, &walk.scratch)
      if walk.checksBrackets { try verifyBrackets(frame, &walk.scratch) }
    case .ids: try verifyIDOrder(frame, &walk)
    default: break
    }
  }

  private borrowing func verifyCodePadding(_ frame: FrameView, _ scratch: inout [UInt8]) throws(FormatError) {
    guard let layout = parameters.codeLayout else { return }
    let padding = try withContent(frame, scratch: &scratch) { layout.nonzeroPadding($0, count: frame.count) }
    guard let padding else { return }
    throw FormatError(
      .badPadding, frame.place, at: frame.entry.offset,
      "byte \(padding) of the decoded frame belongs to no vector or subspace")
  }

  private borrowing func verifyBrackets(_ frame: FrameView, _ scratch: inout [UInt8]) throws(FormatError) {
    guard let detail = try withContent(frame, scratch: &scratch, { wrongBracket(frame, $0) }) else { return }
    throw FormatError(.badFrame, frame.place, at: frame.entry.offset, detail)
  }

  /// Ids ascend across the frames of a list; within one, ``checkContent(_:)`` has checked it.
  private borrowing func verifyIDOrder(_ frame: FrameView, _ walk: inout FrameWalk) throws(FormatError) {
    let first = frame.entry.firstID
    if let previous = walk.lastID, first <= previous {
      throw FormatError(
        .badFrame, frame.place, at: frame.entry.offset,
        "its first id \(first) is not above \(previous), the one before")
    }
    let last = try withContent(frame, scratch: &walk.scratch) {
      IDFrame.id($0, planes: frame.entry.planes, count: frame.count, firstID: first, at: frame.count - 1)
    }
    guard last >= first else {  // ids ascended when they were checked
      throw FormatError(
        .badFrame, frame.place, at: frame.entry.offset, "its last id is \(last): the file was changed while it is open")
    }
    walk.lastID = last
    walk.idCount += UInt64(frame.count)
    walk.idRange = min(first, walk.idRange?.lowerBound ?? first)...max(last, walk.idRange?.upperBound ?? last)
  }

  /// Checks that no id occurs twice in the file. Ids of one list ascend already, so one list needs no look.
  ///
  /// Dense ids take a bit for each number in `range`. Others are sorted part by part: one pass over the file sorts as
  /// many as fit into half its length (at least 8 MiB), so that compressed ids cannot make a reader allocate more.
  /// O(n) or O(n · log n), times the passes: one for files that are not made of little but ids.
  /// - Parameter count: the ids that can be read.
  borrowing func verifyUniqueness(_ range: ClosedRange<UInt64>, _ count: UInt64, _ problems: inout Problems) {
    guard parameters.listCount > 1 else { return }
    let words = (range.upperBound - range.lowerBound) / 64
    let limit = max(1 << 20, map.count / 16)
    if words < min(count, UInt64(limit)) {
      verifyDense(range, words: Int(words) + 1, &problems)
    } else {
      verifySparse(limit: Int(min(count, UInt64(limit))), &problems)
    }
  }

  private borrowing func verifyDense(_ range: ClosedRange<UInt64>, words: Int, _ problems: inout Problems) {
    var seen = [UInt64](repeating: 0, count: words)
    eachID { (id, list, frame) in
      guard range.contains(id) else { return true }
      let (word, bit) = (Int((id - range.lowerBound) / 64), UInt64(1) << ((id - range.lowerBound) % 64))
      if seen[word] & bit != 0 { problems.add(twice(id, in: "list \(list), ids frame \(frame)")) }
      seen[word] |= bit
      return !problems.isFull
    }
  }

  /// Sorts the ids whose keys are in one range, at most `limit`; a range that has more is split.
  private borrowing func verifySparse(limit: Int, _ problems: inout Problems) {
    var ranges: [ClosedRange<UInt64>] = [0...UInt64.max]
    var ids: [UInt64] = []
    ids.reserveCapacity(limit + 1)
    while let range = ranges.popLast(), !problems.isFull {
      ids.removeAll(keepingCapacity: true)
      eachID { (id, _, _) in
        if range.contains(Self.spread(id)) { ids.append(id) }
        return ids.count <= limit
      }
      if ids.count > limit, range.lowerBound < range.upperBound {
        let middle = range.lowerBound + (range.upperBound - range.lowerBound) / 2
        ranges += [range.lowerBound...middle, middle + 1...range.upperBound]
        continue
      }
      ids.sort()
      for (id, next) in zip(ids, ids.dropFirst()) where id == next { problems.add(twice(id, in: "section ids")) }
    }
  }

  /// A key for each id, another for another one, that lies anywhere in 64 bits: an odd factor has an inverse.
  private static func spread(_ id: UInt64) -> UInt64 { id &* 0x9E37_79B9_7F4A_7C15 }

  /// Calls `body` with each id that can be read, its list and frame, until it returns false.
  private borrowing func eachID(_ body: (UInt64, Int, Int) -> Bool) {
    for number in 0..<parameters.listCount {
      // What cannot be read has been reported.
      guard let list = try? list(number) else { continue }
      for index in 0..<frameCount(.ids, list) {
        guard let frame = try? frame(.ids, list, index), let ids = try? self.ids(frame) else { continue }
        for id in ids where !body(id, number, index) { return }
      }
    }
  }

  private borrowing func twice(_ id: UInt64, in place: String) -> FormatError {
    FormatError(.badFrame, place, at: table[.ids]?.offset ?? 0, "the id \(id) occurs twice in the file")
  }
}
