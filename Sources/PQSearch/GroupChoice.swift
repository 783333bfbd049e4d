internal import PQFormat

/// The choice of the groups with whose lists a query is compared (Formats/pqx-v1.md, "Choice of lists").
struct GroupChoice: ~Copyable {
  private var groups: CoarseGroups?
  /// `[query][group]`: keys of the groups' centroids.
  var keys: [Float] = []
  /// The lists of the groups that the last query took: ranges that ascend and do not touch.
  private(set) var lists: [Range<Int>] = []
  private var nearest = ListChoice(nlist: 0)
  private var taken: [UInt32] = []

  /// Makes room for the keys of `capacity` queries, the first time.
  mutating func begin(_ groups: CoarseGroups, capacity: Int) {
    guard self.groups == nil else { return }
    self.groups = groups
    keys = [Float](repeating: 0, count: capacity * groups.count)
    nearest = ListChoice(nlist: groups.count)
  }

  /// Takes the groups nearest to a query, until they own enough lists to choose `nprobe` of them. O(groups).
  mutating func takeNearest(_ query: Int, nprobe: Int) {
    guard let groups else { return }
    let enough = Self.enoughLists(nprobe: nprobe, nlist: groups.nlist)
    let keys = take(&keys)
    // Twice as many as if all were of one size: more are looked at only if these are small.
    var most = min(groups.count, 2 * enough / (groups.nlist / groups.count) + 1)
    while true {
      nearest.choose(most, of: keys.span.extracting(query * groups.count..<(query + 1) * groups.count))
      taken.removeAll(keepingCapacity: true)
      var owned = 0
      for group in nearest.lists where owned < enough {
        taken.append(group)
        owned += groups.lists(of: Int(group)).count
      }
      if owned >= enough { break }
      most = min(groups.count, 2 * most)
    }
    taken.sort()
    lists.removeAll(keepingCapacity: true)
    for group in taken {
      let range = groups.lists(of: Int(group))
      if let last = lists.last, last.upperBound == range.lowerBound {
        lists[lists.count - 1] = last.lowerBound..<range.upperBound
      } else {
        lists.append(range)
      }
    }
    self.keys = keys
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
