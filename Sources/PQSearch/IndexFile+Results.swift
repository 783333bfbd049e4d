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
    try work.candidates.finish { (number, position) throws(FormatError) in
      try self.id(Place(list: number, position: position), scratch: &ids)
    }
    let count = work.candidates.count
    winners.removeAll(keepingCapacity: true)
    if parameters.storesIDs {
      try findIDs(work.candidates, &runs, &work.prefetch, &statistics)
      for run in runs { try decode(run, work.candidates, &ids, to: &winners) }
    } else {
      for i in 0..<count { winners.append(parameters.firstID + UInt64(work.candidates.found.items[i].position)) }
    }
    order.removeAll(keepingCapacity: true)
    for i in 0..<count { order.append(OrderedKey.word(work.candidates.found.keys[i], UInt32(i))) }
    order.sort()
    let start = results.count
    for word in order {
      let i = Int(UInt32(truncatingIfNeeded: word))
      results.append(Neighbor(id: winners[i], distance: work.candidates.found.keys[i]))
    }
    orderTies(&results, from: start)
    for i in start..<results.count { results[i].distance = parameters.metric.key(results[i].distance) }
  }

  /// Finds the id frames of the candidates, and has what is needed of each on its way before the first is decoded.
  private borrowing func findIDs(
    _ candidates: borrowing Candidates, _ runs: inout [IDRun], _ prefetch: inout Prefetch,
    _ statistics: inout SearchStatistics
  ) throws(FormatError) {
    runs.removeAll(keepingCapacity: true)
    try self.prefetch(.ids, candidates, perFrame: IndexParameters.idsPerFrame, &prefetch)
    let places = candidates.found.items.span
    var first = 0
    while first < candidates.count {
      // Candidates of one list stand together.
      var farthest = places[first]
      let index = farthest.position / IndexParameters.idsPerFrame
      var end = first + 1
      while end < candidates.count, places[end].list == farthest.list,
        places[end].position / IndexParameters.idsPerFrame == index
      {
        if places[end].position > farthest.position { farthest = places[end] }
        end += 1
      }
      let frame = try frame(.ids, list(holding: farthest), index)
      statistics.read(frame)
      if !frame.isCompressed {
        let needed = farthest.position % IndexParameters.idsPerFrame + 1
        for plane in 0..<frame.entry.planes { Kernels.best.fetch(stored(frame).slice(plane * frame.count, needed)) }
      }
      runs.append(IDRun(frame: frame, candidates: first..<end))
      first = end
    }
  }

  /// Appends the ids of candidates that stand in one id frame.
  private borrowing func decode(
    _ run: IDRun, _ candidates: borrowing Candidates, _ scratch: inout [UInt8], to ids: inout [UInt64]
  ) throws(FormatError) {
    let frame = run.frame
    let places = candidates.found.items.span.extracting(run.candidates)
    try withContent(frame, scratch: &scratch) { content in
      // Positions mostly ascend: each id is reached from the one before.
      var (id, last) = (frame.entry.firstID, 0)
      for i in places.indices {
        let row = places[i].position % IndexParameters.idsPerFrame + 1
        if row < last { (id, last) = (frame.entry.firstID, 0) }
        id &+= IDFrame.sum(content, planes: frame.entry.planes, count: frame.count, last..<row)
        last = row
        ids.append(id)
      }
    }
  }

  /// Brings neighbours of equal distance into the order of their ids.
  private borrowing func orderTies(_ results: inout [Neighbor], from start: Int) {
    var first = start
    while first < results.count {
      var end = first + 1
      while end < results.count, results[end].distance == results[first].distance { end += 1 }
      if end - first > 1 { results[first..<end].sort { $0.id < $1.id } }
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
