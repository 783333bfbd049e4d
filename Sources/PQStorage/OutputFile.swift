internal import CPQSystem
internal import Glibc
internal import SystemPackage

/// A file being written under a temporary name beside its own, which it takes when it is finished; or a stream:
/// standard output, a FIFO, a device. A file that is dropped unfinished is removed.
struct OutputFile: ~Copyable {
  /// The path as it was given; `-` is standard output.
  let path: String
  /// Nil for a stream.
  private var temporary: String?
  private let replaces: Bool
  private let descriptor: FileDescriptor
  /// What is not yet written.
  var buffer: [UInt8] = []

  var isStream: Bool { temporary == nil }

  /// Opens standard output if `path` is `-`, else creates a file.
  /// - Throws: ``VectorFileError/Cause/exists`` if it exists, unless `replacing`.
  init(path: String, replacing: Bool) throws(VectorFileError) {
    self.path = path
    replaces = replacing
    do {
      let existing = path == "-" ? nil : (try? Stat(FilePath(path)))?.type
      switch existing {
      case _ where path == "-":
        descriptor = .standardOutput
        temporary = nil
      case .directory?: throw VectorFileError(.cannotCreate, file: path, "is a directory: name a file in it")
      case .regular? where !replacing: throw Self.exists(path)
      case nil, .regular?:
        let name = "\(path).part-\(getpid())"
        descriptor = try .open(
          FilePath(name), .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec],
          permissions: FilePermissions(rawValue: 0o666))
        temporary = name
      default:
        descriptor = try .open(FilePath(path), .writeOnly, options: .closeOnExec)
        temporary = nil
      }
    } catch let error as VectorFileError {
      throw error
    } catch {
      throw VectorFileError(.cannotCreate, file: path, "cannot be created: \(error)")
    }
  }

  deinit {
    if descriptor != .standardOutput { try? descriptor.close() }
    if let temporary { _ = unsafe temporary.withCString { unsafe unlink($0) } }
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

  /// Writes what is left, makes it durable by fsync(2) and gives the file its name.
  mutating func publish() throws(VectorFileError) {
    try flush(from: 0)
    guard let temporary else { return }
    guard fsync(descriptor.rawValue) == 0 else { throw failed(Errno(rawValue: errno)) }
    // C strings that live for the call.
    let status = unsafe temporary.withCString { from in
      unsafe path.withCString { to in unsafe replaces ? rename(from, to) : cpq_rename_noreplace(from, to) }
    }
    guard status == 0 else {
      let error = Errno(rawValue: errno)
      if error == .fileExists { throw Self.exists(path) }
      throw VectorFileError(.cannotCreate, file: path, "cannot be created: \(error)")
    }
    self.temporary = nil
  }

  private static func exists(_ path: String) -> VectorFileError {
    VectorFileError(.exists, file: path, "exists; remove it, name another file or pass --force")
  }

  private func failed(_ error: any Error) -> VectorFileError {
    VectorFileError(.writeFailed, file: path, "writing failed: \(error)")
  }
}
