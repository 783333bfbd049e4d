internal import PQKernels

/// Codes that the integer scan has found, before their distances are computed. Of the key of each no more is known than
/// floor ≤ key ≤ floor + gap.
///
/// The k-th smallest floor plus the largest gap bounds the k-th smallest key. What lies above that is dropped, so that in
/// the end little more than k distances are computed.
struct Pending {
  private(set) var count = 0
  /// The first ``count`` are valid, in the order in which they were found.
  private var floors: [Float] = []
  /// The number in ``frames``, and the position in that frame: 16 bits.
  private var places: [UInt64] = []
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
    count = 0
    cutCount = capacity
    frames.removeAll(keepingCapacity: true)
  }

  /// Adds what a scan of `frame` has found. O(survivors).
  mutating func append(_ survivors: borrowing Survivors, of frame: FrameView, _ bound: CodeBound) {
    grow(count + survivors.count)
    let bounds = bound.inFloats
    let place = UInt64(frames.count) << 16
    Self.append(survivors, bounds.floor, bounds.step, place, at: count, &floors, &places)
    frames.append(frame)
    count += survivors.count
    gap = survivors.areSaturated ? .infinity : max(gap, bounds.gap)
  }

  private static func append(
    _ survivors: borrowing Survivors, _ floor: Float, _ step: Float, _ place: UInt64, at first: Int,
    _ floors: inout [Float], _ places: inout [UInt64]
  ) {
    var floors = floors.mutableSpan
    var places = places.mutableSpan
    let (sums, positions) = (survivors.sums.span, survivors.positions.span)
    for i in 0..<survivors.count {
      floors[first + i] = floor + step * Float(sums[i])
      places[first + i] = place | UInt64(positions[i])
    }
  }

  private mutating func grow(_ needed: Int) {
    guard needed > floors.count else { return }
    let more = max(needed, 2 * floors.count, 64) - floors.count
    floors.append(contentsOf: repeatElement(0, count: more))
    places.append(contentsOf: repeatElement(0, count: more))
  }

  var isWorthCutting: Bool { count >= cutCount }
  /// Whether the distances should be computed even if not all codes have been scanned.
  var isFull: Bool { count >= max(4096, 4 * capacity) }

  /// Drops what cannot be among the best. O(count).
  mutating func cut() {
    if capacity > 0, count > capacity || (count == capacity && threshold == .infinity), gap < .infinity {
      let kth = Kernels.best.kth(capacity, of: floors.span.extracting(0..<count))
      threshold = min(threshold, (kth + gap).nextUp)
      keep(atMost: threshold)
    }
    cutCount = count + capacity / 2 + 8
  }

  /// Drops what lies above `limit`.
  mutating func keep(atMost limit: Float) {
    count = Self.keep(count, atMost: limit, &floors, &places)
  }

  private static func keep(
    _ count: Int, atMost limit: Float, _ floors: inout [Float], _ places: inout [UInt64]
  ) -> Int {
    var floors = floors.mutableSpan
    var places = places.mutableSpan
    var kept = 0
    for i in 0..<count {
      let floor = floors[i]
      floors[kept] = floor
      places[kept] = places[i]
      kept += floor <= limit ? 1 : 0
    }
    return kept
  }

  /// The codes from `first` on that stand in one frame, at most as many as `positions` holds: fills in their positions,
  /// ascending, and returns their number and the frame. O(codes of the frame).
  func run(from first: Int, _ positions: inout MutableSpan<UInt16>) -> (count: Int, frame: FrameView) {
    let places = places.span
    let number = places[first] >> 16
    var run = 0
    while run < positions.count, first + run < count, places[first + run] >> 16 == number {
      positions[run] = UInt16(truncatingIfNeeded: places[first + run])
      run += 1
    }
    return (run, frames[Int(number)])
  }
}
