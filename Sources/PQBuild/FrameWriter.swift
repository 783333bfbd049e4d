internal import PQFormat
internal import PQStorage

/// Cuts one section's share of a list into frames, and writes each: compressed where that saves an eighth, else raw.
/// The entries of the frame table grow in a side file, list after list.
struct FrameWriter: ~Copyable {
  let kind: SectionKind
  private let compress: Bool
  /// Entries of all lists, offsets counted from the section's start.
  var entries: WorkFile
  /// Frames of the current list.
  private(set) var count: UInt64
  private var scratch: [UInt8] = []

  /// - Parameter state: where to go on; nil to begin.
  init(_ kind: SectionKind, compress: Bool, path: String, resuming state: State?) throws(FileError) {
    self.kind = kind
    self.compress = compress
    count = state?.count ?? 0
    entries =
      if let state { try WorkFile(reopening: path, length: state.entryBytes) } else { try WorkFile(creating: path) }
  }

  struct State: Sendable, Equatable {
    var count: UInt64
    var entryBytes: UInt64
  }

  var state: State { State(count: count, entryBytes: entries.position) }

  /// Writes one frame. `start` is where the section begins in `file`.
  mutating func write(
    _ raw: RawSpan, list: Int, planes: Int = 0, firstID: UInt64 = 0, to file: inout WorkFile, start: UInt64
  ) throws(FileError) {
    if kind != .ids { try file.pad(to: FrameEntry.alignment) }
    let offset = file.position - start
    let limit = FrameEntry.longestCompressed(raw.byteCount)
    let compressed = compress ? LZ4Block.compress(raw, into: &scratch, limit: limit) : nil
    let index = UInt32(truncatingIfNeeded: count)
    let length: Int
    let crc: UInt32
    if let compressed {
      length = compressed
      crc = Checksum.salted(scratch.rawSpan.slice(0, length), kind: kind, index: index, list: UInt64(list))
      try file.append(scratch.rawSpan.slice(0, length))
    } else {
      length = raw.byteCount
      crc = Checksum.salted(raw, kind: kind, index: index, list: UInt64(list))
      try file.append(raw)
    }
    var entry: [UInt8] = []
    FrameEntry(offset: offset, planes: planes, length: UInt32(length), crc: crc, firstID: firstID).encode(to: &entry)
    try entries.append(entry.rawSpan)
    count += 1
  }

  mutating func endList() { count = 0 }

  mutating func synchronize() throws(FileError) { try entries.synchronizeData() }
}
