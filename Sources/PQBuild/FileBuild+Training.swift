internal import PQFormat
internal import PQStorage

/// From the training input to a model in the work folder.
extension FileBuild {
  static let modelName = "model"

  /// The model: that of a file, that of a build before, or a new one, which is saved.
  func train(
    _ plan: BuildPlan, _ model: ModelFile?, _ reader: inout VectorReader, _ folder: borrowing WorkFolder,
    _ journal: Journal, _ done: Journal.Content, _ clock: inout StageClock
  ) throws(BuildError) -> TrainedModel {
    if let model { return TrainedModel(plan, file: model) }
    guard plan.index.nlist > 0 || plan.index.m > 0 else {
      if trainsOnly { throw .usage("--index flat has no quantizers to be trained") }
      return try TrainedModel(plan, sample: [])
    }
    let file = folder.file(Self.modelName + ".pqx")
    if done.isTrained { return TrainedModel(plan, file: try ModelFile(path: file)) }
    let sample = try drawSample(plan, &reader)
    clock.end("sample", vectors: UInt64(plan.trainSize))
    let trained = try TrainedModel(plan, sample: sample, progress: progress, isCancelled: isCancelled)
    clock.end("train", vectors: UInt64(plan.trainSize))
    try save(trained, folder, journal)
    return trained
  }

  /// Writes an index of no vectors: the model.
  private func save(_ trained: TrainedModel, _ folder: borrowing WorkFolder, _ journal: Journal) throws(BuildError) {
    let plan = trained.plan
    var index = plan.index
    index.firstID = 0
    var writer = try BuildError.onFiles { () throws(FileError) in
      try IndexWriter(
        index, model: trained.model, compression: plan.parameters.compression,
        alignmentLog2: plan.parameters.alignmentLog2, folder: folder, name: Self.modelName)
    }
    for _ in 0..<index.listCount { try writer.endList() }
    try BuildError.onFiles { () throws(FileError) in
      try writer.finish(metadata: Metadata.describe(trained, vectors: 0, imbalance: 1))
      try folder.synchronize()
      try journal.trained()
    }
  }

  /// Makes the model the output.
  func publishModel(
    _ folder: inout WorkFolder, _ journal: Journal, _ clock: StageClock
  ) throws(BuildError) -> BuildReport {
    let header = try ModelFile.header(of: folder.file(Self.modelName + ".pqx"))
    try BuildError.onFiles { () throws(FileError) in
      try journal.completed(vectors: 0, length: header.fileLength, fileID: header.fileID)
      try folder.publish(Self.modelName + ".pqx", replacing: replacing)
    }
    folder.keep(false)
    var report = BuildReport()
    report.fileBytes = header.fileLength
    report.stages = clock.stages
    return report
  }

  /// The training rows, in order of their seeded hash. Rows are read in ascending order, each once.
  private func drawSample(_ plan: BuildPlan, _ reader: inout VectorReader) throws(BuildError) -> [Float] {
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
}
