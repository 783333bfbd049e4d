internal import PQFormat
internal import PQStorage

/// Frames of one section as they will stand in the file, one after the other: compressed where that saves an eighth,
/// else raw. Making them touches no file.
struct FrameBatch: Sendable {
  let kind: SectionKind
  let compress: Bool
  private(set) var bytes: [UInt8] = []
  /// Offsets counted from the start of `bytes`, which stands at a multiple of the frames' alignment.
  private(set) var entries: [FrameEntry] = []
  private var scratch: [UInt8] = []

  init(_ kind: SectionKind, compress: Bool) {
    self.kind = kind
    self.compress = compress
  }

  /// What the batch must start at a multiple of: id frames are packed.
  var alignment: UInt64 { kind == .ids ? 1 : FrameEntry.alignment }

  /// Appends a frame.
  /// - Parameter number: its place among the section's frames of the list.
  mutating func append(_ raw: RawSpan, list: Int, number: UInt64, planes: Int = 0, firstID: UInt64 = 0) {
    bytes.pad(to: Int(alignment))
    let offset = UInt64(bytes.count)
    let limit = FrameEntry.longestCompressed(raw.byteCount)
    // Taken out while its bytes are read; its length is kept.
    var scratch = self.scratch
    self.scratch = []
    defer { self.scratch = scratch }
    if compress, let length = LZ4Block.compress(raw, into: &scratch, limit: limit) {
      bytes.append(scratch.rawSpan.slice(0, length))
    } else {
      bytes.append(raw)
    }
    let length = bytes.count - Int(offset)
    let crc = Checksum.salted(
      bytes.rawSpan.slice(Int(offset), length), kind: kind, index: UInt32(truncatingIfNeeded: number),
      list: UInt64(list))
    entries.append(FrameEntry(offset: offset, planes: planes, length: UInt32(length), crc: crc, firstID: firstID))
  }

  /// Empties the batch, which keeps its memory.
  mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    entries.removeAll(keepingCapacity: true)
  }
}
