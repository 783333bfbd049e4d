/// Codes that the integer scan has found, before their distances are computed. Of the key of each no more is known than
/// floor ≤ key ≤ floor + gap.
///
/// The k-th smallest floor plus the largest gap bounds the k-th smallest key. What lies above that is dropped, so that in
/// the end little more than k distances are computed.
struct Pending {
  /// Floors, with the number in ``frames`` and the position in that frame: 16 bits.
  private var found = Reservoir<UInt64>()
  /// The frames they were found in.
  private var frames: [FrameView] = []
  /// No key above this is among the best.
  private(set) var threshold = Float.infinity
  /// The largest gap so far.
  private var gap: Float = 0
  /// How many are asked for.
  private var capacity = 0
  /// The count at which a cut pays.
  private var cutCount = 0

  /// Forgets all, and keeps the memory.
  mutating func begin(capacity: Int) {
    self.capacity = capacity
    threshold = .infinity
    gap = 0
    removeAll()
  }

  /// Forgets the codes: their distances are computed.
  mutating func removeAll() {
    found.removeAll()
    cutCount = capacity
    frames.removeAll(keepingCapacity: true)
  }

  /// Adds what a scan of `frame` has found. O(survivors).
  mutating func append(_ survivors: borrowing Survivors, of frame: FrameView, _ bound: CodeBound) {
    let bounds = bound.inFloats
    let place = UInt64(frames.count) << 16
    let (sums, positions) = (survivors.sums.span, survivors.positions.span)
    found.append(
      survivors.count, { bounds.floor + bounds.step * Float(sums[$0]) }, { place | UInt64(positions[$0]) })
    frames.append(frame)
    gap = survivors.areSaturated ? .infinity : max(gap, bounds.gap)
  }

  var count: Int { found.count }
  var isWorthCutting: Bool { count >= cutCount }
  /// Whether the distances should be computed even if not all codes have been scanned.
  var isFull: Bool { count >= max(4096, 4 * capacity) }

  /// Drops what cannot be among the best. O(count).
  mutating func cut() {
    if capacity > 0, count > capacity || (count == capacity && threshold == .infinity), gap < .infinity {
      threshold = min(threshold, (found.kth(capacity) + gap).nextUp)
      keep(atMost: threshold)
    }
    cutCount = count + capacity / 2 + 8
  }

  /// Drops what lies above `limit`.
  mutating func keep(atMost limit: Float) { found.keep(atMost: limit) }

  /// The codes from `first` on that stand in one frame, at most as many as `positions` holds: fills in their positions,
  /// ascending, and returns their number and the frame. O(codes of the frame).
  func run(from first: Int, _ positions: inout MutableSpan<UInt16>) -> (count: Int, frame: FrameView) {
    let places = found.items.span
    let number = places[first] >> 16
    var run = 0
    while run < positions.count, first + run < count, places[first + run] >> 16 == number {
      positions[run] = UInt16(truncatingIfNeeded: places[first + run])
      run += 1
    }
    return (run, frames[Int(number)])
  }
}
