internal import PQFormat
internal import PQStorage
internal import Synchronization

/// What a build has safely done, one record after the other, in the file `journal` of its work folder.
///
/// A record is u32 length, u32 CRC-32C of what follows, u8 kind, payload; the file begins with eight bytes that name the
/// version. Whatever a record speaks of is durable before the record is written. A record that was cut off by a kill
/// ends the journal.
///
/// A checkpoint tells of all runs, so that many checkpoints are much longer than one, and only the last one matters: from
/// time to time the journal is written anew with that alone.
package final class Journal: Sendable {
  fileprivate static let magic: [UInt8] = Array("PQXJRNL2".utf8)
  private static let successor = WorkFolder.journal + ".new"
  private let folder: String
  private let state: Mutex<State>

  private struct State: ~Copyable {
    var file: WorkFile
    /// The file's first bytes, and its records but for checkpoints.
    var kept: [UInt8]
  }

  fileprivate enum Kind: UInt8 {
    case began = 1
    case spooled = 2
    case trained = 3
    case reached = 4
    case completed = 5
  }

  /// All that the records say together.
  package struct Content: Sendable {
    var identity = BuildIdentity()
    /// The length of the finished spool of standard input, and its CRC-32C.
    var spool: (bytes: UInt64, crc: UInt32)?
    /// Whether the file `model.pqx` is there.
    var isTrained = false
    var checkpoint: Checkpoint?
    /// The finished index: its vectors, length and file id.
    var completed: (vectors: UInt64, length: UInt64, fileID: UInt64)?
    fileprivate var length = UInt64(Journal.magic.count)
    fileprivate var kept = Journal.magic

    /// Whether there is work that is worth going on from.
    var hasProgress: Bool { spool != nil || isTrained || checkpoint != nil || completed != nil }
  }

  /// Begins a journal.
  init(_ folder: borrowing WorkFolder, identity: BuildIdentity) throws(FileError) {
    var file = try WorkFile(creating: folder.file(WorkFolder.journal))
    try file.append(Self.magic.rawSpan)
    self.folder = folder.path
    state = Mutex(State(file: file, kept: Self.magic))
    try append(.began, identity.encoded())
    try folder.synchronize()
  }

  /// Goes on with a journal that has been read.
  init(_ folder: borrowing WorkFolder, after content: Content) throws(FileError) {
    let file = try WorkFile(reopening: folder.file(WorkFolder.journal), length: content.length)
    self.folder = folder.path
    state = Mutex(State(file: file, kept: content.kept))
  }

  func spooled(bytes: UInt64, crc: UInt32) throws(FileError) {
    var payload: [UInt8] = []
    payload.append(littleEndian: bytes)
    payload.append(littleEndian: crc)
    try append(.spooled, payload)
  }

  func trained() throws(FileError) { try append(.trained, []) }

  func reached(_ checkpoint: Checkpoint) throws(FileError) { try append(.reached, checkpoint.encoded()) }

  func completed(vectors: UInt64, length: UInt64, fileID: UInt64) throws(FileError) {
    var payload: [UInt8] = []
    for word in [vectors, length, fileID] { payload.append(littleEndian: word) }
    try append(.completed, payload)
  }

  private func append(_ kind: Kind, _ payload: [UInt8]) throws(FileError) {
    let body = [kind.rawValue] + payload
    var bytes: [UInt8] = []
    bytes.append(littleEndian: UInt32(body.count))
    bytes.append(littleEndian: Checksum.plain(body.rawSpan))
    bytes += body
    try state.withLock { state throws(FileError) in
      if kind == .reached, state.file.position > UInt64(state.kept.count + 8 * bytes.count) {
        return try beginAnew(&state, with: bytes)
      }
      try state.file.append(bytes.rawSpan)
      try state.file.synchronizeData()
      if kind != .reached { state.kept += bytes }
    }
  }

  /// Puts a journal in the place of this one that ends with the given checkpoint, the only one.
  private func beginAnew(_ state: inout State, with checkpoint: [UInt8]) throws(FileError) {
    let path = folder + "/" + Self.successor
    WorkFile.remove(path)  // of a build that ended here
    var file = try WorkFile(creating: path)
    try file.append(state.kept.rawSpan)
    try file.append(checkpoint.rawSpan)
    try file.synchronize()
    try file.move(to: folder + "/" + WorkFolder.journal)
    state.file = file
  }

  /// Reads the folder's journal; nil if there is none, or none that has begun.
  /// - Throws: `.badData` for a journal of another version.
  static func read(_ folder: borrowing WorkFolder) throws(BuildError) -> Content? {
    guard folder.has(WorkFolder.journal) else { return nil }
    return try read(at: folder.file(WorkFolder.journal))
  }

  /// The same of the journal that a build of `output` before has left, without taking its folder.
  static func left(of output: String) throws(BuildError) -> Content? {
    guard let path = WorkFolder.path(of: WorkFolder.journal, for: output) else { return nil }
    return try read(at: path)
  }

  private static func read(at path: String) throws(BuildError) -> Content? {
    let bytes = try BuildError.onFiles { () throws(FileError) in try WorkFile.contents(of: path) }
    return try Content(decoding: bytes, path: path)
  }

  /// What a build before has left in the folder, which stays as long as nobody clears it; nil where nobody can go on with
  /// it.
  /// - Parameter forgetting: whether a journal of another version is nothing, too, and no error.
  static func found(in folder: inout WorkFolder, forgetting: Bool) throws(BuildError) -> Content? {
    folder.keep(true)
    do throws(BuildError) {
      let found = try read(folder)
      folder.keep(found?.hasProgress == true)
      return found
    } catch {
      guard forgetting else { throw error }
      return nil
    }
  }

  /// Clears the folder for a build that begins.
  /// - Parameter replacing: whether an output that exists, and what a build before has done, are to be replaced.
  static func clear(
    _ folder: borrowing WorkFolder, _ found: Content?, replacing: Bool
  ) throws(BuildError) {
    try BuildError.onFiles { () throws(FileError) in
      if !replacing { try folder.checkOutputIsFree() }
      if !replacing, found?.hasProgress == true { throw WorkFolder.isOccupied(output: folder.output) }
    }
    folder.clear()
  }

  /// Takes the folder of `output` for a build that nobody can go on with.
  static func emptyFolder(for output: String, replacing: Bool) throws(BuildError) -> WorkFolder {
    var folder = try BuildError.onFiles { () throws(FileError) in try WorkFolder(output: output) }
    try clear(folder, found(in: &folder, forgetting: replacing), replacing: replacing)
    folder.keep(false)
    return folder
  }

  /// The lengths of the records that are there as a whole, each with the eight bytes before its content.
  package static func recordLengths(_ bytes: [UInt8]) -> [Int] {
    var lengths: [Int] = []
    var start = magic.count
    while bytes.count - start >= 9 {
      let length = Int(bytes.rawSpan.u32(at: start))
      guard length > 0, length <= bytes.count - start - 8 else { break }
      lengths.append(8 + length)
      start += 8 + length
    }
    return lengths
  }
}

