internal import Synchronization

/// A fixed number of bits that any thread may set and test without a lock; a bit once set stays set.
@safe package struct AtomicBits: ~Copyable, Sendable {
  // Allocated and initialized in init, freed in deinit; only atomic accesses in between.
  private nonisolated(unsafe) let words: UnsafeMutablePointer<Atomic<UInt64>>
  package let count: Int
  /// Bits that are not set.
  private let clear: Atomic<Int>

  private static func words(_ bits: Int) -> Int { (bits + 63) / 64 }

  package init(count: Int) {
    precondition(count >= 0)
    self.count = count
    clear = Atomic(count)
    unsafe words = .allocate(capacity: max(1, Self.words(count)))
    for word in 0..<Self.words(count) { unsafe (words + word).initialize(to: Atomic(0)) }
  }

  @inline(__always)
  package func contains(_ bit: Int) -> Bool {
    precondition(bit >= 0 && bit < count, "no such bit")
    return unsafe words[bit &>> 6].load(ordering: .acquiring) & (1 &<< UInt64(truncatingIfNeeded: bit)) != 0
  }

  /// Whether two bits, which may be one, are set.
  @inline(__always)
  package func contains(_ first: Int, _ last: Int) -> Bool { contains(first) && (first == last || contains(last)) }

  /// Whether all bits are set: one look instead of many.
  @inline(__always)
  package var isFull: Bool { clear.load(ordering: .acquiring) == 0 }

  /// The number of bits that are set, each looked at as ``contains(_:)`` does.
  package var setCount: Int {
    var found = 0
    for bit in 0..<count where contains(bit) { found += 1 }
    return found
  }

  /// How often all bits are seen to be set, of so many looks.
  package func fullCount(looks: Int) -> Int {
    var found = 0
    for _ in 0..<looks where isFull { found += 1 }
    return found
  }

  package func insert(_ bit: Int) {
    precondition(bit >= 0 && bit < count, "no such bit")
    let mask: UInt64 = 1 << UInt64(bit % 64)
    let before = unsafe words[bit / 64].bitwiseOr(mask, ordering: .releasing).oldValue
    if before & mask == 0 { clear.wrappingSubtract(1, ordering: .releasing) }
  }

  package func insertAll() {
    for bit in 0..<count { insert(bit) }
  }

  deinit {
    unsafe words.deinitialize(count: Self.words(count))
    unsafe words.deallocate()
  }
}
