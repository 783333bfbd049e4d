internal import PQFormat

/// A vector that may be among the results: its key (smaller is better: a distance, or a similarity negated) and place.
struct Candidate: Sendable {
  var key: Float
  var list: UInt32
  var position: Int
}

/// The best candidates so far, worst on top. Equal keys are ordered by id; ids of one list ascend with position, so an
/// id is looked up only when two lists tie.
struct Candidates: Sendable {
  private(set) var heap: [Candidate] = []
  private(set) var capacity = 0

  var isFull: Bool { heap.count >= capacity }

  /// Keys above this cannot enter.
  var threshold: Float { isFull ? (heap.first?.key ?? -.infinity) : .infinity }

  /// Keeps `candidate` if it is among the best. O(log capacity).
  /// - Parameter id: the id at a place.
  mutating func offer(
    _ candidate: Candidate, id: (UInt32, Int) throws(FormatError) -> UInt64
  ) throws(FormatError) {
    var candidate = candidate
    if candidate.key.isNaN { candidate.key = .infinity }
    if heap.count < capacity {
      heap.append(candidate)
      try siftUp(heap.count - 1, id)
    } else if let worst = heap.first, try Self.isWorse(worst, candidate, id) {
      heap[0] = candidate
      try siftDown(id)
    }
  }

  /// Forgets all, and keeps the memory.
  mutating func removeAll(capacity: Int) {
    heap.removeAll(keepingCapacity: true)
    self.capacity = capacity
  }

  private static func isWorse(
    _ a: Candidate, _ b: Candidate, _ id: (UInt32, Int) throws(FormatError) -> UInt64
  ) throws(FormatError) -> Bool {
    if a.key != b.key { return a.key > b.key }
    if a.list == b.list { return a.position > b.position }
    return try id(a.list, a.position) > id(b.list, b.position)
  }

  private mutating func siftUp(
    _ start: Int, _ id: (UInt32, Int) throws(FormatError) -> UInt64
  ) throws(FormatError) {
    var child = start
    while child > 0 {
      let parent = (child - 1) / 2
      guard try Self.isWorse(heap[child], heap[parent], id) else { return }
      heap.swapAt(child, parent)
      child = parent
    }
  }

  private mutating func siftDown(_ id: (UInt32, Int) throws(FormatError) -> UInt64) throws(FormatError) {
    var parent = 0
    while true {
      var worst = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
        if try Self.isWorse(heap[child], heap[worst], id) { worst = child }
      }
      guard worst != parent else { return }
      heap.swapAt(parent, worst)
      parent = worst
    }
  }
}
