internal import PQFormat
internal import SystemPackage

/// A file being written: appends are buffered, and every write is complete or throws.
package struct WorkFile: ~Copyable {
  package private(set) var path: String
  private let file: FileDescriptor
  private var buffer: [UInt8] = []
  private var flushed: UInt64

  private static let bufferBytes = 1 << 18

  /// Creates `path`, which must not exist, by open(2) with O_CREAT and O_EXCL.
  package init(creating path: String) throws(FileError) {
    self.path = path
    flushed = 0
    file = try attempt("open", path, .cannotCreate) { () throws in
      try FileDescriptor.open(
        FilePath(path), .readWrite, options: [.create, .exclusiveCreate, .closeOnExec],
        permissions: [.ownerReadWrite, .groupRead, .otherRead])
    }
  }

  /// Opens `path` again as it was when it had `length` bytes: what came after is cut off by ftruncate(2).
  /// - Throws: `.badData` when it has fewer bytes.
  package init(reopening path: String, length: UInt64) throws(FileError) {
    file = try Self.reopen(path, length)
    self.path = path
    flushed = length
  }

  private static func reopen(_ path: String, _ length: UInt64) throws(FileError) -> FileDescriptor {
    // A process that ended between making the file read-only and saying that it is complete has left it so.
    _ = chmodFile(path, 0o644)
    let file = try attempt("open", path, .badData, advice: "start again with --force") { () throws in
      try FileDescriptor.open(FilePath(path), .readWrite, options: .closeOnExec)
    }
    do throws(FileError) {
      let size = try attempt("fstat", path) { () throws in try Stat(file).size }
      guard UInt64(clamping: size) >= length else {
        throw .unfit(path, "has \(size) bytes, expected \(length)")
      }
      guard truncateFile(file.rawValue, to: length) == 0 else {
        throw FileError("ftruncate", path, lastErrno(), .inputOutput)
      }
    } catch {
      try? file.close()
      throw error
    }
    return file
  }

  /// All bytes of a small file.
  package static func contents(of path: String) throws(FileError) -> [UInt8] {
    try attempt("open", path) { () throws in
      let file = try FileDescriptor.open(FilePath(path), .readOnly, options: .closeOnExec)
      defer { try? file.close() }
      var bytes = [UInt8](repeating: 0, count: Int(clamping: try Stat(file).size))
      var filled = 0
      while filled < bytes.count {
        let part = try unsafe bytes.withUnsafeMutableBytes { bytes in
          // The slice is checked against the array; the pointer does not leave the closure.
          try unsafe file.read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[filled...]))
        }
        guard part > 0 else { break }
        filled += part
      }
      bytes.removeLast(bytes.count - filled)
      return bytes
    }
  }

  /// Where the next append goes.
  package var position: UInt64 { flushed + UInt64(buffer.count) }

  package mutating func append(_ bytes: RawSpan) throws(FileError) {
    if buffer.capacity < Self.bufferBytes { buffer.reserveCapacity(Self.bufferBytes) }
    if buffer.count + bytes.byteCount > Self.bufferBytes { try flush() }
    guard bytes.byteCount < Self.bufferBytes else {
      try write(bytes, at: flushed)
      flushed += UInt64(bytes.byteCount)
      return
    }
    buffer.append(bytes)
  }

  /// Appends zeros up to a multiple of `alignment`.
  package mutating func pad(to alignment: UInt64) throws(FileError) {
    try append(zeros: (alignment - position % alignment) % alignment)
  }

  package mutating func append(zeros count: UInt64) throws(FileError) {
    guard count > 0 else { return }
    let zeros = [UInt8](repeating: 0, count: Int(min(4096, count)))
    var rest = count
    while rest > 0 {
      let part = min(rest, UInt64(zeros.count))
      try append(zeros.rawSpan.slice(0, Int(part)))
      rest -= part
    }
  }

  /// Appends all bytes of another file, which stays as it is.
  /// - Parameter isCancelled: asked after each mebibyte; then it throws `.interrupted`.
  package mutating func append(contentsOf other: inout WorkFile, isCancelled: () -> Bool) throws(FileError) {
    try other.flush()
    var chunk = [UInt8](repeating: 0, count: 1 << 20)
    var offset: UInt64 = 0
    while offset < other.flushed {
      let count = try other.read(at: offset, into: &chunk)
      try append(chunk.rawSpan.slice(0, count))
      offset += UInt64(count)
      if isCancelled() { throw FileError("write", path, Errno(rawValue: 0), .interrupted, advice: "interrupted") }
    }
  }

  /// The CRC-32C of all bytes. O(bytes).
  /// - Parameter isCancelled: asked after each mebibyte; then it throws `.interrupted`.
  package mutating func checksum(isCancelled: () -> Bool) throws(FileError) -> UInt32 {
    var chunk = [UInt8](repeating: 0, count: 1 << 20)
    var (crc, offset): (UInt32, UInt64) = (0, 0)
    while offset < position {
      let count = try read(at: offset, into: &chunk)
      crc = Checksum.plain(chunk.rawSpan.slice(0, count), continuing: crc)
      offset += UInt64(count)
      if isCancelled() { throw FileError("read", path, Errno(rawValue: 0), .interrupted, advice: "interrupted") }
    }
    return crc
  }

  /// Reads flushed bytes at `offset`: as many as fit into `chunk` and are there, none at the end.
  package mutating func read(at offset: UInt64, into chunk: inout [UInt8]) throws(FileError) -> Int {
    try flush()
    let file = file
    let want = min(chunk.count, Int(flushed - offset))
    var have = 0
    while have < want {
      let part = try attempt("pread", path) { () throws in
        try unsafe chunk.withUnsafeMutableBytes { bytes in
          try unsafe file.read(
            fromAbsoluteOffset: Int64(offset) + Int64(have),
            into: UnsafeMutableRawBufferPointer(rebasing: bytes[have..<want]))
        }
      }
      guard part > 0 else { throw FileError("pread", path, .ioError, .inputOutput, advice: "the file became shorter") }
      have += part
    }
    return have
  }

  package mutating func flush() throws(FileError) {
    guard !buffer.isEmpty else { return }
    try write(buffer.rawSpan, at: flushed)
    flushed += UInt64(buffer.count)
    buffer.removeAll(keepingCapacity: true)
  }

  /// Writes bytes over what stands at `offset`, by pwrite(2).
  package func write(_ bytes: RawSpan, at offset: UInt64) throws(FileError) {
    var done = 0
    while done < bytes.byteCount {
      let rest = bytes.slice(done, bytes.byteCount - done)
      let file = file
      done += try attempt("pwrite", path, advice: "free space or choose another folder") { () throws in
        try unsafe rest.withUnsafeBytes { rest in
          try unsafe file.write(toAbsoluteOffset: Int64(offset) + Int64(done), rest)
        }
      }
    }
  }

  /// Makes the file's bytes and length durable: fsync(2). A failure is final: the kernel may have dropped the pages.
  package mutating func synchronize() throws(FileError) {
    try flush()
    guard fsyncFile(file.rawValue) == 0 else { throw FileError("fsync", path, lastErrno(), .inputOutput) }
  }

  /// Makes the file's bytes durable, as far as they are needed to read it again: fdatasync(2). A failure is final.
  package mutating func synchronizeData() throws(FileError) {
    try flush()
    guard fdatasyncFile(file.rawValue) == 0 else { throw FileError("fdatasync", path, lastErrno(), .inputOutput) }
  }

  /// Gives the file another name in its folder, in place of what has that, and makes that durable: rename(2), fsync(2).
  package mutating func move(to path: String) throws(FileError) {
    guard renameFile(self.path, path, replacing: true) == 0 else {
      throw FileError("rename", path, lastErrno(), .inputOutput)
    }
    self.path = path
    try WorkFolder.synchronize(FilePath(path).removingLastComponent().string)
  }

  package static func remove(_ path: String) { _ = removeFile(path) }

  /// Makes the file read-only: fchmod(2) with 0444.
  package func makeReadOnly() throws(FileError) {
    guard chmodFile(file.rawValue, 0o444) == 0 else { throw FileError("fchmod", path, lastErrno(), .inputOutput) }
  }

  deinit { try? file.close() }
}
