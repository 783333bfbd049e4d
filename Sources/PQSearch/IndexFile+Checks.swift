internal import PQFormat
internal import PQKernels
internal import PQStorage
internal import Synchronization

/// What has been checked of an open file. Two threads may check the same thing at once: both find the same.
struct Checks: ~Copyable, Sendable {
  /// Bit 0: rotation, groups, codebooks and the checksums of pages, and centroids without such checksums.
  let model = AtomicBits(count: 1)
  /// Pages of the centroids that have checksums; of a file without these none, so that all are checked.
  let centroidPages: AtomicBits
  private let derived = AtomicLazyReference<ModelRows>()
  /// By the number of queries that had a use for it.
  let rounded = Deferred<ListRounding>()
  /// By the number of queries of batches.
  let pivots = Deferred<Pivots>()
  /// By the number of visits to lists.
  let directory = Deferred<DirectoryCopy>()
  private let decoded = AtomicLazyReference<CoarseGroups>()
  let listPages: AtomicBits
  let framePages: AtomicBits
  let frames: AtomicBits
  /// Lists that were looked up, and the frames that they have; and lists that have frames of others, which only a faulty or
  /// hostile writer makes.
  let lists: AtomicBits
  private let owned: AtomicBits
  let sharing: AtomicBits
  /// For the first of some frames in a row whether the kernel was asked for them.
  let asked: AtomicBits
  /// Queries that are still to ask for what is gone of frames that were used before: memory holds less than queries use.
  let asksLeft = Atomic(0)

  init(_ table: SectionTable, lists: Int) {
    func length(_ kind: SectionKind) -> UInt64 { table[kind]?.length ?? 0 }
    centroidPages = AtomicBits(count: Int(length(.centroidPages)) / 4)
    listPages = AtomicBits(count: Int(ChecksumPage.count(length(.lists))))
    framePages = AtomicBits(count: Int(ChecksumPage.count(length(.frames))))
    frames = AtomicBits(count: Int(length(.frames)) / FrameEntry.byteCount)
    asked = AtomicBits(count: frames.count)
    self.lists = AtomicBits(count: lists)
    owned = AtomicBits(count: frames.count)
    sharing = AtomicBits(count: lists)
  }

  /// What was derived from the model; `make` derives it the first time.
  func modelRows(_ make: () -> ModelRows) -> ModelRows { derived.load() ?? derived.storeIfNil(make()) }

  /// The file's groups, if it has any and the model is checked.
  var groups: CoarseGroups? { decoded.load() }

  fileprivate func keep(_ groups: CoarseGroups) { _ = decoded.storeIfNil(groups) }

  /// Takes everything as checked but the groups, which are checked as they are decoded.
  fileprivate func insertAll() {
    model.insertAll()
    centroidPages.insertAll()
    listPages.insertAll()
    framePages.insertAll()
    frames.insertAll()
    lists.insertAll()
  }

  /// Takes a list's frames as its own, when it is first looked up; false if one is another's, from then on. Each frame's
  /// checksum is that of one list, and is taken once. O(frames) the first time.
  func own(_ frames: Range<Int>, list: Int) -> Bool {
    if lists.insertNew(list) {
      for frame in frames where !owned.insertNew(frame) { _ = sharing.insertNew(list) }
    }
    return !sharing.contains(list)
  }
}

/// Something that is derived when it has been of use often enough to pay.
struct Deferred<Value: AnyObject & Sendable>: ~Copyable, Sendable {
  private let made = AtomicLazyReference<Value>()
  private let uses = Atomic(0)

  /// The value, for so many more uses; nil for the first ones, as many as `pays`. The thread that comes next makes it, and
  /// the others get nil until then; for ever, if that one cannot.
  func value(_ more: Int, after pays: Int, _ make: () -> Value?) -> Value? {
    if let value = made.load() { return value }
    let (before, after) = uses.wrappingAdd(more, ordering: .relaxed)
    guard before <= pays, after > pays, let value = make() else { return nil }
    return made.storeIfNil(value)
  }
}

extension IndexFile {
  /// Checks rotation, codebooks and the checksums of pages, and centroids without such checksums, once. O(model) the first time.
  /// - Parameter asks: whether all of it is asked for before the first byte is waited for.
  borrowing func checkModel(asks: Bool = true) throws(FormatError) {
    guard !checks.model.contains(0) else { return }
    let values = (table[.centroidPages] == nil ? [SectionKind.centroids] : []) + [.rotation, .codebooks, .centre]
    let others = [SectionKind.groups, .centroidPages, .pages]
    for kind in values + others where asks {
      if let section = table[kind] { map.prefetch(offset: Int(section.offset), count: Int(section.length)) }
    }
    for kind in values { try checkValues(kind) }
    for kind in others { try checkSection(kind) }
    try checkAxes()
    if let groups = try groups() { checks.keep(groups) }
    checks.model.insert(0)
  }

