internal import PQFormat
internal import PQStorage

/// A place in a shard's vectors, list after list, and within a list by ascending id.
struct ShardCursor {
  let shard: Shard
  private let index: IndexParameters
  private var lists = DirectoryCursor(.lists)
  private var frames = DirectoryCursor(.frames)
  private var codes: FrameCursor
  private var ids: FrameCursor
  private var rows: FrameCursor
  /// Vectors of the list, and how many of them were in the blocks so far.
  private var count: UInt64 = 0
  private var position: UInt64 = 0
  private var lastID: UInt64?
  private var total: UInt64 = 0
  private var frameCount: UInt64 = 0

  /// The ids that have been decoded; `next` is the first not yet taken.
  private(set) var blockIDs: [UInt64] = []
  private(set) var next = 0

  /// What the blocks' ids are.
  enum Reach {
    case all
    /// The first and the last of each frame alone.
    case bounds
  }

  private let reach: Reach

  init(_ shard: Shard, _ reach: Reach) {
    self.shard = shard
    self.reach = reach
    index = shard.index
    codes = FrameCursor(.codes)
    ids = FrameCursor(.ids)
    rows = FrameCursor(.vectors)
  }

  /// Whether all vectors of the list have been taken.
  var isAtEnd: Bool { next == blockIDs.count }

  /// The id of the vector at the place.
  var id: UInt64 { blockIDs[next] }

  /// Begins a list; lists must be asked for in ascending order, none left out.
  mutating func begin(list: Int) throws(BuildError) {
    do throws(FormatError) { try beginChecked(list: list) } catch { throw shard.failure(error) }
  }

  private mutating func beginChecked(list: Int) throws(FormatError) {
    let size = ListEntry.byteCount
    let entry = try lists.read(shard, at: UInt64(list * size), count: size) { ListEntry(decoding: $0, list: 0) }
    let frameTable = shard.section(.frames)
    let place = shard.section(.lists).offset + UInt64(list * size)
    try entry.check(
      list: list, parameters: index, frameCount: frameTable.length / UInt64(FrameEntry.byteCount), at: place)
    guard entry.firstFrame == frameCount else {
      throw FormatError(.badList, "list \(list)", at: place + 8, "first frame \(entry.firstFrame), not \(frameCount)")
    }
    frameCount += entry.frameTotal(index)
    total += entry.count
    guard total <= index.count, list + 1 < index.listCount || total == index.count else {
      throw FormatError(.badList, "list \(list)", at: place, "the lists have \(total) vectors, the file \(index.count)")
    }
    (count, position, lastID) = (entry.count, 0, nil)
    var first = entry.firstFrame
    codes.begin(list: list, count: count, first: &first, index)
    ids.begin(list: list, count: count, first: &first, index)
    rows.begin(list: list, count: count, first: &first, index)
    try decodeBlock()
  }

  /// Takes vectors at the place that are in the block and whose ids are not above `limit`, at least one, and hands them
  /// to the cutter.
  mutating func take(upTo limit: UInt64, to cutter: inout FrameCutter) throws(BuildError) {
    let most = min(blockIDs.count, next + Self.takenVectors(index))
    var end = next + 1
    if blockIDs[most - 1] <= limit { end = most }
    while end < most, blockIDs[end] <= limit { end += 1 }
    if index.storesIDs { try cutter.add(ids: blockIDs.span.extracting(next..<end)) }
    do throws(FormatError) { try takeContent(end - next, &cutter) } catch { throw shard.failure(error) }
    cutter.add(vectors: end - next)
    next = end
    if next == blockIDs.count { try skipBlock() }
  }

  private mutating func takeContent(_ vectors: Int, _ cutter: inout FrameCutter) throws(FormatError) {
    if let layout = index.codeLayout {
      try codes.read(shard, &frames, vectors: vectors, index) { content, range, frameVectors throws(FormatError) in
        cutter.add(codes: content, range, count: frameVectors, layout)
      }
    }
    if index.vectors != .none {
      let size = index.rowBytes
      try rows.read(shard, &frames, vectors: vectors, index) { content, range, _ throws(FormatError) in
        cutter.add(rows: content.slice(range.lowerBound * size, range.count * size), count: range.count)
      }
    }
  }

  /// Vectors that are taken at most at a time: their rows take about a mebibyte.
  private static func takenVectors(_ index: IndexParameters) -> Int {
    max(1, min(IndexParameters.idsPerFrame, (1 << 20) / max(1, index.rowBytes)))
  }

  /// Bytes that a cursor may take: the content of a frame of each section, and the ids of a block.
  static func byteBound(_ index: IndexParameters) -> Int {
    IndexParameters.frameSections.reduce(8 * IndexParameters.idsPerFrame) {
      $0 + index.rawFrameBytes($1, vectors: index.vectorsPerFrame($1), planes: 8)
    }
  }

  /// Bytes of the vectors that are taken at most at a time.
  static func takenBytes(_ index: IndexParameters) -> Int {
    takenVectors(index) * (index.rowBytes + 8 + (index.codeLayout?.planes ?? 0))
  }

  /// Goes on to the list's next block, which is empty at the end.
  mutating func skipBlock() throws(BuildError) {
    do throws(FormatError) { try decodeBlock() } catch { throw shard.failure(error) }
  }

  private mutating func decodeBlock() throws(FormatError) {
    next = 0
    blockIDs.removeAll(keepingCapacity: true)
    let block = min(count - position, UInt64(IndexParameters.idsPerFrame))
    guard block > 0 else { return }
    if index.storesIDs {
      try decodeIDs(Int(block))
    } else {
      blockIDs.append(contentsOf: index.firstID + position..<index.firstID + position + block)
    }
    position += block
  }

