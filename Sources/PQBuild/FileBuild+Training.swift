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
    guard plan.index.nlist > 0 || plan.index.m > 0 else { return try TrainedModel(plan, sample: []) }
    let file = folder.file(Self.modelName + ".pqx")
    if done.isTrained { return TrainedModel(plan, file: try ModelFile(path: file)) }
    let trained: TrainedModel
    if plan.memory.sampleIsFile {
      let sample = try drawSampleFile(plan, &reader, folder)
      clock.end("sample", vectors: UInt64(plan.trainSize))
      trained = try TrainedModel(plan, prepared: sample, progress: progress, isCancelled: isCancelled)
      folder.remove(Self.sampleName)
    } else {
      let sample = try drawSample(plan, &reader)
      clock.end("sample", vectors: UInt64(plan.trainSize))
      trained = try TrainedModel(plan, sample: sample, progress: progress, isCancelled: isCancelled)
    }
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

  private static let sampleName = "sample"

  /// The training rows `[row][dimension]`, in order of their seeded hash.
  private func drawSample(_ plan: BuildPlan, _ reader: inout VectorReader) throws(BuildError) -> [Float] {
    let dimension = plan.index.dimension
    var sample = [Float](repeating: 0, count: plan.trainSize * dimension)
    try drawSample(plan, &reader) { rows, from, slot in
      for c in 0..<dimension { sample[slot * dimension + c] = rows[from + c] }
    }
    return sample
  }

  /// The same in a file, checked and prepared for training.
  private func drawSampleFile(
    _ plan: BuildPlan, _ reader: inout VectorReader, _ folder: borrowing WorkFolder
  ) throws(BuildError) -> SampleFile {
    let index = plan.index
    folder.remove(Self.sampleName)
    let file = try BuildError.onFiles { () throws(FileError) in
      try WorkFile(creating: folder.file(Self.sampleName))
    }
    try drawSample(plan, &reader) { rows, from, slot throws(BuildError) in
      var row = Array(rows[from..<from + index.dimension])
      try RowCheck.prepare(&row, index: index, firstRow: UInt64(slot), threads: 1)
      try BuildError.onFiles { () throws(FileError) in
        try file.write(row.span.rawSpan, at: UInt64(slot) * UInt64(4 * index.dimension))
      }
    }
    return try BuildError.onFiles { () throws(FileError) in
      try SampleFile(path: folder.file(Self.sampleName))
    }
  }

  /// Reads the training rows in ascending order, each once, and calls `place` for each: chunk, where it begins there,
  /// and its place in order of the seeded hash.
  private func drawSample(
    _ plan: BuildPlan, _ reader: inout VectorReader,
    _ place: ([Float], Int, Int) throws(BuildError) -> Void
  ) throws(BuildError) {
    if let trainingInput {
      var training = try open(trainingInput)
      return try readSample(plan, &training, place)
    }
    try readSample(plan, &reader, place)
    try BuildError.onInputs { () throws(VectorFileError) in try reader.seek(toRow: 0) }
  }

  private func readSample(
    _ plan: BuildPlan, _ reader: inout VectorReader,
    _ place: ([Float], Int, Int) throws(BuildError) -> Void
  ) throws(BuildError) {
    let count = reader.rowCount ?? 0
    let rows = Sample.rows(count: count, size: plan.trainSize, seed: parameters.seed)
    let ascending = rows.indices.sorted { rows[$0] < rows[$1] }
    // One read takes the rows that follow each other closely: a gap costs less than another call.
    let most = UInt64(max(1, min(8192, (1 << 22) / plan.index.dimension)))
    var chunk: [Float] = []
    var next = 0
    while next < ascending.count {
      if isCancelled() { throw .interrupted }
      let first = rows[ascending[next]]
      var end = next + 1
      while end < ascending.count, rows[ascending[end]] - rows[ascending[end - 1]] <= 32,
        rows[ascending[end]] - first < most
      { end += 1 }
      try BuildError.onInputs { () throws(VectorFileError) in
        if reader.position != first { try reader.seek(toRow: first) }
        _ = try reader.read(maxRows: Int(rows[ascending[end - 1]] - first) + 1, into: &chunk)
      }
      for slot in ascending[next..<end] { try place(chunk, Int(rows[slot] - first) * plan.index.dimension, slot) }
      next = end
      progress(.sampled(rows: next, of: UInt64(ascending.count)))
    }
    try BuildError.onInputs { () throws(VectorFileError) in try reader.checkUnchanged() }
  }
}
