internal import PQFormat
internal import PQKernels
public import PQStorage

/// Where vectors are read from.
public struct VectorSource: Sendable {
  /// A path; `-` is standard input.
  public var path: String
  /// Nil: by the path's extension.
  public var format: VectorFileFormat?

  public init(path: String, format: VectorFileFormat? = nil) {
    self.path = path
    self.format = format
  }
}

/// Builds an index file from a vector file, top to bottom:
/// open → (spool) → plan → sample → train → encode → group → write.
public struct FileBuild: Sendable {
  public var input: VectorSource
  public var output: String
  public var parameters: BuildParameters
  /// Trains on this file instead of a sample of the input.
  public var trainingInput: VectorSource?
  /// A file of packed little-endian u64, one id a row; nil: row numbers from `parameters.firstID`.
  public var ids: String?
  /// Whether an output that exists is replaced.
  public var replacing = false
  public var progress: @Sendable (BuildProgress) -> Void = { _ in }
  /// Asked between chunks and iterations; true ends the build with ``BuildError/interrupted``.
  public var isCancelled: @Sendable () -> Bool = { false }

  public init(input: VectorSource, output: String, parameters: BuildParameters = BuildParameters()) {
    self.input = input
    self.output = output
    self.parameters = parameters
  }

  /// Opens the inputs and chooses every parameter, without building. Standard input is not read beyond its first row.
  public func plan() throws(BuildError) -> BuildPlan {
    try plan(try open(input))
  }

  public func run() throws(BuildError) -> BuildReport {
    var clock = StageClock()
    if !storesSpool { _ = try plan() }  // what can be refused at once is, before anything is written
    let folder = try BuildError.onFiles { () throws(FileError) in
      try WorkFolder(output: output, replacing: replacing)
    }
    var reader = try open(storesSpool ? try spool(folder) : input)
    if storesSpool { clock.end("spool") }

    let plan = try plan(reader)
    for notice in plan.notices { progress(.notice(notice)) }
    var ids = try openIDs(rows: reader.rowCount)
    let sample = try drawSample(plan, &reader)
    clock.end("sample")
    let trained = try TrainedModel(plan, sample: sample, progress: progress, isCancelled: isCancelled)
    clock.end("train")

    var builder = try IndexBuilder(trained, folder: folder, expected: reader.rowCount, replacing: replacing)
    try encode(&reader, ids: &ids, plan, into: &builder)
    clock.end("encode")
    var report = try builder.finish(progress: progress, isCancelled: isCancelled)
    report.stages = clock.stages + report.stages
    return report
  }

  /// Standard input can be read once, so without another training input it is kept in a file first.
  private var storesSpool: Bool { input.path == "-" && trainingInput == nil && parameters.kind != .flat }

  private func open(_ source: VectorSource) throws(BuildError) -> VectorReader {
    try BuildError.onInputs { () throws(VectorFileError) in
      try VectorReader(path: source.path, format: source.format)
    }
  }

  private func spool(_ folder: borrowing WorkFolder) throws(BuildError) -> VectorSource {
    let format = input.format
    guard let format else { throw .usage("standard input has no extension; give --format") }
    let path = folder.file("spool")
    var file = try BuildError.onFiles { () throws(FileError) in try WorkFile(creating: path) }
    let complete = try BuildError.onInputs { () throws(VectorFileError) in
      try Spool.standardInput(to: &file) { bytes in
        progress(.spooling(bytes: bytes))
        return !isCancelled()
      }
    }
    guard complete else { throw .interrupted }
    return VectorSource(path: path, format: format)
  }

  private func plan(_ reader: borrowing VectorReader) throws(BuildError) -> BuildPlan {
    var trainCount: UInt64?
    if let trainingInput {
      let training = try open(trainingInput)
      guard training.dimension == reader.dimension else {
        throw .badData(
          "\(training.path): dimension \(training.dimension), but \(reader.path) has \(reader.dimension)")
      }
      guard let count = training.rowCount else {
        throw .usage("the training input must be a file, for a sample to be drawn from it")
      }
      trainCount = count
    }
    return try BuildPlan(
      parameters, dimension: reader.dimension, count: reader.rowCount, componentType: reader.componentType,
      trainCount: trainCount, storesIDs: ids != nil)
  }

