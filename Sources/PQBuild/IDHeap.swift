/// Which of several sources of vectors has the lowest id: a heap of the ids that each is at, with the sources' numbers.
struct IDHeap {
  private var entries: [(id: UInt64, source: Int)] = []

  /// The source with the lowest id; nil when none has any left.
  var first: Int? { entries.first?.source }

  /// The lowest id of all other sources: what the first has below it comes before theirs, and it does not have this one, for
  /// ids are unique. The largest id there is without others.
  var otherID: UInt64 {
    entries.count > 2 ? min(entries[1].id, entries[2].id) : entries.count > 1 ? entries[1].id : .max
  }

  /// Forgets all sources, and keeps the memory.
  mutating func removeAll() { entries.removeAll(keepingCapacity: true) }

  /// O(log sources).
  mutating func insert(_ source: Int, id: UInt64) {
    var child = entries.count
    entries.append((id, source))
    while child > 0, entries[child] < entries[(child - 1) / 2] {
      entries.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  /// The first source, which there must be, has come to `id`, or, where that is nil, has no vectors left. O(log sources).
  mutating func moveFirst(to id: UInt64?) {
    if let id {
      entries[0].id = id
    } else {
      entries.swapAt(0, entries.count - 1)
      entries.removeLast()
    }
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < entries.count && entries[child] < entries[least] {
        least = child
      }
      guard least != parent else { return }
      entries.swapAt(parent, least)
      parent = least
    }
  }
}
