internal import PQKernels

/// The choice of the nearest lists, or groups of lists, from the keys of their centroids.
struct ListChoice: ~Copyable {
  /// Nearest first, ties by lower number.
  private(set) var lists: [UInt32] = []
  private var minima: [Float]
  private var numbers: [UInt32]
  /// Key and number in one word that sorts as they do.
  private var words: [UInt64] = []
  /// Where not all lists come into question: the keys of those that do, and, of ranges, where each begins there.
  private var compared: [Float] = []
  private var places: [Int] = []

  init(nlist: Int) {
    minima = [Float](repeating: 0, count: (nlist + 15) / 16 * 16)
    numbers = [UInt32](repeating: 0, count: nlist + 1)
  }

  /// Hands out the lists, and takes memory for the next ones.
  mutating func moveLists(to other: inout [UInt32]) { swap(&lists, &other) }

  /// Chooses the one list of an index without a coarse quantizer.
  mutating func chooseOnly() {
    lists.removeAll(keepingCapacity: true)
    lists.append(0)
  }

  /// Of the chosen lists, keeps the first `count`.
  mutating func keep(first count: Int) { lists.removeLast(lists.count - count) }

  /// Of the chosen lists, keeps those at most `reach` times as far as the first; `keys` `[list]` are squared distances.
  mutating func keep(reach: Float, of keys: Span<Float>) {
    guard let first = lists.first else { return }
    let limit = keys[Int(first)] * (reach * reach)
    keep(first: lists.firstIndex { keys[Int($0)] > limit } ?? lists.count)
  }

  /// Chooses the `count` least of all `keys` `[list]`. A key that is no number is the greatest.
  /// O(keys + chosen · log chosen).
  mutating func choose(_ count: Int, of keys: Span<Float>) {
    lists.removeAll(keepingCapacity: true)
    words.removeAll(keepingCapacity: true)
    let limit = limit(count, keys)
    if limit < .infinity {
      let found = numbers(keys, limit)
      for i in 0..<found { words.append(OrderedKey.word(keys[Int(numbers[i])], numbers[i])) }
    } else {
      for i in keys.indices { words.append(OrderedKey.word(keys[i], UInt32(i))) }
    }
    takeLeast(count)
  }

  /// Chooses the `count` least of the keys of all lists, of which no more is known than their scores: only those that may
  /// be among them are compared. O(scores + compared · D + chosen · log chosen).
  /// - Parameters:
  ///   - scores: `[list]`; becomes the key where one was compared.
  ///   - bound: from a score that `count` lists do not exceed, one that none of the lists to choose exceeds.
  ///   - compare: fills in the keys of some lists.
  mutating func choose(
    _ count: Int, _ scores: inout MutableSpan<Float>, bound: (Float) -> Float,
    compare: (Span<UInt32>, inout MutableSpan<Float>) -> Void
  ) {
    lists.removeAll(keepingCapacity: true)
    words.removeAll(keepingCapacity: true)
    let found = numbers(scores.span, bound(limit(count, scores.span)))
    if compared.count < found { compared = [Float](repeating: 0, count: found) }
    Self.fill(&compared, of: numbers, found, compare)
    for i in 0..<found {
      let (key, list) = (compared[i], numbers[i])
      scores[Int(list)] = key
      words.append(OrderedKey.word(key, list))
    }
    takeLeast(count)
  }

  private static func fill(
    _ keys: inout [Float], of numbers: [UInt32], _ count: Int,
    _ compare: (Span<UInt32>, inout MutableSpan<Float>) -> Void
  ) {
    var output = keys.mutableSpan
    compare(numbers.span.extracting(0..<count), &output)
  }

  /// Makes the `count` least of the words lists.
  private mutating func takeLeast(_ count: Int) {
    if words.count > 2 * count {
      var span = words.mutableSpan
      Selection.select(count - 1, of: &span) { $0 < $1 }
      words.removeLast(words.count - count)
    }
    words.sort()
    for word in words.prefix(count) { lists.append(UInt32(truncatingIfNeeded: word)) }
  }

  /// Chooses the `count` least of the keys of some lists: of `ranges`, which ascend, in `keys` `[list]`.
  mutating func choose(_ count: Int, of keys: ArraySlice<Float>, in ranges: [Range<Int>]) {
    var compared = take(&compared)
    defer { swap(&compared, &self.compared) }
    compared.removeAll(keepingCapacity: true)
    places.removeAll(keepingCapacity: true)
    for range in ranges {
      places.append(compared.count)
      compared.append(contentsOf: keys[keys.startIndex + range.lowerBound..<keys.startIndex + range.upperBound])
    }
    choose(count, of: compared.span)
    // Places ascend with the numbers of the lists, so that these have decided between equals.
    for i in lists.indices { lists[i] = number(at: Int(lists[i]), ranges) }
  }

  /// The list whose key is at a place of ``compared``. O(log ranges).
  private func number(at place: Int, _ ranges: [Range<Int>]) -> UInt32 {
    var (low, high) = (0, places.count - 1)  // the range is in low...high
    while low < high {
      let middle = (low + high + 1) / 2
      if places[middle] <= place { low = middle } else { high = middle - 1 }
    }
    return UInt32(ranges[low].lowerBound + place - places[low])
  }

  /// A key that at least `count` keys do not exceed, and few more than that: of groups of keys, the count-th least of
  /// their minima.
  private mutating func limit(_ count: Int, _ keys: Span<Float>) -> Float {
    let depth = max(1, min(16, keys.count / (4 * count)))
    let groups = minima(keys, depth)
    guard groups >= count else { return .infinity }
    return Kernels.best.limit(minima.span.extracting(0..<groups), count)
  }

  private mutating func minima(_ keys: Span<Float>, _ depth: Int) -> Int {
    var output = minima.mutableSpan
    return Kernels.best.groupMinima(keys, depth: depth, into: &output)
  }

  private mutating func numbers(_ keys: Span<Float>, _ limit: Float) -> Int {
    var output = numbers.mutableSpan
    return Kernels.best.numbers(keys, atMost: limit, into: &output)
  }
}

/// Hoare's quickselect.
enum Selection {
  /// Reorders so that nothing before index `k` is greater, and nothing after it less, than the element at `k`. O(elements)
  /// in the mean.
  @inline(__always)
  static func select<Element: BitwiseCopyable>(
    _ k: Int, of span: inout MutableSpan<Element>, _ isLess: (Element, Element) -> Bool
  ) {
    var (low, high) = (0, span.count - 1)
    while low < high {
      let (a, b, c) = (span[low], span[(low + high) / 2], span[high])
      let (least, most) = isLess(b, a) ? (b, a) : (a, b)
      let pivot = isLess(c, least) ? least : isLess(most, c) ? most : c
      var (i, j) = (low, high)
      while i <= j {
        while isLess(span[i], pivot) { i += 1 }
        while isLess(pivot, span[j]) { j -= 1 }
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
