/// A found vector: `key` is a squared distance or a negated similarity, so that smaller is nearer.
struct ExactCandidate: Sendable {
  var key: Float
  var id: UInt64

  /// What is farther than every vector.
  static let none = ExactCandidate(key: .infinity, id: .max)

  /// Nearer first, the lower id first among equals.
  @inline(__always)
  static func < (a: Self, b: Self) -> Bool { a.key < b.key || a.key == b.key && a.id < b.id }
}

/// The nearest candidates of one query in a part of a shared array: a heap with the farthest in front, always full,
/// at first of ``ExactCandidate/none``.
enum ExactTopK {
  /// Takes those of `keys` that are nearer than the farthest candidate. O(keys + changes · log k).
  /// - Parameters:
  ///   - firstID: the id of the first key; the others follow.
  ///   - heap: the query's range of `candidates`.
  static func insert(
    _ keys: Span<Float>, firstID: UInt64, into candidates: inout MutableSpan<ExactCandidate>, heap: Range<Int>
  ) {
    var farthest = candidates[heap.lowerBound]
    for i in 0..<keys.count where keys[i] <= farthest.key {
      let candidate = ExactCandidate(key: keys[i], id: firstID + UInt64(i))
      guard candidate < farthest else { continue }
      sink(candidate, into: &candidates, heap: heap)
      farthest = candidates[heap.lowerBound]
    }
  }

  /// Replaces the heap's front by `candidate` and restores its order.
  private static func sink(
    _ candidate: ExactCandidate, into candidates: inout MutableSpan<ExactCandidate>, heap: Range<Int>
  ) {
    var hole = 0
    while true {
      var child = 2 * hole + 1
      guard child < heap.count else { break }
      if child + 1 < heap.count,
        candidates[heap.lowerBound + child] < candidates[heap.lowerBound + child + 1]
      {
        child += 1
      }
      guard candidate < candidates[heap.lowerBound + child] else { break }
      candidates[heap.lowerBound + hole] = candidates[heap.lowerBound + child]
      hole = child
    }
    candidates[heap.lowerBound + hole] = candidate
  }
}
