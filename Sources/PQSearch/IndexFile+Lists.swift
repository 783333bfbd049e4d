internal import PQFormat
internal import PQKernels
internal import PQStorage

/// One list of an open file, its numbers checked: `count` is at most n, and its frames are in the frame table.
struct ListView: Sendable, BitwiseCopyable {
  let number: Int
  let count: Int
  let firstFrame: Int
}

/// One frame of a list, its numbers checked: the bytes are inside its section, their length is possible. Many are kept, so
/// numbers take no more than they need.
struct FrameView: Sendable, BitwiseCopyable {
  let entry: FrameEntry
  /// The frame's number within the frame table, and within its list and section.
  let number: Int
  let index: Int
  private let list32: UInt32
  private let count32: UInt32
  private let rawLength32: UInt32
  let kind: SectionKind

  init(
    kind: SectionKind, list: Int, index: Int, number: Int, count: Int, rawLength: Int, entry: FrameEntry
  ) {
    self.kind = kind
    (self.index, self.number, self.entry) = (index, number, entry)
    (list32, count32, rawLength32) = (UInt32(list), UInt32(count), UInt32(rawLength))
  }

  var list: Int { Int(list32) }
  /// Vectors in the frame.
  var count: Int { Int(count32) }
  /// Bytes after decompression.
  var rawLength: Int { Int(rawLength32) }
  var isCompressed: Bool { entry.length < rawLength32 }
  var place: String { "list \(list), \(kind.name) frame \(index)" }
}

extension IndexFile {
  /// A list by its number. O(1), the first time O(its frames).
  @inline(__always)
  borrowing func list(
    _ number: Int, _ directory: KnownDirectory = .init()
  ) throws(FormatError) -> ListView {
    if !directory.lists.isEmpty { return directory.lists[number] }
    let base = number * ListEntry.byteCount
    if !directory.pagesAreChecked { try checkPages(.lists, base..<base + ListEntry.byteCount) }
    let entry = ListEntry(decoding: bytes(of: places.lists), list: number)
    // A count beyond the index's is refused before its frames matter.
    let frames = entry.count <= parameters.count ? places.frames(Int(entry.count)) : 0
    try entry.check(
      list: number, parameters: parameters, frames: frames, frameCount: UInt64(checks.frames.count),
      at: places.lists.offset + UInt64(base))
    let view = ListView(number: number, count: Int(entry.count), firstFrame: Int(entry.firstFrame))
    if !checks.lists.contains(number) || checks.sharing.contains(number) {
      let taken = view.firstFrame..<view.firstFrame + Int(frames)
      guard checks.own(taken, list: number) else { throw sharesFrames(number) }
    }
    return view
  }

  borrowing func sharesFrames(_ number: Int) -> FormatError {
    FormatError(
      .badList, "list \(number)", at: places.lists.offset + UInt64(number * ListEntry.byteCount),
      "it has frames of another list")
  }

  /// The list of a vector that was found in it. O(1).
  /// - Throws: `.badList` if it is no longer there: the file was overwritten in place before the directory was known.
  borrowing func list(
    holding place: Place, _ directory: KnownDirectory = .init()
  ) throws(FormatError) -> ListView {
    let view = try list(Int(place.list), directory)
    guard place.position < view.count else {
      throw FormatError(
        .badList, "list \(place.list)", at: places.lists.offset + UInt64(Int(place.list) * ListEntry.byteCount),
        "vector \(place.position) was found, now there are \(view.count): the file was changed while it is open")
    }
    return view
  }

  borrowing func frameCount(_ kind: SectionKind, _ list: ListView) -> Int { places.frames(kind, list.count) }

  /// The number in the frame table of frame `index` of `kind`.
  borrowing func frameNumber(_ kind: SectionKind, _ list: ListView, _ index: Int) -> Int {
    list.firstFrame + places.framesBefore(kind, list.count) + index
  }

  /// Frame `index` of the list's `kind`, checked: its entry each time it is decoded, its checksum and the rules of its
  /// content the first time. O(1), the first time O(frame).
  /// - Precondition: `index` is below ``frameCount(_:_:)``.
  borrowing func frame(
    _ kind: SectionKind, _ list: ListView, _ index: Int, _ directory: KnownDirectory = .init()
  ) throws(FormatError) -> FrameView {
    let view = try frameView(kind, list, index, directory)
    if !isChecked(view) {
      if !checks.asked.contains(view.number) {
        map.prefetch(offset: Int(view.entry.offset), count: Int(view.entry.length))
      }
      try check(view)
    }
    return view
  }

