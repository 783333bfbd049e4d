internal import Glibc
internal import PQFormat
internal import SystemPackage

/// A file mapped read-only as a whole by mmap(2); every process that maps it shares the same pages.
///
/// The bytes are valid as long as the file is not truncated or overwritten in place, which published index files
/// never are: a new version replaces the old one by rename, and the mapping keeps the old one.
@safe package struct MappedFile: ~Copyable, Sendable {
  package let path: String
  /// The file's length in bytes.
  package let count: Int
  // Owned: mapped in init, unmapped in deinit, never written, so reads from any thread are sound.
  private nonisolated(unsafe) let base: UnsafeRawPointer?

  /// Maps the regular file at `path`. A FIFO, device or folder is refused without blocking. O(1).
  package init(path: String) throws(FileError) {
    let file = try attempt("open", path, .noInput) { () throws in
      try FileDescriptor.open(FilePath(path), .readOnly, options: [.closeOnExec, .nonBlocking])
    }
    defer { try? file.close() }
    let status = try attempt("fstat", path) { () throws in try Stat(file) }
    guard status.type == .regular else {
      throw FileError("open", path, Errno(rawValue: 0), .noInput, advice: "not a regular file, so it cannot be mapped")
    }
    guard let count = Int(exactly: status.size) else { throw FileError("mmap", path, .fileTooLarge, .noInput) }
    var base: UnsafeRawPointer?
    if count > 0 {  // mmap(2) refuses an empty range
      let address = unsafe mmap(nil, count, PROT_READ, MAP_SHARED, file.rawValue, 0)
      guard unsafe address != MAP_FAILED else {
        throw FileError("mmap", path, Errno(rawValue: Glibc.errno), .inputOutput)
      }
      unsafe base = UnsafeRawPointer(address)
    }
    self.path = path
    self.count = count
    unsafe self.base = unsafe base
  }

  package var bytes: RawSpan {
    @_lifetime(borrow self) get {
      // The mapping lives as long as self, and the span borrows self.
      guard let base = unsafe base else { return RawSpan() }
      let span = unsafe RawSpan(_unsafeStart: base, byteCount: count)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// Asks the kernel to read a range of the file soon: madvise(2) with MADV_WILLNEED. A hint; failure is harmless.
  package func prefetch(offset: Int, count length: Int) {
    guard let base = unsafe base, length > 0, offset >= 0, length <= count - offset else { return }
    let start = offset & ~4095  // madvise wants a page's first byte; mappings start on a page
    unsafe _ = madvise(UnsafeMutableRawPointer(mutating: base + start), length + offset - start, MADV_WILLNEED)
  }

  deinit {
    if let base = unsafe base { unsafe _ = munmap(UnsafeMutableRawPointer(mutating: base), count) }
  }
}
