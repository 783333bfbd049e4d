internal import PQFormat
internal import PQKernels
internal import PQStorage

/// From candidates to results: ids are decoded for winners alone.
extension IndexFile {
  /// Appends the candidates, best first, ties by lower id.
  borrowing func appendResults(
    _ work: inout ScanWork, _ statistics: inout SearchStatistics, to results: inout [Neighbor]
  ) throws(FormatError) {
    var (ids, order, frames) = (take(&work.ids), take(&work.order), take(&work.idFrames))
    defer {
      swap(&ids, &work.ids)
      swap(&order, &work.order)
      swap(&frames, &work.idFrames)
    }
    try work.candidates.cut { (number, position) throws(FormatError) in
      try self.id(Place(list: number, position: position), scratch: &ids)
    }
    order.removeAll(keepingCapacity: true)
    for i in 0..<work.candidates.count { order.append(OrderedKey.word(work.candidates.keys[i], UInt32(i))) }
    order.sort()
    if parameters.storesIDs { try fetchIDs(work.candidates, &frames, &work.prefetch, &statistics) }
    let start = results.count
    for word in order {
      let i = Int(UInt32(truncatingIfNeeded: word))
      let position = work.candidates.places[i].position
      let id =
        parameters.storesIDs
        ? try self.id(frames[i], position, scratch: &ids) : parameters.firstID + UInt64(position)
      results.append(Neighbor(id: id, distance: work.candidates.keys[i]))
    }
    orderTies(&results, from: start)
    for i in start..<results.count { results[i].distance = parameters.metric.key(results[i].distance) }
  }

  /// Finds the id frame of each candidate, and has what is needed of it on its way before the first is decoded.
  private borrowing func fetchIDs(
    _ candidates: borrowing Candidates, _ frames: inout [FrameView], _ prefetch: inout Prefetch,
    _ statistics: inout SearchStatistics
  ) throws(FormatError) {
    frames.removeAll(keepingCapacity: true)
    try self.prefetch(.ids, candidates, perFrame: IndexParameters.idsPerFrame, &prefetch)
    for i in 0..<candidates.count {
      let place = candidates.places[i]
      let (index, row) = (place.position / IndexParameters.idsPerFrame, place.position % IndexParameters.idsPerFrame)
      // Candidates of one list stand together.
      if let last = frames.last, last.list == Int(place.list), last.index == index, row < last.count {
        frames.append(last)
      } else {
        frames.append(try frame(.ids, list(holding: place), index))
      }
      statistics.bytesRead += Int(frames[i].entry.length)
      guard !frames[i].isCompressed else { continue }
      for plane in 0..<frames[i].entry.planes {
        Kernels.best.fetch(stored(frames[i]).slice(plane * frames[i].count, row + 1))
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
