internal import Glibc
public import Synchronization

/// A fixed number of bits that any thread may set and test without a lock; a bit once set stays set.
///
/// Usable from inline, or its members would be calls from other modules.
@usableFromInline @safe package struct AtomicBits: ~Copyable, Sendable {
  // Allocated in init, freed in deinit; only atomic accesses in between. Zeros are an Atomic(0), and the system's take no
  // memory until a bit is set near them: a file may say that it has many frames.
  @usableFromInline package nonisolated(unsafe) let words: UnsafeMutablePointer<Atomic<UInt64>>
  @usableFromInline package let count: Int
  /// The words before this one are known to have all their bits set.
  @usableFromInline package let full = Atomic(0)

  private static func words(_ bits: Int) -> Int { (bits + 63) / 64 }

  package init(count: Int) {
    precondition(count >= 0)
    self.count = count
    guard let zeros = unsafe calloc(max(1, Self.words(count)), MemoryLayout<Atomic<UInt64>>.stride) else {
      preconditionFailure("no memory for \(count) bits")
    }
    unsafe words = zeros.assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  @inlinable @inline(__always)
  package func contains(_ bit: Int) -> Bool {
    precondition(bit >= 0 && bit < count, "no such bit")
    return unsafe words[bit &>> 6].load(ordering: .acquiring) & (1 &<< UInt64(truncatingIfNeeded: bit)) != 0
  }

  /// Whether two bits, which may be one, are set.
  @inlinable @inline(__always)
  package func contains(_ first: Int, _ last: Int) -> Bool { contains(first) && (first == last || contains(last)) }

  /// Whether all bits are set: once they are, one look instead of many.
  @inlinable @inline(__always)
  package var isFull: Bool { full.load(ordering: .acquiring) * 64 >= count || findFull() }

  /// Looks on from where the last look ended: each word is passed once, but for threads that race.
  @usableFromInline
  package func findFull() -> Bool {
    let first = full.load(ordering: .acquiring)
    var word = first
    while word * 64 < count, unsafe words[word].load(ordering: .acquiring) == Self.mask(count - word * 64) { word += 1 }
    // Another thread may have come further: then the next look goes that way again.
    if word > first { full.store(word, ordering: .releasing) }
    return word * 64 >= count
  }

  /// The lowest `bits`, at most 64.
  private static func mask(_ bits: Int) -> UInt64 { bits < 64 ? 1 << UInt64(bits) - 1 : .max }

  /// One atomic operation, of which no result is asked, for it stands in the way of what follows.
  @inlinable @inline(__always)
  package func insert(_ bit: Int) {
    precondition(bit >= 0 && bit < count, "no such bit")
    unsafe words[bit &>> 6].bitwiseOr(1 &<< UInt64(truncatingIfNeeded: bit), ordering: .releasing)
  }

  /// Sets a bit; whether it was not set before.
  package func insertNew(_ bit: Int) -> Bool {
    precondition(bit >= 0 && bit < count, "no such bit")
    let mask: UInt64 = 1 &<< UInt64(truncatingIfNeeded: bit)
    return unsafe words[bit &>> 6].bitwiseOr(mask, ordering: .acquiringAndReleasing).oldValue & mask == 0
  }

  package func insertAll() {
    for bit in 0..<count { insert(bit) }
  }

  deinit { unsafe free(words) }
}
