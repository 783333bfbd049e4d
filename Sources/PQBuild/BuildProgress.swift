/// What a build is doing, told after each iteration or chunk of rows.
public enum BuildProgress: Sendable {
  /// The plan's choices and warnings, a sentence each.
  case notice(String)
  /// What is going to be built, and in which pieces.
  case planned(BuildPlan)
  /// Standard input is copied to a file beside the output, so that a sample can be drawn first.
  case spooling(bytes: UInt64)
  case sampled(rows: Int, of: UInt64)
  /// One iteration of k-means over `nlist` centroids. The objective is the sum of squared distances.
  case coarse(iteration: Int, objective: Double, imbalance: Double, empty: Int)
  /// One iteration of clustering the lists into groups.
  case listGroups
  /// The axes of the rotation are being found; told again and again.
  case rotation
  /// One iteration of a subspace's codebook.
  case codebook(subspace: Int)
  /// Rows encoded so far, of how many, if known, and their bytes in the input.
  case encoded(rows: UInt64, of: UInt64?, bytes: UInt64)
  /// Runs are merged list by list.
  case merging(lists: Int, of: Int, vectors: UInt64)
  case writing
  /// A stage has ended; its name is that of the report.
  case ended(stage: String)
}

/// What a finished build took and made.
public struct BuildReport: Sendable {
  public struct Stage: Sendable {
    /// `spool`, `sample`, `train`, `encode`, `merge`, `write`; of indexes that are merged `check`, `merge`, `write`.
    public let name: String
    public let seconds: Double
    /// Vectors that went through it; nil where they are not what it works on.
    public let vectors: UInt64?
    public var vectorsPerSecond: Double? { vectors.map { seconds > 0 ? Double($0) / seconds : 0 } }
  }

  public internal(set) var stages: [Stage] = []
  public internal(set) var vectors: UInt64 = 0
  public internal(set) var fileBytes: UInt64 = 0
  /// Bytes of each section of the file, by name.
  public internal(set) var sectionBytes: [String: UInt64] = [:]
  /// nlist · Σ nᵢ² / n² over the lengths of the lists.
  public internal(set) var imbalance = 1.0

  public var seconds: Double { stages.reduce(0) { $0 + $1.seconds } }
  public var bytesPerVector: Double { vectors == 0 ? 0 : Double(fileBytes) / Double(vectors) }
}

/// Measures stages one after another, and tells when each has ended.
struct StageClock {
  private let progress: (BuildProgress) -> Void
  private let clock = ContinuousClock()
  private var last: ContinuousClock.Instant
  private(set) var stages: [BuildReport.Stage] = []

  init(_ progress: @escaping (BuildProgress) -> Void) {
    self.progress = progress
    last = clock.now
  }

  /// Ends a stage that began where the one before ended.
  mutating func end(_ name: String, vectors: UInt64? = nil) {
    let now = clock.now
    stages.append(BuildReport.Stage(name: name, seconds: (now - last) / .seconds(1), vectors: vectors))
    last = now
    progress(.ended(stage: name))
  }
}
