internal import PQFormat

/// A vector that may be among the results: its key (smaller is better: a distance, or a similarity negated) and place.
struct Candidate: Sendable {
  var key: Float
  var list: UInt32
  var position: Int
}

/// The best candidates so far: a reservoir of up to twice as many as asked for, cut back when it is full. Equal keys are
/// ordered by id; ids are looked up only where a cut goes through equals of several lists.
struct Candidates: ~Copyable {
  typealias IDLookup = (UInt32, Int) throws(FormatError) -> UInt64

  /// In no order.
  private(set) var entries: [Candidate] = []
  /// How many are asked for.
  private(set) var capacity = 0
  /// Keys above this cannot be among the best.
  private(set) var threshold = Float.infinity
  private var limit = 0

  /// Forgets all, and keeps the memory.
  mutating func begin(capacity: Int) {
    entries.removeAll(keepingCapacity: true)
    self.capacity = capacity
    limit = capacity + max(16, min(capacity, 4096))
    threshold = .infinity
  }

  /// Keeps those vectors of a list that may be among the best. O(keys + cuts · capacity).
  /// - Parameters:
  ///   - values: the vectors' distances or similarities.
  ///   - position: where vector i of `values` is in the list.
  ///   - id: the id at a place.
  @inline(__always)
  mutating func offer(
    _ values: Span<Float>, _ metric: Metric, list: Int, position: (Int) -> Int, id: IDLookup
  ) throws(FormatError) {
    for i in values.indices {
      var key = metric.key(values[i])
      if key > threshold { continue }
      if key.isNaN { key = .infinity }
      entries.append(Candidate(key: key, list: UInt32(list), position: position(i)))
      if entries.count == limit { try cut(id) }
    }
  }

  /// Cuts back to the capacity, so that the threshold is as low as it can be. O(entries).
  mutating func cut(_ id: IDLookup) throws(FormatError) {
    guard capacity > 0, entries.count >= capacity else { return }
    let last = capacity - 1
    select(last)
    threshold = entries[last].key
    guard entries.count > capacity else { return }
    if entries[capacity...].contains(where: { [threshold] in $0.key == threshold }) { try cutEquals(id) }
    entries.removeLast(entries.count - capacity)
  }

  /// Whether a cut would lower the threshold enough to pay.
  var isWorthCutting: Bool { entries.count >= capacity + capacity / 4 + 4 || (threshold == .infinity && isFull) }

  var isFull: Bool { entries.count >= capacity }

  private mutating func select(_ k: Int) {
    var span = entries.mutableSpan
    Selection.select(k, of: &span) { $0.key < $1.key }
  }

  /// Brings the candidates into the order of the file.
  mutating func sortByPlace() { entries.sort { ($0.list, $0.position) < ($1.list, $1.position) } }

  /// Moves the equals with the lowest ids to where the cut leaves them.
  private mutating func cutEquals(_ id: IDLookup) throws(FormatError) {
    let cut = threshold
    let nearer = entries.filter { $0.key < cut }
    let equal = entries.filter { $0.key == cut }
    let single = equal.allSatisfy { $0.list == equal[0].list }
    var ranked: [(rank: UInt64, candidate: Candidate)] = []
    for candidate in equal {
      // Ids of one list ascend with the position.
      let rank = single ? UInt64(candidate.position) : try id(candidate.list, candidate.position)
      ranked.append((rank, candidate))
    }
    ranked.sort { $0.rank < $1.rank }
    entries = nearer + ranked.map(\.candidate)
  }
}
