internal import PQFormat
internal import PQStorage
internal import Synchronization

/// Which bytes of the spill are which run, and whether ids ascend from one to the next.
struct RunSet: Sendable, Equatable {
  /// Where each run ends, in bytes; it begins where the one before ends.
  private(set) var ends: [UInt64] = []
  /// True while every id was above all before it: then runs follow each other, else they are merged by id.
  private(set) var idsAscend = true
  private(set) var lastID: UInt64?

  init() {}

  init(_ fields: inout FieldReader) {
    ends = fields.words()
    idsAscend = fields.u8() == 1
    let hasID = fields.u8() == 1
    let id = fields.u64()
    lastID = hasID ? id : nil
  }

  func encode(to bytes: inout [UInt8]) {
    bytes.append(words: ends)
    bytes.append(idsAscend ? 1 : 0)
    bytes.append(lastID == nil ? 0 : 1)
    bytes.append(littleEndian: lastID ?? 0)
  }

  var count: Int { ends.count }
  var byteCount: UInt64 { ends.last ?? 0 }
  func range(_ run: Int) -> Range<UInt64> { (run == 0 ? 0 : ends[run - 1])..<ends[run] }

  fileprivate mutating func add(_ buffer: RunBuffer, end: UInt64) {
    if let lastID, let first = buffer.firstID, first <= lastID { idsAscend = false }
    if !buffer.idsAscend { idsAscend = false }
    lastID = buffer.lastID ?? lastID
    ends.append(end)
  }
}

/// The spill: runs of vectors sorted by list and id, one after another in one file.
final class RunFile: Sendable {
  private let path: String
  private let state: Mutex<State>

  private struct State: ~Copyable {
    var file: WorkFile
    var runs: RunSet
    var order = RunOrder()
  }

  private static let name = "spill"

  init(_ folder: borrowing WorkFolder, resuming runs: RunSet?) throws(FileError) {
    path = folder.file(Self.name)
    if runs == nil { folder.remove(Self.name) }  // of a build that ended before its first run
    let file =
      if let runs { try WorkFile(reopening: path, length: runs.byteCount) } else { try WorkFile(creating: path) }
    state = Mutex(State(file: file, runs: runs ?? RunSet()))
  }

  var runs: RunSet { state.withLock { $0.runs } }

  /// Sorts the buffer's vectors and writes them as a run.
  /// - Parameter durably: whether this run and all before are safe when the call returns.
  func write(_ buffer: RunBuffer, durably: Bool) throws(FileError) {
    guard !buffer.isEmpty else { return }
    let size = buffer.record.byteCount
    try state.withLock { state throws(FileError) in
      state.order.fill(buffer)
      for i in state.order.numbers {
        try state.file.append(buffer.records.rawSpan.slice(Int(i) * size, size))
      }
      if durably { try state.file.synchronizeData() }
      state.runs.add(buffer, end: state.file.position)
    }
  }

  /// Reads bytes at `offset`: as many as fit into `chunk` and are there.
  func read(at offset: UInt64, into chunk: inout [UInt8]) throws(FileError) -> Int {
    try state.withLock { state throws(FileError) in try state.file.read(at: offset, into: &chunk) }
  }

  func damaged(at offset: UInt64) -> FileError {
    .unfit(path, "the vector at byte \(offset) is not as it was written")
  }

  static func remove(from folder: borrowing WorkFolder) { folder.remove(name) }
}
