package import Synchronization

/// A fixed number of bits that any thread may set and test without a lock; a bit once set stays set.
@safe package struct AtomicBits: ~Copyable, Sendable {
  // Allocated and initialized in init, freed in deinit; only atomic accesses in between.
  @usableFromInline package nonisolated(unsafe) let words: UnsafeMutablePointer<Atomic<UInt64>>
  @usableFromInline package let count: Int

  private static func words(_ bits: Int) -> Int { (bits + 63) / 64 }

  package init(count: Int) {
    precondition(count >= 0)
    self.count = count
    unsafe words = .allocate(capacity: max(1, Self.words(count)))
    for word in 0..<Self.words(count) { unsafe (words + word).initialize(to: Atomic(0)) }
  }

  @inlinable @inline(__always)
  package func contains(_ bit: Int) -> Bool {
    precondition(bit >= 0 && bit < count, "no such bit")
    return unsafe words[bit &>> 6].load(ordering: .acquiring) & (1 &<< UInt64(truncatingIfNeeded: bit)) != 0
  }

  package func insert(_ bit: Int) {
    precondition(bit >= 0 && bit < count, "no such bit")
    unsafe words[bit / 64].bitwiseOr(1 << UInt64(bit % 64), ordering: .releasing)
  }

  package func insertAll() {
    for bit in 0..<count { insert(bit) }
  }

  deinit {
    unsafe words.deinitialize(count: Self.words(count))
    unsafe words.deallocate()
  }
}
