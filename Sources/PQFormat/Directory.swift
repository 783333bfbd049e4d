/// One list of the directory: 16 bytes (Formats/pqx-v1.md, "Lists").
@usableFromInline package struct ListEntry: Sendable, Equatable {
  /// Vectors in the list.
  @usableFromInline package var count: UInt64
  /// The index in the frame table of the list's first frame: code frames, then id frames, then vector frames.
  @usableFromInline package var firstFrame: UInt64

  @inlinable package static var byteCount: Int { 16 }

  package init(count: UInt64, firstFrame: UInt64) {
    self.count = count
    self.firstFrame = firstFrame
  }

  @inlinable
  package init(decoding bytes: RawSpan, list: Int) {
    count = bytes.u64(at: list * Self.byteCount)
    firstFrame = bytes.u64(at: list * Self.byteCount + 8)
  }

  package func encode(to bytes: inout [UInt8]) {
    bytes.append(littleEndian: count)
    bytes.append(littleEndian: firstFrame)
  }
}

/// One frame of the frame table: 24 bytes (Formats/pqx-v1.md, "Frames").
@usableFromInline package struct FrameEntry: Sendable, Equatable, BitwiseCopyable {
  /// ``offset`` in the lower 48 bits, ``planes`` in the others: as they are stored.
  @usableFromInline var place: UInt64
  /// Stored bytes: the raw length, or less when the frame is an LZ4 block.
  @usableFromInline package var length: UInt32
  /// Salted CRC-32C of the stored bytes.
  @usableFromInline package var crc: UInt32
  /// An id frame's first id; of a code frame with brackets, their minimum and step; 0 otherwise.
  @usableFromInline package var firstID: UInt64

  @inlinable package static var byteCount: Int { 24 }
  /// Code and vector frames start at a multiple of this; id frames are packed.
  package static let alignment: UInt64 = 64

  package init(offset: UInt64, planes: Int = 0, length: UInt32, crc: UInt32, firstID: UInt64 = 0) {
    place = offset | UInt64(planes) << 48
    self.length = length
    self.crc = crc
    self.firstID = firstID
  }

  /// Where the frame's bytes begin in the file; 48 bits.
  @inlinable package var offset: UInt64 {
    get { place & (1 << 48 - 1) }
    set { place = newValue | UInt64(planes) << 48 }
  }

  /// An id frame's number of byte planes, 0...8; 0 otherwise.
  @inlinable package var planes: Int { Int(place >> 48) }

  /// Of a code frame with brackets: what a bracket of 0 stands for, and what one unit adds.
  @inlinable package var bracketMinimum: Float { Float(bitPattern: UInt32(truncatingIfNeeded: firstID)) }
  @inlinable package var bracketStep: Float { Float(bitPattern: UInt32(truncatingIfNeeded: firstID >> 32)) }

  /// Whether they bound anything: the least f32 stands for a minimum that no f32 is below.
  package var bracketsBound: Bool { bracketMinimum > -Float.greatestFiniteMagnitude }

  package static func brackets(minimum: Float, step: Float) -> UInt64 {
    UInt64(minimum.bitPattern) | UInt64(step.bitPattern) << 32
  }

  @inlinable
  package init(decoding bytes: RawSpan, frame: UInt64) {
    let base = Int(frame) * Self.byteCount
    place = bytes.u64(at: base)
    length = bytes.u32(at: base + 8)
    crc = bytes.u32(at: base + 12)
    firstID = bytes.u64(at: base + 16)
  }

  package func encode(to bytes: inout [UInt8]) {
    bytes.append(littleEndian: place)
    bytes.append(littleEndian: length)
    bytes.append(littleEndian: crc)
    bytes.append(littleEndian: firstID)
  }

  /// Compression is kept where it saves at least an eighth: the longest LZ4 block that stands for `raw` bytes.
  package static func longestCompressed(_ raw: Int) -> Int { raw - (raw + 7) / 8 }
}

/// The directory (lists and frame table), and centroids that are chosen through groups, are checksummed by pages of
/// 4 KiB, so that using one list never reads the whole; the last page of a section may be shorter.
@usableFromInline package enum ChecksumPage {
  @inlinable package static var byteCount: UInt64 { 4096 }

  package static func count(_ length: UInt64) -> UInt64 { (length + byteCount - 1) / byteCount }

  /// The checksums of all pages of a section.
  package static func checksums(_ bytes: RawSpan, kind: SectionKind) -> [UInt32] {
    (0..<count(UInt64(bytes.byteCount))).map { checksum(bytes, kind: kind, page: $0) }
  }

  package static func checksum(_ bytes: RawSpan, kind: SectionKind, page: UInt64) -> UInt32 {
    let start = Int(page * byteCount)
    let page32 = UInt32(truncatingIfNeeded: page)
    return Checksum.salted(
      bytes.slice(start, min(Int(byteCount), bytes.byteCount - start)), kind: kind, index: page32, list: 0)
  }
}
