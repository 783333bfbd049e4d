internal import PQFormat
internal import SystemPackage

/// The folder beside an output in which it is made: `OUT.pqx.work`. One process at a time owns it, by flock(2) on the
/// file `lock` inside. It is removed when the value goes away, unless it is kept for a later process to go on with.
package struct WorkFolder: ~Copyable {
  package let output: String
  package let path: String
  private let lock: FileDescriptor
  private var keeps = false
  private var isPublished = false

  /// The file that says what the others are: while it is there, so is what it speaks of.
  package static let journal = "journal"

  /// Files that builds make here. No other is removed, and a folder with others is not taken.
  private static let ownNames: Set<String> = {
    let parts = [".pqx", ".ids", ".vectors", ".lists", ".codes.frames", ".ids.frames", ".vectors.frames"]
    let made = ["index", "model"].flatMap { name in parts.map { name + $0 } }
    return Set(["lock", journal, journal + ".new", "spool", "spill", "sample"] + made)
  }()

  /// Whether a file is in the folder for `output`.
  package static func holds(_ file: String, for output: String) -> Bool {
    areSameFile(parent(of: file), path(of: output))
  }

  /// Takes the folder for `output`, with what a process before may have left in it.
  /// - Throws: `.inUse` when another process has it, `.cannotCreate` when it cannot be made, what stands there is not what
  ///   builds make, or the output is no regular file.
  package init(output: String) throws(FileError) {
    let path = Self.path(of: output)
    self.output = output
    self.path = path
    lock = try Self.takeLock(path, of: output)
  }

  private static func takeLock(_ folder: String, of output: String) throws(FileError) -> FileDescriptor {
    try checkIsFile(output)
    let path = folder + "/lock"
    // Each time another process has just removed the folder, or what stands there leads nowhere.
    for _ in 0..<1000 {
      if makeFolder(folder) != 0 {
        guard lastErrno() == .fileExists else { throw cannotMake(folder, lastErrno()) }
        try checkIsOwn(folder)
      }
      let lock: FileDescriptor
      do throws(FileError) {
        lock = try attempt("open", path, .cannotCreate) { () throws in
          try FileDescriptor.open(
            FilePath(path), .readWrite, options: [.create, .closeOnExec], permissions: .ownerReadWrite)
        }
      } catch  where error.errno == .noSuchFileOrDirectory {
        continue  // the process before has just removed the folder
      }
      guard lockFile(lock.rawValue) == 0 else {
        let error = lastErrno()
        try? lock.close()
        guard error == .wouldBlock else { throw FileError("flock", folder, error, .cannotCreate) }
        throw FileError("flock", folder, Errno(rawValue: 0), .inUse, advice: "another build is at work on this output")
      }
      // The process before may have removed the file between open and flock: then this lock is worth nothing.
      if isSameFile(path, lock.rawValue) {
        // Else the folder might be gone after a loss of power, with all that is durable in it.
        do throws(FileError) { try synchronize(parent(of: output)) } catch {
          release(lock)
          throw error
        }
        return lock
      }
      try? lock.close()
    }
    throw FileError("open", path, .noSuchFileOrDirectory, .cannotCreate, advice: "other processes remove \(folder)")
  }

  private static func release(_ lock: FileDescriptor) {
    unlockFile(lock.rawValue)
    try? lock.close()
  }

  /// Throws `.cannotCreate` if something stands there that builds have not made.
  private static func checkIsOwn(_ folder: String) throws(FileError) {
    guard !isOtherThanFolder(folder) else {
      throw FileError(
        "mkdir", folder, .fileExists, .cannotCreate,
        advice: "a folder of this name is worked in, and that is none; move it away, or name another output")
    }
    guard let other = folderContents(folder).sorted().first(where: { !ownNames.contains($0) }) else { return }
    throw FileError(
      "mkdir", folder, .fileExists, .cannotCreate,
      advice: "it holds \(other), which is of no build; move it away, or name another output")
  }

  package func file(_ name: String) -> String { path + "/" + name }

  package func has(_ name: String) -> Bool { pathExists(file(name)) }

  package func remove(_ name: String) { _ = removeFile(file(name)) }

  /// Throws `.cannotCreate` if the output exists.
  package func checkOutputIsFree() throws(FileError) { try Self.checkIsFree(output) }

  private static func checkIsFree(_ output: String) throws(FileError) {
    guard pathExists(output) else { return }
    throw FileError("open", output, .fileExists, .cannotCreate, advice: "remove it or use --force")
  }

  private static func checkIsFile(_ output: String) throws(FileError) {
    guard isSpecial(output) else { return }
    throw FileError(
      "open", output, .fileExists, .cannotCreate, advice: "it is a folder, a device or a pipe; name a regular file")
  }

  /// What stands against a folder for `output` as far as can be seen without making it. Returns the folder that it would
  /// be in, and the bytes that are free there, if known, or taken by what a build before has left.
  /// - Parameter replacing: whether an output that exists is of no account.
  package static func look(
    at output: String, replacing: Bool
  ) throws(FileError) -> (parent: String, availableSpace: UInt64?) {
    try checkIsFile(output)
    if !replacing { try checkIsFree(output) }
    try checkIsOwn(path(of: output))
    let parent = parent(of: output)
    guard isWritable(parent) else { throw cannotMake(path(of: output), lastErrno()) }
    return (parent, availableBytes(parent).map { $0 + byteCount(ofFilesIn: path(of: output)) })
  }

  private static func cannotMake(_ folder: String, _ error: Errno) -> FileError {
    FileError("mkdir", folder, error, .cannotCreate, advice: "the output's folder must exist and be writable")
  }

  private static func parent(of output: String) -> String {
    let parent = FilePath(output).removingLastComponent()
    return parent.isEmpty ? "." : parent.string
  }

  private static func path(of output: String) -> String { output + ".work" }

  /// Where the file of that name is in the folder of `output`, if it is there.
  package static func path(of name: String, for output: String) -> String? {
    let path = path(of: output) + "/" + name
    return pathExists(path) ? path : nil
  }

  /// What to say of an interrupted build that nobody asked to go on with.
  package static func isOccupied(output: String) -> FileError {
    FileError(
      "open", path(of: output), .fileExists, .cannotCreate,
      advice: "a build of \(output) was interrupted; --resume goes on with it, --force starts again")
  }

  /// Free bytes in the folder's file system, if known.
  package var availableSpace: UInt64? { availableBytes(path) }

  /// Bytes of the files in the folder.
  package var byteCount: UInt64 { Self.byteCount(ofFilesIn: path) }

  private static func byteCount(ofFilesIn path: String) -> UInt64 {
    folderContents(path).reduce(0) { $0 + fileBytes(path + "/" + $1) }
  }

  /// Bytes of one of them; 0 if it is not there.
  package func byteCount(of name: String) -> UInt64 { fileBytes(file(name)) }

  /// Whether the folder stays, for another process to go on, when this value goes away.
  package mutating func keep(_ keeps: Bool) { self.keeps = keeps }

  /// Moves the finished file `name` to the output's place and makes that durable. The file is complete and synced
  /// before, so that at every moment the output is absent, old, or new.
  package mutating func publish(_ name: String, replacing: Bool) throws(FileError) {
    guard renameFile(file(name), output, replacing: replacing) == 0 else {
      throw FileError(
        replacing ? "rename" : "renameat2", output, lastErrno(), .cannotCreate, advice: "remove it or use --force")
    }
    try confirmPublished()
  }

  /// Makes durable that the finished file stands in the output's place.
  package mutating func confirmPublished() throws(FileError) {
    isPublished = true
    try Self.synchronize(Self.parent(of: output))
  }

  /// Makes the names in the folder durable: fsync(2).
  package func synchronize() throws(FileError) { try Self.synchronize(path) }

  static func synchronize(_ folder: String) throws(FileError) {
    let descriptor = try attempt("open", folder) { () throws in try FileDescriptor.open(FilePath(folder), .readOnly) }
    defer { try? descriptor.close() }
    guard fsyncFile(descriptor.rawValue) == 0 else { throw FileError("fsync", folder, lastErrno(), .inputOutput) }
  }

  /// Removes all files but `lock`: the journal first, so that nobody goes on with what is half removed; last, once the
  /// output is published, which is all that it speaks of then.
  package func clear() {
    if !isPublished { remove(Self.journal) }
    for name in folderContents(path) where Self.ownNames.contains(name) {
      if name != "lock", name != Self.journal { remove(name) }
    }
    remove(Self.journal)
  }

  deinit {
    if !keeps {
      clear()
      remove("lock")
      _ = removeFolder(path)
    }
    Self.release(lock)
  }
}
