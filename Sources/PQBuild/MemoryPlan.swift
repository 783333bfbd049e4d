internal import PQFormat
internal import PQKernels
internal import PQModel

/// How a build divides its memory budget, and how much disk it takes for a while.
public struct MemoryPlan: Sendable, Equatable {
  /// Bytes that the build may allocate.
  public let budget: UInt64
  /// The smallest budget that would do.
  public let least: UInt64
  /// Rotation, centroids, groups and codebooks.
  public let modelBytes: UInt64
  /// Rows that are read, encoded and spilled at a time.
  public package(set) var chunkRows: Int
  /// Chunks that are in work or wait for their turn: two for each thread, if there are several.
  public let chunks: Int
  /// Vectors that are sorted by list in memory and written as one run.
  public package(set) var runVectors: Int
  /// Bytes of a spilled vector; 0 where nothing is spilled.
  public let spillBytes: Int
  /// The most runs of a stream of unknown length that can be merged; of vectors that are counted, runs are planned so long
  /// that all can be.
  public package(set) var mostRuns: UInt64
  /// What the buffers through which the runs are merged may take together; they take less where that is as fast.
  public package(set) var mergeBytes: Int
  /// Whether the training sample is kept in a file, because it is larger than the budget.
  public package(set) var sampleIsFile: Bool
  /// Nil if unknown.
  public let vectorCount: UInt64?
  /// Bytes of disk that the build needs at its peak, the output among them; nil if that depends on an unknown number of
  /// vectors.
  public private(set) var diskBytes: UInt64?
  /// Work that a kill may cost at most, but for training, the merge of one list, and putting the file together.
  package var checkpointInterval = Duration.seconds(20)

  /// - Parameter encodes: false where only a model is made, so that there are no runs, and little disk is taken.
  /// - Throws: `.usage` for a budget that the model does not fit into, with the least that would do.
  init(
    _ parameters: BuildParameters, _ index: IndexParameters, groups: Int, trainSize: Int, count: UInt64?,
    encodes: Bool = true
  ) throws(BuildError) {
    let budget = parameters.memory
    let needs = Needs(
      index, groups: groups, trainSize: trainSize, threads: parameters.threads, count: encodes ? count : nil)
    least = max(needs.training, needs.encoding, needs.merging)
    guard budget >= least else {
      throw .usage(
        "--memory \(budget) is too small for this index: its quantizers take \(needs.model) bytes, and building it takes "
          + "\(least) at least; "
          + (parameters.threads > 1 ? "use fewer than \(parameters.threads) threads, or " : "")
          + "give --memory \(least)")
    }
    self.budget = budget
    modelBytes = needs.model
    sampleIsFile = trainSize > 0 && needs.training + needs.sample > budget
    let free = budget - needs.fixed
    chunks = needs.chunks
    // More rows gain nothing: kernels take 2,048 at a time.
    chunkRows = max(Needs.leastRows, Int(min(4096, free / 4 / needs.chunkRow)))
    let rest = free - UInt64(chunkRows) * needs.chunkRow
    // Longer runs than that gain nothing, but cost a kill more; of shorter ones there may be more than can be merged.
    let runBytes = min(rest, max(budget / 16, needs.leastRuns, needs.runs(mergedIn: rest))) / needs.runBuffers
    runVectors = max(chunkRows, Int(min(runBytes / needs.runVector, UInt64(UInt32.max))))
    if needs.record > 0 {
      // A run ends before the chunk that it has no room for, so chunks divide it.
      let chunksOfRun = (runVectors + chunkRows - 1) / chunkRows
      chunkRows = runVectors / chunksOfRun
      runVectors = chunksOfRun * chunkRows
    }
    spillBytes = encodes ? needs.record : 0
    // More gains nothing, unless there are so many runs.
    let runs = (count ?? 0) / UInt64(runVectors) + 1
    let runPlace = UInt64(needs.record + RunMerge.placeBytes)
    mostRuns = count == nil ? max(1, rest / runPlace) : .max
    mergeBytes = Int(min(rest, max(1 << 30, runs * runPlace)))
    vectorCount = count
    let sampleBytes = sampleIsFile ? needs.sample : 0
    diskBytes =
      encodes
      ? count.map { Self.disk(index, model: needs.model, vectors: $0, spill: UInt64(needs.record)) + sampleBytes }
      : Self.disk(index, model: needs.model, vectors: 0, spill: 0) + sampleBytes
  }

  /// The spill, and the sections as they grow; then the sections and the file that they are copied into. Nothing is
  /// taken off for compression.
  private static func disk(_ index: IndexParameters, model: UInt64, vectors: UInt64, spill: UInt64) -> UInt64 {
    let lists = UInt64(index.listCount)
    let planes = UInt64(index.codeLayout?.planes ?? 0)
    let codeBytes = (vectors + 16 * lists) * planes
    let idBytes = index.storesIDs ? 8 * vectors : 0
    let rowBytes = vectors * UInt64(index.rowBytes)
    let frames = IndexParameters.frameSections.reduce(3 * lists) { $0 + index.frames(of: $1, listCount: vectors) }
    let directory = lists * 16 + frames * 24
    let body = 2 * model + codeBytes + idBytes + rowBytes + directory + (1 << 20)
    let beside = idBytes + (index.m > 0 ? rowBytes : 0) + directory
    return body + max(beside, vectors * spill)
  }