  /// Checks the centroids of some lists, whose pages have checksums of their own, each page once.
  /// - Precondition: the model is checked.
  borrowing func checkCentroids(_ lists: Range<Int>) throws(FormatError) {
    guard !checks.centroidPages.isFull else { return }
    let range = centroidBytes(lists)
    let size = Int(ChecksumPage.byteCount)
    let pages = range.lowerBound / size..<(range.upperBound - 1) / size + 1
    guard pages.contains(where: { !checks.centroidPages.contains($0) }) else { return }
    // In one piece, where bytes are read.
    try load(places.centroids + range.lowerBound..<places.centroids + range.upperBound)
    try checkNewPages(.centroids, pages, checks.centroidPages)
  }

  /// Asks for the centroids of some lists, unless they were used before.
  borrowing func prefetchCentroids(_ lists: Range<Int>) {
    guard !checks.centroidPages.isFull else { return }
    let range = centroidBytes(lists)
    let page = range.lowerBound / Int(ChecksumPage.byteCount)
    if !checks.centroidPages.contains(page) {
      map.prefetch(offset: places.centroids + range.lowerBound, count: range.count)
    }
  }

  /// The lane blocks of some lists within the section `centroids`.
  /// - Precondition: there is one of them.
  private borrowing func centroidBytes(_ lists: Range<Int>) -> Range<Int> {
    let (lanes, block) = (LaneBlocks.lanes, 4 * LaneBlocks.floats(vectors: 1, dimension: parameters.dimension))
    return lists.lowerBound / lanes * block..<((lists.upperBound - 1) / lanes + 1) * block
  }

  /// Takes all frames as asked for.
  borrowing func assumesResidence() { checks.asked.insertAll() }

  /// Takes everything as checked without looking at it, but the groups: what checks cost can be measured. A search of a
  /// damaged file may then trap or give wrong results.
  borrowing func assumesSoundness() throws(FormatError) {
    if let groups = try groups() { checks.keep(groups) }
    checks.insertAll()
  }

  /// Checks the model, and has what a search derives from it at hand. O(model) the first time.
  borrowing func deriveModel(_ work: inout ScanWork) throws(FormatError) {
    try checkModel(asks: !work.prefetch.isStopped)
    if work.model == nil { work.model = try modelRows() }
  }

  /// What is derived from the checked model, once: nil where a search needs nothing. O(model) the first time.
  private borrowing func modelRows() throws(FormatError) -> ModelRows? {
    guard parameters.comparison != .tables else { return nil }
    if ModelRows.copiesCentroids(parameters) { try checkCentroids(0..<parameters.nlist) }
    return checks.modelRows {
      ModelRows(parameters, codebooks: bytes(of: .codebooks).floats(), centroids: bytes(of: .centroids).floats())
    }
  }

  /// Rounded centroids for a group of queries that visit few of the lists, if they pay. O(centroids) the first time.
  borrowing func rounding(_ queries: Int, _ work: borrowing ScanWork) -> ListRounding? {
    guard let model = work.model, !model.centroids.isEmpty else { return nil }
    return checks.rounded.value(queries, after: ListRounding.pays(parameters)) {
      ListRounding(
        parameters, centroids: model.centroids, blocks: bytes(of: .centroids).floats(), reach: model.longestResidual)
    }
  }

  /// Checks the checksum of a section that has one in the table. O(section).
  borrowing func checkSection(_ kind: SectionKind) throws(FormatError) {
    guard let section = table[kind] else { return }
    try checkSection(section)
  }

  /// Checks the checksum of a section, of a known kind or not, that has one in the table. O(section).
  borrowing func checkSection(_ section: Section) throws(FormatError) {
    guard section.hasChecksum else { return }
    try load(Int(section.offset)..<Int(section.end))
    try check(section, found: Checksum.plain(bytes(of: section)))
  }

  private borrowing func check(_ section: Section, found crc: UInt32) throws(FormatError) {
    guard crc == section.crc else {
      throw .checksum("section \(section.name)", at: section.offset, expected: section.crc, found: crc)
    }
  }

