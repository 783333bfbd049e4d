internal import PQFormat

/// A vector that may be among the results: its key (smaller is better: a distance, or a similarity negated) and place.
struct Candidate: Sendable {
  var key: Float
  var list: UInt32
  var position: Int
}

/// The best candidates so far: a reservoir of up to twice as many as asked for, cut back when it is full. Equal keys are
/// ordered by id; ids are looked up only where a cut goes through equals of several lists.
struct Candidates: Sendable {
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
    Self.select(last, of: &entries)
    threshold = entries[last].key
    guard entries.count > capacity else { return }
    if (capacity..<entries.count).contains(where: { entries[$0].key == threshold }) { try cutEquals(id) }
    entries.removeLast(entries.count - capacity)
  }

  /// Whether a cut would lower the threshold enough to pay.
  var isWorthCutting: Bool { entries.count >= capacity + capacity / 4 + 4 || (threshold == .infinity && isFull) }

  var isFull: Bool { entries.count >= capacity }

  /// Moves the equals with the lowest ids to where the cut leaves them.
  private mutating func cutEquals(_ id: IDLookup) throws(FormatError) {
    let nearer = entries.filter { $0.key < threshold }
    let equal = entries.filter { $0.key == threshold }
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

  /// Reorders so that no key before index `k` is greater, and none after it smaller, than the one at `k` (Hoare's
  /// quickselect).
  private static func select(_ k: Int, of entries: inout [Candidate]) {
    var span = entries.mutableSpan
    var (low, high) = (0, span.count - 1)
    while low < high {
      let (a, b, c) = (span[low].key, span[(low + high) / 2].key, span[high].key)
      let pivot = max(min(a, b), min(max(a, b), c))
      var (i, j) = (low, high)
      while i <= j {
        while span[i].key < pivot { i += 1 }
        while span[j].key > pivot { j -= 1 }
        if i <= j {
          span.swapAt(i, j)
          i += 1
          j -= 1
        }
      }
      if k <= j {
        high = j
      } else if k >= i {
        low = i
      } else {
        return
      }
    }
  }
}

/// The k-th smallest of 16-bit sums.
enum SumSelection {
  /// - Parameters:
  ///   - k: from 1; at most `count`.
  ///   - count: how many of `sums` there are.
  ///   - counts: 256 counters to work with.
  /// - Complexity: O(count).
  static func smallest(_ k: Int, of sums: [UInt16], count: Int, counts: inout [Int]) -> UInt16 {
    let high = bucket(k, sums.span.extracting(0..<count), &counts) { $0 >> 8 }
    let low = bucket(high.rank, sums.span.extracting(0..<count), &counts) {
      $0 >> 8 == high.value ? $0 & 255 : nil
    }
    return high.value << 8 | low.value
  }

  /// The value of `digit` that the k-th smallest has, and its rank among those with this value.
  @inline(__always)
  private static func bucket(
    _ k: Int, _ sums: Span<UInt16>, _ counts: inout [Int], _ digit: (UInt16) -> UInt16?
  ) -> (value: UInt16, rank: Int) {
    for i in counts.indices { counts[i] = 0 }
    for i in sums.indices {
      if let value = digit(sums[i]) { counts[Int(value)] += 1 }
    }
    var rank = k
    for value in 0..<256 {
      if rank <= counts[value] { return (UInt16(value), rank) }
      rank -= counts[value]
    }
    preconditionFailure("fewer sums than k")
  }
}
