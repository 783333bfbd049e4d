internal import PQFormat
internal import PQKernels
internal import PQStorage

/// From candidates to results: ids are decoded for winners alone.
extension IndexFile {
  /// Appends the candidates, best first, ties by lower id.
  borrowing func appendResults(
    _ work: inout ScanWork, _ statistics: inout SearchStatistics, to results: inout [Neighbor]
  ) throws(FormatError) {
    var (ids, order, winners, runs) = (take(&work.ids), take(&work.order), take(&work.winners), take(&work.idRuns))
    defer {
      swap(&ids, &work.ids)
      swap(&order, &work.order)
      swap(&winners, &work.winners)
      swap(&runs, &work.idRuns)
    }
    try work.candidates.finish { (places) throws(FormatError) in try self.ids(at: places, scratch: &ids) }
    if winners.count < work.candidates.count { winners = [UInt64](repeating: 0, count: work.candidates.count) }
    if parameters.storesIDs {
      try findIDs(work.candidates, work.directory, &runs, &winners, &work.prefetch, &statistics)
      for run in runs { try decode(run, &ids, &winners) }
    } else {
      for i in 0..<work.candidates.count {
        winners[i] = parameters.firstID + UInt64(work.candidates.found.items[i].position)
      }
    }
    let keys = work.candidates.found.keys.span.extracting(0..<work.candidates.count)
    Self.sort(keys, &order)
    appendSorted(keys, winners.span, order.span, to: &results)
  }

  /// Finds the id frames of the candidates, and has what is needed of each on its way before the first is decoded.
  /// - Parameter numbers: of each candidate's id within its frame.
  private borrowing func findIDs(
    _ candidates: borrowing Candidates, _ directory: KnownDirectory, _ runs: inout [IDRun],
    _ numbers: inout [UInt64], _ prefetch: inout Prefetch, _ statistics: inout SearchStatistics
  ) throws(FormatError) {
    runs.removeAll(keepingCapacity: true)
    try self.prefetch(.ids, candidates, &prefetch)
    let found = candidates.found.items.span.extracting(0..<candidates.count)
    var numbers = numbers.mutableSpan
    var walk = CandidateWalk(.ids)
    while try advance(&walk, found, directory) {
      let frame = try frame(.ids, walk.list, walk.index, directory)
      statistics.read(frame)
      for i in walk.run { numbers[i] = UInt64(found[i].position - walk.position) }
      if !frame.isCompressed {
        let needed = walk.farthest - walk.position + 1
        for plane in 0..<frame.entry.planes { Kernels.fetch(stored(frame).slice(plane * frame.count, needed)) }
      }
      runs.append(IDRun(frame: frame, candidates: walk.run))
    }
  }

  /// The ids at some places. O(ids of a frame) for each run of places that stand in one.
  borrowing func ids(at places: [Place], scratch: inout [UInt8]) throws(FormatError) -> [UInt64] {
    guard parameters.storesIDs else { return places.map { parameters.firstID + UInt64($0.position) } }
    let directory = KnownDirectory()
    var ids = [UInt64](repeating: 0, count: places.count)
    var walk = CandidateWalk(.ids)
    while try advance(&walk, places.span, directory) {
      for i in walk.run { ids[i] = UInt64(places[i].position - walk.position) }
      let frame = try frame(.ids, walk.list, walk.index, directory)
      try decode(IDRun(frame: frame, candidates: walk.run), &scratch, &ids)
    }
    return ids
  }

  /// Replaces the numbers of ids in one id frame by the ids.
  private borrowing func decode(
    _ run: IDRun, _ scratch: inout [UInt8], _ numbers: inout [UInt64]
  ) throws(FormatError) {
    let frame = run.frame
    try withContent(frame, scratch: &scratch) { content in
      var all = numbers.mutableSpan
      var ids = all.part(run.candidates)
      Kernels.best.ids(
        content, planes: frame.entry.planes, count: frame.count, first: frame.entry.firstID, at: &ids)
    }
  }

  /// Makes words of the keys and their numbers, and sorts them; more words may follow.
  private static func sort(_ keys: Span<Float>, _ order: inout [UInt64]) {
    if order.count < 2 * keys.count { order = [UInt64](repeating: 0, count: 2 * keys.count) }
    var words = order.mutableSpan
    for i in keys.indices { words[i] = OrderedKey.word(keys[i], UInt32(truncatingIfNeeded: i)) }
    Kernels.best.sort(&words, keys.count)
  }

  /// Appends neighbours in the order of their keys, and where these are equal, of their ids.
  private borrowing func appendSorted(
    _ keys: Span<Float>, _ ids: Span<UInt64>, _ order: Span<UInt64>, to results: inout [Neighbor]
  ) {
    let (start, metric) = (results.count, parameters.metric)
    results.append(addingCapacity: keys.count) { output in
      for i in keys.indices {
        let number = Int(UInt32(truncatingIfNeeded: order[i]))
        output.append(Neighbor(id: ids[number], distance: metric.key(keys[number])))
      }
    }
    var first = 0
    for end in 1..<keys.count + 1 where end == keys.count || order[end] >> 32 != order[first] >> 32 {
      if end - first > 1 { results[start + first..<start + end].sort { $0.id < $1.id } }
      first = end
    }
  }
}

/// Candidates whose ids stand in one frame.
struct IDRun {
  let frame: FrameView
  let candidates: Range<Int>
}

/// A key and a number in one word that sorts as they do.
enum OrderedKey {
  @inline(__always)
  static func word(_ key: Float, _ number: UInt32) -> UInt64 {
    // −0 becomes +0, which it equals; then the bits of floats sort as signed magnitudes. What is no number is last.
    let bits = (key.isNaN ? .infinity : key + 0).bitPattern
    let ordered = bits & 0x8000_0000 == 0 ? bits | 0x8000_0000 : ~bits
    return UInt64(ordered) << 32 | UInt64(number)
  }
}
