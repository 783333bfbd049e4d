internal import Glibc
internal import Synchronization
internal import SystemPackage

/// What tells one state of a file from another: fstat(2)'s device, inode, size and time of modification.
package struct InputIdentity: Equatable, Sendable {
  package let device: UInt64
  package let inode: UInt64
  package let size: UInt64
  package let modifiedSeconds: Int
  package let modifiedNanoseconds: Int

  /// Of the file that the path leads to, if there is one: stat(2).
  package init?(path: String) {
    guard let stat = try? Stat(FilePath(path)) else { return nil }
    self.init(stat)
  }

  /// Of bytes in memory, which nothing replaces.
  fileprivate init(_ memory: MemoryFile) {
    (device, inode, size, modifiedSeconds, modifiedNanoseconds) = (0, 0, UInt64(memory.count), 0, 0)
  }

  fileprivate init(_ stat: Stat) {
    device = UInt64(stat.deviceID.rawValue)
    inode = UInt64(stat.inode.rawValue)
    size = UInt64(clamping: stat.size)
    modifiedSeconds = stat.st_mtim.tv_sec
    modifiedNanoseconds = stat.st_mtim.tv_nsec
  }
}

/// A file, standard input or bytes in memory, open for reading from front to back.
struct InputFile: ~Copyable, Sendable {
  /// The path as it was given; `-` is standard input.
  let path: String
  /// What errors in its content call it.
  let label: String
  /// Nil for standard input: a stream of unknown length.
  let identity: InputIdentity?
  private let descriptor: FileDescriptor
  /// What is read instead of the descriptor.
  private let memory: MemoryInput?
  let isCancelled: @Sendable () -> Bool

  /// Opens a regular file, or standard input if `path` is `-`. Never waits: what is not a regular file is refused.
  /// - Parameters:
  ///   - label: what errors in its content call it; nil: by its path.
  ///   - isCancelled: asked while a stream has nothing to read; true ends the wait with
  ///     ``VectorFileError/Cause/interrupted``.
  init(
    path: String, label: String? = nil, isCancelled: @escaping @Sendable () -> Bool = { false }
  ) throws(VectorFileError) {
    (descriptor, identity) = try Self.open(path)
    self.path = path
    self.label = label ?? Self.label(path)
    memory = nil
    self.isCancelled = isCancelled
  }

  /// Bytes that are in memory already, read as a regular file would be.
  init(_ memory: MemoryFile) { self.init(memory, label: "memory", identity: InputIdentity(memory)) }

  /// The beginning of a stream, that is in memory already, read as the stream would be.
  init(beginning: MemoryFile, of stream: String) { self.init(beginning, label: stream, identity: nil) }

  private init(_ memory: MemoryFile, label: String, identity: InputIdentity?) {
    path = "memory"
    self.label = label
    descriptor = FileDescriptor(rawValue: -1)
    self.identity = identity
    self.memory = MemoryInput(memory)
    isCancelled = { false }
  }

  private static func open(_ path: String) throws(VectorFileError) -> (FileDescriptor, InputIdentity?) {
    do {
      if path == "-" {
        let type = try Stat(FileDescriptor.standardInput).type
        if type == .directory { try check(type, at: path) }
        return (.standardInput, nil)
      }
      // Before open(2), which can disturb a device and gives sockets a cause that nobody understands.
      try check(try Stat(FilePath(path)).type, at: path)
      // Even a FIFO that took the file's place since then opens at once.
      let descriptor = try FileDescriptor.open(FilePath(path), .readOnly, options: [.nonBlocking, .closeOnExec])
      do {
        let stat = try Stat(descriptor)
        try check(stat.type, at: path)
        return (descriptor, InputIdentity(stat))
      } catch {
        try? descriptor.close()
        throw error
      }
    } catch let error as VectorFileError {
      throw error
    } catch {
      throw VectorFileError(.cannotOpen, file: label(path), "cannot be opened: \(error)")
    }
  }

  deinit {
    if identity != nil, memory == nil { try? descriptor.close() }
  }

  /// What errors call a path.
  static func label(_ path: String) -> String { path == "-" ? "standard input" : path }

  private static func check(_ type: FileType, at path: String) throws(VectorFileError) {
    let found: String
    switch type {
    case .regular: return
    case .directory: found = "a directory: name a file in it"
    case .fifo: found = "a FIFO: to read a stream, pass - and redirect standard input"
    case .socket: found = "a socket: to read a stream, pass - and redirect standard input"
    default: found = "a device: to read a stream, pass - and redirect standard input"
    }
    throw VectorFileError(.notAFile, file: label(path), "is not a regular file but \(found)")
  }

  /// Fills `bytes[range]` by read(2), as far as the input goes; returns the number of bytes, less only at the end.
  func read(into bytes: inout [UInt8], range: Range<Int>) throws(VectorFileError) -> Int {
    if let memory { return memory.read(into: &bytes, range: range) }
    var end = range.lowerBound
    do {
      while end < range.upperBound {
        if identity == nil { try waitForStream() }
        let count = try unsafe bytes.withUnsafeMutableBytes { bytes in
          // The slice is checked against the array; the pointer does not leave the closure.
          try unsafe descriptor.read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[end..<range.upperBound]))
        }
        guard count > 0 else { break }
        end += count
      }
    } catch let error as VectorFileError {
      throw error
    } catch {
      throw VectorFileError(.readFailed, file: Self.label(path), "reading failed: \(error)")
    }
    return end - range.lowerBound
  }

  private func waitForStream() throws(VectorFileError) {
    while !waitForInput(descriptor.rawValue, milliseconds: 100) {
      if isCancelled() { throw VectorFileError(.interrupted, file: label, "interrupted") }
    }
  }

  /// The next bytes of the input, fewer than `count` only at its end.
  func read(count: Int) throws(VectorFileError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let read = try read(into: &bytes, range: 0..<count)
    return Array(bytes[..<read])
  }

  /// Moves to a byte of a regular file by lseek(2).
  func seek(to offset: UInt64) throws(VectorFileError) {
    if let memory { return memory.seek(to: offset) }
    do {
      _ = try descriptor.seek(offset: Int64(clamping: offset), from: .start)
    } catch {
      throw VectorFileError(.readFailed, file: Self.label(path), "cannot move to byte \(offset): \(error)")
    }
  }

  /// Throws ``VectorFileError/Cause/changed`` unless the path still leads to the file as it was when it was opened.
  func checkUnchanged() throws(VectorFileError) {
    guard let identity, memory == nil else { return }
    let now = (try? Stat(FilePath(path))).map(InputIdentity.init)
    guard now != identity else { return }
    let how =
      switch now {
      case nil: "it is no longer there"
      case let now? where (now.device, now.inode) != (identity.device, identity.inode): "another file took its place"
      case let now? where now.size != identity.size: "it had \(identity.size) bytes and has \(now.size)"
      default: "it was written to"
      }
    throw VectorFileError(.changed, file: Self.label(path), "input changed while it was read: \(how); start again")
  }
}

/// Bytes in memory and where the next read of them begins.
private final class MemoryInput: Sendable {
  private let file: MemoryFile
  private let position = Mutex(0)

  init(_ file: MemoryFile) { self.file = file }

  func read(into bytes: inout [UInt8], range: Range<Int>) -> Int {
    position.withLock { position in
      let count = file.copy(from: position, into: &bytes, range: range)
      position += count
      return count
    }
  }

  /// Past the end is where the end is.
  func seek(to offset: UInt64) { position.withLock { $0 = min(file.count, Int(clamping: offset)) } }
}
