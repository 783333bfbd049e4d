internal import CPQSystem
internal import Glibc
internal import SystemPackage

/// A file being written, which takes its name when it is complete; or a stream: standard output, a FIFO, a device.
///
/// Until then it has no name, so that nothing is left of it however the process ends. File systems without such files
/// get a temporary one beside the final name, which is removed if this is dropped.
struct OutputFile: ~Copyable {
  private enum Name {
    /// Its own: a stream, or a file that is complete.
    case final
    case none
    case temporary(String)
  }

  /// The path as it was given; `-` is standard output.
  private let path: String
  private var name: Name
  private let replaces: Bool
  private let descriptor: FileDescriptor
  /// What is not yet written.
  var buffer: [UInt8] = []

  /// What errors call it.
  var label: String { Self.label(path) }

  /// Whether what is written is out at once and cannot be changed.
  var isStream: Bool {
    if case .final = name { true } else { false }
  }

  /// Opens standard output if `path` is `-`, else creates a file.
  /// - Throws: ``VectorFileError/Cause/exists`` if it exists, unless `replacing`.
  init(path: String, replacing: Bool) throws(VectorFileError) {
    self.path = path
    replaces = replacing
    (descriptor, name) = try Self.open(path, replacing: replacing)
  }

  deinit {
    if descriptor != .standardOutput { try? descriptor.close() }
    // A C string that lives for the call.
    if case .temporary(let name) = name { _ = unsafe name.withCString { unsafe unlink($0) } }
  }

  private static func open(_ path: String, replacing: Bool) throws(VectorFileError) -> (FileDescriptor, Name) {
    if path == "-" { return (.standardOutput, .final) }
    do {
      switch (try? Stat(FilePath(path)))?.type {
      case .directory?:
        throw VectorFileError(.cannotCreate, file: path, "is a directory: name a file in it")
      case .regular? where !replacing: throw exists(path)
      case nil, .regular?:
        let folder = FilePath(path).removingLastComponent()
        // A C string that lives for the call.
        let unnamed = unsafe (folder.isEmpty ? "." : folder.string).withCString { unsafe cpq_open_unnamed($0) }
        if unnamed >= 0 { return (FileDescriptor(rawValue: unnamed), .none) }
        return try openTemporary(path)
      default: return (try .open(FilePath(path), .writeOnly, options: .closeOnExec), .final)
      }
    } catch let error as VectorFileError {
      throw error
    } catch {
      throw VectorFileError(.cannotCreate, file: path, "cannot be created: \(error)")
    }
  }

  private static func openTemporary(_ path: String) throws -> (FileDescriptor, Name) {
    for name in temporaryNames(path) {
      do {
        let descriptor = try FileDescriptor.open(
          FilePath(name), .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec],
          permissions: FilePermissions(rawValue: 0o666))
        return (descriptor, .temporary(name))
      } catch Errno.fileExists { continue }
    }
    throw noTemporary(path)
  }

  /// Writes the buffer by write(2) once it holds `size` bytes.
  mutating func flush(from size: Int = 1 << 20) throws(VectorFileError) {
    guard buffer.count >= size, !buffer.isEmpty else { return }
    do {
      // The pointer does not leave the closure.
      _ = try unsafe buffer.withUnsafeBytes { try unsafe descriptor.writeAll($0) }
    } catch {
      throw failed(error)
    }
    buffer.removeAll(keepingCapacity: true)
  }

  /// Overwrites the file's first bytes by pwrite(2).
  func overwriteStart(with bytes: [UInt8]) throws(VectorFileError) {
    do {
      _ = try unsafe bytes.withUnsafeBytes { try unsafe descriptor.writeAll(toAbsoluteOffset: 0, $0) }
    } catch {
      throw failed(error)
    }
  }

  /// Writes what is left, makes it durable by fsync(2) and gives the file its name by rename(2).
  mutating func publish() throws(VectorFileError) {
    try flush(from: 0)
    if isStream { return }
    guard fsync(descriptor.rawValue) == 0 else { throw failed(Errno(rawValue: errno)) }
    if case .none = name { name = .temporary(try linkTemporary()) }
    guard case .temporary(let temporary) = name else { return }
    let status = unsafe temporary.withCString { from in
      unsafe path.withCString { to in unsafe replaces ? rename(from, to) : cpq_rename_noreplace(from, to) }
    }
    guard status == 0 else { throw Self.notCreated(path, Errno(rawValue: errno)) }
    name = .final
  }

  /// Gives a file without a name a temporary one.
  private func linkTemporary() throws(VectorFileError) -> String {
    for name in Self.temporaryNames(path) {
      // linkat(2) knows the file by its descriptor; C strings that live for the call.
      let status = unsafe "/proc/self/fd/\(descriptor.rawValue)".withCString { from in
        unsafe name.withCString { to in unsafe linkat(AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW) }
      }
      if status == 0 { return name }
      guard errno == EEXIST else { throw Self.notCreated(path, Errno(rawValue: errno)) }
    }
    throw Self.noTemporary(path)
  }

  /// Names beside the final one: a process that was killed, of the same number, may have left some.
  private static func temporaryNames(_ path: String) -> [String] { (0..<100).map { "\(path).part-\(getpid())-\($0)" } }

  private static func noTemporary(_ path: String) -> VectorFileError {
    VectorFileError(
      .cannotCreate, file: path, "cannot be created: remove \(path).part-…, left by processes that were killed")
  }

  private static func label(_ path: String) -> String { path == "-" ? "standard output" : path }

  private static func exists(_ path: String) -> VectorFileError {
    VectorFileError(.exists, file: path, "exists; remove it, name another file or pass --force")
  }

  private static func notCreated(_ path: String, _ error: Errno) -> VectorFileError {
    error == .fileExists ? exists(path) : VectorFileError(.cannotCreate, file: path, "cannot be created: \(error)")
  }

  private func failed(_ error: any Error) -> VectorFileError {
    VectorFileError(.writeFailed, file: label, "writing failed: \(error)")
  }
}
