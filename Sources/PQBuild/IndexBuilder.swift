internal import PQFormat
internal import PQKernels
internal import PQModel
internal import PQStorage
internal import Synchronization

/// Builds one index file from rows, in the order in which the data travels:
/// rows → assign → encode → spill sorted runs → merge them list by list → write → publish.
///
/// The output appears whole when ``finish(progress:isCancelled:)`` returns; a builder that is dropped leaves nothing
/// behind. Memory is bounded by `BuildParameters.memory` and one call's rows, whatever the number of vectors.
public struct IndexBuilder: ~Copyable {
  private let trained: TrainedModel
  private let index: IndexParameters
  private let pieces: MemoryPlan
  private let replacing: Bool
  /// The thread that writes a run. Before the folder, so that it is waited for before another process may have that.
  private var writing: Background<Result<RunBuffer, BuildError>>?
  var folder: WorkFolder
  /// Nil where nobody wants to go on with what this leaves.
  private let journal: Journal?
  private var writer: IndexWriter
  /// Nil when the input's order is the file's: one list, ids in ascending order.
  private let spill: RunFile?
  private var buffer: RunBuffer
  /// The other buffer, while it is not being written.
  private var spare: RunBuffer?
  /// What has been added.
  private(set) var mark = InputMark()
  private var checkpoint: Checkpoint
  private var lastSave = ContinuousClock.now

  /// Begins the file at `path`, in a folder `path.work` beside it.
  /// - Parameters:
  ///   - replacing: whether a file that exists is replaced, at the end, in one step, and an interrupted build of it
  ///     forgotten.
  /// - Throws: `.file` when the output exists, cannot be made, or another build is at work on it or was interrupted.
  public init(_ trained: TrainedModel, output path: String, replacing: Bool = false) throws(BuildError) {
    let folder = try Journal.emptyFolder(for: path, replacing: replacing)
    try self.init(trained, folder: folder, replacing: replacing)
  }

  static let name = "index"

  /// Begins the file of a work folder that the caller has taken, or goes on from a checkpoint.
  init(
    _ trained: TrainedModel, folder: consuming WorkFolder, replacing: Bool, journal: Journal? = nil,
    from checkpoint: Checkpoint? = nil
  ) throws(BuildError) {
    let plan = trained.plan
    try checkpoint?.check(plan.index)
    let isMerged = checkpoint?.writer?.list == UInt64(plan.index.listCount)
    let writer = try BuildError.onFiles { () throws(FileError) in
      try IndexWriter(
        plan.index, model: trained.model, compression: plan.parameters.compression,
        alignmentLog2: plan.parameters.alignmentLog2, folder: folder, name: Self.name, resuming: checkpoint?.writer)
    }
    spill = try BuildError.onFiles { () throws(FileError) in
      // Merged, the spill may still be there: a process was killed before it removed it.
      if isMerged { RunFile.remove(from: folder) }
      let spill = plan.index.storesIDs && !isMerged ? try RunFile(folder, resuming: checkpoint?.runs) : nil
      // The journal will speak of files that were made here.
      if journal != nil { try folder.synchronize() }
      return spill
    }
    self.trained = trained
    self.replacing = replacing
    self.folder = folder
    self.journal = journal
    self.writer = writer
    self.checkpoint = checkpoint ?? Checkpoint()
    mark = checkpoint?.input ?? InputMark()
    index = plan.index
    pieces = plan.memory
    buffer = RunBuffer(plan.index, capacity: plan.memory.runVectors)
  }

