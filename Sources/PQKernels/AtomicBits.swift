public import Synchronization

/// A fixed number of bits that any thread may set and test without a lock; a bit once set stays set.
///
/// Usable from inline, or its members would be calls from other modules.
@usableFromInline @safe package struct AtomicBits: ~Copyable, Sendable {
  // Allocated and initialized in init, freed in deinit; only atomic accesses in between.
  @usableFromInline package nonisolated(unsafe) let words: UnsafeMutablePointer<Atomic<UInt64>>
  @usableFromInline package let count: Int
  /// The number of bits that are not set.
  @usableFromInline package let clear: Atomic<Int>

  private static func words(_ bits: Int) -> Int { (bits + 63) / 64 }

  package init(count: Int) {
    precondition(count >= 0)
    self.count = count
    clear = Atomic(count)
    unsafe words = .allocate(capacity: max(1, Self.words(count)))
    for word in 0..<Self.words(count) { unsafe (words + word).initialize(to: Atomic(0)) }
  }

  @inlinable @inline(__always)
  package func contains(_ bit: Int) -> Bool {
    precondition(bit >= 0 && bit < count, "no such bit")
    return unsafe words[bit &>> 6].load(ordering: .acquiring) & (1 &<< UInt64(truncatingIfNeeded: bit)) != 0
  }

  /// Whether two bits, which may be one, are set.
  @inlinable @inline(__always)
  package func contains(_ first: Int, _ last: Int) -> Bool { contains(first) && (first == last || contains(last)) }

  /// Whether all bits are set: one look instead of many.
  @inlinable @inline(__always)
  package var isFull: Bool { clear.load(ordering: .acquiring) == 0 }

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
