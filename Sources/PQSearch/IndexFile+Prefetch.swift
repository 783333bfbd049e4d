internal import PQFormat
internal import PQKernels
internal import PQStorage
internal import Synchronization

extension IndexFile {
  /// Asks for the frames of all chosen lists, before the first is scanned: for the lists' entries, for those of their
  /// frames, and then for the frames, so that the device is waited for twice and not for each list.
  borrowing func prefetch(
    _ kind: SectionKind, _ lists: [UInt32], _ prefetch: inout Prefetch
  ) throws(FormatError) {
    // Of many lists that are most of all, each brings its neighbours when it is touched: asking for every one costs more.
    guard prefetch.isActive, lists.count <= 64 || 2 * lists.count <= parameters.listCount else { return }
    for number in lists { prefetchEntry(Int(number)) }
    for number in lists { prefetchFrameEntries(try list(Int(number))) }
    for number in lists {
      let view = try list(Int(number))
      try self.prefetch(kind, view, 0..<frameCount(kind, view), &prefetch)
    }
  }

  /// Asks for the frames that hold the candidates' ids or rows.
  borrowing func prefetch(
    _ kind: SectionKind, _ candidates: borrowing Candidates, _ prefetch: inout Prefetch
  ) throws(FormatError) {
    guard prefetch.isActive else { return }
    let found = candidates.found.items.span.extracting(0..<candidates.count)
    var walk = CandidateWalk(kind)
    while try advance(&walk, found, KnownDirectory()) {
      try self.prefetch(kind, walk.list, walk.index..<walk.index + 1, &prefetch)
    }
  }

  /// Begins a query.
  borrowing func beginQuery(_ prefetch: inout Prefetch) {
    let before = checks.asksLeft.load(ordering: .relaxed)
    var left = before
    prefetch.beginQuery(left: &left) { map.losesPages ? MajorFaults.ofThread : 0 }
    if left != before { checks.asksLeft.store(left, ordering: .relaxed) }
  }

  /// Asks for frames of a list that were neither used nor asked for yet, and taken to be in memory from then on; or for those
  /// that are gone, too.
  private borrowing func prefetch(
    _ kind: SectionKind, _ list: ListView, _ frames: Range<Int>, _ prefetch: inout Prefetch
  ) throws(FormatError) {
    guard let first = frames.first, let last = frames.last else { return }
    let number = frameNumber(kind, list, first)
    let isNew = !checks.frames.contains(number) && !checks.asked.contains(number)
    guard isNew || prefetch.asksForAll else { return }
    let begin = try frameView(kind, list, first).entry
    let end = try frameView(kind, list, last).entry
    guard end.offset >= begin.offset else { return }
    let (offset, count) = (Int(begin.offset), Int(end.offset - begin.offset) + Int(end.length))
    if isNew {
      prefetch.found = true
    } else {
      switch map.isResident(offset: offset, count: count) {
      case true: return
      case false: checks.asksLeft.store(Prefetch.spells.lowerBound, ordering: .relaxed)
      case nil: break
      }
    }
    map.prefetch(offset: offset, count: count)
    if isNew { checks.asked.insert(number) }
  }
}
