internal import PQFormat
internal import PQStorage

/// From sorted runs to lists in ascending order, each by ascending id, handed to the writer.
///
/// The runs are read side by side from front to back, each through a buffer of its own, so that neither their number of
/// vectors nor the length of a list asks for more memory.
struct RunMerge {
  private let file: RunFile
  private let runs: RunSet
  private let record: SpillRecord
  private var cursors: [RunCursor] = []
  private var heap = IDHeap()

  /// What a run takes beside its buffer: its cursor, its place in the heap and in checkpoints.
  static let placeBytes = 256

  /// - Parameters:
  ///   - positions: where to go on in each run; empty to begin.
  ///   - memory: bytes of all buffers and places together; a buffer has room for one vector at least.
  init(_ index: IndexParameters, _ file: RunFile, from positions: [UInt64], memory: Int) throws(FileError) {
    self.file = file
    runs = file.runs
    record = SpillRecord(index)
    // From 32 KiB a run, and more only as long as all take no more than encoding has taken before.
    let wanted = max(32 << 10, min(1 << 20, (memory / 16) / max(1, runs.count)))
    let share = min(wanted, memory / max(1, runs.count) - Self.placeBytes) / record.byteCount
    cursors.reserveCapacity(runs.count)
    for run in 0..<runs.count {
      let range = runs.range(run)
      let start = positions.isEmpty ? range.lowerBound : positions[run]
      cursors.append(try RunCursor(file, record, start..<range.upperBound, bufferRecords: max(1, share)))
    }
  }

  /// Where the merge stands in each run.
  var positions: [UInt64] { cursors.map(\.position) }

  /// Writes one list. Lists must be asked for in ascending order.
  /// - Parameter isCancelled: asked after each batch; then it throws `.interrupted`, and the list has to be begun again.
  mutating func write(
    list: Int, to writer: inout IndexWriter, _ batch: inout ListBatch, isCancelled: () -> Bool
  ) throws(BuildError) {
    if runs.idsAscend {
      for c in cursors.indices {
        while cursors[c].list == list { try take(c, below: .max, &batch, &writer, isCancelled) }
      }
    } else {
      heap.removeAll()
      for c in cursors.indices where cursors[c].list == list { heap.insert(c, id: cursors[c].id) }
      while let first = heap.first {
        try take(first, below: heap.otherID, &batch, &writer, isCancelled)
        heap.moveFirst(to: cursors[first].list == list ? cursors[first].id : nil)
      }
    }
    try batch.write(to: &writer)
    try writer.endList()
  }

  /// Moves vectors of the list that run `c` is at to the batch: those with ids below `limit`, at least one.
  private mutating func take(
    _ c: Int, below limit: UInt64, _ batch: inout ListBatch, _ writer: inout IndexWriter, _ isCancelled: () -> Bool
  ) throws(BuildError) {
    cursors[c].take(below: limit, into: &batch)
    if batch.isFull {
      if isCancelled() { throw .interrupted }
      try batch.write(to: &writer)
    }
    do throws(FileError) { try cursors[c].refill(file) } catch { throw .file(error) }
  }
}

/// A place in a run, and the vectors from there on that have been read.
private struct RunCursor {
  private let record: SpillRecord
  private let end: UInt64
  private var offset: UInt64
  private var buffer: [UInt8]
  private var next = 0
  private var filled = 0
  /// The list and id of the vector at the place; list −1 at the end.
  private(set) var list = -1
  private(set) var id: UInt64 = .max

  init(_ file: RunFile, _ record: SpillRecord, _ range: Range<UInt64>, bufferRecords: Int) throws(FileError) {
    self.record = record
    offset = range.lowerBound
    end = range.upperBound
    buffer = [UInt8](repeating: 0, count: min(bufferRecords * record.byteCount, range.count))
    try refill(file)
  }

  /// The offset of the vector at the place.
  var position: UInt64 { offset - UInt64(filled - next) }

  /// Reads on when all that was read has been taken.
  /// - Throws: `.badData` for vectors that are not as they were written.
  mutating func refill(_ file: RunFile) throws(FileError) {
    guard next == filled else { return }
    (next, filled) = (0, 0)
    while filled < buffer.count, offset < end {
      if buffer.count > Int(end - offset) { buffer.removeLast(buffer.count - Int(end - offset)) }
      let count = try file.read(at: offset, into: &buffer)
      filled += count
      offset += UInt64(count)
    }
    for place in stride(from: 0, to: filled, by: record.byteCount) where !record.isWhole(buffer.rawSpan, at: place) {
      throw file.damaged(at: offset - UInt64(filled - place))
    }
    look()
  }

  private mutating func look() {
    guard next < filled else {
      (list, id) = (-1, .max)
      return
    }
    list = Int(buffer.rawSpan.u32(at: next + SpillRecord.listOffset))
    id = buffer.rawSpan.u64(at: next + SpillRecord.idOffset)
  }

  /// Moves vectors that have been read to the batch while they are of the same list and below `limit`, at least one, as
  /// long as the batch has room.
  mutating func take(below limit: UInt64, into batch: inout ListBatch) {
    next = nextAfterTaking(below: limit, into: &batch)
    if next < filled { look() }
  }

  private func nextAfterTaking(below limit: UInt64, into batch: inout ListBatch) -> Int {
    let bytes = buffer.rawSpan
    var at = next
    repeat {
      batch.append(record, bytes, at: at)
      at += record.byteCount
    } while at < filled && !batch.isFull && Int(bytes.u32(at: at + SpillRecord.listOffset)) == list
      && bytes.u64(at: at + SpillRecord.idOffset) < limit
    return at
  }
}

/// Vectors of one list on their way to the writer.
struct ListBatch {
  private var codes: [UInt16] = []
  private var ids: [UInt64] = []
  private var rows: [UInt8] = []

  /// A batch is full with as many vectors, or bytes of their rows.
  private static let capacity = 4096
  private static let rowCapacity = 1 << 20

  var isFull: Bool { ids.count >= Self.capacity || rows.count >= Self.rowCapacity }

  mutating func append(_ record: SpillRecord, _ records: RawSpan, at base: Int) {
    ids.append(records.u64(at: base + SpillRecord.idOffset))
    record.appendCodes(records, at: base, to: &codes)
    record.appendRow(records, at: base, to: &rows)
  }

  mutating func write(to writer: inout IndexWriter) throws(BuildError) {
    guard !ids.isEmpty else { return }
    try writer.append(codes: codes.span, ids: ids.span, rows: rows.rawSpan, count: ids.count)
    codes.removeAll(keepingCapacity: true)
    ids.removeAll(keepingCapacity: true)
    rows.removeAll(keepingCapacity: true)
  }
}
