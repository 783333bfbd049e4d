internal import PQKernels

/// The lists that a query visits, nearest first, ties by lower number, and the keys of their centroids: squared distances,
/// or inner products negated.
struct ChosenLists {
  fileprivate(set) var numbers: [UInt32] = []
  /// One a list; none in an index without a coarse quantizer, whose only list has no centroid.
  fileprivate(set) var keys: [Float] = []

  var count: Int { numbers.count }

  fileprivate mutating func removeAll() {
    numbers.removeAll(keepingCapacity: true)
    keys.removeAll(keepingCapacity: true)
  }

  /// Keeps the first `count`.
  mutating func keep(first count: Int) {
    numbers.removeLast(numbers.count - count)
    keys.removeLast(keys.count - count)
  }

  /// Keeps those at most `reach` times as far as the first; keys are squared distances.
  mutating func keep(reach: Float) {
    guard let first = keys.first else { return }
    let limit = first * (reach * reach)
    keep(first: keys.firstIndex { $0 > limit } ?? count)
  }
}

/// The choice of the nearest lists, or groups of lists, from the keys of their centroids.
struct ListChoice: ~Copyable {
  /// What was chosen last.
  var lists = ChosenLists()
  private var minima: [Float]
  private var numbers: [UInt32]
  /// Key and number in one word that sorts as they do.
  private var words: [UInt64] = []
  /// Where scores leave few lists in question: the keys of these.
  private var compared: [Float] = []

  init(nlist: Int) {
    minima = [Float](repeating: 0, count: (nlist + 15) / 16 * 16)
    numbers = [UInt32](repeating: 0, count: nlist + 1)
  }

  /// Hands out the lists, and takes memory for the next ones.
  mutating func moveLists(to other: inout ChosenLists) { swap(&lists, &other) }

  /// Chooses the one list of an index without a coarse quantizer.
  mutating func chooseOnly() {
    lists.removeAll()
    lists.numbers.append(0)
  }

  /// Chooses the `count` least of all `keys` `[list]`. A key that is no number is the greatest.
  /// O(keys + chosen · log chosen).
  mutating func choose(_ count: Int, of keys: Span<Float>) {
    words.removeAll(keepingCapacity: true)
    let limit = limit(count, keys)
    if limit < .infinity {
      let found = numbers(keys, limit)
      for i in 0..<found { words.append(OrderedKey.word(keys[Int(numbers[i])], numbers[i])) }
    } else {
      for i in keys.indices { words.append(OrderedKey.word(keys[i], UInt32(i))) }
    }
    takeLeast(count) { keys[$0] }
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
    words.removeAll(keepingCapacity: true)
    let found = numbers(scores.span, bound(limit(count, scores.span)))
    if compared.count < found { compared = [Float](repeating: 0, count: found) }
    Self.fill(&compared, of: numbers, found, compare)
    for i in 0..<found {
      let (key, list) = (compared[i], numbers[i])
      scores[Int(list)] = key
      words.append(OrderedKey.word(key, list))
    }
    let keys = scores.span
    takeLeast(count) { keys[$0] }
  }

  private static func fill(
    _ keys: inout [Float], of numbers: [UInt32], _ count: Int,
    _ compare: (Span<UInt32>, inout MutableSpan<Float>) -> Void
  ) {
    var output = keys.mutableSpan
    compare(numbers.span.extracting(0..<count), &output)
  }

  /// Makes the `count` least of the words lists.
  /// - Parameter key: of a list.
  @inline(__always)
  private mutating func takeLeast(_ count: Int, key: (Int) -> Float) {
    if words.count > 2 * count {
      var span = words.mutableSpan
      Selection.select(count - 1, of: &span) { $0 < $1 }
      words.removeLast(words.count - count)
    }
    words.sort()
    lists.removeAll()
    for word in words.prefix(count) {
      let list = UInt32(truncatingIfNeeded: word)
      lists.numbers.append(list)
      lists.keys.append(key(Int(list)))
    }
  }

  /// Gives the chosen lists other numbers, where the keys were those of some lists only.
  /// - Parameter list: the number of a list by the place of its key; it ascends with that, which has decided between equals.
  mutating func renumber(_ list: (Int) -> UInt32) {
    for i in 0..<lists.count { lists.numbers[i] = list(Int(lists.numbers[i])) }
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