extension Journal.Content {
  /// What the records say up to the first that is not as it was written; nil where none is.
  /// - Throws: `.badData` for a journal of another version.
  package init?(decoding bytes: [UInt8], path: String) throws(BuildError) {
    guard bytes.count >= Journal.magic.count else { return nil }
    guard bytes.starts(with: Journal.magic) else {
      throw .badData("\(path): of another version of pqx; finish the build with that, or pass --force to start again")
    }
    for size in Journal.recordLengths(bytes) {
      let start = Int(length)
      guard Checksum.plain(bytes.rawSpan.slice(start + 8, size - 8)) == bytes.rawSpan.u32(at: start + 4),
        let kind = Journal.Kind(rawValue: bytes[start + 8]), add(kind, Array(bytes[start + 9..<start + size]))
      else { break }
      length += UInt64(size)
      if kind != .reached { kept += bytes[start..<start + size] }
    }
    guard length > Journal.magic.count else { return nil }
  }

  /// Takes one record; false if it is not what its kind should be.
  fileprivate mutating func add(_ kind: Journal.Kind, _ payload: [UInt8]) -> Bool {
    var fields = FieldReader(payload)
    switch kind {
    case .began: identity = BuildIdentity(&fields)
    case .spooled: spool = (fields.u64(), fields.u32())
    case .trained: isTrained = true
    case .reached: checkpoint = Checkpoint(&fields)
    case .completed: completed = (fields.u64(), fields.u64(), fields.u64())
    }
    return fields.isExhausted
  }
}

/// Fields of a record, one after the other. Reading past the end gives zeros and is remembered.
struct FieldReader {
  private let bytes: [UInt8]
  private var next = 0
  private var isShort = false

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// True when all bytes were read, and none that are not there.
  var isExhausted: Bool { next == bytes.count && !isShort }

  private mutating func take(_ count: Int) -> Bool {
    guard count >= 0, count <= bytes.count - next else {
      isShort = true
      return false
    }
    next += count
    return true
  }

  mutating func u8() -> UInt8 { take(1) ? bytes[next - 1] : 0 }
  mutating func u32() -> UInt32 { take(4) ? bytes.rawSpan.u32(at: next - 4) : 0 }
  mutating func u64() -> UInt64 { take(8) ? bytes.rawSpan.u64(at: next - 8) : 0 }

  /// A length and as many bytes.
  mutating func blob() -> [UInt8] {
    let count = Int(truncatingIfNeeded: u64())
    return take(count) ? Array(bytes[next - count..<next]) : []
  }

  /// A length and as many u64.
  mutating func words() -> [UInt64] {
    let blob = blob()
    return (0..<blob.count / 8).map { blob.rawSpan.u64(at: 8 * $0) }
  }
}

extension [UInt8] {
  /// Appends what ``FieldReader/blob()`` reads.
  mutating func append(blob: [UInt8]) {
    append(littleEndian: UInt64(blob.count))
    self += blob
  }

  /// Appends what ``FieldReader/words()`` reads.
  mutating func append(words: [UInt64]) {
    append(littleEndian: UInt64(8 * words.count))
    for word in words { append(littleEndian: word) }
  }
}