  /// Adds rows `[row][dimension]`.
  /// - Parameter ids: one a row, where the plan stores ids; else nil, and ids count up from the first. No id may come twice:
  ///   ``finish(progress:isCancelled:)`` finds it where both vectors are in one list, and ``FileBuild`` anywhere.
  /// - Throws: `.usage` for ids that the plan does not store, `.needsMemory` for more vectors than can be merged, `.badData`
  ///   for a row that is not finite, overflows, or does not fit the stored vectors. The builder is of no use after that.
  public mutating func add(_ rows: consuming [Float], ids: [UInt64]? = nil) throws(BuildError) {
    guard rows.count % index.dimension == 0 else {
      throw .usage("\(rows.count) components are no whole number of rows of \(index.dimension)")
    }
    let count = rows.count / index.dimension
    if ids != nil, !index.storesIDs { throw .usage("the plan stores no ids; make it with storesIDs") }
    if let ids, ids.count != count { throw .usage("\(ids.count) ids for \(count) rows") }
    try add(RowChunks(rows, ids: ids, index, chunkRows: pieces.chunkRows, after: mark)) { _ in }
  }

  /// Adds all rows of a source, which follow on those that were added before and have been checked.
  /// - Parameters:
  ///   - ending: set when no more is wanted of the source.
  ///   - progress: called for what has been added after each chunk; may throw to end it there.
  mutating func add<Source: ChunkSource & ~Copyable>(
    _ source: consuming Source, ending: Ending = Ending(), progress: (InputMark) throws(BuildError) -> Void
  ) throws(BuildError) {
    let ring = ChunkRing(source, ChunkEncoder(index, trained.model), chunks: pieces.chunks, ending: ending)
    try ring.run(threads: trained.plan.parameters.threads) { chunk throws(BuildError) in
      try append(chunk)
      try progress(mark)
    }
  }

  private mutating func append(_ chunk: Chunk) throws(BuildError) {
    // Of a stream the number of rows was not known before.
    if chunk.ids == nil { try BuildPlan.check(firstID: trained.plan.parameters.firstID, count: chunk.mark.rows) }
    try BuildPlan.check(rows: chunk.mark.rows)
    if spill == nil {
      try writer.append(codes: chunk.codes.span, ids: [UInt64]().span, rows: chunk.packed.rawSpan, count: chunk.count)
    } else {
      if buffer.count + chunk.count > buffer.capacity {
        try writeRun(saving: isSaveDue(after: pieces.checkpointInterval / 8))
      }
      buffer.append(chunk, firstID: chunk.ids == nil ? trained.plan.parameters.firstID + mark.rows : 0)
    }
    mark = chunk.mark
    if isSaveDue(after: pieces.checkpointInterval) { try save() }
  }

  /// Whether the last checkpoint is so old that a kill would cost too much.
  private func isSaveDue(after interval: Duration) -> Bool {
    journal != nil && ContinuousClock.now - lastSave > interval
  }

  /// Makes all that was added safe, so that a later process can go on from here.
  mutating func save() throws(BuildError) {
    if spill != nil { return try writeRun(saving: true) }
    lastSave = .now
    checkpoint.input = mark
    try BuildError.onFiles { () throws(FileError) in
      checkpoint.writer = try writer.checkpoint()
      try journal?.reached(checkpoint)
    }
  }

  /// Waits until what ``save()`` has begun is done.
  mutating func waitForRun() throws(BuildError) {
    if let writing = writing.take() { spare = try writing.wait().get() }
  }

  /// Sorts and writes the buffered vectors as a run, while the next ones are encoded into the other buffer.
  /// - Parameter saving: whether that is a checkpoint; a run that follows the last one soon need not be one.
  private mutating func writeRun(saving: Bool) throws(BuildError) {
    try waitForRun()
    if saving { lastSave = .now }
    guard let spill, !buffer.isEmpty else { return }
    guard spill.runs.count < pieces.mostRuns else {
      throw .needsMemory(vectors: mark.rows, memory: pieces.budget)
    }
    var full = RunBuffer(index, capacity: pieces.runVectors)
    if let spare = spare.take() { full = spare }
    swap(&full, &buffer)
    let (journal, mark) = (journal, mark)
    // Handed over, so that the buffer has one owner and none of its arrays is copied.
    let handed = Mutex<RunBuffer?>(full)
    let write: @Sendable () -> Result<RunBuffer, BuildError> = {
      Result { () throws(BuildError) in
        guard var buffer = handed.withLock({ $0.take() }) else { preconditionFailure("a run is written once") }
        try BuildError.onFiles { () throws(FileError) in
          try spill.write(buffer, durably: saving)
          guard saving, let journal else { return }
          var reached = Checkpoint()
          (reached.input, reached.runs) = (mark, spill.runs)
          try journal.reached(reached)
        }
        buffer.removeAll()
        return buffer
      }
    }
    if trained.plan.parameters.threads > 1 { writing = Background(write) } else { spare = try write().get() }
  }

