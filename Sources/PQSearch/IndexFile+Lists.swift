internal import PQFormat
internal import PQKernels
internal import PQStorage

/// One list of an open file, its numbers checked: `count` is at most n, and its frames are in the frame table.
struct ListView: Sendable {
  let number: Int
  let count: Int
  let firstFrame: Int
}

/// One frame of a list, its numbers checked: the bytes are inside its section, their length is possible.
struct FrameView: Sendable {
  let kind: SectionKind
  let list: Int
  /// The frame's number within its list and section.
  let index: Int
  /// Vectors in the frame.
  let count: Int
  /// Bytes after decompression.
  let rawLength: Int
  let entry: FrameEntry

  var isCompressed: Bool { Int(entry.length) < rawLength }
  var place: String { "list \(list), \(kind.name) frame \(index)" }
}

extension IndexFile {
  /// A list by its number. O(1).
  borrowing func list(_ number: Int) throws(FormatError) -> ListView {
    let base = number * ListEntry.byteCount
    try checkPages(.lists, base..<base + ListEntry.byteCount)
    let entry = ListEntry(decoding: bytes(of: .lists), list: number)
    try entry.check(
      list: number, parameters: parameters, frameCount: UInt64(checks.frames.count),
      at: (table[.lists]?.offset ?? 0) + UInt64(base))
    return ListView(number: number, count: Int(entry.count), firstFrame: Int(entry.firstFrame))
  }

  borrowing func frameCount(_ kind: SectionKind, _ list: ListView) -> Int {
    Int(parameters.frames(of: kind, listCount: UInt64(list.count)))
  }

  /// The number in the frame table of frame `index` of `kind`.
  private borrowing func frameNumber(_ kind: SectionKind, _ list: ListView, _ index: Int) -> Int {
    var number = list.firstFrame + index
    for other in IndexParameters.frameSections {
      if other == kind { break }
      number += frameCount(other, list)
    }
    return number
  }

  /// Frame `index` of the list's `kind`, with its checksum, checked the first time. O(1), then O(frame).
  /// - Precondition: `index` is below ``frameCount(_:_:)``.
  borrowing func frame(_ kind: SectionKind, _ list: ListView, _ index: Int) throws(FormatError) -> FrameView {
    let number = frameNumber(kind, list, index)
    let base = number * FrameEntry.byteCount
    try checkPages(.frames, base..<base + FrameEntry.byteCount)
    let entry = FrameEntry(decoding: bytes(of: .frames), frame: UInt64(number))
    let capacity = parameters.vectorsPerFrame(kind)
    let count = min(capacity, list.count - index * capacity)
    guard let section = table[kind] else {
      throw FormatError(.badSection, "section table", at: header.sectionTableOffset, "no section \(kind.name)")
    }
    let rawLength = try entry.check(
      kind, vectors: count, in: section, parameters: parameters,
      place: "list \(list.number), \(kind.name) frame \(index)", at: (table[.frames]?.offset ?? 0) + UInt64(base))
    let view = FrameView(
      kind: kind, list: list.number, index: index, count: count, rawLength: rawLength, entry: entry)
    if !checks.frames.contains(number) {
      let crc = Checksum.salted(
        stored(view), kind: kind, index: UInt32(truncatingIfNeeded: index), list: UInt64(list.number))
      guard crc == entry.crc else {
        throw .checksum(view.place, at: entry.offset, expected: entry.crc, found: crc)
      }
      try checkCodes(view)
      checks.frames.insert(number)
    }
    return view
  }

  /// The frame's bytes as they are stored.
  @_lifetime(borrow self)
  borrowing func stored(_ frame: FrameView) -> RawSpan {
    map.bytes.slice(Int(frame.entry.offset), Int(frame.entry.length))
  }

  /// Calls `body` with the frame's content: the mapped bytes, or what they decompress to in `scratch`.
  borrowing func withContent<Result>(
    _ frame: FrameView, scratch: inout [UInt8], _ body: (RawSpan) -> Result
  ) throws(FormatError) -> Result {
    guard frame.isCompressed else { return body(stored(frame)) }
    guard LZ4Block.decompress(stored(frame), count: frame.rawLength, into: &scratch) else {
      throw FormatError(
        .badFrame, frame.place, at: frame.entry.offset, "the LZ4 block does not give \(frame.rawLength) bytes")
    }
    return body(scratch.rawSpan.slice(0, frame.rawLength))
  }

  /// Codes that their planes can hold but no codebook has: only a faulty or hostile writer makes them.
  private borrowing func checkCodes(_ frame: FrameView) throws(FormatError) {
    guard frame.kind == .codes, let layout = parameters.codeLayout, layout.tableSize > 1 << layout.nbits else { return }
    var scratch: [UInt8] = []
    let found = try withContent(frame, scratch: &scratch) { content -> (Int, Int, UInt16)? in
      for vector in 0..<frame.count {
        for s in 0..<layout.m {
          let code = layout.code(content, vector: vector, subspace: s, count: frame.count)
          if code >> UInt16(layout.nbits) != 0 { return (vector, s, code) }
        }
      }
      return nil
    }
    if let (vector, s, code) = found {
      throw FormatError(
        .badFrame, frame.place, at: frame.entry.offset,
        "vector \(vector), subspace \(s): code \(code) is not below 2^\(layout.nbits)")
    }
  }

  /// The id at `position` of a list. O(1) for implicit ids, else O(ids of a frame).
  borrowing func id(_ list: ListView, _ position: Int, scratch: inout [UInt8]) throws(FormatError) -> UInt64 {
    guard parameters.storesIDs else { return parameters.firstID + UInt64(position) }
    let frame = try frame(.ids, list, position / IndexParameters.idsPerFrame)
    return try withContent(frame, scratch: &scratch) { content in
      IDFrame.id(
        content, planes: frame.entry.planes, count: frame.count, firstID: frame.entry.firstID,
        at: position % IndexParameters.idsPerFrame)
    }
  }
}
