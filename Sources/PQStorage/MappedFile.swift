internal import CPQSystem
internal import Glibc
internal import PQFormat
internal import SystemPackage

/// How the bytes of a file are reached; `Index.Access` says what each means for its user.
package enum FileAccess: Sendable {
  case mapped, guarded, read
  /// Mapped, and what is lost reads as zeros, as far as there are places for guards; whether the file changes is for its user
  /// to look at. No descriptor stays open.
  case shielded
}

/// A file whose bytes are read-only memory: mapped as a whole, and shared by every process that maps it, or read in as
/// they are needed, or in memory from the start.
///
/// Mapped bytes are valid as long as the file is not truncated or overwritten in place, which published index files
/// never are: a new version replaces the old one by rename, and the mapping keeps the old one.
@safe package struct MappedFile: ~Copyable, Sendable {
  package let path: String
  /// The file's length in bytes.
  package let count: Int
  package let access: FileAccess
  // Owned, unless they are those of `memory`: mapped in init, unmapped in deinit. Mapped bytes are never written; those
  // that are read in are written once, before ``load(_:)`` returns. So reads from any thread are sound.
  private nonisolated(unsafe) let base: UnsafeMutableRawPointer?
  private let memory: MemoryFile?
  /// Open as long as the value lives, if guarded or read.
  private let file: FileDescriptor?
  /// The range's place among the guarded ones.
  private let slot: Int32?
  /// What a guarded file must stay.
  private let identity: Identity?
  private let reader: PageReader?
  /// Whether mincore(2) says what is in memory: to who owns the file or may write it. To others all is.
  private let knowsResidence: Bool

  /// What a published file keeps.
  private struct Identity: Equatable {
    var size: Int64
    var seconds: Int
    var nanoseconds: Int

    init(_ status: Stat) {
      size = status.size
      seconds = status.st_mtim.tv_sec
      nanoseconds = status.st_mtim.tv_nsec
    }
  }

  /// Opens the regular file at `path`. A FIFO, device or folder is refused without blocking. O(1).
  package init(path: String, access: FileAccess = .mapped) throws(FileError) {
    let file = try attempt("open", path, .noInput) { () throws in
      try FileDescriptor.open(FilePath(path), .readOnly, options: [.closeOnExec, .nonBlocking])
    }
    do throws(FileError) {
      let status = try attempt("fstat", path) { () throws in try Stat(file) }
      guard status.type == .regular else {
        throw FileError(
          "open", path, Errno(rawValue: 0), .noInput, advice: "not a regular file, so it cannot be mapped")
      }
      guard let count = Int(exactly: status.size) else { throw FileError("mmap", path, .fileTooLarge, .noInput) }
      let base = unsafe try Self.map(file, count, access, path)
      slot = unsafe try Self.guardRange(base, count, access, path)
      unsafe self.base = unsafe base
      self.path = path
      self.count = count
      identity = Identity(status)
      let mayWrite = unsafe Glibc.access(path, W_OK) == 0
      knowsResidence = mayWrite || status.userID.rawValue == geteuid()
    } catch {
      try? file.close()
      throw error
    }
    memory = nil
    self.access = access
    reader = access == .read ? PageReader(file, path: path, count: count) : nil
    let staysOpen = access == .guarded || access == .read
    self.file = staysOpen ? file : nil
    if !staysOpen { try? file.close() }
  }

  /// Bytes that are in memory already. O(1).
  /// - Parameter path: what errors call them.
  package init(_ memory: MemoryFile, path: String) {
    self.path = path
    self.memory = memory
    unsafe base = unsafe memory.base
    count = memory.count
    access = .mapped
    (file, slot, identity, reader, knowsResidence) = (nil, nil, nil, nil, false)
  }

  private static func map(
    _ file: FileDescriptor, _ count: Int, _ access: FileAccess, _ path: String
  ) throws(FileError) -> UnsafeMutableRawPointer? {
    guard count > 0 else { return nil }  // mmap(2) refuses an empty range
    let address =
      unsafe access == .read
      ? mmap(nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
      : mmap(nil, count, PROT_READ, MAP_SHARED, file.rawValue, 0)
    guard unsafe address != MAP_FAILED else {
      throw FileError("mmap", path, Errno(rawValue: Glibc.errno), .inputOutput)
    }
    // A hint: where the kernel has large pages for files, lists that lie anywhere miss the TLB less often.
    unsafe _ = madvise(address, count, MADV_HUGEPAGE)
    return unsafe address
  }

  private static func guardRange(
    _ base: UnsafeMutableRawPointer?, _ count: Int, _ access: FileAccess, _ path: String
  ) throws(FileError) -> Int32? {
    guard access == .guarded || access == .shielded, let base = unsafe base else { return nil }
    let slot = unsafe cpq_guard_add(base, count)
    guard slot >= 0 else {
      if access == .shielded { return nil }
      let error = Errno(rawValue: Glibc.errno)
      unsafe _ = munmap(base, count)
      throw FileError("sigaction", path, error, .inputOutput, advice: "too many guarded files are open")
    }
    return slot
  }

  /// The whole file. With ``FileAccess/read``, zeros where ``load(_:)`` has not been.
  package var bytes: RawSpan {
    @_lifetime(borrow self) get {
      // The mapping lives as long as self, and the span borrows self. An empty file has no mapping, and no byte.
      let span = unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(start: base, count: count))
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// Sees to it that `range` of ``bytes`` is the file's: nothing to do for mapped files. Each page is read once.
  /// - Throws: when reading fails or the file has become shorter; from then on each time.
  package func load(_ range: Range<Int>) throws(FileError) {
    // The range is one of `bytes`, which the memory at `base` holds.
    if let reader, let base = unsafe base { unsafe try reader.read(range, to: base) }
  }

  /// Why the bytes can no longer be relied on; nil for files that are merely mapped, which cannot tell.
  package var failure: FileError? {
    switch access {
    case .mapped: return nil
    case .read: return reader?.failure
    case .guarded, .shielded:
      if let slot, cpq_guard_failed(slot) != 0 {
        return FileError(
          "mmap", path, .ioError, .inputOutput,
          advice: "a page could not be read: the file was cut or its device failed; put it in order and open it again")
      }
      guard access == .guarded else { return nil }
      guard let file, let now = try? Stat(file) else { return FileError("fstat", path, lastErrno(), .inputOutput) }
      return Identity(now) == identity ? nil : FileError.changed(path, "its length or time of modification is another")
    }
  }

  /// Asks the kernel to read the pages of a range of the file soon, and no others: madvise(2) with MADV_WILLNEED. A page
  /// that is missed when it is touched brings many around it: right for who reads on, and not for who reads here and
  /// there. A hint; failure is harmless.
  package func prefetch(offset: Int, count length: Int) {
    guard access != .read, memory == nil, let base = unsafe base else { return }
    guard length > 0, offset >= 0, length <= count - offset else { return }
    let end = offset + length
    var start = offset / Self.pageBytes * Self.pageBytes  // madvise wants a page's first byte; mappings start on a page
    while start < end {
      let piece = min(end - start, Self.prefetchBytes)
      unsafe _ = madvise(base + start, piece, MADV_WILLNEED)
      start += piece
    }
  }

  /// Whether pages that were in memory may have to be read once more.
  package var losesPages: Bool { access != .read && memory == nil }

  /// Whether all pages of a range of the file are in memory, by mincore(2); nil if the kernel does not tell this process.
  package func isResident(offset: Int, count length: Int) -> Bool? {
    guard losesPages, let base = unsafe base else { return true }
    guard knowsResidence else { return nil }
    guard length > 0, offset >= 0, length <= count - offset else { return true }
    let end = (offset + length - 1) / Self.pageBytes + 1
    return unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.pagesAtOnce) { pages in
      for start in stride(from: offset / Self.pageBytes, to: end, by: Self.pagesAtOnce) {
        let pageCount = min(Self.pagesAtOnce, end - start)
        let (first, bytes) = (start * Self.pageBytes, pageCount * Self.pageBytes)
        guard unsafe mincore(base + first, bytes, pages.baseAddress) == 0 else { return nil }
        guard unsafe pages[0..<pageCount].allSatisfy({ $0 & 1 == 1 }) else { return false }
      }
      return true
    }
  }

  private static let pagesAtOnce = 64
  /// Of the kernel: 4 KiB on x86-64, up to 64 KiB on Arm.
  private static let pageBytes = Int(sysconf(Int32(_SC_PAGESIZE)))

  /// The most that one call asks for. Linux drops what is beyond the device's readahead size, 128 KiB unless it is set.
  private static let prefetchBytes = 128 << 10

  deinit {
    if let slot { cpq_guard_remove(slot) }
    if memory == nil, let base = unsafe base { unsafe _ = munmap(base, count) }
    try? file?.close()
  }
}
