internal import PQFormat
internal import PQKernels

/// The check that no id is in two shards.
extension IndexMerge {
  /// - Parameter shards: by ascending first id where ids are implicit.
  func checkIDs(_ shards: [Shard], _ index: IndexParameters) throws(BuildError) {
    guard index.storesIDs else { return try Self.checkImplicitIDs(shards) }
    guard shards.count > 1 else { return }
    let results = Threads.map(count: shards.count, threads: threads) { shard in
      Result { () throws(BuildError) in try Self.idRange(shards[shard]) }
    }
    var ranges: [ClosedRange<UInt64>] = []
    for result in results {
      if let range = try result.get() { ranges.append(range) }
    }
    ranges.sort { $0.lowerBound < $1.lowerBound }
    let areApart = zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound }
    guard !areApart else { return }  // as shards of rows are
    let count = shards.reduce(0) { $0 + $1.index.count }
    try UniqueIDs.check(count: count, memory: memory / 4, name: "the shards") { visit throws(BuildError) in
      for shard in shards { try Self.forEachID(shard, .all, visit) }
    }
  }

  /// Implicit ids are positions: each shard must begin where the one before ends.
  private static func checkImplicitIDs(_ shards: [Shard]) throws(BuildError) {
    for (one, next) in zip(shards, shards.dropFirst()) {
      let end = one.index.firstID + one.index.count
      guard next.index.firstID != end else { continue }
      throw .badData(
        next.index.firstID < end
          ? "\(one.path) and \(next.path): both have the id \(next.index.firstID); ids must be unique"
          : "\(one.path) ends before id \(end), \(next.path) begins at \(next.index.firstID): without lists ids must "
            + "follow each other; merge the shard between them too")
    }
  }

  private static func idRange(_ shard: Shard) throws(BuildError) -> ClosedRange<UInt64>? {
    var range: ClosedRange<UInt64>?
    try forEachID(shard, .bounds) { id in
      range = min(range?.lowerBound ?? id, id)...max(range?.upperBound ?? id, id)
    }
    return range
  }

  private static func forEachID(
    _ shard: Shard, _ reach: ShardCursor.Reach, _ visit: (UInt64) -> Void
  ) throws(BuildError) {
    var cursor = ShardCursor(shard, reach)
    for list in 0..<shard.index.listCount {
      try cursor.begin(list: list)
      while !cursor.isAtEnd {
        for id in cursor.blockIDs { visit(id) }
        try cursor.skipBlock()
      }
    }
  }
}
