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

  /// Copies the bytes from `offset` on into `bytes[range]`, as far as there are any; returns how many.
  func copy(from offset: Int, into bytes: inout [UInt8], range: Range<Int>) -> Int {
    precondition(offset >= 0 && offset <= count, "no such byte")
    let part = min(range.count, count - offset)
    unsafe bytes.withUnsafeMutableBytes { bytes in
      // The slice is checked against the array, and the memory at `base` holds `part` bytes from `offset` on.
      let target = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[range.lowerBound..<range.lowerBound + part])
      unsafe target.copyMemory(from: UnsafeRawBufferPointer(start: base + offset, count: part))
    }
    return part
  }

  deinit { unsafe base.deallocate() }
}
