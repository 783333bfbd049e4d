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

  /// Takes the lists of the first sorted `words`, and their keys from those of all lists.
  fileprivate mutating func take(_ count: Int, of words: [UInt64], _ listKeys: [Float]) {
    let (words, listKeys) = (words.span.extracting(0..<count), listKeys.span)
    removeAll()
    numbers.append(addingCapacity: words.count) { output in
      for i in words.indices { output.append(UInt32(truncatingIfNeeded: words[i])) }
    }
    keys.append(addingCapacity: words.count) { output in
      for i in words.indices { output.append(listKeys[Int(UInt32(truncatingIfNeeded: words[i]))]) }
    }
  }

  /// Keeps the first `count`.
  mutating func keep(first count: Int) {
    numbers.removeLast(numbers.count - count)
    keys.removeLast(keys.count - count)
  }

  /// Keeps those at most `reach` times as far as the first; all, where the square of that is not finite. Keys are squared
  /// distances.
  mutating func keep(reach: Float) {
    let square = reach * reach
    guard let first = keys.first, square < .infinity else { return }
    let limit = first * square
    keep(first: keys.firstIndex { $0 > limit } ?? count)
  }
}

/// The choice of the nearest lists, or groups of lists, from the keys of their centroids.
struct ListChoice: ~Copyable {
  /// What was chosen last.
  var lists = ChosenLists()
  private var minima: [Float] = []
  /// The lists that come into question, and their keys.
  private var numbers: [UInt32] = []
  private var numberKeys: [Float] = []
  /// `[list]`: the keys of those.
  private var listKeys: [Float] = []
  /// Key and list in one word that sorts as they do; and as much room to sort.
  private var words: [UInt64] = []

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
    begin(keys.count, inQuestion: keys.count)
    let limit = limit(count, keys)
    var found = keys.count
    if limit < .infinity {
      found = select(from: -.infinity, to: limit, of: keys, after: 0)
    } else {
      for i in 0..<found { numbers[i] = UInt32(i) }
    }
    makeRoom(found)
    for i in 0..<found { numberKeys[i] = keys[Int(numbers[i])] }
    takeLeast(count, among: found, limit: limit)
  }

  /// Chooses the `count` least of the keys of all lists, of which no more is known than their scores: lists of the least
  /// scores are compared, and then those that may be as near. O(scores + compared · D + chosen · log chosen).
  /// - Parameters:
  ///   - scores: `[list]`.
  ///   - bound: a score that no list exceeds whose key is at most the argument.
  ///   - compare: fills in the keys of some lists; none is NaN.
  mutating func choose(
    _ count: Int, scores: Span<Float>, bound: (Float) -> Float,
    compare: (Span<UInt32>, inout MutableSpan<Float>) -> Void
  ) {
    // Room for all behind those that are compared first.
    begin(scores.count, inQuestion: 2 * scores.count)
    let least = limit(count, scores)
    var found = select(from: -.infinity, to: least, of: scores, after: 0)
    fill(0..<found, compare)
    let limit = Kernels.best.kth(count, of: numberKeys.span.extracting(0..<found))
    let most = bound(limit)
    if most > least {
      let first = found
      found += select(from: least.nextUp, to: most, of: scores, after: first)
      fill(first..<found, compare)
    }
    takeLeast(count, among: found, limit: limit)
  }

  /// Makes room for what so many `lists` take, of which up to `room` come into question.
  private mutating func begin(_ lists: Int, inQuestion room: Int) {
    if listKeys.count < lists {
      minima = [Float](repeating: 0, count: (lists + 15) / 16 * 16)
      listKeys = [Float](repeating: 0, count: lists)
    }
    if numbers.count < room { numbers = [UInt32](repeating: 0, count: room) }
  }

  private mutating func makeRoom(_ count: Int) {
    if numberKeys.count < count {
      // What was compared so far stays.
      numberKeys += [Float](repeating: 0, count: count - numberKeys.count)
      words = [UInt64](repeating: 0, count: 2 * count)
    }
  }

  /// Fills in the keys of some of the lists that come into question.
  private mutating func fill(_ places: Range<Int>, _ compare: (Span<UInt32>, inout MutableSpan<Float>) -> Void) {
    makeRoom(places.upperBound)
    Self.fill(places, &numberKeys, of: numbers, compare)
  }

  private static func fill(
    _ places: Range<Int>, _ keys: inout [Float], of numbers: [UInt32],
    _ compare: (Span<UInt32>, inout MutableSpan<Float>) -> Void
  ) {
    var all = keys.mutableSpan
    var output = all.part(places)
    compare(numbers.span.extracting(places), &output)
  }

  /// Makes the `count` nearest of those in question, all different, the chosen ones.
  /// - Parameter limit: a key that at least so many do not exceed.
  private mutating func takeLeast(_ count: Int, among found: Int, limit: Float) {
    let near = Self.makeWords(found, numberKeys, numbers, limit, &words, &listKeys)
    let least = Self.sort(&words, near, nearest: count)
    lists.take(min(count, least), of: words, listKeys)
  }

  /// Makes words of the lists whose keys are at most `limit`, or NaN; returns how many. Notes all keys.
  private static func makeWords(
    _ found: Int, _ keys: [Float], _ numbers: [UInt32], _ limit: Float, _ words: inout [UInt64],
    _ listKeys: inout [Float]
  ) -> Int {
    let (keys, numbers) = (keys.span, numbers.span)
    var words = words.mutableSpan
    var listKeys = listKeys.mutableSpan
    var near = 0
    for i in 0..<found {
      words[near] = OrderedKey.word(keys[i], numbers[i])
      listKeys[Int(numbers[i])] = keys[i]
      near += keys[i] > limit ? 0 : 1
    }
    return near
  }

  /// Sorts the first `found` words, or of many more than `count` only so many least ones; returns how many.
  private static func sort(_ words: inout [UInt64], _ found: Int, nearest count: Int) -> Int {
    var span = words.mutableSpan
    var least = found
    if found > 2 * count {
      var all = span.part(0..<found)
      Selection.select(count - 1, of: &all) { $0 < $1 }
      least = count
    }
    Kernels.best.sort(&span, least)
    return least
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
    return Kernels.best.kth(count, of: minima.span.extracting(0..<groups))
  }

  private mutating func minima(_ keys: Span<Float>, _ depth: Int) -> Int {
    var output = minima.mutableSpan
    return Kernels.best.groupMinima(keys, depth: depth, into: &output)
  }

  /// Appends to the first lists in question those whose `values` are in a range, ascending; returns how many.
  private mutating func select(from low: Float, to high: Float, of values: Span<Float>, after first: Int) -> Int {
    let room = first..<numbers.count
    var all = numbers.mutableSpan
    var output = all.part(room)
    return Kernels.best.numbers(values, from: low, to: high, into: &output)
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
