internal import PQFormat
internal import PQStorage

/// Cuts one section's share of a list into frames, and writes each: compressed where that saves an eighth, else raw.
struct FrameWriter: ~Copyable {
  let kind: SectionKind
  private let compress: Bool
  /// The current list's frames so far, offsets counted from the section's start.
  private(set) var entries: [FrameEntry] = []
  private var scratch: [UInt8] = []

  init(_ kind: SectionKind, compress: Bool) {
    self.kind = kind
    self.compress = compress
  }

  /// Writes one frame. `start` is where the section begins in `file`.
  mutating func write(
    _ raw: RawSpan, list: Int, planes: Int = 0, firstID: UInt64 = 0, to file: inout WorkFile, start: UInt64
  ) throws(FileError) {
    if kind != .ids { try file.pad(to: FrameEntry.alignment) }
    let offset = file.position - start
    let limit = FrameEntry.longestCompressed(raw.byteCount)
    let compressed = compress ? LZ4Block.compress(raw, into: &scratch, limit: limit) : nil
    let index = UInt32(entries.count)
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
    entries.append(FrameEntry(offset: offset, planes: planes, length: UInt32(length), crc: crc, firstID: firstID))
  }

  /// Hands over the list's frames and begins the next list.
  mutating func endList() -> [FrameEntry] {
    let list = entries
    entries.removeAll(keepingCapacity: true)
    return list
  }
}