  /// Counts bytes of disk that are taken beside, from the beginning to the end; nil if unknown.
  mutating func addDisk(_ bytes: UInt64?) { diskBytes = diskBytes.flatMap { disk in bytes.map { disk + $0 } } }

  /// Sorted runs for `count` vectors.
  public func runs(_ count: UInt64) -> UInt64 {
    spillBytes == 0 ? 0 : (count + UInt64(runVectors) - 1) / UInt64(runVectors)
  }
}

/// Bytes that the parts of a build need.
private struct Needs {
  static let leastRows = 64

  let model: UInt64
  /// Training without the sample, and the sample.
  let training: UInt64
  let sample: UInt64
  /// What encoding takes whatever the pieces: the program, the model, a place for each list.
  let fixed: UInt64
  let chunks: Int
  /// A row of each chunk.
  let chunkRow: UInt64
  /// A vector of a run, of which there are so many at a time.
  let runVector: UInt64
  let runBuffers: UInt64
  /// A spilled vector; 0 where nothing is spilled.
  let record: Int
  /// The shortest runs, all buffers together.
  let leastRuns: UInt64
  /// Encoding in the smallest pieces.
  let encoding: UInt64
  /// Encoding in runs so long that a vector of each, and a place in it, fit into the budget too.
  let merging: UInt64
  /// The square of what is left for runs at least, so that all of them can be merged; 0 where their number is unknown.
  private let runSquare: Double

  init(_ index: IndexParameters, groups: Int, trainSize: Int, threads: Int, count: UInt64?) {
    let d = UInt64(index.dimension)
    let floats = index.centroidFloats + LaneBlocks.floats(vectors: groups, dimension: index.dimension)
    model = 4 * UInt64(floats + index.m * index.codebookFloats + index.rotationFloats)
    // The program, the buffers of files and frames, and of each thread the stack and its scratch.
    let base = UInt64(20 + 2 * threads) << 20 + UInt64(threads) * 8192 * d
    // Beside it, of each thread, the integers of all centroids that it compares points with; those of the lists of a group
    // are compared as they are.
    let codebook = Self.comparison(index.m > 0 ? 1 << index.nbits : 0, dimension: index.subdimension)
    let trainingScratch = UInt64(threads) * max(codebook, Self.comparison(index.nlist, dimension: index.dimension))
    // Of groups each thread sorts its rows by them.
    let encodingScratch = groups > 0 ? UInt64(threads) * (codebook + 16 * UInt64(groups)) : trainingScratch
    // k-means keeps its centroids packed and by rows, their sums, and of each point two assignments; the sample is drawn
    // through its row numbers; codebooks learn from a copy, several at a time, each with two assignments.
    let codebookRows = min(trainSize, index.codebookRows)
    let codebookPoints = UInt64(codebookRows) * (8 * d + 8 * UInt64(min(threads, index.m)))
    // A rotation is learned from a sample by components, packed and not.
    let rotation = index.isRotated ? 8 * d * (UInt64(min(trainSize, Rotation.mostPoints(index.dimension))) + 2 * d) : 0
    sample = UInt64(trainSize) * 4 * d
    training =
      trainSize == 0
      ? 0 : base + trainingScratch + 6 * model + UInt64(trainSize) * 48 + codebookPoints + rotation
    chunks = threads > 1 ? 2 * threads : 1
    // A row, its id, list, codes and packed row.
    chunkRow = UInt64(chunks) * (4 * d + UInt64(12 + 2 * index.m + index.rowBytes))
    record = index.storesIDs ? SpillRecord(index).byteCount : 0
    runVector = UInt64(record + 4)
    runBuffers = 2
    fixed = base + encodingScratch + model + (record > 0 ? 4 * UInt64(index.listCount + 1) : 0)
    leastRuns = record > 0 ? max(1 << 20, runBuffers * 4096 * runVector) : 0
    encoding = fixed + UInt64(Self.leastRows) * chunkRow + leastRuns
    // Runs of r bytes together are count · runVector · runBuffers / r, each of which takes a record and its place.
    let place = record + RunMerge.placeBytes
    runSquare = record > 0 ? Double(count ?? 0) * Double(runVector * runBuffers) * Double(place) : 0
    // Chunks take a quarter of what is free.
    merging = fixed + UInt64(Self.leastRows) * chunkRow + UInt64(runSquare.squareRoot()) / 3 * 4 + 4
  }

  /// Bytes of runs, all buffers together, so long that `rest` bytes are enough to merge them.
  func runs(mergedIn rest: UInt64) -> UInt64 { rest == 0 ? 0 : UInt64(runSquare / Double(rest)) + 1 }

  /// Bytes of centroids as integers: two a component and a few for each; more than any set of kernels takes.
  private static func comparison(_ centroids: Int, dimension: Int) -> UInt64 {
    2 * UInt64(dimension + 9) * UInt64(centroids + 15)
  }
}
