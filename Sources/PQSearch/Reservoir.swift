internal import PQKernels

/// Keys, smaller is better, and what each belongs to, in the order in which they came. Keys stand apart from the items, so
/// that many are compared at once. The memory grows with what is found, and is kept.
struct Reservoir<Item: BitwiseCopyable> {
  private(set) var count = 0
  /// The first ``count`` are valid, as of ``items``.
  private(set) var keys: [Float] = []
  private(set) var items: [Item] = []

  mutating func removeAll() { count = 0 }

  /// Appends those of `more` keys that are at most `limit`, with their items.
  @inline(__always)
  mutating func append(_ more: Int, atMost limit: Float, _ key: (Int) -> Float, _ item: (Int) -> Item) {
    guard more > 0 else { return }
    if count + more > keys.count { grow(to: count + more, with: item(0)) }
    count += Self.fill(&keys, &items, count..<count + more, atMost: limit, key, item)
  }

  @inline(__always)
  private static func fill(
    _ keys: inout [Float], _ items: inout [Item], _ range: Range<Int>, atMost limit: Float, _ key: (Int) -> Float,
    _ item: (Int) -> Item
  ) -> Int {
    var keys = keys.mutableSpan
    var items = items.mutableSpan
    var kept = range.lowerBound
    for i in 0..<range.count {
      let key = key(i)
      keys[kept] = key
      items[kept] = item(i)
      kept += key <= limit ? 1 : 0
    }
    return kept - range.lowerBound
  }

  private mutating func grow(to needed: Int, with item: Item) {
    let more = max(needed, 2 * keys.count, 64) - keys.count
    keys.append(contentsOf: repeatElement(0, count: more))
    items.append(contentsOf: repeatElement(item, count: more))
  }

  /// The k-th smallest key. O(count).
  /// - Precondition: `k` is 1...count.
  func kth(_ k: Int) -> Float { Kernels.best.kth(k, of: keys.span.extracting(0..<count)) }

  /// Keeps the keys of at most `limit`, in their order. O(count).
  mutating func keep(atMost limit: Float) { keep { key, _ in key <= limit } }

  /// Keeps those of which `isKept` is true, in their order. O(count).
  /// - Parameter isKept: of a key and its number.
  @inline(__always)
  mutating func keep(_ isKept: (Float, Int) -> Bool) { count = Self.keep(count, &keys, &items, isKept) }

  @inline(__always)
  private static func keep(
    _ count: Int, _ keys: inout [Float], _ items: inout [Item], _ isKept: (Float, Int) -> Bool
  ) -> Int {
    var keys = keys.mutableSpan
    var items = items.mutableSpan
    var kept = 0
    for i in 0..<count {
      let key = keys[i]
      keys[kept] = key
      items[kept] = items[i]
      kept += isKept(key, i) ? 1 : 0
    }
    return kept
  }
}