  /// Ends the encoding, merges the runs, writes and publishes the file.
  /// - Parameter isCancelled: asked every few thousand vectors, or mebibytes, of what is merged and written.
  /// - Throws: `.badData` for an id that occurs twice in a list, `.file`, `.interrupted`.
  public consuming func finish(
    progress: @escaping (BuildProgress) -> Void = { _ in }, isCancelled: () -> Bool = { false }
  ) throws(BuildError) -> BuildReport {
    var clock = StageClock(progress)
    try endEncoding()
    let before = spill == nil ? writer.count : checkpoint.writer?.count ?? 0
    try mergeRuns(progress, isCancelled)
    clock.end("merge", vectors: writer.count - before)
    progress(.writing)
    let metadata = Metadata.describe(trained, vectors: writer.count, imbalance: writer.imbalance)
    try BuildError.onFiles { () throws(FileError) in
      try writer.finish(metadata: metadata, isCancelled: isCancelled)
      let header = writer.header
      try journal?.completed(vectors: writer.count, length: header.fileLength, fileID: header.fileID)
      try folder.publish(Self.name + ".pqx", replacing: replacing)
      folder.keep(false)
    }
    clock.end("write", vectors: writer.count)
    return BuildReport(writer, clock)
  }

  private mutating func endEncoding() throws(BuildError) {
    guard !checkpoint.isEncoded else { return }
    if spill != nil {
      try writeRun(saving: true)
      try waitForRun()
      (buffer, spare) = (RunBuffer(index, capacity: 0), nil)
    }
    checkpoint.input = mark
    checkpoint.isEncoded = true
    if let spill { checkpoint.runs = spill.runs }
    if spill == nil { try writer.endList() }
    try saveMerge([])
  }

  private mutating func mergeRuns(
    _ progress: (BuildProgress) -> Void, _ isCancelled: () -> Bool
  ) throws(BuildError) {
    guard let spill, writer.list < index.listCount else { return }
    let (from, memory) = (checkpoint.positions, pieces.mergeBytes)
    var merge = try BuildError.onFiles { () throws(FileError) in
      try RunMerge(index, spill, from: from, memory: memory)
    }
    var batch = ListBatch()
    while writer.list < index.listCount {
      progress(.merging(lists: writer.list, of: index.listCount, vectors: writer.count))
      if isSaveDue(after: pieces.checkpointInterval) { try saveMerge(merge.positions) }
      if isCancelled() {
        try saveMerge(merge.positions)
        throw .interrupted
      }
      try merge.write(list: writer.list, to: &writer, &batch, isCancelled: isCancelled)
    }
    guard writer.count == checkpoint.input.rows else {
      throw .badData(
        "\(folder.path): the runs gave \(writer.count) vectors, \(checkpoint.input.rows) were added; "
          + "start again with --force")
    }
    try saveMerge(merge.positions)
    RunFile.remove(from: folder)  // its space may be needed to put the file together
  }

  private mutating func saveMerge(_ positions: [UInt64]) throws(BuildError) {
    lastSave = .now
    guard let journal else { return }
    checkpoint.positions = positions
    try BuildError.onFiles { () throws(FileError) in
      checkpoint.writer = try writer.checkpoint()
      try journal.reached(checkpoint)
    }
  }
}