  /// Checks the checksum of a section of f32 values, and that all of them are finite: piece by piece, so that each byte
  /// comes from memory once. O(section).
  private borrowing func checkValues(_ kind: SectionKind) throws(FormatError) {
    guard let section = table[kind] else { return }
    try load(Int(section.offset)..<Int(section.end))
    let bytes = bytes(of: section)
    var (crc, areFinite): (UInt32, Bool) = (0, true)
    for start in stride(from: 0, to: bytes.byteCount, by: 1 << 14) {
      let piece = bytes.slice(start, min(1 << 14, bytes.byteCount - start))
      crc = Checksum.plain(piece, continuing: crc)
      areFinite = areFinite && piece.areFiniteF32
    }
    try check(section, found: crc)
    if !areFinite { try checkFinite(kind) }
  }

  /// Checks that all values of a section of f32 are finite. O(section).
  borrowing func checkFinite(_ kind: SectionKind) throws(FormatError) {
    guard !bytes(of: kind).areFiniteF32 else { return }
    let floats = bytes(of: kind).floats()
    for i in floats.indices where !floats[i].isFinite {
      throw FormatError(
        .badSection, "section \(kind.name)", at: (table[kind]?.offset ?? 0) + UInt64(4 * i),
        "the value \(floats[i]) is not finite")
    }
  }

  /// Checks that the axes of the rotation are about 1 long. O(section).
  borrowing func checkAxes() throws(FormatError) {
    guard let section = table[.rotation] else { return }
    if let problem = RotationAxes.problem(bytes(of: .rotation).floats(), dimension: parameters.dimension) {
      throw FormatError(.badSection, "section rotation", at: section.offset, problem)
    }
  }

  /// Checks a frame's checksum. O(frame).
  borrowing func checkStored(_ frame: FrameView) throws(FormatError) {
    try checkStored(frame, found: Checksum.plain(stored(frame), continuing: beginChecking(frame)))
  }

  /// Has a frame's bytes there, and gives the checksum that they continue.
  borrowing func beginChecking(_ frame: FrameView) throws(FormatError) -> UInt32 {
    try load(Int(frame.entry.offset)..<Int(frame.entry.offset) + Int(frame.entry.length))
    return Checksum.salt(
      kind: frame.kind, index: UInt32(truncatingIfNeeded: frame.index), list: UInt64(frame.list))
  }

  borrowing func checkStored(_ frame: FrameView, found crc: UInt32) throws(FormatError) {
    guard crc == frame.entry.crc else {
      throw .checksum(frame.place, at: frame.entry.offset, expected: frame.entry.crc, found: crc)
    }
  }

  /// Checks the rules of a frame's content that a search relies on: codes below 2^nbits, ascending ids, finite rows.
  /// Only a faulty or hostile writer breaks them under a right checksum. O(frame).
  borrowing func checkContent(_ frame: FrameView) throws(FormatError) {
    // Most code frames need not be decompressed for one.
    if frame.kind == .codes, !codesHaveRules { return }
    var scratch: [UInt8] = []
    let (kind, count, entry) = (frame.kind, frame.count, frame.entry)
    let parameters = parameters
    let problem = try withContent(frame, scratch: &scratch) { content in
      parameters.problem(kind, content, entry, count: count)
    }
    if let problem { throw FormatError(.badFrame, frame.place, at: frame.entry.offset, problem) }
  }

  /// Whether a byte of a code frame can be wrong under a right checksum.
  var codesHaveRules: Bool { parameters.codeLayout?.canHoldOtherCodes == true }

  /// The section `groups`, all but its checksum checked; nil if the file has none. O(section).
  borrowing func groups() throws(FormatError) -> CoarseGroups? {
    guard let section = table[.groups] else { return nil }
    return try CoarseGroups(
      decoding: bytes(of: .groups), nlist: parameters.nlist, dimension: parameters.dimension, at: section.offset)
  }

  /// What is known of the directory by a query that visits so many lists: one look for all of them. Where these are twice as
  /// many as the pages, and so come to most of them, all pages are checked now, which takes no look for each list. What is
  /// wrong with one is found when it is visited.
  borrowing func knownDirectory(visiting lists: Int) -> KnownDirectory {
    if checks.listPages.isFull && checks.framePages.isFull {
      return KnownDirectory(pagesAreChecked: true, directoryCopy(visiting: lists))
    }
    guard 2 * (checks.listPages.count + checks.framePages.count) <= lists else { return KnownDirectory() }
    do throws(FormatError) {
      try checkNewPages(.lists, 0..<checks.listPages.count, checks.listPages)
      try checkNewPages(.frames, 0..<checks.framePages.count, checks.framePages)
      return KnownDirectory(pagesAreChecked: true, nil)
    } catch {
      return KnownDirectory()
    }
  }

