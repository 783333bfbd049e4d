internal import PQFormat
internal import PQStorage

/// Opening and checking what a build reads.
extension FileBuild {
  /// Standard input can be read once, so without another training input or a model it is kept in a file first.
  var storesSpool: Bool { input.path == "-" && trainingInput == nil && model == nil && parameters.kind != .flat }

  /// - Parameter ending: ends waiting for a stream, as ``isCancelled`` does.
  func open(_ source: VectorSource, until ending: Ending = Ending()) throws(BuildError) -> VectorReader {
    let isCancelled = { @Sendable [isCancelled] in isCancelled() || ending.isSet }
    return try BuildError.onInputs { () throws(VectorFileError) in
      if source.isSpool, let format = source.format {
        return try VectorReader(spool: source.path, format: format, isCancelled: isCancelled)
      }
      return try VectorReader(path: source.path, format: source.format, isCancelled: isCancelled)
    }
  }

  func openModel() throws(BuildError) -> ModelFile? {
    guard let model else { return nil }
    guard trainingInput == nil, !trainsOnly else {
      throw .usage("a model is trained already; leave out the training input, or the model")
    }
    return try ModelFile(path: model)
  }

  /// Copies standard input into the work folder, unless a build before has done so. What can be refused by its
  /// header, or first dimension, is before the rest is read.
  func spool(
    _ folder: borrowing WorkFolder, _ journal: Journal, _ done: Journal.Content
  ) throws(BuildError) -> VectorSource {
    guard let format = input.format else { throw .usage("standard input has no extension; give --format") }
    let path = folder.file("spool")
    if let spool = done.spool {
      // What is encoded needs no row any more.
      if done.checkpoint?.isEncoded != true { try check(spool, at: path) }
    } else {
      folder.remove("spool")
      var file = try BuildError.onFiles { () throws(FileError) in try WorkFile(creating: path) }
      var spool = try BuildError.onInputs { () throws(VectorFileError) in try Spool(isCancelled: isCancelled) }
      let beginning = try BuildError.onInputs { () throws(VectorFileError) in try spool.beginning(format) }
      var plan = try planBeforehand(beginning)
      if let count = beginning.rowCount {
        plan.memory.addDisk(count * UInt64(beginning.rowBytes))
        try checkSpace(plan, folder)
      }
      let crc = try BuildError.onInputs { () throws(VectorFileError) in
        try spool.copyAll(to: &file) { progress(.spooling(bytes: $0)) }
      }
      try BuildError.onFiles { () throws(FileError) in
        try folder.synchronize()
        try journal.spooled(bytes: file.position, crc: crc)
      }
    }
    var source = VectorSource(path: path, format: format)
    source.isSpool = true
    return source
  }

  /// Throws `.badData` unless the spool is as it was written. O(bytes).
  private func check(_ spool: (bytes: UInt64, crc: UInt32), at path: String) throws(BuildError) {
    try BuildError.onFiles { () throws(FileError) in
      var file = try WorkFile(reopening: path, length: spool.bytes)
      guard try file.checksum(isCancelled: isCancelled) == spool.crc else {
        throw .unfit(path, "is not what was read of standard input")
      }
    }
  }

  /// Plans a build before its rows are counted: what is chosen by their number is as small as it can be.
  private func planBeforehand(_ reader: borrowing VectorReader) throws(BuildError) -> BuildPlan {
    guard reader.rowCount == nil else { return try plan(reader, nil) }
    var build = self
    if parameters.targetBytes != nil {
      (build.parameters.targetBytes, build.parameters.m, build.parameters.nbits) = (nil, 1, 1)
    }
    if parameters.nlist == nil, parameters.kind.hasLists {
      (build.parameters.nlist, build.parameters.groups) = (1, nil)
    }
    let nbits = build.parameters.nbits
    let codewords = parameters.kind.hasCodes && (1...16).contains(nbits) ? 1 << nbits : 1
    let centroids = max(build.parameters.nlist ?? 1, codewords)
    build.parameters.trainSize = min(parameters.trainSize ?? centroids, centroids)
    do throws(BuildError) { return try build.plan(reader, nil) } catch {
      // The memory that an error asks for is what many rows take.
      build.parameters.trainSize = parameters.trainSize
      _ = try build.plan(reader, nil)
      throw error
    }
  }

  func plan(_ reader: borrowing VectorReader, _ model: ModelFile?) throws(BuildError) -> BuildPlan {
    if trainsOnly, parameters.kind == .flat { throw .usage("--index flat has no quantizers to be trained") }
    var parameters = parameters
    var count = reader.rowCount
    if let rows {
      if let all = count, rows.upperBound > all {
        throw .usage("rows \(rows.lowerBound):\(rows.upperBound) of \(reader.label), which has \(all)")
      }
      count = rows.upperBound - rows.lowerBound
      try BuildPlan.check(firstID: parameters.firstID, count: rows.upperBound)
      parameters.firstID += ids == nil ? rows.lowerBound : 0
    }
    var plan =
      if let model {
        try BuildPlan(
          parameters, model: model, dimension: reader.dimension, count: count, componentType: reader.componentType,
          storesIDs: ids != nil)
      } else {
        try BuildPlan(
          parameters, dimension: reader.dimension, count: count, componentType: reader.componentType,
          trainCount: try trainingCount(reader), storesIDs: ids != nil, encodes: !trainsOnly)
      }
    adjust(&plan.memory)
    return plan
  }

