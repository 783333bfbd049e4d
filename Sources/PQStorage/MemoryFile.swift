internal import PQFormat

/// A file's bytes in memory, aligned as a mapping would be, to be opened as an index without the operating system.
///
/// As with a mapped file, an index that is open on it sees what ``write(_:at:)`` changes.
@safe package final class MemoryFile: Sendable {
  package let count: Int
  // Owned: allocated and filled in init, freed in deinit. Threads that search while another writes read old or new bytes,
  // as from a mapped file that is overwritten in place.
  nonisolated(unsafe) let base: UnsafeMutableRawPointer

  private static let alignment = 4096

  /// Copies `bytes`: the memory ends where they do.
  package init(_ bytes: RawSpan) {
    count = bytes.byteCount
    unsafe base = .allocate(byteCount: max(1, count), alignment: Self.alignment)
    // The memory at `base` has room for all of them.
    unsafe bytes.withUnsafeBytes { bytes in
      unsafe UnsafeMutableRawBufferPointer(start: base, count: count).copyMemory(from: bytes)
    }
  }

  /// Overwrites one byte.
  /// - Precondition: `offset` is one of the file's.
  package func write(_ byte: UInt8, at offset: Int) {
    precondition(offset >= 0 && offset < count, "no such byte")
    unsafe base.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
  }

  deinit { unsafe base.deallocate() }
}
