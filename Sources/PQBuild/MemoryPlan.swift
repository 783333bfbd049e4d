internal import PQFormat
internal import PQModel

/// How a build divides its memory budget, and how much disk it takes for a while.
public struct MemoryPlan: Sendable, Equatable {
  /// Bytes that the build may allocate.
  public let budget: UInt64
  /// The smallest budget that would do.
  public let least: UInt64
  /// Centroids and codebooks.
  public let modelBytes: UInt64
  /// Rows that are read, encoded and spilled at a time.
  public package(set) var chunkRows: Int
  /// Vectors that are sorted by list in memory and written as one run.
  public package(set) var runVectors: Int
  /// Bytes of a spilled vector; 0 where nothing is spilled.
  public let spillBytes: Int
  /// Buffers through which the runs are merged, together.
  public package(set) var mergeBytes: Int
  /// Whether the training sample is kept in a file, because it is larger than the budget.
  public let sampleIsFile: Bool
  /// Bytes beside the output that the build needs at its peak, the output among them; nil for an unknown number of
  /// vectors.
  public let diskBytes: UInt64?
  /// Nil if unknown.
  public let vectorCount: UInt64?
  /// Work that a kill may cost at most, but for training.
  package var checkpointInterval = Duration.seconds(20)

  /// The program itself, its stacks, and the buffers of files and frames.
  static func base(threads: Int) -> UInt64 { UInt64(40 + 3 * threads) << 20 }

  /// - Throws: `.usage` for a budget that the model does not fit into, with the least that would do.
  init(
    _ parameters: BuildParameters, _ index: IndexParameters, trainSize: Int, count: UInt64?
  ) throws(BuildError) {
    let budget = parameters.memory
    let overlaps = parameters.threads > 1
    let model = 4 * UInt64(index.centroidFloats + index.m * index.codebookFloats)
    let record = SpillRecord(index).byteCount
    // A row is held as read, as read ahead, and as its residual; beside it its list, id, codes and packed row.
    let rowBytes = UInt64(4 * index.dimension * 3 + 24 + 2 * index.m + index.rowBytes)
    let spills = index.storesIDs
    // A spilled vector and its place in the order; beside all of them the lists' places.
    let runVectorBytes = UInt64(record + 4)
    let runBuffers: UInt64 = overlaps ? 2 : 1
    let leastRows = 64
    let fixed = Self.base(threads: parameters.threads) + model + (spills ? 4 * UInt64(index.listCount) : 0)

    // k-means holds old and new centroids, and of each row its nearest centroid and its places among the members.
    let sampleArrays = UInt64(trainSize) * 48
    let sampleBytes = UInt64(trainSize) * UInt64(4 * index.dimension)
    let trains = model > 0
    let leastTraining = trains ? Self.base(threads: parameters.threads) + 3 * model + sampleArrays : 0
    let leastEncoding =
      fixed + UInt64(leastRows) * rowBytes + (spills ? max(1 << 20, runBuffers * 4096 * runVectorBytes) : 0)
    least = max(leastTraining, leastEncoding)
    guard budget >= least else {
      throw .usage(
        "--memory \(budget) is too small for this index: its quantizers take \(model) bytes, and building it takes "
          + "\(least) at least; give --memory \(least)")
    }
    self.budget = budget
    modelBytes = model
    sampleIsFile = trains && leastTraining + sampleBytes > budget
    let free = budget - fixed
    chunkRows = max(leastRows, Int(min(16_384, free / 4 / rowBytes)))
    let rest = free - UInt64(chunkRows) * rowBytes
    let most = min(UInt64(UInt32.max), max(4096, count ?? .max))
    runVectors = max(chunkRows, Int(min(rest / runBuffers / runVectorBytes, most)))
    spillBytes = spills ? record : 0
    mergeBytes = Int(min(rest, 1 << 30))
    vectorCount = count
    diskBytes = count.map { Self.disk(index, vectors: $0, spill: spills ? UInt64(record) : 0) }
  }

  /// The spill, and the sections as they grow; then the sections and the file that they are copied into. Nothing is
  /// taken off for compression.
  private static func disk(_ index: IndexParameters, vectors: UInt64, spill: UInt64) -> UInt64 {
    let lists = UInt64(index.listCount)
    let codes = UInt64(index.codeLayout.map { $0.planes } ?? 0)
    let codeBytes = codes == 0 ? 0 : vectors * codes + lists * 16 * codes
    let idBytes = index.storesIDs ? 8 * vectors : 0
    let rowBytes = vectors * UInt64(index.rowBytes)
    let frames = IndexParameters.frameSections.reduce(0) {
      $0 + index.frames(of: $1, listCount: vectors) + (index.vectorsPerFrame($1) > 0 ? lists : 0)
    }
    let directory = lists * 16 + frames * 24
    let model = 4 * UInt64(index.centroidFloats + index.m * index.codebookFloats)
    let body = model + codeBytes + idBytes + rowBytes + directory + (1 << 20)
    let sideFiles = idBytes + (index.m > 0 ? rowBytes : 0) + directory
    return max(body + vectors * spill, body + sideFiles)
  }

  /// Sorted runs for `count` vectors.
  public func runs(_ count: UInt64) -> UInt64 {
    spillBytes == 0 ? 0 : (count + UInt64(runVectors) - 1) / UInt64(runVectors)
  }
}