  private func trainingCount(_ reader: borrowing VectorReader) throws(BuildError) -> UInt64? {
    guard let trainingInput else { return nil }
    guard trainingInput.path != "-" else { throw .usage("the training input is read more than once: name a file") }
    let training = try open(trainingInput)
    guard training.dimension == reader.dimension else {
      throw .badData(
        "\(training.label): dimension \(training.dimension), but \(reader.label) has \(reader.dimension)")
    }
    guard let count = training.rowCount else {
      throw .usage("the training input must be a file, for a sample to be drawn from it")
    }
    return count
  }

  func checkOutputIsNoInput() throws(BuildError) {
    for source in [input.path, trainingInput?.path, ids, model].compactMap({ $0 }) {
      try BuildError.check(output, isNot: source)
    }
  }

  /// The ids, of which there must be one for each of `count` rows, if these are counted.
  func openIDs(rows count: UInt64?) throws(BuildError) -> IDReader? {
    guard let ids else { return nil }
    let reader = try BuildError.onInputs { () throws(VectorFileError) in
      try IDReader(path: ids, isCancelled: isCancelled)
    }
    if let count, count != reader.count {
      throw .badData("\(ids): \(reader.count) ids for \(count) vectors; there must be one for each")
    }
    return reader
  }

  /// The same, read once: no id may occur twice.
  func openUniqueIDs(rows count: UInt64?, _ plan: BuildPlan) throws(BuildError) -> IDReader? {
    guard var reader = try openIDs(rows: count) else { return nil }
    try UniqueIDs.check(&reader, memory: UniqueIDs.room(parameters.memory, beside: plan.memory.least))
    return reader
  }

  /// Throws `.cannotCreate` when the file system has less room than the build will take, with what it has taken already.
  func checkSpace(_ plan: BuildPlan, _ folder: borrowing WorkFolder) throws(BuildError) {
    try checkSpace(plan, in: folder.path, have: folder.availableSpace.map { $0 + folder.byteCount })
  }

  func checkSpace(_ plan: BuildPlan, in folder: String, have: UInt64?) throws(BuildError) {
    guard let need = plan.memory.diskBytes, let have, have < need else { return }
    throw .noSpace(folder: folder, need: need, have: have)
  }

  /// What another build must have in common with this to go on with it.
  func identity(_ model: ModelFile?) throws(BuildError) -> BuildIdentity {
    var identity = BuildIdentity()
    let p = parameters
    identity.parameters = [
      Metadata.builder, "index \(p.kind.rawValue)", "metric \(p.metric.name)",
      "nlist \(p.nlist.map(String.init) ?? "auto")", "groups \(p.groups.map(String.init) ?? "by nlist")",
      "m \(p.m.map(String.init) ?? "by dimension")",
      "nbits \(p.nbits)", p.rotates ? "rotated" : "not rotated", "vectors \(p.vectors?.name ?? "by index")",
      "train size \(p.trainSize.map(String.init) ?? "by index")",
      "iterations \(p.iterations.map(String.init) ?? "by default")", "seed \(p.seed)", "first id \(p.firstID)",
      "target bytes \(p.targetBytes.map { "\($0)" } ?? "none")", "compression \(p.compression.rawValue)",
      "alignment 2^\(p.alignmentLog2)",
      rows.map { "rows \($0.lowerBound):\($0.upperBound)" } ?? "all rows", trainsOnly ? "a model" : "an index",
    ]
    identity.inputs = try describe("vectors", input)
    if let trainingInput { identity.inputs += try describe("training vectors", trainingInput) }
    if let model { identity.inputs.append("model \(hex(model.fileID))") }
    if let ids {
      let reader = try BuildError.onInputs { () throws(VectorFileError) in try IDReader(path: ids) }
      identity.inputs += reader.identity.map { Self.describe("ids", $0) } ?? []
    }
    return identity
  }

  /// The state of an input, and a checksum of its first rows.
  private func describe(_ name: String, _ source: VectorSource) throws(BuildError) -> [String] {
    guard source.path != "-" else {
      return ["\(name) from standard input" + (source.format.map { ", \($0.rawValue)" } ?? "")]
    }
    var reader = try open(source)
    var rows: [Float] = []
    let count = min(1024, (1 << 20) / reader.dimension + 1)
    _ = try BuildError.onInputs { () throws(VectorFileError) in try reader.read(maxRows: count, into: &rows) }
    return (reader.identity.map { Self.describe(name, $0) } ?? []) + [
      "\(name): \(reader.dimension) components of \(reader.componentType.rawValue)",
      "\(name): first rows with CRC \(hex(Checksum.plain(rows.span.rawSpan)))",
    ]
  }

  private static func describe(_ name: String, _ file: InputIdentity) -> [String] {
    [
      "\(name): \(file.size) bytes", "\(name): inode \(file.inode) of device \(file.device)",
      "\(name): modified at \(file.modifiedSeconds) s \(file.modifiedNanoseconds) ns",
    ]
  }
}
