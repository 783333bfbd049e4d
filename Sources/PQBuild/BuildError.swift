public import PQFormat
public import PQStorage

/// Why an index was not built. The output is absent, or what it was before; where only the synchronization of its folder
/// failed, after the rename, it is the new one, whole.
public enum BuildError: Failure {
  /// Parameters that cannot be, alone or for this input.
  case usage(String)
  /// Vectors or ids that cannot be built into the index.
  case badData(String)
  case input(VectorFileError)
  case file(FileError)
  /// The file system of the output has too little room; nothing was published.
  case noSpace(folder: String, need: UInt64, have: UInt64)
  /// There are more vectors than the runs hold that so much memory can merge: a stream does not tell how many will come.
  case needsMemory(vectors: UInt64, memory: UInt64)
  /// `isCancelled` said so.
  case interrupted

  /// Throws `.usage` for an output that is the file `input`, or in whose work folder that is.
  static func check(_ output: String, isNot input: String) throws(BuildError) {
    guard input != "-" else { return }
    guard !areSameFile(input, output) else {
      throw .usage("\(output) is the file that \(input) is read from; name another one for the index")
    }
    guard !WorkFolder.holds(input, for: output) else {
      throw .usage("\(input) is where \(output) will be worked on; move it, or name another output")
    }
  }

  public var kind: FailureKind {
    switch self {
    case .usage, .needsMemory: .usage
    case .badData: .badData
    case .input(let error): error.kind
    case .file(let error): error.kind
    case .noSpace: .cannotCreate
    case .interrupted: .interrupted
    }
  }

  /// Whether the same build can succeed where there is more room, or nobody interrupts it.
  var isOfTheSurroundings: Bool {
    switch self {
    case .needsMemory: true
    default: [.interrupted, .inputOutput, .cannotCreate].contains(kind)
    }
  }

  public var description: String {
    switch self {
    case .usage(let text), .badData(let text): text
    case .input(let error): error.description
    case .file(let error): error.description
    case .noSpace(let folder, let need, let have):
      "\(folder): building needs \(need) bytes of disk for a while, but \(have) are free; free space or choose another "
        + "folder"
    case .needsMemory(let vectors, let memory):
      "--memory \(memory) is too small to merge as many vectors as come: \(vectors) were read so far; give more"
    case .interrupted: "interrupted; nothing was published"
    }
  }
}

extension BuildError {
  /// Runs calls on work files; their errors become ``file(_:)``.
  static func onFiles<T: ~Copyable>(_ body: () throws(FileError) -> T) throws(BuildError) -> T {
    do throws(FileError) { return try body() } catch { throw error.kind == .interrupted ? .interrupted : .file(error) }
  }

  /// Runs calls on inputs; their errors become ``input(_:)``.
  static func onInputs<T: ~Copyable>(_ body: () throws(VectorFileError) -> T) throws(BuildError) -> T {
    do throws(VectorFileError) { return try body() } catch {
      throw error.cause == .interrupted ? .interrupted : .input(error)
    }
  }
}
