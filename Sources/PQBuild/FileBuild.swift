internal import PQFormat
internal import PQKernels
public import PQStorage

/// Where vectors are read from.
public struct VectorSource: Sendable {
  /// A path; `-` is standard input.
  public var path: String
  /// Nil: by the path's extension.
  public var format: VectorFileFormat?
  /// Whether this is a copy of standard input, which errors name instead.
  var isSpool = false

  public init(path: String, format: VectorFileFormat? = nil) {
    self.path = path
    self.format = format
  }
}

/// Builds an index file from a vector file, top to bottom:
/// open → (spool) → plan → sample → train → encode → merge → write.
///
/// What it does is told to a journal in the folder `OUTPUT.work`, so that a build that was killed or interrupted can be
/// gone on with (``resuming``), to the same bytes.
public struct FileBuild: Sendable {
  public var input: VectorSource
  public var output: String
  public var parameters: BuildParameters
  /// Trains on this file instead of a sample of the input.
  public var trainingInput: VectorSource?
  /// An index file whose quantizers, metric and encodings are used; nothing is trained then. It is mapped while it is read, as
  /// the shards of an ``IndexMerge`` are.
  public var model: String?
  /// Ends after the training: the output is a model, an index of no vectors.
  public var trainsOnly = false
  /// The rows to encode; nil: all. Row r has the id `parameters.firstID` + r, or the r-th of `ids`.
  public var rows: Range<UInt64>?
  /// A file of packed little-endian u64, one id a row; nil: row numbers from `parameters.firstID`.
  public var ids: String?
  /// Whether an output that exists is replaced, and an interrupted build of it forgotten.
  public var replacing = false
  /// Whether an interrupted build of the output is gone on with; if there is none, the build begins.
  public var resuming = false
  public var progress: @Sendable (BuildProgress) -> Void = { _ in }
  /// Asked between chunks, iterations and lists, and while standard input is idle; true ends the build with
  /// ``BuildError/interrupted``, for another to go on from there.
  public var isCancelled: @Sendable () -> Bool = { false }
  /// Changes the pieces in which the work is done, which the budget otherwise gives.
  package var adjust: @Sendable (inout MemoryPlan) -> Void = { _ in }

  public init(input: VectorSource, output: String, parameters: BuildParameters = BuildParameters()) {
    self.input = input
    self.output = output
    self.parameters = parameters
  }

  /// Opens the inputs and chooses every parameter, without building. Standard input is not read beyond its first row.
  ///
  /// What would stand against the build is an error here too, as far as can be seen without reading the inputs: an output
  /// that exists, an interrupted build that is neither gone on with nor forgotten, too little room, more or fewer ids than
  /// rows.
  public func plan() throws(BuildError) -> BuildPlan {
    try checkOutputIsNoInput()
    let model = try openModel()
    let (parent, free) = try lookAtOutput(model)
    let reader = try open(input)
    var plan = try plan(reader, model)
    if storesSpool { plan.memory.addDisk(reader.rowCount.map { $0 * UInt64(reader.rowBytes) }) }
    _ = try openIDs(rows: reader.rowCount)
    try checkSpace(plan, in: parent, have: free)
    return plan
  }

  public func run() throws(BuildError) -> BuildReport {
    var beginning = Beginning.none
    do throws(BuildError) {
      return try run(&beginning)
    } catch {
      settle(beginning, after: error)
      throw error
    }
  }

  private func run(_ beginning: inout Beginning) throws(BuildError) -> BuildReport {
    var clock = StageClock(progress)
    try checkOutputIsNoInput()
    let model = try openModel()
    if input.path != "-" { _ = try plan(try open(input), model) }  // what can be refused at once is
    let identity = try identity(model)
    var folder = try BuildError.onFiles { () throws(FileError) in try WorkFolder(output: output) }
    let (journal, done) = try begin(&folder, identity)
    beginning = done.hasProgress ? .resumed : .fresh
    if let completed = done.completed { return try publish(completed, folder) }

    var source = input
    if storesSpool {
      source = try spool(folder, journal, done)
      clock.end("spool")
    }
    let ending = Ending()
    var reader = try open(source, until: ending)
    var plan = try plan(reader, model)
    if storesSpool { plan.memory.addDisk(folder.byteCount(of: "spool")) }
    for notice in plan.notices { progress(.notice(notice)) }
    progress(.planned(plan))
    try checkSpace(plan, folder)
    let ids = try openUniqueIDs(rows: reader.rowCount, plan)

    let trained = try train(plan, model, &reader, folder, journal, done, &clock)
    if trainsOnly { return try publishModel(&folder, journal, clock) }

    let count = rows.map { $0.upperBound - $0.lowerBound } ?? reader.rowCount
    var builder = try IndexBuilder(
      trained, folder: folder, replacing: replacing, journal: journal, from: done.checkpoint)
    if done.checkpoint?.isEncoded != true {
      let chunks = try ChunkReader(reader, ids: ids, rows: rows, chunkRows: plan.memory.chunkRows, after: builder.mark)
      try encode(chunks, of: count, ending, into: &builder)
    }
    clock.end("encode", vectors: builder.mark.rows - (done.checkpoint?.input.rows ?? 0))
    var report = try builder.finish(progress: progress, isCancelled: isCancelled)
    report.stages = clock.stages + report.stages
    return report
  }

  /// Encodes all chunks; what was done until an interruption is saved.
  private func encode(
    _ chunks: consuming ChunkReader, of count: UInt64?, _ ending: Ending, into builder: inout IndexBuilder
  ) throws(BuildError) {
    let rowBytes = chunks.rowBytes
    do throws(BuildError) {
      try builder.add(chunks, ending: ending) { mark throws(BuildError) in
        progress(.encoded(rows: mark.rows, of: count, bytes: mark.rows * rowBytes))
        if isCancelled() { throw .interrupted }
      }
    } catch {
      guard error.kind == .interrupted else { throw error }
      try builder.save()
      try builder.waitForRun()
      throw error
    }
  }
}