  /// A whole id frame: its ids are differences.
  private mutating func decodeIDs(_ vectors: Int) throws(FormatError) {
    let entry = try ids.nextEntry(shard, &frames, index)
    let last = lastID
    let place = ids.place
    try ids.read(shard, &frames, vectors: vectors, index) { content, range, frameVectors throws(FormatError) in
      func bad(_ problem: String) -> FormatError {
        FormatError(.badFrame, place.description, at: entry.offset, problem)
      }
      let (planes, first) = (entry.planes, entry.firstID)
      if let last, first <= last { throw bad("its first id \(first) is not above \(last), the one before") }
      if let problem = IDFrame.problem(content, planes: planes, count: frameVectors, firstID: first) {
        throw bad(problem)
      }
      switch reach {
      case .all: IDFrame.decode(content, planes: planes, count: frameVectors, firstID: first, to: &blockIDs)
      case .bounds:
        blockIDs.append(first)
        blockIDs.append(
          IDFrame.id(content, planes: planes, count: frameVectors, firstID: first, at: frameVectors - 1))
      }
    }
    lastID = blockIDs.last
  }
}

private struct FramePlace {
  let kind: SectionKind
  let list: Int
  let frame: Int

  var description: String { "list \(list), \(kind.name) frame \(frame)" }
}

/// A place in the frames of one section of a list.
private struct FrameCursor {
  let kind: SectionKind
  private var list = 0
  private var count: UInt64 = 0
  private var first: UInt64 = 0
  /// The frame, and how many of its vectors were read.
  private var frame = 0
  private var taken = 0
  private var entry: FrameEntry?
  private var rawLength = 0
  /// The frame's content. A copy, even of what is stored as it is: whoever writes to the shard meanwhile, what was
  /// checked is what is merged. Compressed bytes are read twice, which ``Shard/checkUnchanged()`` is for.
  private var content: [UInt8] = []

  init(_ kind: SectionKind) { self.kind = kind }

  /// Names the frame at the place, if that is asked for.
  var place: FramePlace { FramePlace(kind: kind, list: list, frame: frame) }

  /// Begins a list; `first` is the number of its first frame, and becomes that of the next section's first.
  mutating func begin(list: Int, count: UInt64, first: inout UInt64, _ index: IndexParameters) {
    self.list = list
    self.count = count
    self.first = first
    first += index.frames(of: kind, listCount: count)
    (frame, taken, entry) = (0, 0, nil)
  }

  private func frameVectors(_ index: IndexParameters) -> Int {
    let capacity = index.vectorsPerFrame(kind)
    return Int(min(UInt64(capacity), count - UInt64(frame) * UInt64(capacity)))
  }

  /// The entry of the frame at the place; its checksum is checked, and it is decompressed, when it is first asked for.
  mutating func nextEntry(
    _ shard: Shard, _ frames: inout DirectoryCursor, _ index: IndexParameters
  ) throws(FormatError) -> FrameEntry {
    if let entry { return entry }
    let size = FrameEntry.byteCount
    let at = (first + UInt64(frame)) * UInt64(size)
    let entry = try frames.read(shard, at: at, count: size) { FrameEntry(decoding: $0, frame: 0) }
    let place = place
    rawLength = try entry.check(
      kind, vectors: frameVectors(index), in: shard.section(kind), parameters: index,
      place: place.description, at: shard.section(.frames).offset + at)
    var content: [UInt8] = []
    swap(&content, &self.content)
    try copy(entry, of: shard, to: &content)
    self.content = content
    if let problem = index.problem(kind, content.rawSpan.slice(0, rawLength), entry, count: frameVectors(index)) {
      throw FormatError(.badFrame, place.description, at: entry.offset, problem)
    }
    self.entry = entry
    return entry
  }

  /// Copies a frame's content, whose checksum is checked.
  private func copy(_ entry: FrameEntry, of shard: Shard, to content: inout [UInt8]) throws(FormatError) {
    try shard.withBytes(at: entry.offset, count: Int(entry.length)) { stored throws(FormatError) in
      let isCompressed = stored.byteCount < rawLength
      if !isCompressed {
        content.removeAll(keepingCapacity: true)
        content.append(stored)
      }
      let crc = isCompressed ? checksum(stored) : checksum(content.rawSpan)
      guard crc == entry.crc else {
        throw .checksum(place.description, at: entry.offset, expected: entry.crc, found: crc)
      }
      guard !isCompressed || LZ4Block.decompress(stored, count: rawLength, into: &content) else {
        throw FormatError(
          .badFrame, place.description, at: entry.offset, "the LZ4 block does not give \(rawLength) bytes")
      }
    }
  }

  private func checksum(_ bytes: RawSpan) -> UInt32 {
    Checksum.salted(bytes, kind: kind, index: UInt32(truncatingIfNeeded: frame), list: UInt64(list))
  }

  /// Calls `body` for the next `vectors` vectors, frame by frame: the frame's content, which of its vectors are meant,
  /// and how many it has.
  mutating func read(
    _ shard: Shard, _ frames: inout DirectoryCursor, vectors: Int, _ index: IndexParameters,
    _ body: (RawSpan, Range<Int>, Int) throws(FormatError) -> Void
  ) throws(FormatError) {
    var left = vectors
    while left > 0 {
      _ = try nextEntry(shard, &frames, index)
      let all = frameVectors(index)
      let range = taken..<taken + min(left, all - taken)
      try body(content.rawSpan.slice(0, rawLength), range, all)
      left -= range.count
      taken = range.upperBound
      if taken == all { (frame, taken, self.entry) = (frame + 1, 0, nil) }
    }
  }
}
