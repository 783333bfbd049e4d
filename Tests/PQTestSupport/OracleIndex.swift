/// Canonical search (Formats/pqx-v1.md, "Distances") over plain arrays, written without the engine.
public struct OracleIndex {
  public enum Metric: Sendable { case l2, ip, cosine }

  public struct Neighbor: Equatable, Sendable {
    public let id: UInt64
    public let distance: Float
  }

  private let metric: Metric
  /// `[axis][component]`: centroids and codes are of rotated vectors; empty: of the vectors.
  private let axes: [[Float]]
  /// `[list][component]`; empty: one list, no choice.
  private let centroids: [[Float]]
  /// `[subspace][codeword][component]`; empty: no codes.
  private let codebooks: [[[Float]]]
  private let residual: Bool
  /// As the vectors section holds them.
  private let stored: [[Float]]
  private let ids: [UInt64]
  public let lists: [Int]
  public let codes: [[Int]]

  /// - Parameter store: what storing a component makes of it.
  public init(
    _ metric: Metric, centroids: [[Float]], codebooks: [[[Float]]], rows: [[Float]], ids: [UInt64],
    axes: [[Float]] = [], store: (Float) -> Float = { $0 }
  ) {
    let rows = metric == .cosine ? rows.map(OracleMath.normalized) : rows
    let residual = !centroids.isEmpty && !codebooks.isEmpty
    let rotated = rows.map { OracleMath.rotated($0, axes) }
    let lists = rotated.map { centroids.isEmpty ? 0 : OracleMath.nearest($0[...], centroids) }
    self.metric = metric
    self.axes = axes
    self.centroids = centroids
    self.codebooks = codebooks
    self.residual = residual
    self.ids = ids
    self.lists = lists
    stored = rows.map { $0.map(store) }
    codes = rows.indices.map { i in
      let encoded = residual ? zip(rotated[i], centroids[lists[i]]).map { $0 - $1 } : rotated[i]
      return codebooks.indices.map { OracleMath.nearest(OracleMath.part(encoded, $0, codebooks.count), codebooks[$0]) }
    }
  }

  public func search(_ query: [Float], k: Int, nprobe: Int = 1, rerank: Int = 0) -> [Neighbor] {
    let given = metric == .cosine ? OracleMath.normalized(query) : query
    let query = OracleMath.rotated(given, axes)
    let visited = Set(nearestLists(query, nprobe, through: []))
    let candidates = ids.indices.filter { visited.contains(lists[$0]) }
    guard !codebooks.isEmpty else { return best(k, candidates) { rowDistance(given, $0) } }
    let byCode = best(max(k, rerank), candidates) { codeDistance(query, $0) }
    guard rerank > 0 else { return byCode }
    let positions = Dictionary(uniqueKeysWithValues: ids.indices.map { (ids[$0], $0) })
    return best(k, byCode.compactMap { positions[$0.id] }) { rowDistance(given, $0) }
  }

  /// Smaller is better.
  private func key(_ distance: Float) -> Float {
    if metric == .l2 { return distance }
    return distance.isNaN ? .infinity : -distance
  }

  /// The lists that a search visits, nearest first.
  /// - Parameter groups: what the file says of groups of lists; empty: all lists are compared.
  public func chooseLists(
    _ query: [Float], nprobe: Int, through groups: [(lists: Range<Int>, centroid: [Float])]
  ) -> [Int] {
    let given = metric == .cosine ? OracleMath.normalized(query) : query
    return nearestLists(OracleMath.rotated(given, axes), nprobe, through: groups)
  }

  private func nearestLists(
    _ query: [Float], _ nprobe: Int, through groups: [(lists: Range<Int>, centroid: [Float])]
  ) -> [Int] {
    guard !centroids.isEmpty else { return [0] }
    func nearestFirst(_ numbers: [Int], _ centroid: (Int) -> [Float]) -> [Int] {
      let keys = numbers.map { key(OracleMath.chain(query[...], centroid($0)[...], squared: metric == .l2)) }
      return numbers.indices.sorted { (keys[$0], numbers[$0]) < (keys[$1], numbers[$1]) }.map { numbers[$0] }
    }
    var compared = groups.isEmpty ? Array(centroids.indices) : []
    let n = centroids.count
    for group in nearestFirst(Array(groups.indices), { groups[$0].centroid }) {
      let (owned, wanted) = (compared.count, min(nprobe, n))
      if owned * owned * owned * owned < 2 * n * n * n * (wanted + 8) { compared += groups[group].lists }
    }
    return Array(nearestFirst(compared) { centroids[$0] }.prefix(nprobe))
  }

  private func codeDistance(_ query: [Float], _ row: Int) -> Float {
    let centroid = centroids.isEmpty ? [] : centroids[lists[row]]
    let compared = residual && metric == .l2 ? zip(query, centroid).map { $0 - $1 } : query
    var sum: Float =
      residual && metric != .l2 ? OracleMath.chain(query[...], centroid[...], squared: false) : 0
    for (s, code) in codes[row].enumerated() {
      let part = OracleMath.part(compared, s, codebooks.count)
      sum += OracleMath.chain(part, codebooks[s][code][...], squared: metric == .l2)
    }
    return sum
  }

  private func rowDistance(_ query: [Float], _ row: Int) -> Float {
    OracleMath.sixteenChains(query, stored[row], squared: metric == .l2)
  }

  private func best(_ k: Int, _ rows: [Int], _ distance: (Int) -> Float) -> [Neighbor] {
    rows.map { (key: key(distance($0)), id: ids[$0]) }.sorted { $0 < $1 }.prefix(k)
      .map { Neighbor(id: $0.id, distance: metric == .l2 ? $0.key : -$0.key) }
  }
}
