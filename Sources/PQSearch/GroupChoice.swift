internal import PQFormat

/// The choice of the groups with whose lists queries are compared (Formats/pqx-v1.md, "Choice of lists"), and the keys of
/// these lists.
///
/// First each query takes its nearest groups. Then the lists of each group are compared with all queries that took it, so
/// that its centroids are read once for all of them.
struct GroupChoice: ~Copyable {
  /// A query that took a group, and where the keys of the group's lists begin in ``listKeys``.
  struct Taker {
    let query: Int
    let start: Int
  }

  private var groups: CoarseGroups?
  private var nearest = ListChoice()
  /// `[query][group]`: keys of the groups' centroids.
  var keys: [Float] = []
  /// `[query][list of a taken group]`, ascending.
  var listKeys: [Float] = []
  /// Vectors of the queries that took the group in work, `[taker][component]`, and their keys `[taker][list]`.
  private(set) var gathered: [Float] = []
  var comparedKeys: [Float] = []
  /// Groups, ascending, one query after another, and where the keys of their lists begin; where each query's groups begin.
  private var taken: [UInt32] = []
  private var keyStarts: [Int] = []
  private var takenStarts: [Int] = []
  /// Takers by groups, and where each group's begin.
  private var takers: [Taker] = []
  private var takerStarts: [Int] = []

  /// Makes room for the keys of some queries.
  mutating func begin(_ groups: CoarseGroups, queries: Int) {
    self.groups = groups
    let room = queries * groups.count
    if keys.count < room { keys = [Float](repeating: 0, count: room) }
  }

  /// Each of the queries takes the groups nearest to it, until they own enough lists to choose `nprobe` of them.
  /// O(queries · groups).
  mutating func takeNearest(queries: Int, nprobe: Int) {
    guard let groups else { return }
    let enough = Self.enoughLists(nprobe: nprobe, nlist: groups.nlist)
    taken.removeAll(keepingCapacity: true)
    keyStarts.removeAll(keepingCapacity: true)
    takenStarts.removeAll(keepingCapacity: true)
    var end = 0
    for query in 0..<queries {
      takenStarts.append(taken.count)
      takeNearest(query, enough, groups)
      for group in taken[takenStarts[query]...] {
        keyStarts.append(end)
        end += groups.lists(of: Int(group)).count
      }
    }
    takenStarts.append(taken.count)
    keyStarts.append(end)
    if listKeys.count < end { listKeys = [Float](repeating: 0, count: end) }
    sortTakers(groups)
  }

  private mutating func takeNearest(_ query: Int, _ enough: Int, _ groups: CoarseGroups) {
    let (first, keys) = (taken.count, take(&keys))
    defer { self.keys = keys }
    // Twice as many as if all were of one size: more are looked at only if these are small.
    var most = min(groups.count, 2 * enough / (groups.nlist / groups.count) + 1)
    var owned = 0
    while owned < enough {
      nearest.choose(most, of: keys.span.extracting(query * groups.count..<(query + 1) * groups.count))
      taken.removeLast(taken.count - first)
      owned = 0
      for group in nearest.lists.numbers where owned < enough {
        taken.append(group)
        owned += groups.lists(of: Int(group)).count
      }
      most = min(groups.count, 2 * most)
    }
    taken[first...].sort()
  }

  /// Sorts by counting.
  private mutating func sortTakers(_ groups: CoarseGroups) {
    takerStarts.removeAll(keepingCapacity: true)
    takerStarts.append(contentsOf: repeatElement(0, count: groups.count + 2))
    for group in taken { takerStarts[Int(group) + 2] += 1 }
    for group in 2..<takerStarts.count { takerStarts[group] += takerStarts[group - 1] }
    takers.removeAll(keepingCapacity: true)
    takers.append(contentsOf: repeatElement(Taker(query: 0, start: 0), count: taken.count))
    for query in 0..<takenStarts.count - 1 {
      for i in takenStarts[query]..<takenStarts[query + 1] {
        // Until all are placed, where the next one of a group goes.
        let next = Int(taken[i]) + 1
        takers[takerStarts[next]] = Taker(query: query, start: keyStarts[i])
        takerStarts[next] += 1
      }
    }
  }

  /// The queries that took a group, ascending.
  func takers(of group: Int) -> ArraySlice<Taker> { takers[takerStarts[group]..<takerStarts[group + 1]] }

  /// Collects the vectors of the queries that took a group, and makes room for `width` keys of each.
  /// - Returns: how many they are.
  mutating func gather(_ group: Int, _ queries: borrowing QueryGroup, width: Int) -> Int {
    let takers = takers(of: group)
    gathered.removeAll(keepingCapacity: true)
    for taker in takers { gathered.append(contentsOf: queries.vectors[queries.vector(taker.query)]) }
    let room = takers.count * width
    if comparedKeys.count < room { comparedKeys = [Float](repeating: 0, count: room) }
    return takers.count
  }

  /// Hands the keys `[taker][width]` to the queries, but for the first ones of each.
  mutating func scatter(_ group: Int, width: Int, skipping first: Int) {
    for (i, taker) in takers(of: group).enumerated() {
      listKeys.replaceSubrange(
        taker.start..<taker.start + width - first, with: comparedKeys[i * width + first..<(i + 1) * width])
    }
  }

  /// The keys of the lists that a query was compared with, lists ascending.
  func listKeys(_ query: Int) -> Range<Int> { keyStarts[takenStarts[query]]..<keyStarts[takenStarts[query + 1]] }

  /// The list whose key stands at a place among the query's. O(log groups).
  func list(_ query: Int, at place: Int) -> UInt32 {
    guard let groups else { return 0 }
    let place = keyStarts[takenStarts[query]] + place
    var (low, high) = (takenStarts[query], takenStarts[query + 1] - 1)  // the group is in low...high
    while low < high {
      let middle = (low + high + 1) / 2
      if keyStarts[middle] <= place { low = middle } else { high = middle - 1 }
    }
    return UInt32(groups.lists(of: Int(taken[low])).lowerBound + place - keyStarts[low])
  }

  /// The least number whose fourth power is at least 2 · nlist³ · (nprobe + 8), at most nlist: as many lists of the nearest
  /// groups as hold 99 % of the nprobe nearest lists were found to grow like the fourth root of nlist³ · nprobe.
  static func enoughLists(nprobe: Int, nlist: Int) -> Int {
    func fourthPower(_ x: Int) -> UInt128 { UInt128(x) * UInt128(x) * UInt128(x) * UInt128(x) }  // nlist < 2^32
    let n = UInt128(nlist)
    let (bound, isMore) = (n * n * n).multipliedReportingOverflow(by: 2 * (UInt128(nprobe) + 8))
    guard !isMore, fourthPower(nlist) > bound else { return nlist }
    var enough = Int(Double(bound).squareRoot().squareRoot())
    while fourthPower(enough) < bound { enough += 1 }
    while fourthPower(enough - 1) >= bound { enough -= 1 }
    return enough
  }
}