  /// Checks a frame's checksum and the rules of its content. O(frame).
  borrowing func check(_ frame: FrameView) throws(FormatError) {
    try checkStored(frame)
    try checkContent(frame)
    checks.frames.insert(frame.number)
  }

  /// The same for a code frame whose checksum was taken by the scan.
  borrowing func endChecking(_ frame: FrameView, found crc: UInt32) throws(FormatError) {
    try checkStored(frame, found: crc)
    checks.frames.insert(frame.number)
  }

  /// Fetches the entries of lists, and of their first frames, into the cache.
  borrowing func fetchEntries(_ lists: ArraySlice<UInt32>, _ directory: KnownDirectory) {
    if directory.isComplete {
      for number in lists { directory.fetch(list: Int(number)) }
      for number in lists { directory.fetchFrames(ofList: Int(number)) }
      return
    }
    // Pages that nobody has checked may not be there yet.
    guard directory.pagesAreChecked else { return }
    let table = bytes(of: places.lists)
    for number in lists { Kernels.fetch(table.slice(Int(number) * ListEntry.byteCount, ListEntry.byteCount)) }
    for number in lists {
      // Its numbers are not yet checked: no more than a hint.
      let frame = ListEntry(decoding: table, list: Int(number)).firstFrame
      guard frame < UInt64(checks.frames.count) else { continue }
      Kernels.fetch(bytes(of: places.frames).slice(Int(frame) * FrameEntry.byteCount, FrameEntry.byteCount))
    }
  }

  /// Asks for the directory's entry of a list.
  borrowing func prefetchEntry(_ number: Int) {
    prefetchPages(.lists, number * ListEntry.byteCount..<(number + 1) * ListEntry.byteCount)
  }

  /// Asks for the directory's entries of all frames of a list.
  borrowing func prefetchFrameEntries(_ list: ListView) {
    let frames = places.frames(list.count)
    guard frames > 0 else { return }
    prefetchPages(.frames, list.firstFrame * FrameEntry.byteCount..<(list.firstFrame + frames) * FrameEntry.byteCount)
  }

  /// Whether a frame was used before.
  borrowing func isChecked(_ frame: FrameView) -> Bool { checks.frames.contains(frame.number) }

  /// As ``frame(_:_:_:)``, but nothing is decoded, and what was checked before is checked again. O(frame).
  borrowing func storedFrame(_ kind: SectionKind, _ list: ListView, _ index: Int) throws(FormatError) -> FrameView {
    let view = try frameView(kind, list, index)
    try checkStored(view)
    return view
  }

  /// A frame whose entry is checked and whose bytes are not touched: what the entry says was copied before, so a file
  /// that changes cannot slip past.
  @inline(__always)
  borrowing func frameView(
    _ kind: SectionKind, _ list: ListView, _ index: Int, _ directory: KnownDirectory = .init()
  ) throws(FormatError) -> FrameView {
    let number = frameNumber(kind, list, index)
    if !directory.frames.isEmpty { return directory.frames[number] }
    return try frameEntry(kind, list, index, number, directory)
  }

  /// The same by its entry in the file.
  private borrowing func frameEntry(
    _ kind: SectionKind, _ list: ListView, _ index: Int, _ number: Int, _ directory: KnownDirectory
  ) throws(FormatError) -> FrameView {
    let base = number * FrameEntry.byteCount
    if !directory.pagesAreChecked { try checkPages(.frames, base..<base + FrameEntry.byteCount) }
    let entry = FrameEntry(decoding: bytes(of: places.frames), frame: UInt64(number))
    let place = places.of(kind)
    guard let section = place.section else {
      throw FormatError(.badSection, "section table", at: header.sectionTableOffset, "no section \(kind.name)")
    }
    let count = min(place.capacity, list.count - index * place.capacity)
    let rawLength = try entry.check(
      kind, vectors: count, in: section, parameters: parameters,
      place: "list \(list.number), \(kind.name) frame \(index)", at: places.frames.offset + UInt64(base))
    return FrameView(
      kind: kind, list: list.number, index: index, number: number, count: count, rawLength: rawLength, entry: entry)
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
    try decompress(frame, into: &scratch)
    return body(scratch.rawSpan.slice(0, frame.rawLength))
  }

  /// Decompresses a frame; `scratch` may be longer afterwards.
  borrowing func decompress(_ frame: FrameView, into scratch: inout [UInt8]) throws(FormatError) {
    guard LZ4Block.decompress(stored(frame), count: frame.rawLength, into: &scratch) else {
      throw FormatError(
        .badFrame, frame.place, at: frame.entry.offset, "the LZ4 block does not give \(frame.rawLength) bytes")
    }
  }
}
