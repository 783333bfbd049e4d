internal import PQFormat
internal import SystemPackage

/// The folder beside an output in which it is made: `OUT.pqx.work`. One process at a time owns it, by flock(2) on the
/// file `lock` inside; it is removed when the value goes away, and what a killed process left is cleared by the next.
package struct WorkFolder: ~Copyable {
  package let output: String
  package let path: String
  private let lock: FileDescriptor

  /// Takes the folder for `output`.
  /// - Throws: `.inUse` when another process has it, `.cannotCreate` when it cannot be made or `output` exists and
  ///   is not to be replaced.
  package init(output: String, replacing: Bool) throws(FileError) {
    if !replacing, pathExists(output) {
      throw FileError("open", output, .fileExists, .cannotCreate, advice: "remove it or use --force")
    }
    let path = output + ".work"
    if makeFolder(path) != 0, lastErrno() != .fileExists {
      throw FileError(
        "mkdir", path, lastErrno(), .cannotCreate, advice: "the output's folder must exist and be writable")
    }
    let lockPath = path + "/lock"
    let lock = try attempt("open", lockPath, .cannotCreate) { () throws in
      try FileDescriptor.open(
        FilePath(lockPath), .readWrite, options: [.create, .closeOnExec], permissions: .ownerReadWrite)
    }
    guard lockFile(lock.rawValue) == 0 else {
      let error = lastErrno()
      try? lock.close()
      guard error == .wouldBlock else { throw FileError("flock", path, error, .cannotCreate) }
      throw FileError("flock", path, Errno(rawValue: 0), .inUse, advice: "another build is at work on this output")
    }
    self.output = output
    self.path = path
    self.lock = lock
    clear(keepingLock: true)
  }

  package func file(_ name: String) -> String { path + "/" + name }

  /// Free bytes in the folder's file system, if known.
  package var availableSpace: UInt64? { availableBytes(path) }

  /// Moves the finished file `name` to the output's place and makes that durable. The file is complete and synced
  /// before, so that at every moment the output is absent, old, or new.
  package func publish(_ name: String, replacing: Bool) throws(FileError) {
    guard renameFile(file(name), output, replacing: replacing) == 0 else {
      throw FileError(
        replacing ? "rename" : "renameat2", output, lastErrno(), .cannotCreate, advice: "remove it or use --force")
    }
    let parent = FilePath(output).removingLastComponent()
    let folder = parent.isEmpty ? "." : parent.string
    let descriptor = try attempt("open", folder) { () throws in try FileDescriptor.open(FilePath(folder), .readOnly) }
    defer { try? descriptor.close() }
    guard fsyncFile(descriptor.rawValue) == 0 else { throw FileError("fsync", folder, lastErrno(), .inputOutput) }
  }

  private func clear(keepingLock: Bool) {
    for name in folderContents(path) where !(keepingLock && name == "lock") { _ = removeFile(file(name)) }
  }

  deinit {
    clear(keepingLock: false)
    _ = removeFolder(path)
    try? lock.close()
  }
}
