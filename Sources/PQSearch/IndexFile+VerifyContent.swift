internal import PQFormat

/// The deep part of verification: what is inside the frames.
extension IndexFile {
  /// Decodes a frame and checks the rules of its content. O(frame).
  borrowing func checkContent(_ frame: FrameView, _ walk: inout FrameWalk) throws(FormatError) {
    var scratch: [UInt8] = []
    swap(&scratch, &walk.scratch)
    defer { swap(&scratch, &walk.scratch) }
    func bad(_ code: FormatError.Code, _ detail: String) -> FormatError {
      FormatError(code, frame.place, at: frame.entry.offset, detail)
    }
    switch frame.kind {
    case .codes:
      // Code values were checked with the frame's checksum.
      guard let layout = parameters.codeLayout else { return }
      let padding = try withContent(frame, scratch: &scratch) { layout.nonzeroPadding($0, count: frame.count) }
      if let padding {
        throw bad(.badPadding, "byte \(padding) of the decoded frame belongs to no vector or subspace")
      }
      if walk.checksBrackets, let detail = try withContent(frame, scratch: &scratch, { excessiveBracket(frame, $0) }) {
        throw bad(.badFrame, detail)
      }
    case .ids:
      var ids: [UInt64] = []
      swap(&ids, &walk.ids)
      defer { swap(&ids, &walk.ids) }
      ids.removeAll(keepingCapacity: true)
      let (entry, previous) = (frame.entry, walk.lastID)
      let detail = try withContent(frame, scratch: &scratch) {
        IDFrame.decodeChecked(
          $0, planes: entry.planes, count: frame.count, firstID: entry.firstID, after: previous, to: &ids)
      }
      if let detail { throw bad(.badFrame, detail) }
      guard let first = ids.first, let last = ids.last else { return }
      walk.lastID = last
      walk.idRange = min(first, walk.idRange?.lowerBound ?? first)...max(last, walk.idRange?.upperBound ?? last)
    default:
      let encoding = parameters.vectors
      let found = try withContent(frame, scratch: &scratch) { encoding.firstNotFinite($0) }
      if let found {
        let (row, component) = found.quotientAndRemainder(dividingBy: parameters.dimension)
        throw bad(.badFrame, "row \(row), component \(component) is not finite")
      }
    }
  }

  /// Checks that no id occurs twice in the file. Ids of one list ascend already, so one list needs no look.
  ///
  /// O(n) time and a bit for each number in `range` when ids are dense; O(n · log n) and 8 bytes an id when not.
  borrowing func verifyUniqueness(_ range: ClosedRange<UInt64>, _ problems: inout Problems) {
    guard parameters.listCount > 1 else { return }
    let words = (range.upperBound - range.lowerBound) / 64
    var seen = IDSet(first: range.lowerBound, words: words < parameters.count ? Int(words) + 1 : nil)
    for number in 0..<parameters.listCount {
      // What cannot be read has been reported.
      guard let list = try? list(number) else { continue }
      for index in 0..<frameCount(.ids, list) {
        guard let frame = try? frame(.ids, list, index), let ids = try? self.ids(frame) else { continue }
        for id in ids where range.contains(id) {
          guard !seen.insert(id) else { continue }
          problems.add(twice(id, in: "list \(number), ids frame \(index)"))
          if problems.isFull { return }
        }
      }
    }
    for id in seen.sortedDuplicates() { problems.add(twice(id, in: "section ids")) }
  }

  private borrowing func twice(_ id: UInt64, in place: String) -> FormatError {
    FormatError(.badFrame, place, at: table[.ids]?.offset ?? 0, "the id \(id) occurs twice in the file")
  }
}

/// The ids seen so far: a bit each when they are dense, else an array that is sorted at the end.
private struct IDSet {
  let first: UInt64
  var bits: [UInt64]
  var ids: [UInt64] = []

  /// - Parameter words: words of 64 bits that hold all ids from `first` on; nil: ids are too sparse for that.
  init(first: UInt64, words: Int?) {
    self.first = first
    bits = [UInt64](repeating: 0, count: words ?? 0)
  }

  /// Adds an id; false if it is known to be there. Sparse ids are known at the end only.
  mutating func insert(_ id: UInt64) -> Bool {
    guard !bits.isEmpty else {
      ids.append(id)
      return true
    }
    let (word, bit) = (Int((id - first) / 64), (id - first) % 64)
    let isNew = bits[word] & 1 << bit == 0
    bits[word] |= 1 << bit
    return isNew
  }

  /// The first few sparse ids that were added twice.
  mutating func sortedDuplicates() -> [UInt64] {
    ids.sort()
    return Array(zip(ids, ids.dropFirst()).lazy.filter { $0 == $1 }.map(\.0).prefix(Problems.limit))
  }
}

extension VectorEncoding {
  /// The number of the first component of `rows` that is infinite or not a number. O(rows).
  fileprivate func firstNotFinite(_ rows: RawSpan) -> Int? {
    switch self {
    case .f32: (0..<rows.byteCount / 4).first { rows.u32(at: 4 * $0) & 0x7F80_0000 == 0x7F80_0000 }
    case .f16: (0..<rows.byteCount / 2).first { rows.u16(at: 2 * $0) & 0x7C00 == 0x7C00 }
    case .none, .u8: nil
    }
  }
}
