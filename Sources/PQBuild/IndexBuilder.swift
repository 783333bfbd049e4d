internal import PQFormat
internal import PQKernels
internal import PQModel
internal import PQStorage

/// Builds one index file from rows, in the order in which the data travels:
/// rows → assign → encode → spill → group by list → write → publish.
///
/// The output appears whole when ``finish()`` returns; a builder that is dropped leaves nothing behind. Memory is
/// bounded by `BuildParameters.memory` and one call's rows, whatever the number of vectors.
public struct IndexBuilder: ~Copyable {
  private let trained: TrainedModel
  private let index: IndexParameters
  private let replacing: Bool
  private let folder: WorkFolder
  private var writer: IndexWriter
  /// Nil when the input's order is the file's: one list, ids in ascending order.
  private var spill: ListSpill?
  private let encoder: VectorEncoder
  private var rowsAdded: UInt64 = 0
  private var chunk = EncodedChunk()

  /// Begins the file at `path`, in a folder `path.work` beside it.
  /// - Parameters:
  ///   - expected: the number of rows to come, if known; sizes the spill.
  ///   - replacing: whether a file that exists is replaced, at the end, in one step.
  /// - Throws: `.file` when the output exists, cannot be made, or another build is at work on it.
  public init(
    _ trained: TrainedModel, output path: String, expected: UInt64? = nil, replacing: Bool = false
  ) throws(BuildError) {
    let folder = try BuildError.onFiles { () throws(FileError) in
      try WorkFolder(output: path, replacing: replacing)
    }
    try self.init(trained, folder: folder, expected: expected, replacing: replacing)
  }

  /// Begins the file of a work folder that the caller has taken.
  init(
    _ trained: TrainedModel, folder: consuming WorkFolder, expected: UInt64?, replacing: Bool
  ) throws(BuildError) {
    let plan = trained.plan
    let writer = try BuildError.onFiles { () throws(FileError) in
      try IndexWriter(
        plan.index, model: trained.model, compression: plan.parameters.compression,
        alignmentLog2: plan.parameters.alignmentLog2, folder: folder)
    }
    let spill = try BuildError.onFiles { () throws(FileError) -> ListSpill? in
      guard plan.index.storesIDs else { return nil }
      return try ListSpill(
        plan.index, expected: expected, memory: Self.groupingMemory(plan.parameters), folder: folder)
    }
    self.trained = trained
    self.replacing = replacing
    self.folder = folder
    self.writer = writer
    self.spill = spill
    index = plan.index
    encoder = VectorEncoder(plan.index)
  }

  /// What grouping may hold at once: a quarter of the budget; the rest is for model, chunk, directory and slack.
  private static func groupingMemory(_ parameters: BuildParameters) -> UInt64 { max(1 << 20, parameters.memory / 4) }

  /// Adds rows `[row][dimension]`.
  /// - Parameter ids: one a row, where the plan stores ids from the caller; else nil, and ids count up from the first.
  /// - Throws: `.badData` for a row that is not finite, overflows, or does not fit the stored vectors. The builder is
  ///   of no use after that.
  public mutating func add(_ rows: consuming [Float], ids: [UInt64]? = nil) throws(BuildError) {
    let threads = trained.plan.parameters.threads
    try RowCheck.prepare(&rows, index: index, firstRow: rowsAdded, threads: threads)
    let count = rows.count / index.dimension
    let first = trained.plan.parameters.firstID + rowsAdded
    let ids = ids ?? (0..<UInt64(count)).map { first + $0 }
    guard ids.count == count else { throw .usage("\(ids.count) ids for \(count) rows") }
    try chunk.encode(rows, trained.model, encoder, firstRow: rowsAdded, threads: threads)
    let (lists, codes, bytes) = (chunk.lists, chunk.codes, chunk.rows)
    if spill == nil {
      try writer.append(codes: codes.span, ids: [UInt64]().span, rows: bytes.rawSpan, count: count)
    } else {
      do throws(FileError) {
        try spill?.append(lists: lists, ids: ids, codes: codes.span, rows: bytes.rawSpan)
      } catch { throw .file(error) }
    }
    rowsAdded += UInt64(count)
  }

  /// Groups, writes and publishes the file.
  /// - Parameter isCancelled: asked between buckets of lists.
  /// - Throws: `.badData` for an id that occurs twice in a list, `.file`, `.interrupted`.
  public consuming func finish(
    progress: (BuildProgress) -> Void = { _ in }, isCancelled: () -> Bool = { false }
  ) throws(BuildError) -> BuildReport {
    var clock = StageClock()
    progress(.grouping)
    let grouping = ListGrouping(index: index, memory: Self.groupingMemory(trained.plan.parameters))
    if var spill = spill.take() {
      do throws(FileError) { try spill.endAppending() } catch { throw .file(error) }
      try grouping.run(&spill, into: &writer, isCancelled: isCancelled)
    } else {
      try writer.endList()
    }
    clock.end("group")
    progress(.writing)
    var report = BuildReport()
    report.vectors = writer.count
    report.imbalance = listImbalance(writer.listSizes)
    do throws(FileError) {
      let metadata = Metadata.describe(trained, vectors: writer.count, imbalance: report.imbalance)
      let (length, table) = try writer.finish(metadata: metadata)
      report.fileBytes = length
      for section in table.sections { report.sectionBytes[section.name] = section.length }
      try folder.publish(IndexWriter.fileName, replacing: replacing)
    } catch { throw .file(error) }
    clock.end("write")
    report.stages = clock.stages
    return report
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
