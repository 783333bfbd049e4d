internal import PQFormat
internal import SystemPackage

/// A file being written: appends are buffered, and every write is complete or throws.
package struct WorkFile: ~Copyable {
  package let path: String
  private let file: FileDescriptor
  private var buffer: [UInt8] = []
  private var flushed: UInt64 = 0

  private static let bufferBytes = 1 << 18

  /// Creates `path`, which must not exist, by open(2) with O_CREAT and O_EXCL.
  package init(creating path: String) throws(FileError) {
    self.path = path
    file = try attempt("open", path, .cannotCreate) { () throws in
      try FileDescriptor.open(
        FilePath(path), .readWrite, options: [.create, .exclusiveCreate, .closeOnExec],
        permissions: [.ownerReadWrite, .groupRead, .otherRead])
    }
  }

  /// Where the next append goes.
  package var position: UInt64 { flushed + UInt64(buffer.count) }

  package mutating func append(_ bytes: RawSpan) throws(FileError) {
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
    let zeros = [UInt8](repeating: 0, count: 4096)
    var rest = (alignment - position % alignment) % alignment
    while rest > 0 {
      let part = min(rest, UInt64(zeros.count))
      try append(zeros.rawSpan.slice(0, Int(part)))
      rest -= part
    }
  }

  /// Appends all bytes of another file, which stays as it is.
  package mutating func append(contentsOf other: inout WorkFile) throws(FileError) {
    try other.flush()
    var chunk = [UInt8](repeating: 0, count: 1 << 20)
    var offset: UInt64 = 0
    while offset < other.flushed {
      let count = try other.read(at: offset, into: &chunk)
      try append(chunk.rawSpan.slice(0, count))
      offset += UInt64(count)
    }
  }

  /// Reads flushed bytes at `offset`: as many as fit into `chunk` and are there, at least one.
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
          try unsafe file.writeAll(toAbsoluteOffset: Int64(offset) + Int64(done), rest)
        }
      }
    }
  }

  /// Makes the file's bytes and length durable: fsync(2). A failure is final: the kernel may have dropped the pages.
  package mutating func synchronize() throws(FileError) {
    try flush()
    guard fsyncFile(file.rawValue) == 0 else { throw FileError("fsync", path, lastErrno(), .inputOutput) }
  }

  /// Makes the file read-only: fchmod(2) with 0444.
  package func makeReadOnly() throws(FileError) {
    guard chmodFile(file.rawValue, 0o444) == 0 else { throw FileError("fchmod", path, lastErrno(), .inputOutput) }
  }

  deinit { try? file.close() }
}

extension FileDescriptor {
  fileprivate func writeAll(toAbsoluteOffset offset: Int64, _ bytes: UnsafeRawBufferPointer) throws -> Int {
    try unsafe write(toAbsoluteOffset: offset, bytes)
  }
}
