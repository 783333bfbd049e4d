internal import PQFormat
internal import PQKernels

/// Where a vector is: its list, and its number there.
struct Place: Sendable, BitwiseCopyable {
  var list: UInt32
  var position: Int
}

/// The best candidates so far, by their keys (smaller is better: distances, or similarities negated): a reservoir of as many
/// as asked for and some more, at most 4,160, cut back when it is full. Equal keys are ordered by id; ids are looked up only
/// where a cut goes through equals of several lists.
struct Candidates: ~Copyable {
  /// The ids at some places.
  typealias IDLookup = ([Place]) throws(FormatError) -> [UInt64]

  private(set) var found = Reservoir<Place>()
  /// How many are asked for.
  private(set) var capacity = 0
  /// Keys above this cannot be among the best.
  private(set) var threshold = Float.infinity
  /// The count at which it is cut.
  private var limit = 0

  /// So many values are looked at between two looks at the count, which they may raise by as many.
  private static let part = 64

  /// Forgets all, and keeps the memory.
  mutating func begin(capacity: Int) {
    found.removeAll()
    self.capacity = capacity
    limit = capacity + max(16, min(capacity, 4096))
    threshold = .infinity
  }

  /// Keeps those vectors that may be among the best. O(keys + cuts · capacity).
  /// - Parameters:
  ///   - values: the vectors' distances or similarities.
  ///   - ids: the ids at some places.
  ///   - place: where vector i of `values` is.
  @inline(__always)
  mutating func offer(
    _ values: Span<Float>, _ metric: Metric, ids: IDLookup, place: (Int) -> Place
  ) throws(FormatError) {
    var first = 0
    while first < values.count {
      if count >= limit { try cut(ids) }
      let part = values.extracting(first..<min(values.count, first + Self.part))
      found.append(part.count, atMost: threshold) { i in
        let key = metric.key(part[i])
        return key.isNaN ? .infinity : key
      } _: { i in
        place(first + i)
      }
      first += part.count
    }
  }

  var count: Int { found.count }

  /// Cuts back to the capacity, so that the threshold is as low as it can be. O(candidates).
  mutating func cut(_ ids: IDLookup) throws(FormatError) {
    guard capacity > 0, count >= capacity else { return }
    threshold = found.kth(capacity)
    guard count > capacity else { return }
    found.keep(atMost: threshold)
    if count > capacity { try cutEquals(ids) }
  }

  /// Drops what is more than the capacity, when nothing more will be offered. O(candidates).
  mutating func finish(_ ids: IDLookup) throws(FormatError) {
    if count > capacity { try cut(ids) }
  }

  /// Whether a cut would lower the threshold enough to pay.
  var isWorthCutting: Bool { count >= capacity + capacity / 4 + 2 || (threshold == .infinity && count >= capacity) }

  /// Of the candidates at the threshold, keeps those with the lowest ids.
  private mutating func cutEquals(_ ids: IDLookup) throws(FormatError) {
    let equal = (0..<count).filter { found.keys[$0] == threshold }
    let places = equal.map { found.items[$0] }
    // Ids of one list ascend with the position.
    let isOneList = places.allSatisfy { $0.list == places[0].list }
    let ranks = isOneList ? places.map { UInt64($0.position) } : try ids(places)
    let ranked = zip(ranks, equal).sorted { $0.0 < $1.0 }
    let dropped = Set(ranked.suffix(count - capacity).map(\.1))
    found.keep { _, i in !dropped.contains(i) }
  }
}
