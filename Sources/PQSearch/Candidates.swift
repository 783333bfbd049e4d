internal import PQFormat
internal import PQKernels

/// Where a vector is: its list, and its number there.
struct Place: Sendable {
  var list: UInt32
  var position: Int
}

/// The best candidates so far, by their keys (smaller is better: distances, or similarities negated): a reservoir of up to
/// twice as many as asked for, cut back when it is full. Equal keys are ordered by id; ids are looked up only where a cut
/// goes through equals of several lists.
struct Candidates: ~Copyable {
  typealias IDLookup = (UInt32, Int) throws(FormatError) -> UInt64

  /// The first ``count`` are valid, in the order in which they came; the keys apart from the places, so that many are
  /// compared at once.
  private(set) var keys: [Float] = []
  private(set) var places: [Place] = []
  private(set) var count = 0
  /// How many are asked for.
  private(set) var capacity = 0
  /// Keys above this cannot be among the best.
  private(set) var threshold = Float.infinity
  /// Where the reservoir is full.
  private var limit = 0

  /// Forgets all, and keeps the memory.
  mutating func begin(capacity: Int) {
    count = 0
    self.capacity = capacity
    limit = capacity + max(16, min(capacity, 4096))
    threshold = .infinity
  }

  /// Keeps those vectors that may be among the best. O(keys + cuts · capacity).
  /// - Parameters:
  ///   - values: the vectors' distances or similarities.
  ///   - id: the id at a place.
  ///   - place: where vector i of `values` is.
  @inline(__always)
  mutating func offer(
    _ values: Span<Float>, _ metric: Metric, id: IDLookup, place: (Int) -> Place
  ) throws(FormatError) {
    for i in values.indices {
      var key = metric.key(values[i])
      if key > threshold { continue }
      if key.isNaN { key = .infinity }
      if count == limit { try cut(id) }
      // Memory grows with what is found, not with what is asked for.
      if count == keys.count { grow() }
      keys[count] = key
      places[count] = place(i)
      count += 1
    }
  }

  private mutating func grow() {
    let more = min(limit, max(32, 2 * keys.count)) - keys.count
    keys.append(contentsOf: repeatElement(0, count: more))
    places.append(contentsOf: repeatElement(Place(list: 0, position: 0), count: more))
  }

  /// Cuts back to the capacity, so that the threshold is as low as it can be. O(candidates).
  mutating func cut(_ id: IDLookup) throws(FormatError) {
    guard capacity > 0, count >= capacity else { return }
    threshold = Kernels.best.kth(capacity, of: keys.span.extracting(0..<count))
    guard count > capacity else { return }
    count = Self.keep(count, atMost: threshold, &keys, &places)
    if count > capacity { try cutEquals(id) }
  }

  /// Moves the candidates with keys of at most `limit` to the front, in their order, and returns how many they are.
  private static func keep(_ count: Int, atMost limit: Float, _ keys: inout [Float], _ places: inout [Place]) -> Int {
    var keys = keys.mutableSpan
    var places = places.mutableSpan
    var kept = 0
    for i in 0..<count {
      let key = keys[i]
      keys[kept] = key
      places[kept] = places[i]
      kept += key <= limit ? 1 : 0
    }
    return kept
  }

  /// Whether a cut would lower the threshold enough to pay.
  var isWorthCutting: Bool { count >= capacity + capacity / 4 + 2 || (threshold == .infinity && count >= capacity) }

  /// Of the candidates at the threshold, keeps those with the lowest ids.
  private mutating func cutEquals(_ id: IDLookup) throws(FormatError) {
    let equal = (0..<count).filter { keys[$0] == threshold }
    let single = equal.allSatisfy { places[$0].list == places[equal[0]].list }
    var ranked: [(rank: UInt64, index: Int)] = []
    for i in equal {
      // Ids of one list ascend with the position.
      ranked.append((single ? UInt64(places[i].position) : try id(places[i].list, places[i].position), i))
    }
    ranked.sort { $0.rank < $1.rank }
    let dropped = Set(ranked.suffix(count - capacity).map(\.index))
    var kept = 0
    for i in 0..<count where !dropped.contains(i) {
      keys[kept] = keys[i]
      places[kept] = places[i]
      kept += 1
    }
    count = kept
  }
}
