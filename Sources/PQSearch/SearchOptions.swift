public import PQFormat

/// What a search asks for.
public struct SearchOptions: Sendable, Equatable {
  /// Results per query; fewer when the visited lists hold fewer vectors.
  public var k = 10
  /// Lists to visit; nil: max(1, nlist / 64). Above nlist is nlist. Without effect on an index without lists.
  public var nprobe: Int?
  /// Vectors after which no further list is visited: of the nprobe nearest lists the nearest, as many as it takes to hold
  /// so many vectors, or all. It bounds a query's time where lists differ in length. nil: no bound.
  public var maxCodes: Int?
  /// How many times as far as the nearest list's centroid those of other visited lists may be, at least 1: a query near
  /// one centroid visits few of the nprobe nearest lists, and one that equals a centroid none that is farther than that.
  /// For l2 alone. nil, or a number whose square is not finite: any.
  public var reach: Float?
  /// Candidates to compare exactly with the stored vectors before the best k are kept; 0: none. Below k is k.
  public var rerank = 0

  /// Whether lists are chosen through the file's groups of lists, if it has them: only the lists of the nearest groups
  /// are compared with the query. Without, all are: the true nearest lists, slowly where lists are many.
  public var usesGroups = true

  /// Whether an integer scan picks the codes whose distance is computed. Without it every code's is: the same results,
  /// many times slower, for checks.
  public var filtersCodes = true

  public init(k: Int = 10, nprobe: Int? = nil, rerank: Int = 0) {
    self.k = k
    self.nprobe = nprobe
    self.rerank = rerank
  }

  /// The lists that a search of such an index visits; 0 for an index without lists.
  public func effectiveNprobe(_ index: IndexParameters) -> Int {
    min(index.nlist, nprobe ?? max(1, index.nlist / 64))
  }

  /// Whether it visits so few of the lists that what is derived to tell them from the others is of use.
  func visitsFew(_ index: IndexParameters) -> Bool { effectiveNprobe(index) <= index.nlist / 4 }
}

/// One result.
public struct Neighbor: Sendable, Equatable {
  public var id: UInt64
  /// Squared L2 distance for `l2`, similarity for `ip` and `cosine`.
  public var distance: Float

  public init(id: UInt64, distance: Float) {
    self.id = id
    self.distance = distance
  }
}

/// What a search has read, summed over queries.
public struct SearchStatistics: Sendable, Equatable {
  public var queries = 0
  public var lists = 0
  /// Centroids, of lists and of groups of lists, that queries were compared with.
  public var centroids = 0
  /// Vectors of the visited lists: a distance was estimated from the code of each, unless its whole frame was seen to be too
  /// far, or computed where there are no codes.
  public var codesScanned = 0
  /// Vectors compared exactly after the scan.
  public var reranked = 0
  /// Stored bytes of the code, id and vector frames that were used. An id or vector frame counts each time that candidates
  /// which stand in it follow others: twice where the first scan has found some of them later.
  public var bytesRead = 0
  /// Pages of 4 KiB in which those bytes lie. One that two frames share counts for each.
  public var pagesRead = 0

  public init() {}

  /// Counts a frame.
  mutating func read(_ frame: FrameView) {
    var page: UInt64?
    read(offset: frame.entry.offset, count: Int(frame.entry.length), &page)
  }

  /// Counts a part of a frame.
  /// - Parameter page: the last page that was counted in this way; it does not count again.
  mutating func read(offset: UInt64, count: Int, _ page: inout UInt64?) {
    guard count > 0 else { return }
    bytesRead += count
    let (first, last) = (offset >> 12, (offset + UInt64(count) - 1) >> 12)
    pagesRead += Int(last - first) + (first == page ? 0 : 1)
    page = last
  }

  package static func += (sum: inout SearchStatistics, other: SearchStatistics) {
    sum.queries += other.queries
    sum.lists += other.lists
    sum.centroids += other.centroids
    sum.codesScanned += other.codesScanned
    sum.reranked += other.reranked
    sum.bytesRead += other.bytesRead
    sum.pagesRead += other.pagesRead
  }
}
