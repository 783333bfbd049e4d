internal import PQFormat
internal import PQStorage

/// Writes the frames of one section. The entries of the frame table grow in a side file, list after list.
struct FrameWriter: ~Copyable {
  /// Entries of all lists, offsets counted from the section's start.
  var entries: WorkFile
  /// Frames of the current list that were written one by one.
  private var count: UInt64
  private var single: FrameBatch

  /// - Parameter state: where to go on; nil to begin.
  init(_ kind: SectionKind, compress: Bool, path: String, resuming state: State?) throws(FileError) {
    single = FrameBatch(kind, compress: compress)
    count = state?.count ?? 0
    entries =
      if let state { try WorkFile(reopening: path, length: state.entryBytes) } else { try WorkFile(creating: path) }
  }

  struct State: Sendable, Equatable {
    var count: UInt64
    var entryBytes: UInt64
  }

  var state: State { State(count: count, entryBytes: entries.position) }

  /// An empty batch for frames of the section.
  var batch: FrameBatch { FrameBatch(single.kind, compress: single.compress) }

  /// Writes one frame. `start` is where the section begins in `file`.
  mutating func write(
    _ raw: RawSpan, list: Int, planes: Int = 0, firstID: UInt64 = 0, to file: inout WorkFile, start: UInt64
  ) throws(FileError) {
    single.removeAll()
    single.append(raw, list: list, number: count, planes: planes, firstID: firstID)
    try write(single, to: &file, start: start)
    count += 1
  }

  /// Writes frames that were made elsewhere.
  mutating func write(_ batch: FrameBatch, to file: inout WorkFile, start: UInt64) throws(FileError) {
    guard !batch.entries.isEmpty else { return }
    try file.pad(to: batch.alignment)
    let offset = file.position - start
    try file.append(batch.bytes.rawSpan)
    var encoded: [UInt8] = []
    encoded.reserveCapacity(batch.entries.count * FrameEntry.byteCount)
    for var entry in batch.entries {
      entry.offset += offset
      entry.encode(to: &encoded)
    }
    try entries.append(encoded.rawSpan)
  }

  mutating func endList() { count = 0 }

  mutating func synchronize() throws(FileError) { try entries.synchronizeData() }
}