  /// Copies of all entries, when each list was visited about once; nil of a large directory.
  /// - Precondition: all pages are checked.
  private borrowing func directoryCopy(visiting lists: Int) -> DirectoryCopy? {
    guard DirectoryCopy.fits(lists: parameters.listCount, frames: checks.frames.count) else { return nil }
    return checks.directory.value(lists, after: parameters.listCount) {
      (try? decodeDirectory()) ?? DirectoryCopy(lists: [], frames: [])
    }
  }

  /// - Throws: if an entry is wrong under a right checksum, or two lists share a frame. Who uses it is told.
  private borrowing func decodeDirectory() throws(FormatError) -> DirectoryCopy {
    let directory = KnownDirectory(pagesAreChecked: true, nil)
    var (lists, frames): ([ListView], [FrameView?]) = ([], Array(repeating: nil, count: checks.frames.count))
    for number in 0..<parameters.listCount {
      let view = try list(number, directory)
      lists.append(view)
      for kind in IndexParameters.frameSections {
        for index in 0..<frameCount(kind, view) {
          let frame = try frameView(kind, view, index, directory)
          // A list that another thread has just looked up may not own its frames yet.
          guard frames[frame.number] == nil else { throw sharesFrames(number) }
          frames[frame.number] = frame
        }
      }
    }
    // Frames of no list are never looked for.
    guard let any = frames.lazy.compactMap({ $0 }).first else { return DirectoryCopy(lists: [], frames: []) }
    return DirectoryCopy(lists: lists, frames: frames.map { $0 ?? any })
  }

  /// Checks the directory pages that hold `range` of the section `kind` (lists or frames), each once.
  /// - Precondition: `range` is not empty.
  @inline(__always)
  borrowing func checkPages(_ kind: SectionKind, _ range: Range<Int>) throws(FormatError) {
    guard !arePagesChecked(kind, range) else { return }
    let size = Int(ChecksumPage.byteCount)
    let pages = range.lowerBound / size..<(range.upperBound - 1) / size + 1
    if kind == .lists {
      try checkNewPages(kind, pages, checks.listPages)
    } else {
      try checkNewPages(kind, pages, checks.framePages)
    }
  }

  /// Whether the first and the last page that hold `range` of the section `kind` are checked. An entry has no others.
  @inline(__always)
  private borrowing func arePagesChecked(_ kind: SectionKind, _ range: Range<Int>) -> Bool {
    let size = Int(ChecksumPage.byteCount)
    let (first, last) = (range.lowerBound / size, (range.upperBound - 1) / size)
    // A comparison by == would be a call, of a function for all kinds of equals.
    if case .lists = kind { return checks.listPages.contains(first, last) }
    return checks.framePages.contains(first, last)
  }

  /// Asks for the directory pages that hold `range` of the section `kind` (lists or frames), unless they were used before.
  /// - Precondition: `range` is not empty.
  borrowing func prefetchPages(_ kind: SectionKind, _ range: Range<Int>) {
    guard !arePagesChecked(kind, range), let section = table[kind] else { return }
    map.prefetch(offset: Int(section.offset) + range.lowerBound, count: range.count)
  }

  private borrowing func checkNewPages(
    _ kind: SectionKind, _ pages: Range<Int>, _ done: borrowing AtomicBits
  ) throws(FormatError) {
    for page in pages where !done.contains(page) {
      try checkPage(kind, page)
      done.insert(page)
    }
  }

  /// Checks the checksum of a page of lists, frames or centroids, and that centroids are finite.
  borrowing func checkPage(_ kind: SectionKind, _ page: Int) throws(FormatError) {
    let size = Int(ChecksumPage.byteCount)
    let section = bytes(of: kind)
    let offset = Int(table[kind]?.offset ?? 0)
    let (start, end) = (page * size, min((page + 1) * size, section.byteCount))
    try load(offset + start..<offset + end)
    let crc = ChecksumPage.checksum(section, kind: kind, page: UInt64(page))
    let expected =
      kind == .centroids
      ? bytes(of: .centroidPages).u32(at: 4 * page)
      : bytes(of: .pages).u32(at: 4 * ((kind == .lists ? 0 : checks.listPages.count) + page))
    guard crc == expected else {
      throw .checksum(
        "section \(kind.name), page \(page)", at: UInt64(offset + start), expected: expected, found: crc)
    }
    if kind == .centroids, !section.slice(start, end - start).areFiniteF32 { try checkFinite(kind) }
  }
}
