internal import PQKernels

/// Codes that the integer scan has found, before their distances are computed. Of the key of each no more is known than
/// floor ≤ key ≤ floor + gap.
///
/// The k-th smallest floor plus the largest gap bounds the k-th smallest key. What lies above that is dropped, so that in
/// the end little more than k distances are computed.
struct Pending {
  /// Floors, with the number in ``frames`` and the position in that frame: 16 bits.
  private var found = Reservoir<UInt64>()
  /// The frames they were found in, the key of each one's list, and the gap of each.
  private var frames: [(view: FrameView, key: Float, gap: Float)] = []
  /// No key above this is among the best.
  private(set) var threshold = Float.infinity
  /// The largest gap of these codes.
  private var gap: Float = 0
  /// The k-th smallest floor, as of the last cut.
  private var kthFloor = -Float.infinity
  /// How many are asked for.
  private var capacity = 0
  /// The count at which a cut pays.
  private var cutCount = 0

  /// Forgets all, and keeps the memory.
  mutating func begin(capacity: Int) {
    self.capacity = capacity
    threshold = .infinity
    removeAll()
  }

  /// Forgets the codes: their distances are computed.
  mutating func removeAll() {
    found.removeAll()
    gap = 0
    cutCount = capacity
    frames.removeAll(keepingCapacity: true)
  }

  /// Adds what a scan of a frame has found, by its sums, unless it is above the threshold. O(survivors).
  mutating func append(_ survivors: borrowing Survivors, of visit: CodeVisit) {
    let bounds = visit.bound.inFloats
    let sums = survivors.sums.span.extracting(0..<survivors.count)
    append(survivors, of: visit.frame, key: visit.key, gap: survivors.areSaturated ? .infinity : bounds.gap) {
      bounds.floor + bounds.step * Float(sums[$0])
    }
  }

  /// Adds what a scan of `frame` has found, unless it is above the threshold. O(survivors).
  /// - Parameter floor: of survivor i; its key is at most the floor plus `gap`.
  @inline(__always)
  mutating func append(
    _ survivors: borrowing Survivors, of frame: FrameView, key: Float, gap: Float, floor: (Int) -> Float
  ) {
    let (before, place) = (count, UInt64(frames.count) << 16)
    let positions = survivors.positions.span.extracting(0..<survivors.count)
    found.append(survivors.count, atMost: threshold, floor) { place | UInt64(positions[$0]) }
    guard count > before else { return }
    frames.append((frame, key, gap))
    self.gap = max(self.gap, gap)
  }

  var count: Int { found.count }
  var isWorthCutting: Bool { count >= cutCount }
  /// Whether the distances should be computed even if not all codes have been scanned.
  var isFull: Bool { count >= max(4096, 4 * capacity) }

  /// Drops what cannot be among the best. O(count).
  mutating func cut() {
    if capacity > 0, count > capacity || (count == capacity && threshold == .infinity), gap < .infinity {
      kthFloor = found.kth(capacity)
      threshold = min(threshold, (kthFloor + gap).nextUp)
      keep(atMost: threshold)
    }
    cutCount = count + capacity / 2 + 8
  }

  /// Drops what lies above `limit`.
  mutating func keep(atMost limit: Float) { found.keep(atMost: limit) }

  /// A key below which a code is among the best whatever the others' keys are: fewer than ``capacity`` codes have floors,
  /// and so keys, below the capacity-th smallest floor.
  /// - Precondition: nothing was added since the last cut.
  var sureLimit: Float { count <= capacity ? .infinity : gap < .infinity ? kthFloor : -.infinity }

  /// The codes from `first` on that stand in one frame, at most so many. O(codes of the frame).
  func run(from first: Int, atMost most: Int) -> Range<Int> {
    let places = found.items.span.extracting(first..<min(count, first + most))
    let number = places[0] >> 16
    var run = 1
    while run < places.count, places[run] >> 16 == number { run += 1 }
    return first..<first + run
  }

  /// Fills in the positions, ascending, of those codes of a run whose keys are not below `limit` as far as is known, and
  /// returns how many they are. O(codes of the run).
  /// - Parameter numbers: unless they are all, how many codes of the run are before each.
  func findOpen(
    _ run: Range<Int>, from limit: Float, _ positions: inout MutableSpan<UInt16>, _ numbers: inout MutableSpan<UInt16>
  ) -> Int {
    let places = found.items.span.extracting(run)
    guard limit > -.infinity else {
      var positions = positions.part(0..<places.count)
      for i in places.indices { positions[i] = UInt16(truncatingIfNeeded: places[i]) }
      return places.count
    }
    let floors = found.keys.span.extracting(run)
    // No gap matters where all are sure.
    let limit = limit < .infinity ? (limit - frames[Int(places[0] >> 16)].gap).nextDown : limit
    var open = 0
    for i in places.indices {
      positions[open] = UInt16(truncatingIfNeeded: places[i])
      numbers[open] = UInt16(truncatingIfNeeded: i)
      open += floors[i] < limit ? 0 : 1
    }
    return open
  }

  /// The frame of a code, the key of its list, and its position in the frame.
  func place(_ i: Int) -> (frame: FrameView, key: Float, position: Int) {
    let place = found.items[i]
    let frame = frames[Int(place >> 16)]
    return (frame.view, frame.key, Int(place & 0xFFFF))
  }
}