  private func openIDs(rows: UInt64?) throws(BuildError) -> IDReader? {
    guard let ids else { return nil }
    var reader = try BuildError.onInputs { () throws(VectorFileError) in try IDReader(path: ids) }
    if let rows, rows != reader.count { throw Self.countMismatch(ids, reader.count, rows) }
    try UniqueIDs.check(&reader, memory: parameters.memory / 4)
    return reader
  }

  private static func countMismatch(_ path: String, _ ids: UInt64, _ rows: UInt64) -> BuildError {
    .badData("\(path): \(ids) ids for \(rows) vectors; there must be one for each")
  }

  /// The training rows, in order of their seeded hash. Rows are read in ascending order, each once.
  private func drawSample(_ plan: BuildPlan, _ reader: inout VectorReader) throws(BuildError) -> [Float] {
    guard plan.index.nlist > 0 || plan.index.m > 0 else { return [] }
    if let trainingInput {
      var training = try open(trainingInput)
      return try readSample(plan, &training)
    }
    let sample = try readSample(plan, &reader)
    try BuildError.onInputs { () throws(VectorFileError) in try reader.seek(toRow: 0) }
    return sample
  }

  private func readSample(_ plan: BuildPlan, _ reader: inout VectorReader) throws(BuildError) -> [Float] {
    let count = reader.rowCount ?? 0
    let dimension = plan.index.dimension
    let rows = Sample.rows(count: count, size: plan.trainSize, seed: parameters.seed)
    let ascending = rows.indices.sorted { rows[$0] < rows[$1] }
    var sample = [Float](repeating: 0, count: rows.count * dimension)
    var chunk: [Float] = []
    var next = 0
    try BuildError.onInputs { () throws(VectorFileError) in
      while next < ascending.count {
        // One read takes the rows that follow each other closely: a gap costs less than another call.
        let first = rows[ascending[next]]
        var end = next + 1
        while end < ascending.count, rows[ascending[end]] - rows[ascending[end - 1]] <= 32,
          rows[ascending[end]] - first < 8192
        { end += 1 }
        if reader.position != first { try reader.seek(toRow: first) }
        _ = try reader.read(maxRows: Int(rows[ascending[end - 1]] - first) + 1, into: &chunk)
        for slot in ascending[next..<end] {
          let from = Int(rows[slot] - first) * dimension
          for c in 0..<dimension { sample[slot * dimension + c] = chunk[from + c] }
        }
        next = end
      }
    }
    progress(.sampled(rows: rows.count, of: count))
    return sample
  }

  /// Rows of one chunk: what a sixteenth of the budget holds, so that a chunk, its residuals and codes stay small.
  private func chunkRows(_ dimension: Int) -> Int {
    max(64, min(16_384, Int(parameters.memory / 16) / (4 * dimension)))
  }

  private func encode(
    _ reader: inout VectorReader, ids: inout IDReader?, _ plan: BuildPlan, into builder: inout IndexBuilder
  ) throws(BuildError) {
    let maxRows = chunkRows(reader.dimension)
    var rows: [Float] = []
    var chunkIDs: [UInt64] = []
    while true {
      if isCancelled() { throw .interrupted }
      let count = try BuildError.onInputs { () throws(VectorFileError) in
        let count = try reader.read(maxRows: maxRows, into: &rows)
        try ids?.read(maxCount: count, into: &chunkIDs)
        return count
      }
      guard count > 0 else { break }
      if let ids = self.ids, chunkIDs.count != count {
        throw Self.countMismatch(ids, reader.position - UInt64(count - chunkIDs.count), reader.position)
      }
      try builder.add(rows, ids: self.ids == nil ? nil : chunkIDs)
      progress(.encoded(rows: reader.position, of: reader.rowCount))
    }
    try BuildError.onInputs { () throws(VectorFileError) in
      try reader.checkUnchanged()
      try ids?.checkUnchanged()
    }
    if let path = self.ids, let total = ids?.count, total != reader.position {
      throw Self.countMismatch(path, total, reader.position)
    }
  }
}
