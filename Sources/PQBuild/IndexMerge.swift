internal import PQFormat
internal import PQStorage

/// Merges index files of one model into one, as if all their vectors had been built into it at once: the bytes are the
/// same. Reads and writes from front to back; memory depends on the number of files and threads, not on what is in them.
///
/// The files are mapped with a handler for SIGBUS, which passes on what is not its own to the one that was there before.
public struct IndexMerge: Sendable {
  public var shards: [String]
  public var output: String
  /// Bytes that may be allocated.
  public var memory: UInt64 = 1 << 30
  /// Threads that make frames; the bytes do not depend on it.
  public var threads = 1
  /// Whether an output that exists is replaced.
  public var replacing = false
  /// Bytes that are handed on at a time.
  package var pieceBytes = FrameCutter.pieceBytes
  public var progress: @Sendable (BuildProgress) -> Void = { _ in }
  /// Asked between lists and every few thousand vectors; true ends the merge with ``BuildError/interrupted``.
  public var isCancelled: @Sendable () -> Bool = { false }

  public init(_ shards: [String], output: String) {
    self.shards = shards
    self.output = output
  }

  /// - Throws: `.usage` for shards of different models, `.badData` for damage, for a shard that changes meanwhile, even if
  ///   another file takes its place, or for ids that occur in two shards or leave a gap where ids are implicit.
  public func run() throws(BuildError) -> BuildReport {
    var clock = StageClock(progress)
    for path in shards { try BuildError.check(output, isNot: path) }
    var open: [Shard] = []
    for path in shards { open.append(try Shard(path: path)) }
    try BuildPlan.check(threads: threads)
    guard let first = open.first else { throw .usage("nothing to merge: name at least one index") }
    for shard in open { try Self.checkModel(shard, first) }
    let model = try ModelFile(path: first.path)
    let filled = open.filter { $0.index.count > 0 }.sorted { $0.index.firstID < $1.index.firstID }
    let trained = try trained(model, filled)
    let fixed = trained.plan.memory.least + UInt64(filled.count * ShardCursor.byteBound(model.index))
    let pieces = try pieceCount(trained.plan, shards: filled.count, fixed)
    try checkIDs(filled, model.index, memory: UniqueIDs.room(memory, beside: fixed))
    clock.end("check")

    var folder = try Journal.emptyFolder(for: output, replacing: replacing)
    try checkSpace(filled, folder)
    var writer = try BuildError.onFiles { () throws(FileError) in
      try IndexWriter(
        trained.plan.index, model: model.model, compression: model.compression, alignmentLog2: model.alignmentLog2,
        folder: folder, name: IndexBuilder.name)
    }
    try mergeLists(filled, trained.plan.index, pieces: pieces, into: &writer)
    for shard in open { try shard.checkUnchanged() }
    clock.end("merge", vectors: writer.count)
    progress(.writing)
    let metadata = Metadata.describe(trained, vectors: writer.count, imbalance: writer.imbalance)
    try BuildError.onFiles { () throws(FileError) in
      try writer.finish(metadata: metadata, isCancelled: isCancelled)
      try folder.publish(IndexBuilder.name + ".pqx", replacing: replacing)
    }
    clock.end("write", vectors: writer.count)
    return BuildReport(writer, clock)
  }

  private static func checkModel(_ shard: Shard, _ first: Shard) throws(BuildError) {
    guard shard.digest != first.digest else { return }
    let (mine, others) = (shard.digest, first.digest)
    throw .usage(
      "\(shard.path) is of another model than \(first.path): "
        + "\(mine.filter { !others.contains($0) }.joined(separator: ", ")), not "
        + "\(others.filter { !mine.contains($0) }.joined(separator: ", ")); encode all shards with one model")
  }

  private func trained(_ model: ModelFile, _ shards: [Shard]) throws(BuildError) -> TrainedModel {
    var parameters = BuildParameters()
    // What a merge needs is more than the plan knows of (`pieceCount`).
    parameters.memory = max(memory, 1 << 40)
    parameters.threads = threads
    parameters.firstID = shards.first?.index.firstID ?? 0
    return TrainedModel(
      try BuildPlan(
        parameters, model: model, dimension: model.index.dimension, count: nil,
        componentType: model.index.vectorOffset == 0 ? .u8 : .i8, storesIDs: model.index.storesIDs),
      file: model)
  }

  private func checkSpace(_ shards: [Shard], _ folder: borrowing WorkFolder) throws(BuildError) {
    // The output, and the sections that grow beside it.
    let need = shards.reduce(UInt64(1 << 20)) { sum, shard in
      let beside: [SectionKind] = [.ids, .lists, .frames] + (shard.index.m > 0 ? [.vectors] : [])
      return sum + shard.structure.header.fileLength + beside.reduce(0) { $0 + shard.section($1).length }
    }
    if let have = folder.availableSpace, have < need {
      throw .noSpace(folder: folder.path, need: need, have: have)
    }
  }

  /// Pieces that the memory has room for, two for each thread at most.
  /// - Parameter fixed: what is taken whatever the pieces.
  /// - Throws: `.usage` for a budget that two do not fit into, with the least that would do.
  private func pieceCount(_ plan: BuildPlan, shards: Int, _ fixed: UInt64) throws(BuildError) -> Int {
    let two = 2 * UInt64(FrameCutter.pieceBound(plan.index))
    guard memory >= fixed + two else {
      throw .usage(
        "--memory \(memory) is too small to merge \(shards) indexes of this model with \(threads) threads, which takes "
          + "\(fixed + two) at least; give --memory \(fixed + two)")
    }
    return 2 * Int(min(UInt64(threads), (memory - fixed) / two))
  }

  private func mergeLists(
    _ shards: [Shard], _ index: IndexParameters, pieces: Int, into writer: inout IndexWriter
  ) throws(BuildError) {
    let ring = PieceRing((0..<pieces).map { _ in writer.piece() })
    try ring.run(threads: min(threads, pieces)) { () throws(BuildError) in
      func write(_ piece: MergePiece) throws(BuildError) { try writer.append(piece) }
      var cursors = shards.map { ShardCursor($0, .all) }
      var heap = IDHeap()
      var cutter = FrameCutter(index, pieceBytes: pieceBytes, try ring.free(write))
      for list in 0..<index.listCount {
        if isCancelled() { throw .interrupted }
        heap.removeAll()
        for c in cursors.indices {
          try cursors[c].begin(list: list)
          if !cursors[c].isAtEnd { heap.insert(c, id: cursors[c].id) }
        }
        while let first = heap.first {
          try cursors[first].take(upTo: heap.otherID, to: &cutter)
          heap.moveFirst(to: cursors[first].isAtEnd ? nil : cursors[first].id)
          if cutter.isFull {
            if isCancelled() { throw .interrupted }
            ring.put(cutter.cut(next: try ring.free(write)))
          }
          if !index.storesIDs { progress(.merging(lists: list, of: index.listCount, vectors: cutter.count)) }
        }
        cutter.endList()
        if cutter.isFull { ring.put(cutter.cut(next: try ring.free(write))) }
        progress(.merging(lists: list + 1, of: index.listCount, vectors: cutter.count))
      }
      ring.put(cutter.cut(next: try ring.free(write)))
      try ring.finish(write)
    }
  }
}
