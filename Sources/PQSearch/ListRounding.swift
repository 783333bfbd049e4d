internal import PQFormat
internal import PQKernels

/// Centroids as integers, by which searches that visit few of the lists choose these: those of many centroids are made of
/// projections, if these keep nearly all of what the centroids differ in. Made once per open file, by a process that goes on
/// searching.
final class ListRounding: Sendable {
  /// Nil where the kernels compare floats as fast.
  let lists: RoundedLists?
  /// Nil where the centroids themselves are rounded.
  let axes: Axes?
  /// How far the centroids' projections are at most from what they would be without rounding.
  private let error: Double
  /// By what part of it a canonical distance may be less than the distance: its square is a chain of as many terms as there
  /// are components, and each operation errs by 2^-24 at most.
  private let canonical: Double

  /// Queries that choose without: about as many as save what rounding takes, principal axes included.
  static func pays(_ p: IndexParameters) -> Int { projects(p) ? 512 : 64 }

  /// O(centroids · axes).
  /// - Parameters:
  ///   - centroids: `[list][component]`, and in lane `blocks`.
  ///   - reach: how far from its centroid a vector is at most.
  init(_ p: IndexParameters, centroids: [Float], blocks: Span<Float>, reach: Double) {
    canonical = Double(p.dimension + 8) * 0x1p-24
    guard Kernels.best.roundsLists, let axes = Self.axes(p, centroids) else {
      (axes, error) = (nil, 0)
      lists = Kernels.best.roundLists(blocks, count: p.nlist, dimension: p.dimension, reach: Float(reach))
      return
    }
    var projections = [Float](repeating: 0, count: p.nlist * axes.projected)
    var output = projections.mutableSpan
    var error = 0.0
    for list in 0..<p.nlist {
      var projection = output.part(list * axes.projected..<(list + 1) * axes.projected)
      let centroid = centroids.span.extracting(list * p.dimension..<(list + 1) * p.dimension)
      error = max(error, Kernels.best.project(centroid, on: axes, into: &projection))
    }
    let blocks = LaneBlocks.pack(projections.span, dimension: axes.projected)
    lists = Kernels.best.roundLists(blocks.span, count: p.nlist, dimension: axes.projected, reach: Float(reach))
    (self.axes, self.error) = (axes, error)
  }

  /// An upper bound of the distance, among the vectors that were rounded, of a query and a list whose key is at most `key`.
  /// - Parameter error: that of the query's projection.
  func distance(_ key: Float, error: Double) -> Double {
    Double(key).squareRoot() * (1 + canonical) + self.error + error
  }

  /// Integers of more bytes leave the second-level cache; those of projections are half as many or fewer. (With bytes a batch
  /// would be faster without projections of 4,096 lists of SIFT descriptors, too, by a few %, and one query a call slower.)
  static let mostBytes = 1 << 18
  /// What projections keep of the variance. With less, more lists are left in question; with more, scores take longer:
  /// among 2,048 to 8,192 lists of SIFT descriptors .95 does as well.
  private static let leastShare = 0.955

  /// With more components each, principal axes would take longer than what they are for saves.
  private static let mostProjected = 256

  private static func projects(_ p: IndexParameters) -> Bool {
    p.nlist * p.dimension > mostBytes / Kernels.best.bytesOfListComponent && p.dimension <= mostProjected
  }

  /// Axes that have this share, so many that a projection has whole eights of components, if there are so many; nil if
  /// these would be more than half of all components, or where the centroids are few.
  private static func axes(_ p: IndexParameters, _ centroids: [Float]) -> Axes? {
    let most = p.dimension / 16 * 8 - 1
    guard projects(p), most > 0 else { return nil }
    var axes = PrincipalAxes(
      most, of: centroids.span, dimension: p.dimension, sampled: 4 * mostProjected, iterations: 2, completes: false,
      threads: 1, step: {})
    guard let needed = axes.count(holding: leastShare) else { return nil }
    axes.keep(first: min(needed / 8 * 8 + 7, axes.shares.count))
    return Axes(rows: axes.rows, mean: axes.mean)
  }
}
