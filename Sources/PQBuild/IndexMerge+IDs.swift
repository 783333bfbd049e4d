internal import PQFormat
internal import PQKernels

/// The check that no id is in two shards.
extension IndexMerge {
  /// - Parameters:
  ///   - shards: by ascending first id where ids are implicit.
  ///   - memory: for ids of shards that are not apart.
  func checkIDs(_ shards: [Shard], _ index: IndexParameters, memory: UInt64) throws(BuildError) {
    guard index.storesIDs else { return try Self.checkImplicitIDs(shards) }
    guard shards.count > 1 else { return }
    let results = Threads.map(count: shards.count, threads: threads) { shard in
      Result { () throws(BuildError) in try Self.idRange(shards[shard], isCancelled) }
    }
    var ranges: [ClosedRange<UInt64>] = []
    for result in results {
      if let range = try result.get() { ranges.append(range) }
    }
    ranges.sort { $0.lowerBound < $1.lowerBound }
    let areApart = zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound }
    guard !areApart else { return }  // as shards of rows are
    let count = shards.reduce(0) { $0 + $1.index.count }
    let repeated = try UniqueIDs.firstRepeated(count: count, memory: memory) { visit throws(BuildError) in
      for shard in shards { try Self.forEachID(shard, .all, isCancelled, visit) }
    }
    if let repeated { throw try repetition(of: repeated, shards) }
  }

  /// What to say of an id that occurs twice: which shards hold it.
  private func repetition(of id: UInt64, _ shards: [Shard]) throws(BuildError) -> BuildError {
    var paths: [String] = []
    for shard in shards where paths.count < 2 {
      var isHeld = false
      try Self.forEachID(shard, .all, isCancelled) { isHeld = isHeld || $0 == id }
      if isHeld { paths.append(shard.path) }
    }
    // None, if they were overwritten since.
    let holders = paths.isEmpty ? "the shards" : paths.joined(separator: " and ")
    return .badData("\(holders): id \(id) occurs twice; ids must be unique")
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

  private static func idRange(
    _ shard: Shard, _ isCancelled: () -> Bool
  ) throws(BuildError) -> ClosedRange<UInt64>? {
    var range: ClosedRange<UInt64>?
    try forEachID(shard, .bounds, isCancelled) { id in
      range = min(range?.lowerBound ?? id, id)...max(range?.upperBound ?? id, id)
    }
    return range
  }

  private static func forEachID(
    _ shard: Shard, _ reach: ShardCursor.Reach, _ isCancelled: () -> Bool, _ visit: (UInt64) -> Void
  ) throws(BuildError) {
    var cursor = ShardCursor(shard, reach)
    for list in 0..<shard.index.listCount {
      try cursor.begin(list: list)
      while !cursor.isAtEnd {
        if isCancelled() { throw .interrupted }
        for id in cursor.blockIDs { visit(id) }
        try cursor.skipBlock()
      }
    }
  }
}
