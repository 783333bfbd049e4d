internal import PQFormat
internal import PQKernels
internal import PQModel
internal import PQStorage

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
  var folder: WorkFolder
  /// Nil where nobody wants to go on with what this leaves.
  private let journal: Journal?
  private var writer: IndexWriter
  /// Nil when the input's order is the file's: one list, ids in ascending order.
  private let spill: RunFile?
  private var buffer: RunBuffer
  private var writing: Background<Result<Void, BuildError>>?
  private let encoder: VectorEncoder
  private var chunk = EncodedChunk()
  /// What has been added.
  private(set) var mark = InputMark()
  private var checkpoint: Checkpoint
  private var lastSave = ContinuousClock.now

  /// Begins the file at `path`, in a folder `path.work` beside it.
  /// - Parameters:
  ///   - replacing: whether a file that exists is replaced, at the end, in one step.
  /// - Throws: `.file` when the output exists, cannot be made, or another build is at work on it.
  public init(_ trained: TrainedModel, output path: String, replacing: Bool = false) throws(BuildError) {
    let folder = try BuildError.onFiles { () throws(FileError) in
      let folder = try WorkFolder(output: path)
      if !replacing { try folder.checkOutputIsFree() }
      folder.clear()
      return folder
    }
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
      guard plan.index.storesIDs, !isMerged else { return nil }
      return try RunFile(folder, resuming: checkpoint?.runs)
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
    encoder = VectorEncoder(plan.index)
    buffer = RunBuffer(plan.index, capacity: 0)
  }

  /// Adds rows `[row][dimension]`.
  /// - Parameter ids: one a row, where the plan stores ids from the caller; else nil, and ids count up from the first.
  /// - Throws: `.badData` for a row that is not finite, overflows, or does not fit the stored vectors. The builder is
  ///   of no use after that.
  public mutating func add(_ rows: consuming [Float], ids: [UInt64]? = nil) throws(BuildError) {
    guard rows.count % index.dimension == 0 else {
      throw .usage("\(rows.count) components are no whole number of rows of \(index.dimension)")
    }
    let count = rows.count / index.dimension
    if let ids, ids.count != count { throw .usage("\(ids.count) ids for \(count) rows") }
    for first in stride(from: 0, to: count, by: pieces.chunkRows) {
      let range = first..<min(count, first + pieces.chunkRows)
      var chunk = Chunk(
        rows: range.count == count
          ? rows : Array(rows[range.lowerBound * index.dimension..<range.upperBound * index.dimension]),
        ids: ids.map { Array($0[range]) }, count: range.count, mark: mark)
      var mark = mark
      mark.add(chunk.rows.span, count: chunk.count)
      chunk.mark = mark
      try RowCheck.check(chunk.rows, index: index, firstRow: mark.rows - UInt64(range.count))
      try add(chunk)
    }
  }

  /// Adds one chunk, which follows on what was added before, of rows that have been checked.
  mutating func add(_ chunk: consuming Chunk) throws(BuildError) {
    let threads = trained.plan.parameters.threads
    let firstRow = mark.rows
    let first = trained.plan.parameters.firstID + firstRow
    let count = chunk.count
    let ids = chunk.ids ?? (0..<UInt64(count)).map { first + $0 }
    let mark = chunk.mark
    var rows = chunk.rows
    chunk.rows = []
    RowCheck.normalize(&rows, index: index, threads: threads)
    try self.chunk.encode(consume rows, trained.model, encoder, firstRow: firstRow, threads: threads)
    let (lists, codes, packed) = (self.chunk.lists, self.chunk.codes, self.chunk.rows)
    if spill == nil {
      try writer.append(codes: codes.span, ids: [UInt64]().span, rows: packed.rawSpan, count: count)
    } else {
      if buffer.count + count > buffer.capacity {
        try writeRun(saving: isSaveDue(after: pieces.checkpointInterval / 8))
      }
      buffer.append(lists: lists, ids: ids, codes: codes, rows: packed, threads: threads)
    }
    self.mark = mark
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
  mutating func waitForRun() throws(BuildError) { try writing.take()?.wait().get() }

  /// Sorts and writes the buffered vectors as a run, while the next ones are encoded, and begins a new buffer.
  /// - Parameter saving: whether that is a checkpoint; a run that follows the last one soon need not be one.
  private mutating func writeRun(saving: Bool) throws(BuildError) {
    try waitForRun()
    if saving { lastSave = .now }
    let full = buffer
    buffer = RunBuffer(index, capacity: pieces.runVectors)
    guard let spill, !full.isEmpty else { return }
    let (journal, mark) = (journal, mark)
    let write: @Sendable () -> Result<Void, BuildError> = {
      Result { () throws(BuildError) in
        try BuildError.onFiles { () throws(FileError) in
          try spill.write(full, durably: saving)
          guard saving, let journal else { return }
          var reached = Checkpoint()
          (reached.input, reached.runs) = (mark, spill.runs)
          try journal.reached(reached)
        }
      }
    }
    if trained.plan.parameters.threads > 1 { writing = Background(write) } else { try write().get() }
  }

  /// Ends the encoding, merges the runs, writes and publishes the file.
  /// - Parameter isCancelled: asked between lists.
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
      try writer.finish(metadata: metadata)
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
      buffer = RunBuffer(index, capacity: 0)
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
      try merge.write(list: writer.list, to: &writer, &batch)
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

/// One chunk of rows, encoded; its arrays are reused from chunk to chunk.
private struct EncodedChunk {
  /// The list of each row; empty without a coarse quantizer.
  private(set) var lists: [UInt32] = []
  /// `[row][m]`.
  private(set) var codes: [UInt16] = []
  /// Packed rows of the vectors section.
  private(set) var rows: [UInt8] = []

  mutating func encode(
    _ input: consuming [Float], _ model: Model, _ encoder: VectorEncoder, firstRow: UInt64, threads: Int
  ) throws(BuildError) {
    rows.removeAll(keepingCapacity: true)
    try encoder.encode(input.span, firstRow: firstRow, to: &rows)
    if let coarse = model.coarse {
      coarse.assign(input, threads: threads, into: &lists)
      if model.residual { coarse.subtractCentroids(lists, from: &input, threads: threads) }
    }
    model.quantizer?.encode(input, threads: threads, into: &codes)
  }
}
