/// What a build is doing, told after each iteration or chunk of rows.
public enum BuildProgress: Sendable {
  /// The plan's choices and warnings, a sentence each.
  case notice(String)
  /// Standard input is copied to a file beside the output, so that a sample can be drawn first.
  case spooling(bytes: UInt64)
  case sampled(rows: Int, of: UInt64)
  /// One iteration of k-means over `nlist` centroids. The objective is the sum of squared distances.
  case coarse(iteration: Int, objective: Double, imbalance: Double, empty: Int)
  /// One iteration of clustering the lists into groups.
  case listGroups
  /// One iteration of a subspace's codebook.
  case codebook(subspace: Int)
  /// Rows encoded so far, of how many, if known.
  case encoded(rows: UInt64, of: UInt64?)
  case grouping
  case writing
}

/// What a finished build took and made.
public struct BuildReport: Sendable {
  public struct Stage: Sendable {
    public let name: String
    public let seconds: Double
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

/// Measures stages one after another.
struct StageClock {
  private let clock = ContinuousClock()
  private var last: ContinuousClock.Instant
  private(set) var stages: [BuildReport.Stage] = []

  init() { last = clock.now }

  /// Ends a stage that began where the one before ended.
  mutating func end(_ name: String) {
    let now = clock.now
    stages.append(BuildReport.Stage(name: name, seconds: (now - last) / .seconds(1)))
    last = now
  }
}
